from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.hours import PAGE_ROWS, Hours
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, Side
from sheetal.contracts.reading import Reading
from sheetal.readings.memory import MemoryReadings
from sheetal.thermal.exposure import summarise
from sheetal.thermal.runs import Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

S = "gw-01.tvc"
MEASURE = (30 * MINUTE_MS, (Limit(Side.HOT, 800, inclusive=False), Limit(Side.COLD, -50, inclusive=True)))
BEGIN = 20_000 * DAY_MS


class Counting:
    """A memory store that counts what is asked of it."""

    def __init__(self, rows: Sequence[tuple[int, int]]) -> None:
        self.store = MemoryReadings()
        self.asked = 0
        self.add(rows)

    def add(self, rows: Sequence[tuple[int, int]]) -> None:
        self.store.write([Reading(S, ms, value, 0, 1, n) for n, (ms, value) in enumerate(rows)])

    def read(self, *arguments: object, **more: object) -> list[Reading]:
        self.asked += 1
        return self.store.read(*arguments, **more)  # type: ignore[arg-type]


def hours(source: Counting, blocks_max: int = 100) -> Hours:
    return Hours(source, blocks_max)  # type: ignore[arg-type]


def rows(first: int, last: int, every: int = 10) -> list[tuple[int, int]]:
    return [(BEGIN + m * MINUTE_MS, 500 + (m * 37) % 900 - 600 * (m % 7 == 0)) for m in range(first, last, every)]


@settings(max_examples=30)
@given(st.integers(0, 4000), st.integers(1, 4000), st.integers(1, 3))
def test_an_exposure_equals_the_summary_of_its_samples(begin: int, length: int, blocks_max: int) -> None:
    all_rows = rows(0, 5000)
    from_ms, until_ms = BEGIN + begin * MINUTE_MS + 1, BEGIN + (begin + length) * MINUTE_MS
    kept = hours(Counting(all_rows), blocks_max)
    inside = [row for row in all_rows if from_ms <= row[0] < until_ms]
    assert kept.exposure(S, from_ms, until_ms, MEASURE) == summarise(S, inside, *MEASURE)
    assert kept.exposure(S, from_ms, until_ms, MEASURE) == summarise(S, inside, *MEASURE)
    assert kept.samples(S, from_ms, until_ms) == inside


def test_what_is_known_is_not_read_again() -> None:
    source = Counting(rows(0, 3000))
    kept = hours(source)
    kept.exposure(S, BEGIN, BEGIN + 2 * DAY_MS, MEASURE)
    assert source.asked == 1
    kept.exposure(S, BEGIN, BEGIN + 2 * DAY_MS, MEASURE)
    kept.samples(S, BEGIN, BEGIN + 2 * DAY_MS)
    assert source.asked == 1


def test_a_forgotten_hour_is_read_again_and_alone() -> None:
    source = Counting(rows(0, 2880))
    kept = hours(source)
    kept.exposure(S, BEGIN, BEGIN + 2 * DAY_MS, MEASURE)
    late = [(BEGIN + 5 * MINUTE_MS, -400), (BEGIN + DAY_MS + 5 * MINUTE_MS, 1500)]
    source.add(late)
    kept.forget(S, BEGIN)
    kept.forget(S, BEGIN + DAY_MS)
    found = kept.exposure(S, BEGIN, BEGIN + 2 * DAY_MS, MEASURE)
    assert found == summarise(S, sorted(rows(0, 2880) + late), *MEASURE)
    assert source.asked == 3


def test_forgetting_all_reads_all() -> None:
    source = Counting(rows(0, 100))
    kept = hours(source)
    kept.samples(S, BEGIN, BEGIN + HOUR_MS)
    kept.forget_all()
    kept.samples(S, BEGIN, BEGIN + HOUR_MS)
    assert source.asked == 2


@pytest.mark.parametrize("blocks_max", [1, 2, 5])
def test_the_memory_is_bounded(blocks_max: int) -> None:
    kept = hours(Counting(rows(0, 20_000)), blocks_max)
    kept.exposure(S, BEGIN, BEGIN + 13 * DAY_MS, MEASURE)
    assert len(kept._days) <= blocks_max


def test_the_last_sample_is_found_looking_back() -> None:
    kept = hours(Counting(rows(0, 100)))
    assert kept.last_sample(S, BEGIN, BEGIN + DAY_MS) == rows(90, 91)[0]
    assert kept.last_sample(S, BEGIN, BEGIN + 90 * MINUTE_MS) == rows(80, 81)[0]
    assert kept.last_sample(S, BEGIN + 95 * MINUTE_MS, BEGIN + DAY_MS) is None
    assert kept.last_sample("gw-01.other", BEGIN, BEGIN + DAY_MS) is None


def test_a_dense_hour_is_read_in_pages() -> None:
    dense = [(BEGIN + n * 100, 500) for n in range(PAGE_ROWS + 5)]
    source = Counting(dense)
    assert len(hours(source).samples(S, BEGIN, BEGIN + HOUR_MS)) == PAGE_ROWS + 5
    assert source.asked == 2


def test_faults_are_no_samples() -> None:
    source = Counting([])
    source.store.write([Reading(S, BEGIN, None, 1, 1, 1), Reading(S, BEGIN + 1, 500, 0, 1, 2)])
    assert hours(source).samples(S, BEGIN, BEGIN + HOUR_MS) == [(BEGIN + 1, 500)]
