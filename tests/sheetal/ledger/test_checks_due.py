from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.ledger.checks_due import Check, Hours, missed, newest_late, next_due, zone_of

INDIA = "Asia/Kolkata"
TWICE = Hours((8 * 60, 17 * 60), 60)


def ms(text: str, zone: str = INDIA) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000


MORNING = Check(ms("2026-11-23 08:00"), ms("2026-11-23 00:30"))
EVENING = Check(ms("2026-11-23 17:00"), ms("2026-11-23 12:30"))


def test_a_check_is_missed_when_its_patience_is_over() -> None:
    assert missed(TWICE, INDIA, None, ms("2026-11-23 09:00")) == MORNING
    before = missed(TWICE, INDIA, None, ms("2026-11-23 09:00") - 1)
    assert before is not None
    assert before.due_at_ms == ms("2026-11-22 17:00")


def test_a_check_counts_from_the_middle_between_two_hours_on() -> None:
    now_ms = ms("2026-11-23 18:30")
    assert missed(TWICE, INDIA, EVENING.counts_from_ms, now_ms) is None
    assert missed(TWICE, INDIA, EVENING.counts_from_ms - 1, now_ms) == EVENING
    assert missed(TWICE, INDIA, ms("2026-11-23 08:05"), now_ms) == EVENING
    assert missed(TWICE, INDIA, ms("2026-11-23 18:20"), now_ms) is None


def test_the_night_belongs_to_the_morning() -> None:
    assert missed(TWICE, INDIA, ms("2026-11-23 05:00"), ms("2026-11-23 09:30")) is None
    assert missed(TWICE, INDIA, ms("2026-11-22 23:00"), ms("2026-11-23 09:30")) == MORNING


def test_a_single_hour_a_day_asks_once_a_day() -> None:
    once = Hours((12 * 60,), 0)
    assert newest_late(once, INDIA, ms("2026-11-23 12:00")) == Check(ms("2026-11-23 12:00"), ms("2026-11-23 00:00"))


def test_a_change_of_clocks_moves_the_hour_with_the_place() -> None:
    paris = "Europe/Paris"
    summer = newest_late(TWICE, paris, ms("2026-10-24 09:00", paris))
    winter = newest_late(TWICE, paris, ms("2026-10-25 09:00", paris))
    assert winter.due_at_ms - summer.due_at_ms == DAY_MS + HOUR_MS


def test_the_next_check_lies_ahead() -> None:
    assert next_due(TWICE, INDIA, ms("2026-11-23 07:59")) == MORNING.due_at_ms
    assert next_due(TWICE, INDIA, MORNING.due_at_ms) == EVENING.due_at_ms
    assert next_due(TWICE, INDIA, EVENING.due_at_ms) == ms("2026-11-24 08:00")


@given(
    st.sets(st.integers(0, 1439), min_size=1, max_size=6),
    st.integers(1, 240),
    st.integers(ms("2026-01-01 00:00"), ms("2026-12-31 00:00")),
)
def test_whoever_checks_at_every_hour_never_misses_one(minutes: set[int], late: int, now_ms: int) -> None:
    hours = Hours(tuple(sorted(minutes)), late)
    newest = newest_late(hours, INDIA, now_ms)
    assert newest.counts_from_ms < newest.due_at_ms <= now_ms - late * MINUTE_MS
    assert missed(hours, INDIA, newest.due_at_ms, now_ms) is None
    assert missed(hours, INDIA, newest.counts_from_ms - 1, now_ms) == newest
    assert next_due(hours, INDIA, now_ms) > now_ms


def test_a_clock_that_nobody_knows_is_indias() -> None:
    assert zone_of("Europe/Paris").key == "Europe/Paris"
    for unknown in ("Moon/Base", "", "../etc/passwd", "Asia"):
        assert zone_of(unknown).key == INDIA
