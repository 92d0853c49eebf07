from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from alerts.gateway_state import believe, keep
from sheetal.contracts.gateway_state import Birth, State
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.topics import Channel
from sheetal.ledger import judgements
from tests.alerts.given import GATEWAY, KEY, TVC, at
from tests.alerts.wire import sealed

if TYPE_CHECKING:
    from tests.alerts.given import World

BIRTH = Birth(gateway=GATEWAY, boot=7, session=3, software="0.1", sensors=[TVC], clock_source="rtc", at_ms=at(0))


def say(world: World, body: Birth | State, minute: float = 0) -> bool:
    channel = Channel.BIRTH if isinstance(body, Birth) else Channel.STATE
    return keep(world.ledger, believe(sealed(body, channel), channel, GATEWAY, KEY, at(minute)))


def state(world: World) -> judgements.GatewayState:
    with world.ledger.read() as conn:
        return judgements.gateway_states(conn)[GATEWAY]


def test_a_birth_tells_software_boot_and_clock(world: World) -> None:
    assert say(world, BIRTH, 1)
    found = state(world)
    assert (found.online, found.boot, found.software, found.clock_source) == (True, 7, "0.1", "rtc")


def test_offline_keeps_what_the_birth_told(world: World) -> None:
    say(world, BIRTH)
    assert say(world, State(gateway=GATEWAY, session=3, online=False), 2)
    assert (state(world).online, state(world).software, state(world).changed_at_ms) == (False, "0.1", at(2))


def test_a_late_will_of_an_earlier_session_is_ignored(world: World) -> None:
    say(world, BIRTH)
    assert not say(world, State(gateway=GATEWAY, session=2, online=False))
    assert state(world).online


@pytest.mark.parametrize(
    ("payload", "channel", "reason"),
    [
        (sealed(BIRTH, Channel.STATE), Channel.BIRTH, "wrong_mac"),
        (sealed(BIRTH, Channel.BIRTH, key=b"z" * 32), Channel.BIRTH, "wrong_mac"),
        (
            sealed(State(gateway="gw-02", session=1, online=True), Channel.STATE),
            Channel.STATE,
            "foreign_gateway",
        ),
        (sealed({"x": 1}, Channel.BIRTH), Channel.BIRTH, "bad_body"),
        (sealed(replace(BIRTH, software="x" * 65), Channel.BIRTH), Channel.BIRTH, "bad_body"),
        (sealed(replace(BIRTH, software="0.1\0"), Channel.BIRTH), Channel.BIRTH, "bad_body"),
        (sealed(replace(BIRTH, clock_source="x" * 17), Channel.BIRTH), Channel.BIRTH, "bad_body"),
        (sealed(replace(BIRTH, session=2**63), Channel.BIRTH), Channel.BIRTH, "bad_body"),
        (sealed(replace(BIRTH, boot=-1), Channel.BIRTH), Channel.BIRTH, "bad_body"),
    ],
)
def test_what_must_not_be_believed_is_refused(payload: bytes, channel: Channel, reason: str) -> None:
    with pytest.raises(WireProblem) as refused:
        believe(payload, channel, GATEWAY, KEY, at(0))
    assert refused.value.facts["reason"] == reason
