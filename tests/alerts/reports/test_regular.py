from __future__ import annotations

from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from alerts.reports.regular import DIGEST, MONTHLY, Regular
from sheetal.contracts.problem import Refused
from sheetal.ledger.contacts import Hears
from tests.alerts.given import FACILITY
from tests.alerts.notify.told import add_contact

if TYPE_CHECKING:
    import pytest

    from sheetal.ledger.judgements import Notice
    from tests.alerts.given import World

MINUTE_MS = 60_000
DAY_MS = 86_400_000
MIDNIGHT_MS = 1_795_372_200_000
"""2026-11-23 in India."""
HALF_PAST_SEVEN_MS = MIDNIGHT_MS + 450 * MINUTE_MS
FIRST_OF_DECEMBER_MS = MIDNIGHT_MS + 8 * DAY_MS


def turn(world: World, at_ms: int) -> int:
    return Regular(world.ledger, world.readings).turn(at_ms)


def notices(world: World, kind: str) -> list[Notice]:
    return [one for one in world.notices() if one.kind == kind]


def test_the_digest_comes_once_each_morning(world: World) -> None:
    add_contact(world, hears=frozenset({Hears.DIGEST}))
    assert turn(world, HALF_PAST_SEVEN_MS - 1) == 0
    assert [turn(world, HALF_PAST_SEVEN_MS + minute * MINUTE_MS) for minute in (0, 1, 600)] == [1, 0, 0]
    assert turn(world, HALF_PAST_SEVEN_MS + DAY_MS) == 1
    days = [one.facts["day"] for one in notices(world, DIGEST)]
    assert days == ["2026-11-24", "2026-11-23"]
    assert {one.severity for one in notices(world, DIGEST)} == {"digest"}


def test_a_morning_that_was_slept_through_is_made_up_for_within_its_day(world: World) -> None:
    add_contact(world, hears=frozenset({Hears.DIGEST}))
    assert turn(world, MIDNIGHT_MS + DAY_MS - 1) == 1
    assert notices(world, DIGEST)[0].facts["day"] == "2026-11-23"


def test_where_nobody_hears_it_there_is_none(world: World) -> None:
    add_contact(world, hears=frozenset({Hears.URGENT}))
    assert turn(world, HALF_PAST_SEVEN_MS) == 0
    assert turn(world, FIRST_OF_DECEMBER_MS + DAY_MS // 2) == 0


def test_the_report_of_the_month_before_is_told_once(world: World) -> None:
    add_contact(world, hears=frozenset({Hears.REPORT}))
    world.feed((0, 60, 450))
    assert turn(world, FIRST_OF_DECEMBER_MS + 8 * 60 * MINUTE_MS) == 1
    assert turn(world, FIRST_OF_DECEMBER_MS + 9 * DAY_MS) == 0
    (found,) = notices(world, MONTHLY)
    assert found.facts == {"period": "2026-11", "in_range_percent": "100.0", "alarms": 0, "holds": 0}
    assert (found.facility_id, found.severity) == (FACILITY, "report")


def test_a_month_without_any_reading_says_nothing_is_known_in_range(world: World) -> None:
    add_contact(world, hears=frozenset({Hears.REPORT}))
    turn(world, HALF_PAST_SEVEN_MS)
    (found,) = notices(world, MONTHLY)
    assert (found.facts["period"], found.facts["in_range_percent"]) == ("2026-10", "0")


def test_a_report_that_cannot_be_made_leaves_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise Refused("odd")

    monkeypatch.setattr("alerts.reports.regular.read_month", refused)
    add_contact(world)
    with capture_logs() as lines:
        assert turn(world, HALF_PAST_SEVEN_MS) == 1
    assert [one.kind for one in world.notices()] == [DIGEST]
    assert [line["problem"] for line in lines] == ["odd"]
