"""What an offered row is to the store: new, there already, or in conflict with what is there (pure).

A row newer than everything stored of its sensor can be in no conflict and is written blind. Any other row is compared
with the stored ones of its span first, because InfluxDB overwrites silently.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sheetal.contracts.reading import Reading

SPAN_GAP_MS_MAX = 6 * HOUR_MS
"""Rows further apart are read back by two spans, so that a fresh and a month-old row cost two reads, not a month."""
SENSORS_MAX = 200_000


class Conflict(NamedTuple):
    """Two samples for one key that do not agree; the stored one stays."""

    stored: Reading
    offered: Reading


class Split(NamedTuple):
    """Offered rows by what they are to the store."""

    new: list[Reading]
    repeated: list[Reading]
    conflicting: list[Conflict]


class Span(NamedTuple):
    """A half-open range of one sensor that must be read back."""

    sensor: str
    start_ms: int
    end_ms: int


class StoredThrough:
    """The newest stored instant of each sensor, as far as this worker knows for certain; bounded, oldest use goes."""

    def __init__(self, sensors_max: int = SENSORS_MAX) -> None:
        self._instants: OrderedDict[str, int] = OrderedDict()
        self._sensors_max = sensors_max

    def get(self, sensor: str) -> int | None:
        """The instant beyond which the store holds nothing of this sensor; None when that is not known."""
        return self._instants.get(sensor)

    def advance(self, sensor: str, measured_at_ms: int) -> None:
        """Remembers an instant unless a later one is known."""
        known = self._instants.get(sensor)
        self._instants[sensor] = measured_at_ms if known is None else max(known, measured_at_ms)
        self._instants.move_to_end(sensor)
        if len(self._instants) > self._sensors_max:
            self._instants.popitem(last=False)

    def forget(self) -> None:
        """Knows nothing from now on, as when another worker writes too."""
        self._instants.clear()


def by_sensor(readings: Iterable[Reading]) -> dict[str, list[int]]:
    """The offered instants of each sensor, sorted."""
    instants: defaultdict[str, list[int]] = defaultdict(list)
    for reading in readings:
        instants[reading[0]].append(reading[1])
    for offered in instants.values():
        offered.sort()
    return instants


def has_repeats(instants: Mapping[str, Sequence[int]]) -> bool:
    """Whether any sensor is offered two rows for one instant."""
    return any(len(set(offered)) < len(offered) for offered in instants.values())


def spans_to_read(sensor: str, instants: Sequence[int], stored_through_ms: int | None) -> list[Span]:
    """The ranges that hold every sorted instant that is not known to be newer than the store."""
    spans: list[Span] = []
    for instant in instants:
        if stored_through_ms is not None and instant > stored_through_ms:
            break
        if spans and instant - spans[-1].end_ms < SPAN_GAP_MS_MAX:
            spans[-1] = spans[-1]._replace(end_ms=instant + 1)
        else:
            spans.append(Span(sensor, instant, instant + 1))
    return spans


def split(offered: Sequence[Reading], stored: Sequence[Reading]) -> Split:
    """Compares rows with those read back, and with each other: of two new rows for one key the first is kept."""
    kept = {(reading.sensor, reading.measured_at_ms): reading for reading in stored}
    result = Split([], [], [])
    for reading in offered:
        key = (reading.sensor, reading.measured_at_ms)
        known = kept.get(key)
        if known is None:
            kept[key] = reading
            result.new.append(reading)
        elif says_the_same(known, reading):
            result.repeated.append(reading)
        else:
            result.conflicting.append(Conflict(known, reading))
    return result


def says_the_same(one: Reading, other: Reading) -> bool:
    """Whether two samples of one key carry the same value; which boot and sequence brought it does not matter."""
    return one.centi_celsius == other.centi_celsius and one.quality == other.quality
