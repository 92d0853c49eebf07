from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts import telling
from alerts.device_alarms import keep
from sheetal.contracts.disposition import Disposition
from sheetal.ledger import alarm_writes, alarms, mutes
from sheetal.ledger.alarm_writes import Raised
from sheetal.ledger.alarms import ServerRule
from sheetal.ledger.judgements import Severity
from tests.alerts.given import FACILITY, FRIDGE, TVC, at
from tests.alerts.wire import alarm

if TYPE_CHECKING:
    from tests.alerts.given import World


def mute(world: World, first: float, last: float, **changes: str | None) -> None:
    place: dict[str, str | None] = {"appliance_id": FRIDGE, "kind": None} | changes
    window = mutes.NewMute(facility_id=FACILITY, from_ms=at(first), until_ms=at(last), reason="defrost", **place)
    with world.ledger.write() as conn:
        mutes.add_mute(conn, window, "ravi", at(first))


def raise_one(world: World, rule: ServerRule, minute: float = 60) -> str:
    new = Raised(rule=rule, facility_id=FACILITY, appliance_id=FRIDGE, began_at_ms=at(0), facts={"sensors": [TVC]})
    with world.ledger.write() as conn:
        alarm_writes.raise_alarm(conn, new, at(minute))
        telling.tell(conn, new.id, at(minute))
    return new.id


def clear_one(world: World, alarm_id: str, minute: float) -> None:
    with world.ledger.write() as conn:
        alarm_writes.clear_alarm(conn, alarm_id, at(minute))
        telling.tell(conn, alarm_id, at(minute))


def kinds(world: World) -> list[str]:
    return sorted(notice.kind for notice in world.notices())


def test_a_notice_says_what_where_and_since_when(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    (notice,) = world.notices()
    assert notice.facts == {
        "alarm": alarm().alarm,
        "origin": "device",
        "kind": "freeze",
        "sensor": TVC,
        "appliance": FRIDGE,
        "appliance_name": f"Refrigerator {FRIDGE}",
        "began_at_ms": at(0),
        "fired_at_ms": at(60),
        "cleared_at_ms": None,
        "extreme_centi_celsius": -180,
        "limit_centi_celsius": -50,
        "limit_minutes": 60,
    }
    assert (notice.facility_id, notice.group_key) == (FACILITY, f"alarms/{FACILITY}")


@pytest.mark.parametrize(
    ("rule", "severity"),
    [
        (ServerRule.NO_DATA, Severity.URGENT),
        (ServerRule.HEAT, Severity.URGENT),
        (ServerRule.SPOILAGE_WARNING, Severity.URGENT),
        (ServerRule.MISSED_CHECK, Severity.ROUTINE),
        (ServerRule.NEEDS_ATTENTION, Severity.ROUTINE),
    ],
)
def test_what_may_cost_stock_within_the_hour_is_urgent(world: World, rule: ServerRule, severity: Severity) -> None:
    raise_one(world, rule)
    (notice,) = world.notices()
    assert (notice.kind, notice.severity) == ("server_alarm", severity)
    assert notice.facts["sensors"] == [TVC]


def test_a_recovery_is_its_own_notice_and_nothing_to_wake_anybody_for(world: World) -> None:
    number = raise_one(world, ServerRule.NO_DATA)
    clear_one(world, number, 90)
    clear_one(world, number, 91)
    over, began = world.notices()
    assert (began.kind, over.kind, over.severity) == ("server_alarm", "server_alarm_cleared", "routine")
    assert over.facts["cleared_at_ms"] == at(90)


def test_inside_a_window_the_alarm_is_kept_and_nobody_told(world: World) -> None:
    mute(world, 50, 120)
    keep(world.ledger, alarm(), at(61))
    keep(world.ledger, alarm(cleared=70), at(71))
    with world.ledger.read() as conn:
        (kept,) = alarms.alarms(conn)
    assert kept.cleared_at_ms == at(70)
    assert world.notices() == []


def test_a_window_for_another_kind_mutes_nothing(world: World) -> None:
    mute(world, 50, 120, kind="heat")
    keep(world.ledger, alarm(), at(61))
    assert kinds(world) == ["device_alarm"]


def test_the_end_of_an_alarm_that_was_told_is_told_unless_it_is_the_whole_story(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    mute(world, 62, 120)
    keep(world.ledger, alarm(cleared=70), at(71))
    assert kinds(world) == ["device_alarm", "device_alarm_cleared"]


def test_what_is_written_is_found_by_its_keys(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    with world.ledger.read() as conn:
        found = alarms.alarms(conn)
        assert telling.told_at(conn, found) == {alarm().alarm: at(61)}
        assert telling.told_at(conn, []) == {}
        keys = [f"nothing/{number}" for number in range(1_200)] + [telling.key_of(found[0])]
        assert telling.standing_keys(conn, keys) == {f"device_alarm/{alarm().alarm}": at(61)}


def test_a_long_list_is_taken_in_short_parts() -> None:
    numbers = list(range(250))
    parts = list(telling.batched(numbers))
    assert [len(part) for part in parts] == [100, 100, 50]
    assert [number for part in parts for number in part] == numbers
    assert list(telling.batched([])) == []


def test_a_hold_is_told_in_the_middle_of_a_window_that_mutes_everything(world: World) -> None:
    world.receive()
    mute(world, 0, 1_000, appliance_id=None)
    keep(world.ledger, alarm(), at(61))
    world.feed((0, 62, -60))
    world.drain(62)
    assert world.holding().disposition is Disposition.QUARANTINED
    assert kinds(world) == ["holding_held"]
