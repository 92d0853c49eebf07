from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from alerts.device_alarms import keep
from alerts.notify.escalate import Patience, escalate, minute_of_day
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.ledger import alarms, ladders
from sheetal.ledger.alarms import ServerRule
from sheetal.ledger.watch_tables import contact
from tests.alerts.given import FACILITY, at
from tests.alerts.test_telling import clear_one, mute, raise_one
from tests.alerts.wire import alarm

if TYPE_CHECKING:
    from tests.alerts.given import World

OFTEN = Patience(escalate_minutes=15, remind_minutes=1_000)


def step(world: World, after: int, hours: tuple[int, int] = (0, 1440)) -> int:
    row = {"name": "officer", "address_sealed": b"x", "kinds": "urgent", "created_at_ms": at(0)}
    with world.ledger.write() as conn:
        number = conn.execute(insert(contact).values(**row).returning(contact.c.id)).scalar_one()
        new = ladders.NewStep(
            facility_id=FACILITY,
            contact_id=number,
            after_minutes=after,
            from_minute_of_day=hours[0],
            until_minute_of_day=hours[1],
        )
        ladders.add_step(conn, new, "ravi", FACILITY, at(0))
    return int(number)


def told(world: World, kind: str = "alarm_unacknowledged") -> list[object]:
    return [notice.facts.get("contacts") for notice in reversed(world.notices()) if notice.kind == kind]


def test_an_alarm_nobody_acknowledges_is_told_once_more_after_a_quarter_of_an_hour(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    assert escalate(world.ledger, at(75)) == 0
    assert escalate(world.ledger, at(76)) == 1
    assert escalate(world.ledger, at(90)) == 0
    assert [one.kind for one in world.notices()] == ["alarm_unacknowledged", "device_alarm"]
    assert world.notices()[0].facts["minutes"] == 15


def test_an_acknowledged_alarm_is_left_alone(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    with world.ledger.write() as conn:
        alarms.acknowledge_alarm(conn, alarm().alarm, "ravi", "power_cut", "moved to the other refrigerator", at(62))
    assert escalate(world.ledger, at(200)) == 0


def test_an_alarm_that_a_person_ended_is_left_alone(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    with world.ledger.write() as conn:
        alarms.end_alarm(conn, alarm().alarm, "ravi", "sensor_fault", "cable torn", at(62))
    assert escalate(world.ledger, at(200)) == 0


def test_an_alarm_that_ended_unseen_is_still_told_and_nobody_reminded(world: World) -> None:
    keep(world.ledger, alarm(cleared=70), at(71))
    assert escalate(world.ledger, at(200)) == 1
    assert told(world) == [None]


def test_an_active_alarm_is_told_again_each_half_hour_and_a_pause_is_made_up_for_once(world: World) -> None:
    keep(world.ledger, alarm(), at(60))
    escalate(world.ledger, at(75))
    assert escalate(world.ledger, at(89)) == 0
    assert escalate(world.ledger, at(90)) == 1
    assert escalate(world.ledger, at(91)) == 0
    assert escalate(world.ledger, at(300)) == 1
    reminders = [notice.facts["minutes"] for notice in world.notices() if notice.kind == "alarm_reminder"]
    assert reminders == [240, 30]


def test_the_ladder_is_climbed_step_by_step_and_each_step_names_its_person(world: World) -> None:
    first, second = step(world, 10), step(world, 40)
    keep(world.ledger, alarm(), at(60))
    assert escalate(world.ledger, at(69), OFTEN) == 0
    assert escalate(world.ledger, at(70), OFTEN) == 1
    assert escalate(world.ledger, at(99), OFTEN) == 0
    assert escalate(world.ledger, at(100), OFTEN) == 1
    assert told(world) == [[first], [second]]


def test_a_step_of_no_minutes_belongs_to_the_first_telling(world: World) -> None:
    step(world, 0)
    keep(world.ledger, alarm(), at(60))
    assert escalate(world.ledger, at(74), OFTEN) == 0
    assert escalate(world.ledger, at(75), OFTEN) == 1
    assert told(world) == [None]


def test_where_nobody_is_on_duty_everybody_is_told(world: World) -> None:
    minute = minute_of_day(at(60), "Asia/Kolkata")
    step(world, 10, ((minute + 120) % 1440, (minute + 180) % 1440 or 1440))
    keep(world.ledger, alarm(), at(60))
    assert escalate(world.ledger, at(74), OFTEN) == 0
    assert escalate(world.ledger, at(75), OFTEN) == 1
    assert told(world) == [None]


def test_who_comes_on_duty_later_is_told_then(world: World) -> None:
    minute = minute_of_day(at(60), "Asia/Kolkata")
    person = step(world, 10, ((minute + 120) % 1440, (minute + 180) % 1440 or 1440))
    keep(world.ledger, alarm(), at(60))
    escalate(world.ledger, at(75), OFTEN)
    assert escalate(world.ledger, at(179), OFTEN) == 0
    assert escalate(world.ledger, at(181), OFTEN) == 1
    assert told(world) == [None, [person]]


def test_a_muted_alarm_is_told_when_its_window_ends_and_it_still_stands(world: World) -> None:
    mute(world, 50, 120)
    keep(world.ledger, alarm(), at(61))
    assert escalate(world.ledger, at(119)) == 0
    assert escalate(world.ledger, at(120)) == 1
    assert [one.kind for one in world.notices()] == ["device_alarm"]
    assert escalate(world.ledger, at(134)) == 0
    assert escalate(world.ledger, at(135)) == 1


def test_an_alarm_muted_later_is_neither_told_up_nor_again(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    mute(world, 62, 400)
    assert escalate(world.ledger, at(399)) == 0
    assert escalate(world.ledger, at(400)) == 2


@pytest.mark.parametrize("rule", [ServerRule.MISSED_CHECK, ServerRule.NEEDS_ATTENTION])
def test_what_can_wait_is_told_once(world: World, rule: ServerRule) -> None:
    raise_one(world, rule)
    assert escalate(world.ledger, at(600)) == 0


def test_an_alarm_of_the_server_climbs_like_any_other(world: World) -> None:
    number = raise_one(world, ServerRule.NO_DATA)
    assert escalate(world.ledger, at(75)) == 1
    clear_one(world, number, 80)
    assert escalate(world.ledger, at(300)) == 0


def test_the_minute_of_the_day_is_the_places_own() -> None:
    midnight_utc = 20_000 * 24 * HOUR_MS
    assert minute_of_day(midnight_utc, "UTC") == 0
    assert minute_of_day(midnight_utc, "Asia/Kolkata") == 5 * 60 + 30
    assert minute_of_day(midnight_utc - MINUTE_MS, "Asia/Kolkata") == 5 * 60 + 29


def test_after_a_week_the_digest_has_to_do(world: World) -> None:
    keep(world.ledger, alarm(), at(61))
    week = 61 + 7 * 1440
    assert escalate(world.ledger, at(week + 1)) == 0
    assert escalate(world.ledger, at(week)) == 2
