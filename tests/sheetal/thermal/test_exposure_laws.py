"""The fast exposure against the slow one that is written from the definitions, on random and real series; by `==`."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import Side
from sheetal.contracts.reading import Quality, Reading
from sheetal.thermal import mkt, vvm
from sheetal.thermal.columns import columns_of
from sheetal.thermal.exposure import COLUMNS_FROM, Exposure, merge_all, summarise, summarise_columns
from sheetal.thermal.runs import Limit, samples_of
from tests.sheetal.thermal import reference
from tests.sheetal.thermal.reference import REAL_SERIES, RealSeries, Series

if TYPE_CHECKING:
    from random import Random

SENSOR = "gw-01.tvc"
LIMITS = tuple(
    Limit(side, limit, inclusive=inclusive)
    for side, limit in (
        (Side.COLD, -2500),
        (Side.COLD, -50),
        (Side.COLD, 200),
        (Side.HOT, -1500),
        (Side.HOT, 800),
        (Side.HOT, 2500),
    )
    for inclusive in (False, True)
)
"""Every side, strict and inclusive, in each band that the real series pass."""

values = st.one_of(
    st.integers(-3000, 3000),
    st.sampled_from([limit.limit_centi_celsius + step for limit in LIMITS for step in (-1, 0, 1)]),
)
series = st.dictionaries(st.integers(0, 300), values, max_size=40).map(lambda found: sorted(found.items()))
caps = st.integers(0, 25)


def by_columns(samples: Series, cap: int) -> Exposure:
    return summarise_columns(SENSOR, columns_of(samples), cap, LIMITS)


@given(series, caps)
def test_both_ways_tell_what_the_definitions_tell(samples: Series, cap: int) -> None:
    told = reference.exposure(SENSOR, samples, cap, LIMITS)
    assert summarise(SENSOR, samples, cap, LIMITS) == told
    assert by_columns(samples, cap) == told


@given(series, caps, st.sets(st.integers(0, 40)))
def test_pieces_of_either_kind_merge_to_the_whole(samples: Series, cap: int, cuts: set[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(samples)), len(samples)]
    pieces = [samples[begin:end] for begin, end in pairwise(edges)]
    parts = [
        by_columns(piece, cap) if number % 2 else summarise(SENSOR, piece, cap, LIMITS)
        for number, piece in enumerate(pieces)
    ]
    assert merge_all(parts, LIMITS) == reference.exposure(SENSOR, samples, cap, LIMITS)


@given(st.lists(st.tuples(st.integers(0, 60), values), max_size=40), caps, st.randoms())
def test_order_and_repetition_of_readings_change_nothing(rows: list[tuple[int, int]], cap: int, random: Random) -> None:
    readings = [Reading(SENSOR, ms, value, Quality.OK, 1, number) for number, (ms, value) in enumerate(rows)]
    shuffled = readings + random.choices(readings, k=len(readings)) if readings else []
    random.shuffle(shuffled)
    ordered, mixed = samples_of(readings), samples_of(shuffled)
    assert summarise(SENSOR, mixed, cap, LIMITS) == summarise(SENSOR, ordered, cap, LIMITS)
    assert by_columns(mixed, cap) == by_columns(ordered, cap)


@given(series.filter(lambda samples: len(samples) > 2), caps, st.data())
def test_a_late_reading_ends_in_the_same_exposure_as_one_in_time(
    samples: Series, cap: int, data: st.DataObject
) -> None:
    """Only the piece that it fell into is summarised again."""
    cut = data.draw(st.integers(1, len(samples) - 1))
    late = data.draw(st.integers(0, cut - 1))
    rest = summarise(SENSOR, samples[cut:], cap, LIMITS)
    before = summarise(SENSOR, samples[:late] + samples[late + 1 : cut], cap, LIMITS)
    rebuilt = summarise(SENSOR, samples[:cut], cap, LIMITS)
    assert merge_all([rebuilt, rest], LIMITS) == reference.exposure(SENSOR, samples, cap, LIMITS)
    assert merge_all([before, rest], LIMITS) != merge_all([rebuilt, rest], LIMITS)


@given(series, st.integers(0, 400), st.sampled_from([83_144, 83_000]))
def test_the_kinetic_mean_is_the_definitions_to_the_centi_degree(samples: Series, cap: int, joules: int) -> None:
    exact = reference.kinetic_mean(samples, cap, joules)
    found = mkt.centi_celsius_of(summarise(SENSOR, samples, cap, LIMITS).at, joules)
    if exact is None or found is None:
        assert exact is found
    else:
        assert abs(Decimal(found) - 100 * exact) <= Decimal("0.501")


@given(series, st.integers(0, 400), st.sampled_from(sorted(vvm.TYPES)))
def test_life_lost_is_the_definitions_to_the_millionth(samples: Series, cap: int, kind: str) -> None:
    longer = [(ms * 3_600_000, value) for ms, value in samples]
    amplitude, kelvin = vvm.CONSTANTS[kind]
    exact = 1_000_000 * reference.life_lost(longer, cap * 3_600_000, Decimal(amplitude), Decimal(kelvin))
    found = vvm.life_ppm(summarise(SENSOR, longer, cap * 3_600_000, LIMITS).at, kind)
    assert abs(found - exact) <= Decimal("0.5") + exact * Decimal("1e-9")


@cache
def real(one: RealSeries) -> Series:
    return one.read()


def named(one: RealSeries) -> str:
    return f"{one.file.removesuffix('.csv')}-{one.value}"


@pytest.mark.stack
@pytest.mark.parametrize("one", REAL_SERIES, ids=named)
def test_real_series_are_long_and_pass_limits(one: RealSeries) -> None:
    found = summarise(SENSOR, real(one), one.cap_ms, LIMITS)
    assert found.readings > 10 * COLUMNS_FROM
    assert sum(run.confirmed_half_ms for runs in found.runs for run in runs) > 0
    assert found.known_half_ms > found.unknown_half_ms


@pytest.mark.stack
@pytest.mark.parametrize("one", REAL_SERIES, ids=named)
def test_real_series_by_columns_by_lists_in_hours_and_by_the_definitions(one: RealSeries) -> None:
    samples = real(one)
    by_hour = [samples[begin : begin + 60] for begin in range(0, len(samples), 60)]
    whole = summarise(SENSOR, samples, one.cap_ms, LIMITS)
    assert merge_all([summarise(SENSOR, hour, one.cap_ms, LIMITS) for hour in by_hour], LIMITS) == whole
    for index, limit in enumerate(LIMITS):
        assert list(whole.runs[index]) == reference.runs(SENSOR, samples, limit, one.cap_ms)
    part = samples[-2_000:]
    assert by_columns(part, one.cap_ms) == reference.exposure(SENSOR, part, one.cap_ms, LIMITS)


@pytest.mark.stack
def test_a_real_shipment_has_its_figures() -> None:
    """Eleven days of a 2–8 °C shipment with one warm excursion of five hours."""
    (shipment,) = (one for one in REAL_SERIES if one.file.startswith("transport"))
    samples = real(shipment)
    found = summarise(SENSOR, samples, shipment.cap_ms, LIMITS)
    (warm,) = found.runs[LIMITS.index(Limit(Side.HOT, 800, inclusive=False))]
    assert (warm.confirmed_half_ms, warm.possible_half_ms) == (295 * 120_000, 300 * 120_000)
    assert (found.centi_celsius_min, found.centi_celsius_max, found.gaps) == (390, 2380, ())
    mean = mkt.mean_kinetic(found.at, samples[-1][0] - samples[0][0])
    assert (mean.centi_celsius, mean.coverage_permille, mean.note) == (559, 1000, mkt.TRAPEZOID)
    exact = reference.kinetic_mean(samples, shipment.cap_ms, mkt.JOULES_PER_MOLE)
    assert exact is not None
    assert round(100 * exact) == 559
    lost = {kind: vvm.life_ppm(found.at, kind) for kind in vvm.CONSTANTS}
    assert lost == {"2": 68_951, "7": 13_126, "14": 6_563, "30": 3_062}
