"""How good warnings were: forecasts replayed over a trace as it came, held against when the limit was really passed.

Nothing after an instant is known to the forecast made at it: the same memory (`alerts.recent`) is fed sample by sample,
and the same look decides whether a forecast is worth making.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from alerts.recent import Recent
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.thermal.forecast import outlook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.thermal.forecast import Outlook
    from sheetal.thermal.runs import Beyond, Sample

MAKE_MS = 5 * MINUTE_MS
QUIET_MS = HOUR_MS
"""Passing a limit again within an hour is the same event: a value that dances on the limit is no second harm."""
GAP_MS = HOUR_MS
AHEAD_MS_MAX = 6 * HOUR_MS
MONTH_MS = 30 * DAY_MS
GRACE_MS = HOUR_MS


class Trace(NamedTuple):
    """A series as a logger said it, the truth beside it (the same series where nothing truer is known), and a limit."""

    name: str
    said: Sequence[Sample]
    truth: Sequence[Sample]
    limit: Beyond


class Made(NamedTuple):
    """A warning and when it was given."""

    at_ms: int
    found: Outlook


class Score(NamedTuple):
    """What became of the warnings; add scores to judge many traces together.

    `errors_minutes` has one entry for each passing of the limit that was warned of: the median error of the warnings
    before it. `leads_minutes` says how long before it the first of them came. `inside` of `asked` warnings had the true
    instant between their low and high. `false` counts episodes of warnings that no passing followed.
    """

    months: float = 0.0
    passings: int = 0
    errors_minutes: tuple[float, ...] = ()
    leads_minutes: tuple[float, ...] = ()
    inside: int = 0
    asked: int = 0
    false: int = 0

    def plus(self, other: Score) -> Score:
        """Both together."""
        return Score(
            months=self.months + other.months,
            passings=self.passings + other.passings,
            errors_minutes=self.errors_minutes + other.errors_minutes,
            leads_minutes=self.leads_minutes + other.leads_minutes,
            inside=self.inside + other.inside,
            asked=self.asked + other.asked,
            false=self.false + other.false,
        )

    @property
    def median_error_minutes(self) -> float | None:
        """The median over all passings that were warned of."""
        return median(self.errors_minutes) if self.errors_minutes else None

    @property
    def median_lead_minutes(self) -> float | None:
        """How long before a passing the first warning came, in the middle."""
        return median(self.leads_minutes) if self.leads_minutes else None

    @property
    def false_a_month(self) -> float | None:
        """False warnings per appliance-month of 30 days."""
        return self.false / self.months if self.months else None


def total(scores: Iterable[Score]) -> Score:
    """All scores together."""
    added = Score()
    for score in scores:
        added = added.plus(score)
    return added


def score_of(trace: Trace) -> Score:
    """Replay one trace."""
    warnings = warnings_of(trace.said, trace.limit)
    passings = passings_of(trace.truth, trace.limit)
    before = [_before(warnings, passed_ms, earlier) for earlier, passed_ms in pairwise([0, *passings])]
    errors = [[abs(_error(made, passed_ms)) for made in some] for some, passed_ms in zip(before, passings, strict=True)]
    told = [made for some in before for made in some]
    inside = sum(_is_inside(made, passed_ms) for some, passed_ms in zip(before, passings, strict=True) for made in some)
    return Score(
        months=_known_ms(trace.said) / MONTH_MS,
        passings=len(passings),
        errors_minutes=tuple(median(some) for some in errors if some),
        leads_minutes=tuple(
            (passed_ms - some[0].at_ms) / MINUTE_MS for some, passed_ms in zip(before, passings, strict=True) if some
        ),
        inside=inside,
        asked=len(told),
        false=sum(not _came_true(episode, passings) for episode in episodes(warnings)),
    )


def warnings_of(said: Sequence[Sample], limit: Beyond) -> list[Made]:
    """Every warning that would have been given, one each five minutes at most."""
    recent = Recent()
    found: list[Made] = []
    made_ms = 0
    for at_ms, value in said:
        recent.add(at_ms, value)
        if at_ms - made_ms < MAKE_MS or not recent.has_moved():
            continue
        made_ms = at_ms
        seen = outlook(recent.samples(), limit, at_ms)
        if seen is not None and seen.is_warning:
            found.append(Made(at_ms, seen))
    return found


def passings_of(truth: Sequence[Sample], limit: Beyond) -> list[int]:
    """When the limit was passed: the first instant beyond it after at least an hour on the good side."""
    found: list[int] = []
    beyond_ms: int | None = None
    for at_ms, value in truth:
        if not limit.violated_by(value):
            continue
        if (beyond_ms is None and at_ms - truth[0][0] >= QUIET_MS) or (
            beyond_ms is not None and at_ms - beyond_ms >= QUIET_MS
        ):
            found.append(at_ms)
        beyond_ms = at_ms
    return found


def episodes(warnings: Sequence[Made]) -> list[list[Made]]:
    """Warnings that follow one another within an hour are one to the people who get them."""
    found: list[list[Made]] = []
    for made in warnings:
        if found and made.at_ms - found[-1][-1].at_ms <= GAP_MS:
            found[-1].append(made)
        else:
            found.append([made])
    return found


def _before(warnings: Sequence[Made], passed_ms: int, earlier_ms: int) -> list[Made]:
    """The warnings of a passing: those of the last six hours before it, and after the one before it."""
    times = [made.at_ms for made in warnings]
    begin = bisect_right(times, max(earlier_ms, passed_ms - AHEAD_MS_MAX))
    return list(warnings[begin : bisect_left(times, passed_ms)])


def _came_true(episode: Sequence[Made], passings: Sequence[int]) -> bool:
    """Whether the limit was passed during the episode, or not later than twice what its last warning said, and an hour.

    Generous on purpose: being late by that much is an error in minutes, not a false warning.
    """
    last = episode[-1]
    until_ms = last.at_ms + 2 * last.found.minutes * MINUTE_MS + GRACE_MS
    return any(episode[0].at_ms <= passed_ms <= until_ms for passed_ms in passings)


def _error(made: Made, passed_ms: int) -> float:
    """How many minutes too late the warning put it; negative for too early."""
    return made.found.minutes - (passed_ms - made.at_ms) / MINUTE_MS


def _is_inside(made: Made, passed_ms: int) -> bool:
    left = (passed_ms - made.at_ms) / MINUTE_MS
    return made.found.low <= left and (made.found.high is None or left <= made.found.high)


def _known_ms(said: Sequence[Sample]) -> int:
    """The time that the trace speaks of; longer gaps than an hour are nobody's month."""
    return sum(later - earlier for (earlier, _), (later, _) in pairwise(said) if later - earlier <= GAP_MS)
