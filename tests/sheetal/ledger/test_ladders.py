from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, ladders
from sheetal.ledger.ladders import DAY_MINUTES, NewStep, Step
from sheetal.ledger.watch_tables import contact
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, NOW_MS, OTHER_FACILITY

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


@pytest.fixture
def people(house: Ledger) -> list[int]:
    """Two contacts."""
    row = {"name": "x", "address_sealed": b"x", "kinds": "urgent", "created_at_ms": NOW_MS}
    with house.write() as conn:
        statement = insert(contact).returning(contact.c.id)
        return [conn.execute(statement.values(**row)).scalar_one() for _ in range(2)]


def added(ledger: Ledger, new: NewStep) -> int:
    with ledger.write() as conn:
        return ladders.add_step(conn, new, ACTOR, FACILITY, NOW_MS)


def due(ledger: Ledger, waited: int, minute: int, facility: str = FACILITY) -> list[int]:
    with ledger.read() as conn:
        return [one.id for one in ladders.ladders(conn).due(facility, waited, minute)]


def test_a_step_is_due_after_its_minutes_while_its_person_is_on_duty(house: Ledger, people: list[int]) -> None:
    day = added(house, NewStep(facility_id=FACILITY, contact_id=people[0], after_minutes=15, from_minute_of_day=480))
    assert due(house, 15, 480) == [day]
    assert due(house, 14, 480) == []
    assert due(house, 15, 479) == []
    assert due(house, 900, 1439) == [day]


def test_a_facilitys_own_ladder_takes_the_place_of_the_general_one(house: Ledger, people: list[int]) -> None:
    general = added(house, NewStep(facility_id=None, contact_id=people[0], after_minutes=15))
    own = added(house, NewStep(facility_id=FACILITY, contact_id=people[1], after_minutes=30))
    assert due(house, 60, 0) == [own]
    assert due(house, 60, 0, OTHER_FACILITY) == [general]
    with house.read() as conn:
        assert [one.id for one in ladders.steps_of(conn, FACILITY)] == [own]
        assert [one.id for one in ladders.steps_of(conn, None)] == [general]
        assert ladders.steps_of(conn, OTHER_FACILITY) == []


def test_the_first_to_be_told_comes_first(house: Ledger, people: list[int]) -> None:
    late = added(house, NewStep(facility_id=FACILITY, contact_id=people[0], after_minutes=30))
    soon = added(house, NewStep(facility_id=FACILITY, contact_id=people[1], after_minutes=5))
    assert due(house, 60, 0) == [soon, late]


def test_a_retired_step_or_contact_is_nobodys_step(house: Ledger, people: list[int]) -> None:
    gone = added(house, NewStep(facility_id=FACILITY, contact_id=people[0], after_minutes=0))
    left = added(house, NewStep(facility_id=FACILITY, contact_id=people[1], after_minutes=0))
    with house.write() as conn:
        ladders.retire_step(conn, gone, ACTOR, FACILITY, NOW_MS)
    with house.read() as conn:
        assert [one.act for one in audit.entries(conn, FACILITY, 1)] == ["ladder_step_retired"]
    assert due(house, 0, 0) == [left]
    with house.write() as conn, pytest.raises(NotFound):
        ladders.retire_step(conn, gone, ACTOR, FACILITY, NOW_MS)
    with house.write() as conn:
        conn.execute(update(contact).where(contact.c.id == people[1]).values(retired_at_ms=NOW_MS))
    assert due(house, 0, 0) == []
    with pytest.raises(NotFound):
        added(house, NewStep(facility_id=FACILITY, contact_id=people[1], after_minutes=0))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"after_minutes": -1}, "bad_minutes"),
        ({"after_minutes": 7 * DAY_MINUTES + 1}, "bad_minutes"),
        ({"from_minute_of_day": DAY_MINUTES}, "bad_hours"),
        ({"from_minute_of_day": -1}, "bad_hours"),
        ({"until_minute_of_day": DAY_MINUTES + 1}, "bad_hours"),
        ({"from_minute_of_day": 60, "until_minute_of_day": 60}, "bad_hours"),
    ],
)
def test_a_step_outside_a_day_or_a_week_is_refused(
    house: Ledger, people: list[int], changes: dict[str, int], reason: str
) -> None:
    step = NewStep(facility_id=FACILITY, contact_id=people[0], after_minutes=15)
    with pytest.raises(Refused) as caught:
        added(house, replace(step, **changes))
    assert caught.value.facts["reason"] == reason


def test_a_night_goes_over_midnight() -> None:
    night = Step(
        id=1, facility_id=None, contact_id=1, after_minutes=0, from_minute_of_day=1200, until_minute_of_day=480
    )
    assert [minute for minute in (479, 480, 1199, 1200, 1439, 0) if night.covers(minute)] == [479, 1200, 1439, 0]


@given(st.integers(0, 1439), st.integers(1, 1440), st.integers(0, 1439))
def test_a_window_and_its_complement_cover_each_minute_once(begins: int, ends: int, minute: int) -> None:
    if begins in {ends, ends % DAY_MINUTES} or (begins == 0 and ends == DAY_MINUTES):
        return
    step = Step(
        id=1, facility_id=None, contact_id=1, after_minutes=0, from_minute_of_day=begins, until_minute_of_day=ends
    )
    other = replace(step, from_minute_of_day=ends % DAY_MINUTES, until_minute_of_day=begins or DAY_MINUTES)
    assert step.covers(minute) is not other.covers(minute)
