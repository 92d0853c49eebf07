"""An exposure: what one trace of readings went through, as a monoid over pieces of it.

`summarise` makes one from the readings of an hour alone, `merge_all` joins neighbours and adds the spans between them,
and `empty` changes nothing. Cut a series anywhere, summarise the pieces, merge them in order: the result equals (`==`)
the summary of the whole. Late data therefore rebuilds one hour. Hot and cold never share an accumulator: each limit has
its own runs. Nothing is kept twice: extremes and known time are read off the histogram, unknown time off the gaps.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from sheetal.contracts.limits import Side
from sheetal.thermal import columns, histogram
from sheetal.thermal.runs import Gap, Limit, Sample, find_runs, gaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.contracts.verdict import Run
    from sheetal.thermal.columns import Columns
    from sheetal.thermal.histogram import Histogram

COLUMNS_FROM = 150
"""Samples from which on columns are quicker than lists; both give the same."""

Limits = tuple[Limit, ...]


class Edge(NamedTuple):
    """The first or last reading of a piece, with the cap that its sensor's interval sets on the span beside it."""

    ms: int
    centi_celsius: int
    cap_ms: int


class Exposure(NamedTuple):
    """One piece of a trace.

    `at` tells the known half-milliseconds at each temperature, `gaps` the spans beyond the cap, `runs[i]` the runs
    beyond `limits[i]`.
    """

    limits: Limits
    first: Edge | None
    last: Edge | None
    readings: int
    centi_celsius_sum: int
    at: Histogram
    gaps: tuple[Gap, ...]
    runs: tuple[tuple[Run, ...], ...]

    @property
    def centi_celsius_min(self) -> int | None:
        """The coldest reading."""
        return self.at[0][0] if self.at else None

    @property
    def centi_celsius_max(self) -> int | None:
        """The warmest reading."""
        return self.at[-1][0] if self.at else None

    @property
    def known_half_ms(self) -> int:
        """Time between readings at most the cap apart."""
        return histogram.total_half_ms(self.at)

    @property
    def unknown_half_ms(self) -> int:
        """Time in gaps."""
        return 2 * sum(gap.until_ms - gap.from_ms for gap in self.gaps)


class Seam(NamedTuple):
    """The span between two neighbouring pieces; the longer cap of the two decides whether it is known."""

    last: Edge
    first: Edge

    @property
    def span_ms(self) -> int:
        """Its length."""
        return self.first.ms - self.last.ms

    @property
    def cap_ms(self) -> int:
        """The longest that it may be and still count as data."""
        return max(self.last.cap_ms, self.first.cap_ms)

    @property
    def is_known(self) -> bool:
        """Whether it counts as data."""
        return self.span_ms <= self.cap_ms

    @property
    def reach_ms(self) -> int:
        """How much of it possibly belongs to a run at either side."""
        return min(self.span_ms, self.cap_ms)

    def at(self) -> Histogram:
        """Its time, half at each end."""
        span_ms = self.span_ms
        return ((self.last.centi_celsius, span_ms), (self.first.centi_celsius, span_ms)) if self.is_known else ()

    def gap(self) -> tuple[Gap, ...]:
        """Itself, if it is one."""
        return () if self.is_known else (Gap(self.last.ms, self.first.ms),)


def empty(limits: Limits) -> Exposure:
    """The exposure to nothing at all, neutral in `merge`."""
    return Exposure(limits, None, None, 0, 0, (), (), tuple(() for _ in limits))


def summarise(sensor: str, samples: Sequence[Sample], cap_ms: int, limits: Limits) -> Exposure:
    """The exposure of a sorted series of (ms, centi-degrees) at most one an instant."""
    if len(samples) >= COLUMNS_FROM:
        return summarise_columns(sensor, columns.columns_of(samples), cap_ms, limits)
    if not samples:
        return empty(limits)
    at = histogram.known_times(samples, cap_ms)
    return Exposure(
        limits=limits,
        first=Edge(*samples[0], cap_ms),
        last=Edge(*samples[-1], cap_ms),
        readings=len(samples),
        centi_celsius_sum=sum(centi_celsius for _, centi_celsius in samples),
        at=at,
        gaps=tuple(gaps(samples, cap_ms)),
        runs=tuple(
            tuple(find_runs(sensor, samples, limit, cap_ms)) if _is_passed(limit, at) else () for limit in limits
        ),
    )


