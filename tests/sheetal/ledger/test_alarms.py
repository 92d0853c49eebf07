from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import alarm_writes, alarms, audit
from sheetal.ledger import judgement_writes as writes
from sheetal.ledger.alarms import AlarmCause, AlarmEnd
from tests.sheetal.ledger.alarm_rows import CLEARED, FIRED, RAISED, changed
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


@pytest.fixture
def alarmed(house: Ledger) -> Ledger:
    later = changed(FIRED, alarm="other", fired_at_ms=NOW_MS + 5)
    for said, appliance_id in ((FIRED, "A-1"), (later, None)):
        with house.write() as conn:
            writes.put_alarm(conn, said, appliance_id, NOW_MS)
    return house


def acknowledge(
    ledger: Ledger, cause: str = AlarmCause.POWER_CUT, comment: str = " generator started "
) -> alarms.Alarm:
    with ledger.write() as conn:
        return alarms.acknowledge_alarm(conn, FIRED.alarm, ACTOR, cause, comment, NOW_MS + 9)


def listed(ledger: Ledger, **options: object) -> list[str]:
    with ledger.read() as conn:
        return [one.id for one in alarms.alarms(conn, **options)]  # type: ignore[arg-type]


def test_the_latest_alarm_comes_first(alarmed: Ledger) -> None:
    assert listed(alarmed) == ["other", FIRED.alarm]
    assert listed(alarmed, limit=1) == ["other"]
    assert listed(alarmed, appliance_id="A-1") == [FIRED.alarm]
    assert listed(alarmed, after_change=1) == ["other"]


def test_an_alarm_is_open_until_it_is_both_cleared_and_acknowledged(alarmed: Ledger) -> None:
    with alarmed.write() as conn:
        writes.put_alarm(conn, CLEARED, "A-1", NOW_MS)
    assert FIRED.alarm in listed(alarmed, open_only=True)
    acknowledge(alarmed)
    assert listed(alarmed, open_only=True) == ["other"]


def test_an_acknowledgement_names_who_why_and_what(alarmed: Ledger) -> None:
    seen = acknowledge(alarmed)
    assert (seen.acknowledged_at_ms, seen.acknowledged_by) == (NOW_MS + 9, ACTOR)
    assert (seen.cause, seen.comment) == ("power_cut", "generator started")
    with alarmed.read() as conn:
        (entry,) = audit.entries(conn, FACILITY, 1)
        assert (entry.act, entry.subject, entry.actor) == ("alarm_acknowledged", FIRED.alarm, ACTOR)


def test_an_acknowledgement_is_a_change_that_live_pages_see(alarmed: Ledger) -> None:
    acknowledge(alarmed)
    assert listed(alarmed, after_change=2) == [FIRED.alarm]


def test_an_alarm_is_acknowledged_once(alarmed: Ledger) -> None:
    acknowledge(alarmed)
    with pytest.raises(Refused) as caught:
        acknowledge(alarmed)
    assert caught.value.facts == {"reason": "acknowledged", "by": ACTOR}


