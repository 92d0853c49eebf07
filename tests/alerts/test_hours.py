from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.hours import PAGE_ROWS, SPANS_AT_ONCE, Hours, Past, Pasts
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, Side
from sheetal.contracts.reading import Reading
from sheetal.readings.memory import MemoryReadings
from sheetal.thermal.exposure import empty, summarise
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
        self.together: list[int] = []
        self.add(rows)

    def add(self, rows: Sequence[tuple[int, int]]) -> None:
        self.store.write([Reading(S, ms, value, 0, 1, n) for n, (ms, value) in enumerate(rows)])

    def read(self, *arguments: object, **more: object) -> list[Reading]:
        self.asked += 1
        return self.store.read(*arguments, **more)  # type: ignore[arg-type]

    def read_many(self, spans: Sequence[tuple[str, int, int]]) -> list[Reading]:
        self.asked += 1
        self.together.append(len(spans))
        return self.store.read_many(spans)


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


DAYS = st.integers(0, 6 * 24 * 60 - 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(DAYS, st.integers(1, 300), st.integers(-300, 1200)), max_size=12),
    st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=4),
)
def test_whatever_comes_in_whatever_order_is_in_every_exposure(
    arrivals: list[tuple[int, int, int]],
    spans: list[tuple[int, int]],
) -> None:
    source, came = Counting([]), dict[int, int]()
    kept = hours(source)
    for first, length, value in arrivals:
        new = [BEGIN + m * MINUTE_MS for m in range(first, first + length, 7) if BEGIN + m * MINUTE_MS not in came]
        came |= dict.fromkeys(new, value)
        source.add([(ms, value) for ms in new])
        for hour_ms in {ms // HOUR_MS * HOUR_MS for ms in new}:
            kept.forget(S, hour_ms)
        for begin, end in spans:
            from_ms, until_ms = (
                BEGIN + min(begin, end) * MINUTE_MS,
                BEGIN + (max(begin, end) // 720 + 1) * 720 * MINUTE_MS,
            )
            inside = sorted((ms, at) for ms, at in came.items() if from_ms <= ms < until_ms)
            assert kept.exposure(S, from_ms, until_ms, MEASURE) == summarise(S, inside, *MEASURE)


def test_hours_of_remembered_days_are_read_again_together() -> None:
    source = Counting(rows(0, 4 * 1440))
    kept = hours(source)
    kept.exposure(S, BEGIN, BEGIN + 3 * DAY_MS, MEASURE)
    late = [(BEGIN + hour * HOUR_MS + MINUTE_MS, -400) for hour in range(80)]
    source.add(late)
    asked = source.asked
    kept.read_again([(S, ms) for ms, _ in late] + [("gw-01.other", BEGIN)])
    assert source.together == [SPANS_AT_ONCE, 72 - SPANS_AT_ONCE]
    found = kept.exposure(S, BEGIN, BEGIN + 3 * DAY_MS, MEASURE)
    inside = [row for row in sorted(rows(0, 4 * 1440) + late) if row[0] < BEGIN + 3 * DAY_MS]
    assert found == summarise(S, inside, *MEASURE)
    assert source.asked == asked + 2
    kept.read_again([])
    assert source.asked == asked + 2


def test_what_is_long_past_is_not_looked_at_again() -> None:
    source = Counting(rows(0, 10 * 1440))
    kept = hours(source, blocks_max=3)
    until_ms = BEGIN + 10 * DAY_MS
    first = kept.exposure(S, BEGIN + HOUR_MS, until_ms, MEASURE)
    asked = source.asked
    kept.forget(S, until_ms - HOUR_MS)
    assert kept.exposure(S, BEGIN + HOUR_MS, until_ms, MEASURE) == first
    assert source.asked == asked + 1


def test_the_past_is_bounded_and_forgotten_with_its_hours() -> None:
    kept = Pasts(kept_max=2)
    past = Past(BEGIN, empty(MEASURE[1]))
    for number in range(4):
        kept.keep((S, number, MEASURE), past)
    assert len(kept) == 2
    assert kept.find((S, 1, MEASURE), BEGIN) is None
    assert kept.find((S, 3, MEASURE), BEGIN) is past
    assert kept.find((S, 3, MEASURE), BEGIN - 1) is None
    kept.forget("gw-01.other", 0)
    kept.forget(S, BEGIN)
    assert len(kept) == 2
    kept.forget(S, BEGIN - HOUR_MS)
    assert len(kept) == 0
    kept.keep((S, 5, MEASURE), past)
    kept.clear()
    assert kept.find((S, 5, MEASURE), BEGIN) is None


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
