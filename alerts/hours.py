"""The readings of the hours that matter, and their summaries, remembered until an hour is marked dirty.

One block holds one sensor's day. Blocks least used go first; a forgotten one is read again, so the memory is bounded
and the answer never depends on it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from typing import TYPE_CHECKING

from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.thermal.exposure import Exposure, Limits, merge_all, summarise
from sheetal.thermal.runs import Sample, samples_of

if TYPE_CHECKING:
    from sheetal.contracts.reading import Reading
    from sheetal.readings.port import ReadingsStore

BLOCKS_MAX = 4_096
"""At one reading a minute a full block takes 17 KB, all of them 70 MB."""
PAGE_ROWS = 20_000
HOURS_A_DAY = 24
HOURS_AT_ONCE = 7 * HOURS_A_DAY

Measure = tuple[int, Limits]


class _Hour:
    """One hour's valid samples, packed, and its summaries by cap and limits."""

    def __init__(self, samples: list[Sample]) -> None:
        self.instants = array("q", [ms for ms, _ in samples])
        self.values = array("i", [centi_celsius for _, centi_celsius in samples])
        self.summaries: dict[Measure, Exposure] = {}

    def between(self, from_ms: int, until_ms: int) -> list[Sample]:
        begin, end = bisect_left(self.instants, from_ms), bisect_left(self.instants, until_ms)
        return list(zip(self.instants[begin:end], self.values[begin:end], strict=True))

    def last(self, before_ms: int) -> Sample | None:
        end = bisect_left(self.instants, before_ms)
        return (self.instants[end - 1], self.values[end - 1]) if end else None


class _Day:
    """The hours of one day that have been read, and the summaries of the whole day."""

    def __init__(self) -> None:
        self.hours: dict[int, _Hour] = {}
        self.summaries: dict[Measure, Exposure] = {}


