"""An exposure: what one trace of readings went through, as a monoid over pieces of it.

`summarise` makes one from the readings of an hour alone, `merge` joins two neighbours and adds the span between them,
and `empty` changes nothing. Cut a series anywhere, summarise the pieces, merge them in order: the result equals (`==`)
the summary of the whole. Late data therefore rebuilds one hour. Hot and cold never share an accumulator: each limit has
its own runs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from sheetal.contracts.limits import Side
from sheetal.thermal.mkt import rate
from sheetal.thermal.runs import Gap, Limit, Sample, find_runs, gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sheetal.contracts.verdict import Run

Limits = tuple[Limit, ...]


class Edge(NamedTuple):
    """The first or last reading of a piece, with the cap that its sensor's interval sets on the span beside it."""

    ms: int
    centi_celsius: int
    cap_ms: int


class Exposure(NamedTuple):
    """One piece of a trace; `runs[i]` are the runs beyond `limits[i]`, `gaps` the spans beyond the cap."""

    limits: Limits
    first: Edge | None
    last: Edge | None
    readings: int
    centi_celsius_sum: int
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    known_half_ms: int
    unknown_half_ms: int
    rate_sum: int
    gaps: tuple[Gap, ...]
    runs: tuple[tuple[Run, ...], ...]


def empty(limits: Limits) -> Exposure:
    """The exposure to nothing at all, neutral in `merge`."""
    return Exposure(limits, None, None, 0, 0, None, None, 0, 0, 0, (), tuple(() for _ in limits))


def summarise(sensor: str, samples: Sequence[Sample], cap_ms: int, limits: Limits) -> Exposure:
    """The exposure of a sorted series of (ms, centi-degrees) at most one an instant."""
    if not samples:
        return empty(limits)
    values = [centi_celsius for _, centi_celsius in samples]
    known, rate_sum = 0, 0
    for (earlier, left), (later, right) in pairwise(samples):
        if later - earlier <= cap_ms:
            known += later - earlier
            rate_sum += (later - earlier) * (rate(left) + rate(right))
    missing = gaps(samples, cap_ms)
    return Exposure(
        limits=limits,
        first=Edge(*samples[0], cap_ms),
        last=Edge(*samples[-1], cap_ms),
        readings=len(values),
        centi_celsius_sum=sum(values),
        centi_celsius_min=min(values),
        centi_celsius_max=max(values),
        known_half_ms=2 * known,
        unknown_half_ms=2 * sum(gap.until_ms - gap.from_ms for gap in missing),
        rate_sum=rate_sum,
        gaps=tuple(missing),
        runs=tuple(tuple(find_runs(sensor, samples, limit, cap_ms)) for limit in limits),
    )


def merge(left: Exposure, right: Exposure) -> Exposure:
    """The exposure to both, one after the other; raises ValueError for different limits or overlapping times."""
    if left.limits != right.limits:
        raise ValueError("exposures beyond different limits do not merge")
    if left.first is None or left.last is None:
        return right
    if right.first is None or right.last is None:
        return left
    span = right.first.ms - left.last.ms
    if span <= 0:
        raise ValueError(f"the right piece begins at {right.first.ms}, not after {left.last.ms}")
    known = span <= max(left.last.cap_ms, right.first.cap_ms)
    rates = rate(left.last.centi_celsius) + rate(right.first.centi_celsius) if known else 0
    return Exposure(
        limits=left.limits,
        first=left.first,
        last=right.last,
        readings=left.readings + right.readings,
        centi_celsius_sum=left.centi_celsius_sum + right.centi_celsius_sum,
        centi_celsius_min=_both(min, left.centi_celsius_min, right.centi_celsius_min),
        centi_celsius_max=_both(max, left.centi_celsius_max, right.centi_celsius_max),
        known_half_ms=left.known_half_ms + right.known_half_ms + 2 * span * known,
        unknown_half_ms=left.unknown_half_ms + right.unknown_half_ms + 2 * span * (not known),
        rate_sum=left.rate_sum + right.rate_sum + span * rates,
        gaps=left.gaps + (() if known else (Gap(left.last.ms, right.first.ms),)) + right.gaps,
        runs=tuple(
            join_runs(limit, (before, left.last), (right.first, after))
            for limit, before, after in zip(left.limits, left.runs, right.runs, strict=True)
        ),
    )


def merge_all(pieces: Iterable[Exposure], limits: Limits) -> Exposure:
    """The exposure to all pieces in order, by halves, so that long histories stay cheap."""
    row = list(pieces)
    while len(row) > 1:
        paired = [merge(one, other) for one, other in zip(row[::2], row[1::2], strict=False)]
        row = paired + row[2 * len(paired) :]
    return row[0] if row else empty(limits)


def join_runs(
    limit: Limit,
    left: tuple[tuple[Run, ...], Edge],
    right: tuple[Edge, tuple[Run, ...]],
) -> tuple[Run, ...]:
    """The runs of two neighbouring pieces, with the span between them shared out by the house's time rule."""
    (before, last), (first, after) = left, right
    span = first.ms - last.ms
    cap = max(last.cap_ms, first.cap_ms)
    reach = min(span, cap)
    ends, begins = limit.violated_by(last.centi_celsius), limit.violated_by(first.centi_celsius)
    if ends and begins and span <= cap:
        return (*before[:-1], _joined(before[-1], after[0], span), *after[1:])
    if ends:
        before = (*before[:-1], extend_after(before[-1], reach))
    if begins:
        after = (extend_before(after[0], reach), *after[1:])
    return before + after


def extend_before(run: Run, reach_ms: int) -> Run:
    """The run, possibly begun that much earlier."""
    return replace(
        run,
        earliest_possible_start_ms=run.earliest_possible_start_ms - reach_ms,
        possible_half_ms=run.possible_half_ms + 2 * reach_ms,
    )


def extend_after(run: Run, reach_ms: int) -> Run:
    """The run, ended, possibly that much later."""
    return replace(run, possible_half_ms=run.possible_half_ms + 2 * reach_ms, open=False)


def _joined(left: Run, right: Run, span_ms: int) -> Run:
    worst = min if left.side is Side.COLD else max
    return replace(
        left,
        last_ms=right.last_ms,
        confirmed_half_ms=left.confirmed_half_ms + right.confirmed_half_ms + 2 * span_ms,
        possible_half_ms=left.possible_half_ms + right.possible_half_ms + 2 * span_ms,
        extreme_centi_celsius=worst(left.extreme_centi_celsius, right.extreme_centi_celsius),
        samples=left.samples + right.samples,
        open=right.open,
    )


def _both(choose: Callable[[list[int]], int], left: int | None, right: int | None) -> int | None:
    known = [value for value in (left, right) if value is not None]
    return choose(known) if known else None
