"""The limits of deploy/mosquitto/mosquitto.conf on the real broker: what is too big, what is kept and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.storm import SHIPPED, shipped_broker
from sheetal.contracts.batch import PAYLOAD_BYTES_MAX
from tests.stack.broker_users import User, until
from tests.stack.compose import raw
from tests.stack.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.faults.child import Child

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

LAST = ("cc/v1/_/last", b"the last word")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Child]:
    child = shipped_broker(tmp_path, free_port(), free_port())
    child.start().wait_until_ready()
    try:
        yield child
    finally:
        child.kill()


def user(broker: Child) -> User:
    return User(int(broker.environment["PORT"]), "somebody", "")


def shipped() -> dict[str, str]:
    """The settings of the file; one that stands there more than once by its last line."""
    lines = [line for line in SHIPPED.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split(" ", 1) for line in lines)


def test_the_file_says_what_the_measurements_asked_for() -> None:
    wanted = {
        "max_inflight_messages": "1000",
        "set_tcp_nodelay": "true",
        "max_queued_messages": "100000",
        "max_queued_bytes": str(256 << 20),
        "message_size_limit": str(PAYLOAD_BYTES_MAX),
        "memory_limit": str(1 << 30),
        "autosave_on_changes": "false",
        "autosave_interval": "300",
    }
    assert {name: shipped().get(name) for name in wanted} == wanted


def test_gateways_leave_descriptors_for_the_services() -> None:
    opened = raw()["services"]["mosquitto"]["ulimits"]["nofile"]
    assert int(shipped()["max_connections"]) <= 0.95 * opened
    inner, _, outer = SHIPPED.read_text().partition("\nlistener 8883\n")
    assert "max_connections" not in inner
    assert "max_connections" in outer


def test_a_message_as_big_as_a_batch_may_be_comes_through_and_who_sends_a_bigger_one_is_cut(broker: Child) -> None:
    with user(broker) as listener, user(broker) as speaker, user(broker) as other:
        assert listener.subscribe("cc/#")
        speaker.publish("cc/v1/gw-01/data", b"x" * PAYLOAD_BYTES_MAX)
        speaker.client.publish("cc/v1/gw-01/data", b"x" * (PAYLOAD_BYTES_MAX + 1), 1)
        until(lambda: speaker.losses > 0)
        other.publish(*LAST)
        assert len(listener.next()[1]) == PAYLOAD_BYTES_MAX
        assert listener.next() == LAST


def test_what_is_retained_is_written_at_the_stop_and_not_for_each_change(broker: Child, tmp_path: Path) -> None:
    written = tmp_path / "mosquitto.db"
    with user(broker) as speaker:
        for number in range(300):
            speaker.publish(f"cc/v1/gw-{number:03d}/birth", b"born", retain=True)
    assert not written.exists()
    broker.stop()
    assert written.stat().st_size > 300
    broker.start().wait_until_ready()
    with user(broker) as listener:
        assert listener.subscribe("cc/v1/+/birth")
        until(lambda: listener.heard.qsize() == 300)