class Hours:
    """Exposures and samples of sensors, from a readings store; for one thread. Reading raises Unavailable."""

    def __init__(self, store: ReadingsStore, blocks_max: int = BLOCKS_MAX) -> None:
        self._store = store
        self._blocks_max = blocks_max
        self._days: OrderedDict[tuple[str, int], _Day] = OrderedDict()

    def forget(self, sensor: str, hour_ms: int) -> None:
        """Read this hour anew when it is asked for again."""
        day = self._days.get((sensor, _floor(hour_ms, DAY_MS)))
        if day is not None:
            day.hours.pop(_floor(hour_ms, HOUR_MS), None)
            day.summaries.clear()

    def forget_all(self) -> None:
        """Read everything anew; another process may have judged meanwhile."""
        self._days.clear()

    def samples(self, sensor: str, from_ms: int, until_ms: int) -> list[Sample]:
        """The valid samples in [from_ms, until_ms), in order."""
        found: list[Sample] = []
        for begin in range(_floor(from_ms, HOUR_MS), until_ms, HOURS_AT_ONCE * HOUR_MS):
            end = min(begin + HOURS_AT_ONCE * HOUR_MS, until_ms)
            self._read_missing(sensor, begin, end)
            for hour_ms in range(begin, end, HOUR_MS):
                found += self._hour(sensor, hour_ms).between(from_ms, until_ms)
        return found

    def last_sample(self, sensor: str, from_ms: int, until_ms: int) -> Sample | None:
        """The newest valid sample in [from_ms, until_ms); looks back hour by hour."""
        for hour_ms in range(_floor(until_ms - 1, HOUR_MS), from_ms - HOUR_MS, -HOUR_MS):
            found = self._hour(sensor, hour_ms).last(until_ms)
            if found is not None:
                return found if found[0] >= from_ms else None
        return None

    def exposure(self, sensor: str, from_ms: int, until_ms: int, measure: Measure) -> Exposure:
        """The exposure to [from_ms, until_ms): whole days and hours from memory, ragged ends from their samples."""
        pieces: list[Exposure] = []
        for begin in range(_floor(from_ms, DAY_MS), until_ms, 7 * DAY_MS):
            end = min(begin + 7 * DAY_MS, until_ms)
            self._read_missing(sensor, max(begin, from_ms), end, measure)
            days = range(begin, end, DAY_MS)
            pieces += [self._in_day(sensor, day_ms, (from_ms, until_ms), measure) for day_ms in days]
        return merge_all(pieces, measure[1])

    def _in_day(self, sensor: str, day_ms: int, span: tuple[int, int], measure: Measure) -> Exposure:
        from_ms, until_ms = span
        is_whole = from_ms <= day_ms and day_ms + DAY_MS <= until_ms
        day = self._day(sensor, day_ms)
        if is_whole and measure in day.summaries:
            return day.summaries[measure]
        begin, end = max(day_ms, _floor(from_ms, HOUR_MS)), min(day_ms + DAY_MS, until_ms)
        pieces = [self._in_hour(sensor, hour_ms, span, measure) for hour_ms in range(begin, end, HOUR_MS)]
        merged = merge_all(pieces, measure[1])
        if is_whole:
            day.summaries[measure] = merged
        return merged

    def _in_hour(self, sensor: str, hour_ms: int, span: tuple[int, int], measure: Measure) -> Exposure:
        hour = self._hour(sensor, hour_ms)
        if span[0] > hour_ms or hour_ms + HOUR_MS > span[1]:
            return summarise(sensor, hour.between(*span), *measure)
        if measure not in hour.summaries:
            hour.summaries[measure] = summarise(sensor, hour.between(hour_ms, hour_ms + HOUR_MS), *measure)
        return hour.summaries[measure]

    def _hour(self, sensor: str, hour_ms: int) -> _Hour:
        day = self._day(sensor, _floor(hour_ms, DAY_MS))
        if hour_ms not in day.hours:
            self._read(sensor, hour_ms, hour_ms + HOUR_MS)
        return day.hours[hour_ms]

    def _day(self, sensor: str, day_ms: int) -> _Day:
        day = self._days.setdefault((sensor, day_ms), _Day())
        self._days.move_to_end((sensor, day_ms))
        if len(self._days) > self._blocks_max:
            self._days.popitem(last=False)
        return day

    def _read_missing(self, sensor: str, from_ms: int, until_ms: int, measure: Measure | None = None) -> None:
        """Read the hours of [from_ms, until_ms) that are not known, neighbours in one question."""
        run: list[int] = []
        for day_ms in range(_floor(from_ms, DAY_MS), until_ms, DAY_MS):
            day = self._day(sensor, day_ms)
            is_known = len(day.hours) == HOURS_A_DAY or (measure is not None and measure in day.summaries)
            hours = range(max(day_ms, _floor(from_ms, HOUR_MS)), min(day_ms + DAY_MS, until_ms), HOUR_MS)
            for hour_ms in () if is_known else hours:
                if hour_ms in day.hours or (run and run[-1] + HOUR_MS != hour_ms):
                    self._read_run(sensor, run)
                    run = []
                if hour_ms not in day.hours:
                    run.append(hour_ms)
        self._read_run(sensor, run)

    def _read_run(self, sensor: str, hours: list[int]) -> None:
        if hours:
            self._read(sensor, hours[0], hours[-1] + HOUR_MS)

    def _read(self, sensor: str, from_ms: int, until_ms: int) -> None:
        samples = samples_of(self._pages(sensor, from_ms, until_ms))
        instants = [ms for ms, _ in samples]
        for hour_ms in range(from_ms, until_ms, HOUR_MS):
            begin, end = bisect_left(instants, hour_ms), bisect_left(instants, hour_ms + HOUR_MS)
            self._day(sensor, _floor(hour_ms, DAY_MS)).hours[hour_ms] = _Hour(samples[begin:end])

    def _pages(self, sensor: str, from_ms: int, until_ms: int) -> list[Reading]:
        rows: list[Reading] = []
        page = self._store.read(sensor, from_ms, until_ms, limit=PAGE_ROWS)
        while page:
            rows += page
            if len(page) < PAGE_ROWS:
                break
            page = self._store.read(sensor, from_ms, until_ms, limit=PAGE_ROWS, after_ms=page[-1].measured_at_ms)
        return rows


def _floor(ms: int, width_ms: int) -> int:
    return ms - ms % width_ms
