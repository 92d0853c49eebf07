"""Columns against the lists they replace; the whole exposure is compared in test_exposure_laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import Side
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN
from sheetal.thermal import columns, histogram, runs
from sheetal.thermal.columns import Columns, columns_of, trace_of
from sheetal.thermal.runs import Gap, Limit

SENSOR = "gw-01.tvc"
HOT = Limit(Side.HOT, 800, inclusive=False)
FREEZE = Limit(Side.COLD, -50, inclusive=True)

plausible = st.integers(CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX)
values = st.one_of(plausible, st.sampled_from([-51, -50, -49, 799, 800, 801]))
instants = st.one_of(st.integers(0, 60), st.integers(0, 4_102_444_800_000))
series = st.dictionaries(instants, values, min_size=1, max_size=40).map(lambda found: sorted(found.items()))
limits = st.builds(Limit, st.sampled_from(Side), st.one_of(plausible, st.sampled_from([-50, 800])), st.booleans())
caps = st.one_of(st.integers(0, 20), st.integers(0, 2**50))


@given(series, limits, caps)
def test_runs_are_those_of_the_list(samples: list[tuple[int, int]], limit: Limit, cap: int) -> None:
    trace = trace_of(columns_of(samples), cap)
    assert columns.find_runs(SENSOR, trace, limit) == runs.find_runs(SENSOR, samples, limit, cap)


@given(series, caps)
def test_gaps_and_times_are_those_of_the_list(samples: list[tuple[int, int]], cap: int) -> None:
    trace = trace_of(columns_of(samples), cap)
    assert columns.gaps(trace) == runs.gaps(samples, cap)
    assert columns.known_times(trace) == histogram.known_times(samples, cap)


def test_the_picture_in_the_docstring() -> None:
    samples = [(0, 400), (10, 900), (20, 950), (30, 910), (100, 960), (110, 500)]
    trace = trace_of(columns_of(samples), 15)
    assert trace.cuts.tolist() == [4]
    assert trace.reach_ms.tolist() == [0, 10, 10, 10, 15, 10, 0]
    found = columns.find_runs(SENSOR, trace, HOT)
    assert [(run.first_ms, run.last_ms, run.confirmed_half_ms, run.possible_half_ms) for run in found] == [
        (10, 30, 40, 90),
        (100, 100, 0, 50),
    ]
    assert [(run.extreme_centi_celsius, run.samples, run.open) for run in found] == [(950, 3, False), (960, 1, False)]
    assert columns.gaps(trace) == [Gap(30, 100)]
    assert columns.find_runs(SENSOR, trace, FREEZE) == []


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("side", Side)
def test_a_value_exactly_on_the_limit_obeys_the_flag(side: Side, inclusive: bool) -> None:  # noqa: FBT001 - a table
    trace = trace_of(columns_of([(0, 800), (10, 800)]), 15)
    assert bool(columns.find_runs(SENSOR, trace, Limit(side, 800, inclusive=inclusive))) is inclusive


def test_one_sample_is_a_run_of_no_time() -> None:
    (run,) = columns.find_runs(SENSOR, trace_of(columns_of([(5, 900)]), 15), HOT)
    assert (run.confirmed_half_ms, run.possible_half_ms, run.samples, run.open) == (0, 0, 1, True)


def test_a_century_at_one_temperature_is_counted_to_the_millisecond() -> None:
    century_ms = 100 * 365 * 86_400_000 + 1
    samples = [(0, 500), (century_ms, 500), (2 * century_ms, 500)]
    trace = trace_of(columns_of(samples), century_ms)
    assert columns.known_times(trace) == ((500, 4 * century_ms),)


def test_what_comes_out_is_made_of_pythons_own_numbers() -> None:
    """A NumPy integer would not go into JSON, nor grow beyond 64 bits."""
    trace = trace_of(columns_of([(0, 900), (10, 900), (20, 100)]), 15)
    (run,) = columns.find_runs(SENSOR, trace, HOT)
    numbers = [run.first_ms, run.confirmed_half_ms, run.extreme_centi_celsius, run.samples, *trace.samples.sample(-1)]
    numbers += [number for pair in columns.known_times(trace) for number in pair]
    assert {type(number) for number in numbers} == {int}
    assert type(run.open) is bool


@pytest.mark.parametrize("value", [CENTI_CELSIUS_MIN - 1, CENTI_CELSIUS_MAX + 1, 40_000])
def test_an_implausible_temperature_is_refused_and_never_wraps_around(value: int) -> None:
    with pytest.raises(ValueError, match="implausible"):
        columns_of([(0, 500), (1, value)])


@given(series)
def test_columns_hold_what_the_list_held(samples: list[tuple[int, int]]) -> None:
    found = columns_of(samples)
    assert [found.sample(index) for index in range(len(samples))] == samples
    assert (found.at_ms.dtype, found.centi_celsius.dtype) == (np.int64, np.int16)


def test_columns_are_not_changed_by_being_measured() -> None:
    found = columns_of([(0, 900), (10, 900), (50, -100)])
    kept = Columns(found.at_ms.copy(), found.centi_celsius.copy())
    trace = trace_of(found, 15)
    columns.known_times(trace)
    columns.find_runs(SENSOR, trace, HOT)
    assert np.array_equal(found.at_ms, kept.at_ms)
    assert np.array_equal(found.centi_celsius, kept.centi_celsius)
