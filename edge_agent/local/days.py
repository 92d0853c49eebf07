"""One local day, or any other span, told from its readings (pure).

The span between two successive values at most a cap apart belongs half to each (DESIGN section 7); every other moment
is unknown: a gap, or a probe that named a fault. Nothing is ever bridged.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from edge_agent.outbox.history import Told

GAPS_MAX = 24
SLOTS_A_DAY = 12


class Rule(NamedTuple):
    """What is in range, and the longest step between two values that is not a gap."""

    low: int
    high: int
    cap_ms: int


class Story(NamedTuple):
    """What is known of a span; values in centi-degrees, None where there is none.

    `mean` weighs each value by its time. `gaps` are unknown spans, the longest `GAPS_MAX` of `gaps_total` in order.
    `slots` are the lowest and highest of equal parts of the span, None for a part without any value.
    """

    from_ms: int
    until_ms: int
    rows: int
    low: int | None
    high: int | None
    mean: int | None
    outside_ms: int
    unknown_ms: int
    gaps: tuple[tuple[int, int], ...]
    gaps_total: int
    slots: tuple[tuple[int, int] | None, ...]


def tell(rows: Sequence[Told], from_ms: int, until_ms: int, rule: Rule, slots: int = SLOTS_A_DAY) -> Story:
    """The story of a half-open span from readings in order; those a cap before and after belong to it too."""
    inside = [row for row in rows if from_ms <= row.measured_at_ms < until_ms]
    values = [row.centi_celsius for row in inside if _is_value(row) and row.centi_celsius is not None]
    known: list[tuple[int, int]] = []
    outside_ms = weight = total = 0
    for start_ms, end_ms, value in _held(rows, rule.cap_ms):
        start, end = max(start_ms, from_ms), min(end_ms, until_ms)
        if start >= end:
            continue
        known.append((start, end))
        weight += end - start
        total += value * (end - start)
        outside_ms += 0 if rule.low <= value <= rule.high else end - start
    gaps = _between(known, from_ms, until_ms)
    longest = sorted(sorted(gaps, key=lambda gap: gap[0] - gap[1])[:GAPS_MAX])
    return Story(
        from_ms=from_ms,
        until_ms=until_ms,
        rows=len(values),
        low=min(values, default=None),
        high=max(values, default=None),
        mean=round(total / weight) if weight else None,
        outside_ms=outside_ms,
        unknown_ms=sum(end - start for start, end in gaps),
        gaps=tuple(longest),
        gaps_total=len(gaps),
        slots=_slots(inside, from_ms, until_ms, slots),
    )


def _is_value(row: Told) -> bool:
    return row.centi_celsius is not None and row.quality == Quality.OK


def _held(rows: Sequence[Told], cap_ms: int) -> Iterator[tuple[int, int, int]]:
    """The half spans that belong to a value; a fault between two values ends what is known."""
    before: Told | None = None
    for row in rows:
        if not _is_value(row) or row.centi_celsius is None:
            before = None
            continue
        if before is not None and before.centi_celsius is not None:
            step_ms = row.measured_at_ms - before.measured_at_ms
            if 0 < step_ms <= cap_ms:
                middle_ms = before.measured_at_ms + step_ms // 2
                yield before.measured_at_ms, middle_ms, before.centi_celsius
                yield middle_ms, row.measured_at_ms, row.centi_celsius
        before = row


def _between(known: Sequence[tuple[int, int]], from_ms: int, until_ms: int) -> list[tuple[int, int]]:
    gaps, at_ms = [], from_ms
    for start, end in known:
        if start > at_ms:
            gaps.append((at_ms, start))
        at_ms = max(at_ms, end)
    return [*gaps, (at_ms, until_ms)] if at_ms < until_ms else gaps


def _slots(rows: Sequence[Told], from_ms: int, until_ms: int, count: int) -> tuple[tuple[int, int] | None, ...]:
    found: list[tuple[int, int] | None] = [None] * count
    for row in rows:
        if not _is_value(row) or row.centi_celsius is None:
            continue
        slot = (row.measured_at_ms - from_ms) * count // (until_ms - from_ms)
        low, high = found[slot] or (row.centi_celsius, row.centi_celsius)
        found[slot] = min(low, row.centi_celsius), max(high, row.centi_celsius)
    return tuple(found)


def local_day(at_ms: int, zone: tzinfo) -> date:
    """The date on the wall at an instant."""
    return datetime.fromtimestamp(at_ms / 1_000, zone).date()


def bounds(day: date, zone: tzinfo) -> tuple[int, int]:
    """A local day, from midnight to midnight."""
    return instant(day, 0, zone), instant(day + timedelta(days=1), 0, zone)


def instant(day: date, hour: int, zone: tzinfo) -> int:
    """The instant at which it is this hour of a local day."""
    return round(datetime.combine(day, time(hour), zone).timestamp() * 1_000)


def periods(hours: tuple[int, int], from_ms: int, until_ms: int, zone: tzinfo) -> list[tuple[int, int]]:
    """The spans between the record's hours that end after `from_ms` and at or before `until_ms`, oldest first."""
    first, last = local_day(from_ms, zone), local_day(until_ms, zone)
    edges = [
        instant(first + timedelta(days=number), hour, zone)
        for number in range(-1, (last - first).days + 2)
        for hour in hours
    ]
    return [(start, end) for start, end in pairwise(edges) if from_ms < end <= until_ms]
