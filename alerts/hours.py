"""The readings of the hours that matter, and their summaries, remembered until an hour is marked dirty.

One block holds one sensor's day. Blocks least used go first; a forgotten one is read again, so the memory is bounded
and the answer never depends on it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.thermal.exposure import Exposure, Limits, merge_all, summarise
from sheetal.thermal.runs import Sample, samples_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sheetal.contracts.reading import Reading
    from sheetal.readings.port import ReadingsStore

BLOCKS_MAX = 4_096
"""At one reading a minute a full block takes 17 KB, all of them 70 MB."""
PAGE_ROWS = 20_000
SPANS_AT_ONCE = 50
"""A sensor that is read each second has 3,600 rows an hour."""
HOURS_A_DAY = 24
HOURS_AT_ONCE = 7 * HOURS_A_DAY

SETTLED_DAYS = 2
"""Rows of these last days still come all the time; an open time ends with tomorrow."""
PASTS_MAX = 4_096
"""At a hundred temperatures each some 50 MB."""

Measure = tuple[int, Limits]
PastKey = tuple[str, int, Measure]


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


_EMPTY = _Hour([])
"""Stands for every hour without samples."""


class _Day:
    """The hours of one day that have been read, the summaries of the whole day, and of its hours up to one of them."""

    def __init__(self) -> None:
        self.hours: dict[int, _Hour] = {}
        self.summaries: dict[Measure, Exposure] = {}
        self.begun: dict[Measure, tuple[int, Exposure]] = {}

    def forget(self, hour_ms: int) -> None:
        self.hours.pop(hour_ms, None)
        self.summaries.clear()
        self.begun = {measure: known for measure, known in self.begun.items() if known[0] <= hour_ms}


class Past(NamedTuple):
    """The exposure to all that lies before an instant."""

    until_ms: int
    exposure: Exposure


class Pasts:
    """What long stays have gone through up to the last days, the least used forgotten first."""

    def __init__(self, kept_max: int = PASTS_MAX) -> None:
        self._kept_max = kept_max
        self._known: OrderedDict[PastKey, Past] = OrderedDict()
        self._of_sensor: dict[str, set[PastKey]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: PastKey, until_ms: int) -> Past | None:
        """What is kept under a key, if it does not reach beyond the instant."""
        found = self._known.get(key)
        if found is None or found.until_ms > until_ms:
            return None
        self._known.move_to_end(key)
        return found

    def keep(self, key: PastKey, past: Past) -> Past:
        """Keep and give back."""
        self._known[key] = past
        self._known.move_to_end(key)
        self._of_sensor.setdefault(key[0], set()).add(key)
        if len(self._known) > self._kept_max:
            self._drop(next(iter(self._known)))
        return past

    def forget(self, sensor: str, hour_ms: int) -> None:
        """Drop what rests on an hour of a sensor."""
        for key in [key for key in self._of_sensor.get(sensor, ()) if self._known[key].until_ms > hour_ms]:
            self._drop(key)

    def clear(self) -> None:
        """Drop all."""
        self._known.clear()
        self._of_sensor.clear()

    def _drop(self, key: PastKey) -> None:
        del self._known[key]
        self._of_sensor[key[0]].discard(key)
        if not self._of_sensor[key[0]]:
            del self._of_sensor[key[0]]


class Hours:
    """Exposures and samples of sensors, from a readings store; for one thread. Reading raises Unavailable."""

    def __init__(self, store: ReadingsStore, blocks_max: int = BLOCKS_MAX) -> None:
        self._store = store
        self._blocks_max = blocks_max
        self._days: OrderedDict[tuple[str, int], _Day] = OrderedDict()
        self._pasts = Pasts()

    def forget(self, sensor: str, hour_ms: int) -> None:
        """Read this hour anew when it is asked for again."""
        day = self._days.get((sensor, _floor(hour_ms, DAY_MS)))
        if day is not None:
            day.forget(_floor(hour_ms, HOUR_MS))
        self._pasts.forget(sensor, hour_ms)

    def read_again(self, hours: Collection[tuple[str, int]]) -> None:
        """Forget these hours, and read those of remembered days anew, many in one question."""
        for sensor, hour_ms in hours:
            self.forget(sensor, hour_ms)
        asked = {(sensor, _floor(ms, HOUR_MS)) for sensor, ms in hours if (sensor, _floor(ms, DAY_MS)) in self._days}
        ordered = sorted(asked)
        for first in range(0, len(ordered), SPANS_AT_ONCE):
            self._read_spans(ordered[first : first + SPANS_AT_ONCE])

    def forget_all(self) -> None:
        """Read everything anew; another process may have judged meanwhile."""
        self._days.clear()
        self._pasts.clear()

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
        """The exposure to [from_ms, until_ms): what is long past, whole days and hours from memory, else samples."""
        settled_ms = _floor(until_ms, DAY_MS) - SETTLED_DAYS * DAY_MS
        if from_ms >= settled_ms:
            return self._by_days(sensor, from_ms, until_ms, measure)
        key = (sensor, from_ms, measure)
        known = self._pasts.find(key, settled_ms)
        if known is None or known.until_ms < settled_ms:
            begun = [] if known is None else [known.exposure]
            more = self._by_days(sensor, from_ms if known is None else known.until_ms, settled_ms, measure)
            known = self._pasts.keep(key, Past(settled_ms, merge_all([*begun, more], measure[1])))
        return merge_all([known.exposure, self._by_days(sensor, settled_ms, until_ms, measure)], measure[1])

    def _by_days(self, sensor: str, from_ms: int, until_ms: int, measure: Measure) -> Exposure:
        pieces: list[Exposure] = []
        for begin in range(_floor(from_ms, DAY_MS), until_ms, 7 * DAY_MS):
            end = min(begin + 7 * DAY_MS, until_ms)
            self._read_missing(sensor, max(begin, from_ms), end, measure)
            days = range(begin, end, DAY_MS)
            pieces += [self._in_day(sensor, day_ms, (from_ms, until_ms), measure) for day_ms in days]
        return merge_all(pieces, measure[1])

    def _in_day(self, sensor: str, day_ms: int, span: tuple[int, int], measure: Measure) -> Exposure:
        from_ms, until_ms = span
        day = self._day(sensor, day_ms)
        if from_ms <= day_ms and day_ms + DAY_MS <= until_ms:
            if measure not in day.summaries:
                day.summaries[measure] = self._whole_day(sensor, day_ms, measure)
            return day.summaries[measure]
        begin, end = max(day_ms, _floor(from_ms, HOUR_MS)), min(day_ms + DAY_MS, until_ms)
        pieces = [self._in_hour(sensor, hour_ms, span, measure) for hour_ms in range(begin, end, HOUR_MS)]
        return merge_all(pieces, measure[1])

    def _whole_day(self, sensor: str, day_ms: int, measure: Measure) -> Exposure:
        """All hours up to the last one with samples in one go, kept while only later ones change, and that one."""
        day = self._day(sensor, day_ms)
        hours = {hour_ms: self._hour(sensor, hour_ms) for hour_ms in range(day_ms, day_ms + DAY_MS, HOUR_MS)}
        last_ms = max((hour_ms for hour_ms, hour in hours.items() if hour.instants), default=day_ms)
        if measure not in day.begun or day.begun[measure][0] > last_ms:
            earlier = [one for ms, hour in hours.items() if ms < last_ms for one in hour.between(ms, ms + HOUR_MS)]
            day.begun[measure] = (last_ms, summarise(sensor, earlier, *measure))
        begun_ms, begun = day.begun[measure]
        whole = (day_ms, day_ms + DAY_MS)
        if begun_ms < last_ms:
            since = range(begun_ms, last_ms, HOUR_MS)
            begun = merge_all([begun, *(self._in_hour(sensor, ms, whole, measure) for ms in since)], measure[1])
            day.begun[measure] = (last_ms, begun)
        return merge_all([begun, self._in_hour(sensor, last_ms, whole, measure)], measure[1])

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
            hour = _Hour(samples[begin:end]) if begin < end else _EMPTY
            self._day(sensor, _floor(hour_ms, DAY_MS)).hours[hour_ms] = hour

    def _read_spans(self, hours: Sequence[tuple[str, int]]) -> None:
        rows: dict[tuple[str, int], list[Reading]] = {one: [] for one in hours}
        for row in self._store.read_many([(sensor, ms, ms + HOUR_MS) for sensor, ms in hours]):
            place = (row.sensor, _floor(row.measured_at_ms, HOUR_MS))
            if place in rows:
                rows[place].append(row)
        for (sensor, hour_ms), found in rows.items():
            samples = samples_of(found)
            self._day(sensor, _floor(hour_ms, DAY_MS)).hours[hour_ms] = _Hour(samples) if samples else _EMPTY

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
