from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger.day_summaries import worst_of
from tests.sheetal.ledger.telemetry_rows import DAY

EXTREMES = st.lists(st.integers(-500, 900), min_size=2, max_size=2).map(sorted) | st.just([None, None])
ALARMS = st.none() | st.integers(0, DAY_MS)
MINUTES = st.integers(0, 1440)


@st.composite
def reports(draw: st.DrawFn) -> DaySummary:
    least, most = draw(EXTREMES)
    return DaySummary(
        sequence=draw(st.integers(1, 9)),
        sensor=DAY.sensor,
        starts_at_ms=0,
        ends_at_ms=draw(st.sampled_from([8 * HOUR_MS, 16 * HOUR_MS, DAY_MS])),
        centi_celsius_min=least,
        centi_celsius_max=most,
        low_limit_centi_celsius=draw(st.sampled_from([-50, 0, 200])),
        low_limit_minutes=draw(st.sampled_from([30, 60])),
        high_limit_centi_celsius=draw(st.sampled_from([800, 1000])),
        high_limit_minutes=draw(st.sampled_from([60, 600])),
        minutes_below=draw(MINUTES),
        minutes_above=draw(MINUTES),
        minutes_unknown=draw(MINUTES),
        low_alarm_at_ms=draw(ALARMS),
        high_alarm_at_ms=draw(ALARMS),
    )


def said(day: DaySummary) -> dict[str, object]:
    """All but the number of the message."""
    return {name: value for name, value in asdict(day).items() if name != "sequence"}


@given(one=reports(), other=reports(), third=reports())
def test_the_order_of_reports_never_matters(one: DaySummary, other: DaySummary, third: DaySummary) -> None:
    assert said(worst_of(one, other)) == said(worst_of(other, one))
    assert said(worst_of(worst_of(one, other), third)) == said(worst_of(one, worst_of(other, third)))


@given(one=reports(), other=reports(), sequence=st.integers(1, 9))
def test_what_was_said_before_changes_nothing(one: DaySummary, other: DaySummary, sequence: int) -> None:
    both = worst_of(one, other)
    for again in (one, other, both):
        assert worst_of(both, replace(again, sequence=sequence)) == both


@given(one=reports(), other=reports())
def test_nothing_bad_is_lost(one: DaySummary, other: DaySummary) -> None:
    both = worst_of(one, other)
    for each in (one, other):
        assert both.ends_at_ms >= each.ends_at_ms
        assert both.minutes_below >= each.minutes_below
        assert both.minutes_above >= each.minutes_above
        assert both.minutes_unknown >= each.minutes_unknown
        assert _within(each.centi_celsius_min, both)
        assert _within(each.centi_celsius_max, both)
        assert each.low_alarm_at_ms is None or (both.low_alarm_at_ms or 0) <= each.low_alarm_at_ms
        assert each.high_alarm_at_ms is None or (both.high_alarm_at_ms or 0) <= each.high_alarm_at_ms
    assert (both.low_alarm_at_ms is None) == (one.low_alarm_at_ms is other.low_alarm_at_ms is None)
    assert (both.high_alarm_at_ms is None) == (one.high_alarm_at_ms is other.high_alarm_at_ms is None)


def _within(value: int | None, day: DaySummary) -> bool:
    least, most = day.centi_celsius_min, day.centi_celsius_max
    return value is None or (least is not None and most is not None and least <= value <= most)


def test_an_alarm_stands_with_the_limit_it_was_raised_by() -> None:
    loose = replace(DAY, low_limit_centi_celsius=200, low_limit_minutes=30, high_limit_centi_celsius=700)
    strict = replace(DAY, low_alarm_at_ms=500, high_alarm_at_ms=900)
    for both in (worst_of(loose, strict), worst_of(strict, loose)):
        assert (both.low_limit_centi_celsius, both.low_limit_minutes, both.low_alarm_at_ms) == (-50, 60, 500)
        assert (both.high_limit_centi_celsius, both.high_limit_minutes, both.high_alarm_at_ms) == (800, 600, 900)


def test_a_silence_stands_with_the_limit_that_says_least() -> None:
    both = worst_of(DAY, replace(DAY, low_limit_centi_celsius=-200, high_limit_centi_celsius=1000))
    assert (both.low_limit_centi_celsius, both.high_limit_centi_celsius) == (-200, 1000)
