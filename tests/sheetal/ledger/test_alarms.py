from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import alarms, audit
from sheetal.ledger import judgement_writes as writes
from sheetal.ledger.alarms import AlarmCause
from tests.sheetal.ledger.alarm_rows import CLEARED, FIRED, changed
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
