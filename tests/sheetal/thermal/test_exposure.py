"""The monoid laws, with `==`, against `runs` on the whole series."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import Side
from sheetal.thermal import columns
from sheetal.thermal import exposure as exposure_module
from sheetal.thermal.columns import columns_of
from sheetal.thermal.exposure import COLUMNS_FROM, Edge, Exposure, Seam, empty, join_runs, merge, merge_all, summarise
from sheetal.thermal.histogram import known_times
from sheetal.thermal.runs import Limit, find_runs, gaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.verdict import Run
    from sheetal.thermal.runs import Sample

LIMITS = (
    Limit(Side.COLD, -50, inclusive=True),
    Limit(Side.COLD, 200, inclusive=False),
    Limit(Side.HOT, 800, inclusive=False),
)
SENSOR = "gw-01.tvc"
Series = list[tuple[int, int]]

values = st.one_of(st.integers(-300, 1200), st.sampled_from([-50, 200, 800]))
series = st.dictionaries(st.integers(0, 200), values, max_size=30).map(lambda found: sorted(found.items()))
caps = st.integers(0, 25)


def pieces(samples: Series, cuts: set[int]) -> list[Series]:
    edges = [0, *sorted(cut for cut in cuts if cut < len(samples)), len(samples)]
    return [samples[begin:end] for begin, end in itertools.pairwise(edges)]


@given(series, caps, st.sets(st.integers(0, 30)))
def test_split_anywhere_and_merge_equals_the_whole(samples: Series, cap: int, cuts: set[int]) -> None:
    parts = [summarise(SENSOR, part, cap, LIMITS) for part in pieces(samples, cuts)]
    assert merge_all(parts, LIMITS) == summarise(SENSOR, samples, cap, LIMITS)


@given(series, caps, st.integers(0, 30), st.integers(0, 30))
def test_merge_is_associative(samples: Series, cap: int, one: int, other: int) -> None:
    a, b, c = (
        summarise(SENSOR, part, cap, LIMITS)
        for part in (
            samples[: min(one, other)],
            samples[min(one, other) : max(one, other)],
            samples[max(one, other) :],
        )
    )
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@given(
    st.lists(st.tuples(st.integers(1, 30), values, st.integers(0, 40)), min_size=1, max_size=12),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_merge_is_associative_when_sensors_have_their_own_intervals(
    rows: list[tuple[int, int, int]],
    one: int,
    other: int,
) -> None:
    at, parts = 0, []
    for step, value, cap in rows:
        at += step
        parts.append(summarise(SENSOR, [(at, value)], cap, LIMITS))
    low, high = sorted((one, other))
    grouped = [merge_all(group, LIMITS) for group in (parts[:low], parts[low:high], parts[high:])]
    assert merge_all(grouped, LIMITS) == merge_all(parts, LIMITS)


@given(series, caps)
def test_nothing_is_neutral_on_both_sides(samples: Series, cap: int) -> None:
    exposure = summarise(SENSOR, samples, cap, LIMITS)
    assert merge(empty(LIMITS), exposure) == exposure == merge(exposure, empty(LIMITS))


@given(series, caps)
def test_a_summary_tells_what_runs_and_gaps_tell(samples: Series, cap: int) -> None:
    exposure = summarise(SENSOR, samples, cap, LIMITS)
    assert exposure.runs == tuple(tuple(find_runs(SENSOR, samples, limit, cap)) for limit in LIMITS)
    assert exposure.gaps == tuple(gaps(samples, cap))
    assert exposure.unknown_half_ms == 2 * sum(gap.until_ms - gap.from_ms for gap in gaps(samples, cap))
    whole = samples[-1][0] - samples[0][0] if samples else 0
    assert exposure.known_half_ms + exposure.unknown_half_ms == 2 * whole
    assert exposure.readings == len(samples)


@given(series, caps)
def test_extremes_and_times_are_read_off_the_histogram_and_the_gaps(samples: Series, cap: int) -> None:
    exposure = summarise(SENSOR, samples, cap, LIMITS)
    read = [value for _, value in samples]
    assert exposure.centi_celsius_min == min(read, default=None)
    assert exposure.centi_celsius_max == max(read, default=None)
    assert exposure.centi_celsius_sum == sum(read)
    assert exposure.at == known_times(samples, cap)
    spans = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(samples)]
    assert exposure.known_half_ms == 2 * sum(span for span in spans if span <= cap)


@given(st.integers(-1, 1), st.sampled_from([1, 3]))
def test_a_long_series_goes_by_columns_and_says_the_same(beside: int, every: int) -> None:
    """Just below, at and just above the length from which on columns are used."""
    count = COLUMNS_FROM + beside
    samples = [
        (index * 10 + (index % 40 == 0) * 4, 780 + (index * 7) % 45 - 900 * (index % 50 == 0)) for index in range(count)
    ]
    halves = [summarise(SENSOR, part, 10 * every, LIMITS) for part in (samples[: count // 2], samples[count // 2 :])]
    assert summarise(SENSOR, samples, 10 * every, LIMITS) == merge(*halves)
    assert all(halves[0].runs)


@pytest.mark.parametrize(("count", "by_columns"), [(COLUMNS_FROM - 1, 0), (COLUMNS_FROM, 1)])
def test_only_a_long_series_is_made_into_columns(count: int, by_columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(columns, "columns_of", lambda samples: made.append(len(samples)) or columns_of(samples))
    summarise(SENSOR, [(ms, 500) for ms in range(count)], 5, LIMITS)
    assert made == [count] * by_columns


def test_a_limit_that_no_reading_passed_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[Limit] = []

    def find(sensor: str, samples: Sequence[Sample], limit: Limit, cap: int) -> list[Run]:
        searched.append(limit)
        return find_runs(sensor, samples, limit, cap)

    monkeypatch.setattr(exposure_module, "find_runs", find)
    summarise(SENSOR, [(0, 200), (10, 801)], 15, LIMITS)
    assert searched == [LIMITS[2]]


def test_hot_and_cold_share_no_accumulator() -> None:
    samples = [(0, 900), (10, 900), (20, -80), (30, -80)]
    freezing, cool, hot = summarise(SENSOR, samples, 15, LIMITS).runs
    assert [run.confirmed_half_ms for run in freezing] == [20]
    assert [run.confirmed_half_ms for run in cool] == [20]
    assert [run.confirmed_half_ms for run in hot] == [20]


def test_a_run_cut_at_the_hour_is_one_run_after_the_merge() -> None:
    left = summarise(SENSOR, [(0, 900), (10, 910)], 15, LIMITS)
    right = summarise(SENSOR, [(20, 905), (30, 500)], 15, LIMITS)
    (run,) = merge(left, right).runs[2]
    assert (run.first_ms, run.last_ms, run.confirmed_half_ms, run.possible_half_ms) == (0, 20, 40, 60)
    assert run.open is False
    assert left.runs[2][0].open is True


def test_a_gap_between_pieces_joins_nothing_and_adds_a_cap_to_each() -> None:
    left = summarise(SENSOR, [(0, 900)], 15, LIMITS)
    right = summarise(SENSOR, [(1000, 900)], 15, LIMITS)
    before, after = merge(left, right).runs[2]
    assert (before.possible_half_ms, before.open) == (30, False)
    assert (after.possible_half_ms, after.earliest_possible_start_ms) == (30, 985)


def test_join_runs_gives_the_span_to_the_side_that_violates() -> None:
    run = summarise(SENSOR, [(20, 900)], 15, LIMITS).runs[2]
    (joined,) = join_runs(LIMITS[2], ((), Edge(10, 500, 15)), (Edge(20, 900, 15), run))
    assert (joined.earliest_possible_start_ms, joined.possible_half_ms, joined.confirmed_half_ms) == (10, 20, 0)


@pytest.mark.parametrize(("before", "after"), [(5, 15), (15, 5)])
def test_a_change_of_sensor_bridges_as_much_as_the_slower_one_of_the_two(before: int, after: int) -> None:
    near = merge(summarise(SENSOR, [(0, 900)], before, LIMITS), summarise(SENSOR, [(15, 900)], after, LIMITS))
    far = merge(summarise(SENSOR, [(0, 900)], before, LIMITS), summarise(SENSOR, [(16, 900)], after, LIMITS))
    assert [(run.confirmed_half_ms, run.possible_half_ms) for run in near.runs[2]] == [(30, 30)]
    assert [(run.confirmed_half_ms, run.possible_half_ms) for run in far.runs[2]] == [(0, 30), (0, 30)]
    assert (near.gaps, far.gaps) == ((), ((0, 16),))


@pytest.mark.parametrize("again", [0, 5, 10])
def test_pieces_that_overlap_are_refused(again: int) -> None:
    left = summarise(SENSOR, [(0, 900), (10, 900)], 15, LIMITS)
    with pytest.raises(ValueError, match="not after 10"):
        merge(left, summarise(SENSOR, [(again, 900)], 15, LIMITS))


def test_pieces_beyond_different_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="different limits"):
        merge(empty(LIMITS), empty(LIMITS[:1]))


def test_an_empty_life_is_empty() -> None:
    nothing: list[Exposure] = []
    assert merge_all(nothing, LIMITS) == empty(LIMITS) == summarise(SENSOR, [], 5, LIMITS)


def test_pieces_of_a_life_must_share_its_limits() -> None:
    with pytest.raises(ValueError, match="different limits"):
        merge_all([empty(LIMITS[:1])], LIMITS)


@pytest.mark.parametrize(("span", "times", "gap"), [(15, ((500, 15), (600, 15)), ()), (16, (), ((10, 26),))])
def test_a_seam_is_known_up_to_the_longer_cap_of_its_two_sides(
    span: int, times: tuple[tuple[int, int], ...], gap: tuple[tuple[int, int], ...]
) -> None:
    seam = Seam(Edge(10, 500, 5), Edge(10 + span, 600, 15))
    assert seam.is_known == bool(times)
    assert seam.at() == times
    assert seam.gap() == gap


@given(st.lists(st.tuples(st.integers(1, 30), values), min_size=1, max_size=15), caps)
def test_one_pass_over_all_pieces_is_the_same_as_two_by_two(rows: list[tuple[int, int]], cap: int) -> None:
    instants = itertools.accumulate(step for step, _ in rows)
    parts = [summarise(SENSOR, [(ms, value)], cap, LIMITS) for ms, (_, value) in zip(instants, rows, strict=True)]
    folded = empty(LIMITS)
    for part in parts:
        folded = merge(folded, part)
    assert merge_all(parts, LIMITS) == folded
