from __future__ import annotations

import pytest

from ingest.peers import SILENCE_SECONDS, Peers


class Clock:
    now = 50.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def peers(clock: Clock) -> Peers:
    return Peers("ingest-a", monotonic=lambda: clock.now)


def test_a_worker_that_hears_only_itself_is_alone(peers: Peers) -> None:
    assert peers.is_alone
    peers.heard(b'{"at_ms":1,"worker":"ingest-a"}')
    assert peers.is_alone


@pytest.mark.parametrize("payload", [b'{"at_ms":1,"worker":"ingest-b"}', b'{"at_ms":1}', b'{"at_ms":1,"new":2}'])
def test_another_worker_ends_the_solitude_until_it_is_silent(peers: Peers, clock: Clock, payload: bytes) -> None:
    peers.heard(payload)
    assert not peers.is_alone
    clock.now += SILENCE_SECONDS
    assert not peers.is_alone
    clock.now += 0.1
    assert peers.is_alone


@pytest.mark.parametrize("payload", [b"", b"null", b"\xff", b'{"at_ms":"x"}', b"[" * 100_000])
def test_a_sign_of_life_that_cannot_be_read_says_nothing(peers: Peers, payload: bytes) -> None:
    peers.heard(payload)
    assert peers.is_alone