def summarise_columns(sensor: str, samples: Columns, cap_ms: int, limits: Limits) -> Exposure:
    """The same exposure (`==`) of the same series in two arrays, some hundred times quicker where it is long."""
    if not len(samples.at_ms):
        return empty(limits)
    trace = columns.trace_of(samples, cap_ms)
    at = columns.known_times(trace)
    return Exposure(
        limits=limits,
        first=Edge(*samples.sample(0), cap_ms),
        last=Edge(*samples.sample(-1), cap_ms),
        readings=len(samples.at_ms),
        centi_celsius_sum=int(samples.centi_celsius.sum(dtype="int64")),
        at=at,
        gaps=tuple(columns.gaps(trace)),
        runs=tuple(tuple(columns.find_runs(sensor, trace, limit)) if _is_passed(limit, at) else () for limit in limits),
    )


def _is_passed(limit: Limit, at: Histogram) -> bool:
    """Whether the worst reading lies beyond the limit."""
    return limit.violated_by(at[0 if limit.side is Side.COLD else -1][0])


def merge(left: Exposure, right: Exposure) -> Exposure:
    """The exposure to both, one after the other; raises ValueError for different limits or overlapping times."""
    return merge_all((left, right), left.limits)


def merge_all(pieces: Iterable[Exposure], limits: Limits) -> Exposure:
    """The exposure to all pieces in order, in one pass; raises ValueError as `merge` does."""
    row = list(pieces)
    if any(piece.limits != limits for piece in row):
        raise ValueError("exposures beyond different limits do not merge")
    row = [piece for piece in row if piece.readings]
    if len(row) <= 1:
        return row[0] if row else empty(limits)
    seams = [_seam(left, right) for left, right in pairwise(row)]
    return Exposure(
        limits=limits,
        first=row[0].first,
        last=row[-1].last,
        readings=sum(piece.readings for piece in row),
        centi_celsius_sum=sum(piece.centi_celsius_sum for piece in row),
        at=histogram.add(chain((piece.at for piece in row), (seam.at() for seam in seams))),
        gaps=tuple(sorted(chain(*(piece.gaps for piece in row), *(seam.gap() for seam in seams)))),
        runs=tuple(
            _runs_over(limit, [piece.runs[index] for piece in row], seams) for index, limit in enumerate(limits)
        ),
    )


def _seam(left: Exposure, right: Exposure) -> Seam:
    if left.last is None or right.first is None:
        raise ValueError("a piece without readings has no ends")
    if right.first.ms <= left.last.ms:
        raise ValueError(f"the right piece begins at {right.first.ms}, not after {left.last.ms}")
    return Seam(left.last, right.first)


def _runs_over(limit: Limit, row: Sequence[tuple[Run, ...]], seams: Sequence[Seam]) -> tuple[Run, ...]:
    """The runs of neighbouring pieces; only those at a seam can change."""
    found = list(row[0])
    for seam, after in zip(seams, row[1:], strict=True):
        if found or after:
            found[-1:] = join_runs(limit, (tuple(found[-1:]), seam.last), (seam.first, after[:1]))
            found += after[1:]
    return tuple(found)


def join_runs(
    limit: Limit,
    left: tuple[tuple[Run, ...], Edge],
    right: tuple[Edge, tuple[Run, ...]],
) -> tuple[Run, ...]:
    """The runs of two neighbouring pieces, with the span between them shared out by the house's time rule."""
    (before, last), (first, after) = left, right
    seam = Seam(last, first)
    ends, begins = limit.violated_by(last.centi_celsius), limit.violated_by(first.centi_celsius)
    if ends and begins and seam.is_known:
        return (*before[:-1], _joined(before[-1], after[0], seam.span_ms), *after[1:])
    if ends:
        before = (*before[:-1], extend_after(before[-1], seam.reach_ms))
    if begins:
        after = (extend_before(after[0], seam.reach_ms), *after[1:])
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
