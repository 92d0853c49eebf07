from __future__ import annotations

from typing import TYPE_CHECKING

from alerts import keys as keys_module
from alerts.keys import KNOWN_MS, UNKNOWN_MS, Keys
from sheetal.ledger import assets, enrolment
from tests.alerts.given import FACILITY, GATEWAY, KEY, T0

if TYPE_CHECKING:
    import pytest

    from tests.alerts.given import World


class Clock:
    ms = T0

    def __call__(self) -> int:
        return self.ms


def test_a_retired_gateway_is_believed_for_a_minute_at_most(world: World) -> None:
    clock = Clock()
    keys = Keys(world.ledger, world.cipher, clock)
    assert keys.key_of(GATEWAY) == KEY
    with world.ledger.write() as conn:
        assets.retire_gateway(conn, GATEWAY, T0)
    clock.ms += KNOWN_MS - 1
    assert keys.key_of(GATEWAY) == KEY
    clock.ms += 1
    assert keys.key_of(GATEWAY) is None


def test_a_gateway_enrolled_just_now_is_believed_soon(world: World) -> None:
    clock = Clock()
    keys = Keys(world.ledger, world.cipher, clock)
    assert keys.key_of("gw-new") is None
    with world.ledger.write() as conn:
        assets.add_gateway(conn, world.cipher, "gw-new", FACILITY, b"n" * 32, T0)
    assert keys.key_of("gw-new") is None
    clock.ms += UNKNOWN_MS
    assert keys.key_of("gw-new") == b"n" * 32


def test_the_memory_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "GATEWAYS_MAX", 3)
    keys = Keys(world.ledger, world.cipher, Clock())
    for number in range(10):
        keys.key_of(f"gw-x{number}")
    assert len(keys._kept) == 3


def test_a_gateway_taken_in_anew_is_believed_without_waiting_a_minute(world: World) -> None:
    clock = Clock()
    keys = Keys(world.ledger, world.cipher, clock)
    assert keys.key_of(GATEWAY) == KEY
    with world.ledger.write() as conn:
        code = enrolment.issue_code(conn, GATEWAY, FACILITY, "ravi", T0)
        found = enrolment.redeem(conn, world.cipher, GATEWAY, code, T0)
    assert found is not None
    assert keys.newer_key_of(GATEWAY, KEY) == found.key == keys.key_of(GATEWAY)


def test_whoever_forges_messages_cannot_make_it_ask_each_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, asked = Clock(), []
    keys = Keys(world.ledger, world.cipher, clock)
    real = assets.gateway_key
    monkeypatch.setattr(assets, "gateway_key", lambda *words: asked.append(1) or real(*words))
    for _ in range(50):
        assert keys.key_of(GATEWAY) == KEY
        assert keys.newer_key_of(GATEWAY, KEY) is None
    assert len(asked) == 2
    clock.ms += UNKNOWN_MS
    assert keys.newer_key_of(GATEWAY, KEY) is None
    assert len(asked) == 3
    clock.ms -= 10 * UNKNOWN_MS
    assert keys.newer_key_of(GATEWAY, KEY) is None, "nor does a clock set back keep it from asking for long"
    assert len(asked) == 4
