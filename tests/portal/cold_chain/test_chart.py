from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portal.cold_chain import chart
from portal.cold_chain.chart import Point, Watched
from sheetal.contracts.limits import Side
from sheetal.readings.port import Bucket
from sheetal.thermal.runs import Gap

MINUTE_MS = 60_000
WATCHED = Watched(200, 800, -50, 60, 800, 600)


def samples(*values: int | None, start: int = 0) -> list[tuple[int, int]]:
    return [(start + n * MINUTE_MS, value) for n, value in enumerate(values) if value is not None]


def drawn(rows: list[tuple[int, int]], until_ms: int) -> chart.Drawn:
    return chart.draw("gw.x", rows, [], (0, until_ms, 0), WATCHED, MINUTE_MS)


def test_every_reading_is_a_point() -> None:
    found = drawn(samples(400, 410, 420), 2 * MINUTE_MS)
    assert found.points == [Point(n * MINUTE_MS, value, value, value) for n, value in enumerate((400, 410, 420))]
    assert found.gaps == []
    assert found.runs == []


def test_the_line_breaks_in_a_gap_and_the_gap_is_told() -> None:
    found = drawn(samples(400, 400, *[None] * 10, 400), 12 * MINUTE_MS)
    assert [point.mean for point in found.points] == [400, 400, None, 400]
    assert found.gaps == [Gap(MINUTE_MS, 12 * MINUTE_MS)]


def test_silence_at_the_ends_is_a_gap_too() -> None:
    found = drawn(samples(400, 400, start=60 * MINUTE_MS), 120 * MINUTE_MS)
    assert found.gaps == [Gap(0, 60 * MINUTE_MS), Gap(61 * MINUTE_MS, 120 * MINUTE_MS)]


def test_without_readings_all_is_unknown() -> None:
    found = drawn([], 5 * MINUTE_MS)
    assert found.points == []
    assert found.gaps == [Gap(0, 5 * MINUTE_MS)]


def test_runs_come_from_single_readings_even_where_the_mean_hides_them() -> None:
    rows = samples(*[400] * 10, 900, 910, *[400] * 10)
    mean = round(sum(value for _, value in rows) / len(rows))
    bucket = Bucket(0, len(rows), 400, 910, mean, 400, 400)
    found = chart.draw("gw.x", rows, [bucket], (0, 21 * MINUTE_MS, 30 * MINUTE_MS), WATCHED, MINUTE_MS)
    assert mean < 800
    assert [(run.side, run.extreme_centi_celsius) for run in found.runs] == [(Side.HOT, 910)]
    assert found.points == [Point(15 * MINUTE_MS, mean, 400, 910)]


def test_freezing_counts_the_limit_itself_and_heat_does_not() -> None:
    assert [run.side for run in drawn(samples(400, -50, -50, 400), 3 * MINUTE_MS).runs] == [Side.COLD]
    assert drawn(samples(400, 800, 800, 400), 3 * MINUTE_MS).runs == []


def test_an_appliance_without_a_freeze_limit_has_no_freezing_runs() -> None:
    freezer = Watched(-2500, -1500, None, None, -1500, 60)
    found = chart.draw("gw.x", samples(-2000, -2000), [], (0, MINUTE_MS, 0), freezer, MINUTE_MS)
    assert found.runs == []


@given(st.lists(st.one_of(st.none(), st.integers(-1000, 2000)), max_size=200))
def test_what_is_drawn_stays_bounded_and_in_order(values: list[int | None]) -> None:
    found = drawn(samples(*values), 200 * MINUTE_MS)
    times = [point.at_ms for point in found.points]
    assert times == sorted(set(times))
    assert len(found.runs) <= chart.RUNS_SHOWN
    assert len(found.gaps) <= chart.GAPS_SHOWN
    assert found.gaps == sorted(found.gaps)
    assert all(0 <= gap.from_ms < gap.until_ms <= 200 * MINUTE_MS for gap in found.gaps)


@given(st.lists(st.integers(-1000, 2000), min_size=2, max_size=60), st.integers(4, 50))
def test_a_gap_is_never_bridged(values: list[int], minutes: int) -> None:
    half = len(values) // 2
    rows = samples(*values[:half]) + samples(*values[half:], start=(half + minutes) * MINUTE_MS)
    found = drawn(rows, rows[-1][0])
    broken = {point.at_ms for point in found.points if point.mean is None}
    inner = [gap for gap in found.gaps if gap.from_ms == rows[half - 1][0]]
    assert len(inner) == 1 or half == 0
    assert all(any(gap.from_ms < at_ms < gap.until_ms for gap in found.gaps) for at_ms in broken)
