from __future__ import annotations

import socket
from contextlib import closing

import pytest

from benchmarks.faults import clock
from benchmarks.faults.clock_cases import CASES
from benchmarks.faults.line import EMBEDDED, SERVER
from tests.benchmarks.faults.tiers import plain


def case(words: str) -> clock.Case:
    [found] = [one for one in CASES if words in one.name]
    return found


def test_every_reading_stands_where_it_was_measured() -> None:
    assert clock.run(0, plain(clock.FULL), EMBEDDED) == 0


@pytest.mark.stack
@pytest.mark.timeout(300)
def test_so_it_does_over_mosquitto_in_every_case() -> None:
    assert clock.run(0, len(CASES), SERVER) == 0


@pytest.mark.stack
def test_a_gateway_that_believes_the_lie_is_caught() -> None:
    found = clock.play([case("battery clock 2 h ahead"), case("stepping")], kind=clock.Kind(synchronised="always"))
    ahead, stepping = found.values()
    assert any("ms from when it was measured" in problem for problem in ahead)
    assert any("the store says it froze" in problem for problem in ahead)
    assert any("ms from the truth" in problem for problem in ahead)
    assert stepping


@pytest.mark.stack
def test_a_gateway_that_measures_its_clock_once_or_invents_instants_is_caught() -> None:
    kind = clock.Kind(program="tests.benchmarks.faults.planted_careless_clock")
    found = clock.play([case("crystal"), case("1970 without a link, power cut")], kind=kind)
    drifting, cut = found.values()
    assert any("ms from when it was measured" in problem for problem in drifting)
    assert any("rows are placed that cannot be" in problem for problem in cut)


def test_the_way_to_the_broker_is_shut_until_it_is_opened() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = clock.Wire(server.getsockname()[1])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", wire.port), timeout=1)
        wire.open()
        with closing(socket.create_connection(("127.0.0.1", wire.port), timeout=5)) as near:
            far, _ = server.accept()
            with far:
                near.sendall(b"up")
                assert far.recv(9) == b"up"
                far.sendall(b"down")
                assert near.recv(9) == b"down"
        wire.close()
