from __future__ import annotations

import pytest

from ingest.keys import KNOWN_SECONDS, UNKNOWN_SECONDS, KeyRing
from sheetal.contracts.problem import Unavailable


class Ledger:
    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.is_away = False
        self.now = 1_000.0

    def look_up(self, gateway: str) -> bytes | None:
        if self.is_away:
            raise Unavailable("away")
        self.asked.append(gateway)
        return self.keys.get(gateway)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def ring(ledger: Ledger) -> KeyRing:
    return KeyRing(ledger.look_up, monotonic=lambda: ledger.now, gateways_max=3, unknown_max=3)


def test_a_key_is_asked_for_once_a_minute(ledger: Ledger, ring: KeyRing) -> None:
    ledger.keys["gw-1"] = b"one"
    assert {ring.key_of("gw-1") for _ in range(100)} == {b"one"}
    assert ledger.asked == ["gw-1"]
    ledger.keys["gw-1"] = b"two"
    ledger.now += KNOWN_SECONDS - 0.1
    assert ring.key_of("gw-1") == b"one"
    ledger.now += 0.1
    assert ring.key_of("gw-1") == b"two"


def test_a_gateway_enrolled_just_now_is_believed_soon(ledger: Ledger, ring: KeyRing) -> None:
    assert ring.key_of("gw-1") is None
    ledger.keys["gw-1"] = b"one"
    assert ring.key_of("gw-1") is None
    ledger.now += UNKNOWN_SECONDS
    assert ring.key_of("gw-1") == b"one"


def test_a_retired_gateway_is_refused_within_a_minute(ledger: Ledger, ring: KeyRing) -> None:
    ledger.keys["gw-1"] = b"one"
    ring.key_of("gw-1")
    del ledger.keys["gw-1"]
    ledger.now += KNOWN_SECONDS
    assert ring.key_of("gw-1") is None


def test_an_absent_ledger_is_not_remembered_as_an_unknown_gateway(ledger: Ledger, ring: KeyRing) -> None:
    ledger.keys["gw-1"] = b"one"
    ledger.is_away = True
    with pytest.raises(Unavailable):
        ring.key_of("gw-1")
    ledger.is_away = False
    assert ring.key_of("gw-1") == b"one"


def test_a_storm_of_made_up_gateways_fills_no_memory(ledger: Ledger, ring: KeyRing) -> None:
    for number in range(100):
        ring.key_of(f"gw-{number}")
    ledger.asked.clear()
    for number in (99, 98, 97):
        ring.key_of(f"gw-{number}")
    assert ledger.asked == []
    ring.key_of("gw-96")
    assert ledger.asked == ["gw-96"]


def test_a_key_that_does_not_fit_is_asked_for_anew_once_in_five_seconds(ledger: Ledger, ring: KeyRing) -> None:
    ledger.keys["gw-1"] = b"one"
    ring.key_of("gw-1")
    ledger.keys["gw-1"] = b"two"
    assert ring.doubt("gw-1")
    assert ring.key_of("gw-1") == b"two"
    ledger.asked.clear()
    for _ in range(50):
        assert not ring.doubt("gw-1")
        ring.key_of("gw-1")
    assert ledger.asked == []
    ledger.now += UNKNOWN_SECONDS
    assert ring.doubt("gw-1")
    assert ring.key_of("gw-1") == b"two"


def test_a_gateway_that_nobody_asked_for_is_not_doubted(ledger: Ledger, ring: KeyRing) -> None:
    assert not ring.doubt("gw-1")
    assert ledger.asked == []


def test_made_up_gateways_push_out_no_key(ledger: Ledger, ring: KeyRing) -> None:
    ledger.keys["gw-real"] = b"k" * 32
    assert ring.key_of("gw-real") == b"k" * 32
    for number in range(1_000):
        assert ring.key_of(f"made-up-{number}") is None
    ledger.asked.clear()
    assert ring.key_of("gw-real") == b"k" * 32
    assert ledger.asked == []
