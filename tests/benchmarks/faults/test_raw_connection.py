from __future__ import annotations

import select
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.line import EMBEDDED, SERVER, broker_child, wait_for
from benchmarks.faults.raw_connection import WINDOW, RawConnection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.faults.mqtt_frames import Frame


@pytest.fixture(params=[EMBEDDED, pytest.param(SERVER, marks=pytest.mark.stack)])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    broker = broker_child(tmp_path, request.param)
    broker.start().wait_until_ready()
    yield int(broker.environment["PORT"])
    broker.kill()


def heard(connection: RawConnection, count: int) -> list[Frame]:
    found: list[Frame] = []

    def has_heard() -> bool:
        select.select([connection.socket], [], [], 0.05)
        found.extend(connection.hear())
        connection.flush()
        return len(found) >= count

    assert wait_for(has_heard, 20, 0)
    return found


def test_messages_arrive_as_they_were_published_and_are_confirmed(port: int) -> None:
    listener = RawConnection(port, "listener", ("a/+/ack",))
    speaker = RawConnection(port, "speaker")
    for number in range(300):
        speaker.publish(f"a/{number}/ack", b"x" * number)
    speaker.publish("a/b/else", b"")
    assert speaker.room == WINDOW - 301
    assert speaker.wants_to_write
    while speaker.wants_to_write:
        speaker.flush()
    got = heard(listener, 300)
    assert [(one.topic, len(one.payload)) for one in got] == [(f"a/{number}/ack", number) for number in range(300)]
    assert wait_for(lambda: not speaker.hear() and speaker.room == WINDOW, 20, 0.01)
    listener.close()
    speaker.close()


def test_nothing_to_hear_is_no_error(port: int) -> None:
    quiet = RawConnection(port, "quiet")
    assert quiet.hear() == []
    quiet.flush()
    quiet.close()


def test_a_broker_that_is_away_is_an_error() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            RawConnection(nobody.getsockname()[1], "c")


@pytest.mark.parametrize(
    ("answer", "words"), [(b"", "closed"), (b"\x20\x03\x00\x87\x00", "refused the connection: 135")]
)
def test_a_broker_that_says_no_is_an_error(answer: bytes, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def say_no() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(answer)

        thread = threading.Thread(target=say_no)
        thread.start()
        with pytest.raises(ConnectionError, match=words):
            RawConnection(server.getsockname()[1], "c")
        thread.join()
