from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from alerts.reported import AT_MS_MAX, PROBLEM_CHARACTERS_MAX, believe, keep
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import COMMANDS_REMEMBERED, TWIN_BYTES_MAX, CommandKind, Outcome, Reported, TwinState
from sheetal.ledger import assets, gateway_twins
from tests.alerts.given import GATEWAY, KEY, at
from tests.alerts.wire import sealed

if TYPE_CHECKING:
    from tests.alerts.given import World

OUTCOME = Outcome(id="c-1", kind=CommandKind.SEND_LOG, at_ms=at(0), done=True, detail="a line")
SAID = Reported(
    gateway=GATEWAY,
    boot=3 << 32,
    at_ms=at(0),
    version=2,
    state=TwinState.APPLIED,
    problem="",
    config=msgspec.Raw(b'{"uplink":{},"source":[]}'),
    outcomes=[OUTCOME],
)


def said(**changes: object) -> Reported:
    return msgspec.structs.replace(SAID, **changes)


def believed(body: object, *, key: bytes = KEY, channel: Channel = Channel.REPORTED) -> Reported:
    return believe(sealed(body, channel, key=key), GATEWAY, KEY)


def kept(world: World) -> gateway_twins.Twin:
    with world.ledger.read() as conn:
        return gateway_twins.twin(conn, GATEWAY)


def test_a_report_is_believed_whole_and_kept(world: World) -> None:
    found = believed(SAID)
    assert found == SAID
    assert keep(world.ledger, found, at(1))
    assert (kept(world).reported, kept(world).received_at_ms) == (SAID, at(1))


def test_a_retained_report_heard_again_changes_nothing(world: World) -> None:
    keep(world.ledger, SAID, at(1))
    keep(world.ledger, believed(said(version=3, at_ms=at(2))), at(3))
    assert not keep(world.ledger, believed(SAID), at(4))
    found = kept(world).reported
    assert found is not None
    assert found.version == 3


def test_a_gateway_that_left_service_meanwhile_is_not_kept(world: World) -> None:
    with world.ledger.write() as conn:
        assets.retire_gateway(conn, GATEWAY, at(0))
    assert not keep(world.ledger, SAID, at(1))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"x": 1}, "bad_body"),
        (said(gateway="gw-02"), "foreign_gateway"),
        (said(version=-1), "bad_body"),
        (said(version=2**60), "bad_body"),
        (said(boot=-1), "bad_body"),
        (said(at_ms=-5), "bad_body"),
        (said(at_ms=AT_MS_MAX + 1), "bad_body"),
        (said(outcomes=[msgspec.structs.replace(OUTCOME, at_ms=AT_MS_MAX + 1)]), "bad_body"),
        (said(outcomes=[msgspec.structs.replace(OUTCOME, at_ms=-1)]), "bad_body"),
        (said(config=msgspec.Raw(b"[1]")), "bad_body"),
        (said(config=msgspec.Raw(b'"text"')), "bad_body"),
        (said(config=msgspec.Raw(b'{"a":' * 5_000 + b"1" + b"}" * 5_000)), "bad_json"),
        (said(problem="x" * (PROBLEM_CHARACTERS_MAX + 1)), "bad_body"),
        (said(outcomes=[OUTCOME] * (COMMANDS_REMEMBERED + 1)), "bad_body"),
        (said(config=msgspec.Raw(b'{"a":"' + b"x" * TWIN_BYTES_MAX + b'"}')), "too_big"),
    ],
    ids=range(15),
)
def test_what_is_out_of_bounds_is_refused(body: object, reason: str) -> None:
    with pytest.raises(WireProblem) as refused:
        believed(body)
    assert refused.value.facts["reason"] == reason


def test_what_is_sealed_otherwise_is_refused() -> None:
    for facts in ({"key": b"z" * 32}, {"channel": Channel.STATE}):
        with pytest.raises(WireProblem) as refused:
            believed(SAID, **facts)  # type: ignore[arg-type]  # one keyword at a time
        assert refused.value.facts["reason"] == "wrong_mac"
    with pytest.raises(WireProblem) as refused:
        believe(b"\xff", GATEWAY, KEY)
    assert refused.value.facts["reason"] == "bad_json"


def test_the_largest_report_allowed_is_believed() -> None:
    room = TWIN_BYTES_MAX - len(sealed(said(config=msgspec.Raw(b'{"a":""}')), Channel.REPORTED))
    assert believed(said(config=msgspec.Raw(b'{"a":"' + b"x" * room + b'"}'))).version == 2
