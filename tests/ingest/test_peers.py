from __future__ import annotations

import msgspec
import pytest

from ingest.peers import ANNOUNCE_SECONDS, ECHO_SECONDS_MAX, SIGNS_MAX, SILENCE_SECONDS, Alive, Peers

OTHER = b'{"at_ms":1,"worker":"ingest-b"}'


class Clock:
    now = 50.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def peers(clock: Clock) -> Peers:
    return Peers("ingest-a", monotonic=lambda: clock.now)


@pytest.fixture
def settled(peers: Peers) -> Peers:
    """A worker that has heard itself and was asked once."""
    peers.heard(peers.sign(1))
    peers.stayed_alone()
    return peers


def pass_time(peers: Peers, clock: Clock, seconds: float) -> None:
    """So long the worker hears itself as it should."""
    until = clock.now + seconds
    while clock.now < until:
        clock.now = min(until, clock.now + ANNOUNCE_SECONDS)
        peers.heard(peers.sign(1))


def test_a_sign_of_life_says_who_and_when_and_counts(peers: Peers) -> None:
    signs = [msgspec.json.decode(peers.sign(at_ms), type=Alive) for at_ms in (7, 8)]
    assert signs == [Alive(7, "ingest-a", 1), Alive(8, "ingest-a", 2)]


def test_a_worker_that_has_not_heard_itself_is_not_known_to_be_alone(peers: Peers) -> None:
    assert not peers.is_alone
    sign = peers.sign(1)
    assert not peers.is_alone
    peers.heard(sign)
    assert peers.is_alone


def test_a_worker_that_does_not_hear_itself_any_more_would_hear_no_other_either(settled: Peers, clock: Clock) -> None:
    clock.now += ECHO_SECONDS_MAX
    assert settled.is_alone
    clock.now += 0.1
    assert not settled.is_alone


def test_an_echo_proves_what_was_heard_until_it_was_said_not_until_it_came(peers: Peers, clock: Clock) -> None:
    sign = peers.sign(1)
    clock.now += ECHO_SECONDS_MAX + 0.1
    peers.heard(sign)
    assert not peers.is_alone


@pytest.mark.parametrize("payload", [OTHER, b'{"at_ms":1}', b'{"at_ms":1,"new":2}'])
def test_another_worker_ends_the_solitude_until_it_is_silent(settled: Peers, clock: Clock, payload: bytes) -> None:
    settled.heard(payload)
    assert not settled.is_alone
    pass_time(settled, clock, SILENCE_SECONDS)
    assert not settled.is_alone
    clock.now += 0.1
    assert settled.is_alone


def test_a_peer_that_came_and_went_between_two_questions_is_not_overlooked(settled: Peers, clock: Clock) -> None:
    assert settled.stayed_alone()
    settled.heard(OTHER)
    pass_time(settled, clock, SILENCE_SECONDS + 1)
    assert settled.is_alone
    assert not settled.stayed_alone()
    assert settled.stayed_alone()


def test_what_was_said_while_the_connection_was_away_may_have_been_missed(settled: Peers) -> None:
    settled.lost_touch()
    assert not settled.is_alone
    settled.heard(settled.sign(2))
    assert settled.is_alone
    assert not settled.stayed_alone()
    assert settled.stayed_alone()


def test_only_signs_of_this_process_are_echoes(peers: Peers) -> None:
    peers.heard(b'{"at_ms":1,"worker":"ingest-a","number":1}')
    assert not peers.is_alone


def test_signs_that_never_come_back_are_forgotten(peers: Peers) -> None:
    first = peers.sign(1)
    for _ in range(SIGNS_MAX):
        peers.sign(1)
    peers.heard(first)
    assert not peers.is_alone


@pytest.mark.parametrize("payload", [b"", b"null", b"\xff", b'{"at_ms":"x"}', b"[" * 100_000])
def test_a_sign_of_life_that_cannot_be_read_says_nothing(settled: Peers, payload: bytes) -> None:
    settled.heard(payload)
    assert settled.is_alone
