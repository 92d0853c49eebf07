from __future__ import annotations

import msgspec
import pytest

from edge_agent.clock.facts import ClockFacts
from edge_agent.outbox import schema as outbox_schema
from edge_agent.uplink.courier import Identity
from edge_agent.uplink.voice import Voice
from sheetal.contracts.gateway_state import Birth, State
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import WIRE_VERSION, open_envelope, unseal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Reported, TwinState
from sheetal.contracts.version import VERSION
from tests.edge_agent.kit import GATEWAY, KEY, SENSOR, T0_MS

TOLD = Reported(
    gateway=GATEWAY,
    boot=5,
    at_ms=T0_MS,
    version=7,
    state=TwinState.APPLIED,
    problem="",
    config=msgspec.Raw(b'{"uplink":{}}'),
)


class Managed:
    revision = 3
    is_on_trial = False

    def hear(self, channel: Channel, payload: bytes) -> bool:
        raise NotImplementedError

    def reported(self) -> Reported:
        return TOLD


def voice(facts: ClockFacts | None = None) -> Voice:
    return Voice(Identity(GATEWAY, KEY), 5, [SENSOR], lambda: T0_MS, lambda: facts or ClockFacts())


def body(payload: bytes, channel: Channel, kind: type[Birth | State | Reported]) -> object:
    return unseal(open_envelope(payload), channel, GATEWAY, KEY, msgspec.json.Decoder(kind))


def test_birth_tells_who_the_gateway_is() -> None:
    told = voice(ClockFacts("ack", -1_500, is_anchored=True)).birth(9, Managed())
    assert body(told, Channel.BIRTH, Birth) == Birth(
        gateway=GATEWAY,
        boot=5,
        session=9,
        software=VERSION,
        sensors=[SENSOR],
        clock_source="ack",
        at_ms=T0_MS,
        clock_offset_ms=-1_500,
        schemas={"wire": WIRE_VERSION, "outbox": outbox_schema.VERSION},
        twin_version=7,
    )


def test_an_older_birth_is_still_understood() -> None:
    older = {"gateway": GATEWAY, "boot": 1, "session": 2, "software": "0.1.0", "sensors": [], "clock_source": "system"}
    birth = msgspec.convert(older | {"at_ms": 3}, Birth)
    assert (birth.clock_offset_ms, birth.schemas, birth.twin_version) == (None, {}, 0)


def test_without_anybody_afar_the_twin_is_version_0() -> None:
    birth = body(voice().birth(9, None), Channel.BIRTH, Birth)
    assert isinstance(birth, Birth)
    assert (birth.twin_version, birth.clock_source, birth.clock_offset_ms) == (0, "none", None)


def test_state_carries_its_session() -> None:
    for online in (True, False):
        state = body(voice().state(4, online=online), Channel.STATE, State)
        assert state == State(gateway=GATEWAY, session=4, online=online)


def test_the_report_is_sealed_for_its_own_channel() -> None:
    told = voice().reported(Managed())
    assert body(told, Channel.REPORTED, Reported) == TOLD
    with pytest.raises(WireProblem, match="mac"):
        body(told, Channel.DESIRED, Reported)


def test_a_clock_that_is_not_believed_gives_no_instant() -> None:
    assert voice().anchored_ms() is None
    assert voice(ClockFacts("rtc")).anchored_ms() is None
    assert voice(ClockFacts("ntp", 0, is_anchored=True)).anchored_ms() == T0_MS