@pytest.mark.parametrize(
    ("cause", "comment", "reason"),
    [("weather", "x", "bad_cause"), ("", "x", "bad_cause"), ("other", "", "no_comment"), ("other", "  ", "no_comment")],
)
def test_an_acknowledgement_needs_a_cause_and_a_comment(alarmed: Ledger, cause: str, comment: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        acknowledge(alarmed, cause, comment)
    assert caught.value.facts["reason"] == reason
    assert caught.value.next_step


def test_a_comment_is_bounded(alarmed: Ledger) -> None:
    assert acknowledge(alarmed, comment="x" * 9_000).comment == "x" * 500


def test_an_unknown_alarm_is_not_found(house: Ledger) -> None:
    with pytest.raises(NotFound):
        acknowledge(house)


def clear(ledger: Ledger) -> None:
    with ledger.write() as conn:
        writes.put_alarm(conn, CLEARED, "A-1", NOW_MS + 20)


def end(ledger: Ledger, ended_as: str = AlarmEnd.SENSOR_FAULT, comment: str = "cable torn") -> alarms.Alarm:
    with ledger.write() as conn:
        return alarms.end_alarm(conn, FIRED.alarm, "s-2", ended_as, comment, NOW_MS + 30)


def read(ledger: Ledger) -> alarms.Alarm:
    with ledger.read() as conn:
        return alarms.alarm_by_id(conn, FIRED.alarm)


def test_an_alarm_ends_as_fixed_when_it_is_acknowledged_and_then_cleared(alarmed: Ledger) -> None:
    acknowledge(alarmed)
    assert read(alarmed).ended_at_ms is None
    clear(alarmed)
    ended = read(alarmed)
    assert (ended.ended_at_ms, ended.ended_as, ended.ended_by) == (NOW_MS + 20, "fixed", "gw-01")


def test_an_alarm_ends_as_fixed_when_it_is_cleared_and_then_acknowledged(alarmed: Ledger) -> None:
    clear(alarmed)
    assert read(alarmed).ended_at_ms is None
    ended = acknowledge(alarmed)
    assert (ended.ended_at_ms, ended.ended_as, ended.ended_by) == (NOW_MS + 9, "fixed", ACTOR)


@pytest.mark.parametrize(("ended_as", "cause"), [("sensor_fault", "sensor_fault"), ("lost_contact", "lost_contact")])
def test_a_named_person_ends_an_active_alarm_and_answers_for_it(alarmed: Ledger, ended_as: str, cause: str) -> None:
    ended = end(alarmed, ended_as)
    assert (ended.ended_as, ended.ended_by, ended.ended_at_ms) == (ended_as, "s-2", NOW_MS + 30)
    assert (ended.acknowledged_by, ended.cause, ended.comment) == ("s-2", cause, "cable torn")
    assert not ended.is_active
    assert FIRED.alarm not in listed(alarmed, open_only=True)
    with alarmed.read() as conn:
        (entry,) = audit.entries(conn, FACILITY, 1)
        assert (entry.act, entry.actor, entry.detail) == ("alarm_ended", "s-2", f'{{"as":"{ended_as}"}}')


def test_an_end_leaves_an_earlier_acknowledgement_as_it_was(alarmed: Ledger) -> None:
    before = acknowledge(alarmed)
    ended = end(alarmed)
    assert (ended.acknowledged_by, ended.cause) == (before.acknowledged_by, "power_cut")
    assert ended.comment == f"{before.comment}\ncable torn"
    assert ended.ended_as == "sensor_fault"


def test_what_a_person_ended_stays_ended_as_they_said(alarmed: Ledger) -> None:
    end(alarmed)
    clear(alarmed)
    ended = read(alarmed)
    assert (ended.cleared_at_ms, ended.ended_as, ended.ended_by) == (CLEARED.cleared_at_ms, "sensor_fault", "s-2")


@pytest.mark.parametrize(
    ("ended_as", "comment", "reason"),
    [("fixed", "x", "bad_end"), ("", "x", "bad_end"), ("sensor_fault", "  ", "no_comment")],
)
def test_nobody_ends_an_alarm_without_saying_how_they_know(
    alarmed: Ledger, ended_as: str, comment: str, reason: str
) -> None:
    with pytest.raises(Refused) as caught:
        end(alarmed, ended_as, comment)
    assert caught.value.facts["reason"] == reason
    assert read(alarmed).is_active


def test_only_an_active_alarm_is_ended(alarmed: Ledger) -> None:
    clear(alarmed)
    with pytest.raises(Refused) as caught:
        end(alarmed)
    assert caught.value.facts["reason"] == "not_active"


def test_an_open_alarm_is_somebodys_and_the_name_can_be_taken_back(alarmed: Ledger) -> None:
    with alarmed.write() as conn:
        assert alarms.assign_alarm(conn, FIRED.alarm, " Technician, block K ", ACTOR, NOW_MS).assigned_to == (
            "Technician, block K"
        )
    with alarmed.write() as conn:
        assert audit.entries(conn, FACILITY, 1)[0].act == "alarm_assigned"
        assert alarms.assign_alarm(conn, FIRED.alarm, "", ACTOR, NOW_MS).assigned_to is None
    end(alarmed)
    with alarmed.write() as conn, pytest.raises(Refused) as caught:
        alarms.assign_alarm(conn, FIRED.alarm, "x", ACTOR, NOW_MS)
    assert caught.value.facts["reason"] == "ended"


def test_the_unacknowledged_come_latest_first(alarmed: Ledger) -> None:
    with alarmed.write() as conn:
        alarm_writes.raise_alarm(conn, RAISED, NOW_MS + 50)
    with alarmed.read() as conn:
        assert [one.id for one in alarms.unacknowledged(conn)] == [RAISED.id, FIRED.alarm, "other"]
        assert [one.id for one in alarms.unacknowledged(conn, 1)] == [RAISED.id]
    acknowledge(alarmed)
    clear(alarmed)
    with alarmed.read() as conn:
        assert [one.id for one in alarms.unacknowledged(conn)] == [RAISED.id, "other"]


def test_an_alarm_that_a_person_ended_still_has_its_cause(alarmed: Ledger) -> None:
    end(alarmed)
    with alarmed.read() as conn:
        assert [one.id for one in alarms.uncleared(conn)] == [FIRED.alarm, "other"]
    clear(alarmed)
    with alarmed.read() as conn:
        assert [one.id for one in alarms.uncleared(conn)] == ["other"]
