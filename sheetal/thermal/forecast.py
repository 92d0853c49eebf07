"""Warning before harm: when an appliance that has left its usual cycle will pass a limit.

A refrigerator that works goes up and down all day, and every warm half of its cycle looks like the beginning of a
failure. So two things are told apart: how long until the limit, if it goes on like this (a fit to the stretch since the
last turn, see `cooling`), and whether this is news (warmer, or colder, than it was nearly all of the last day).
It says None where it cannot tell: too few readings, none fresh, no movement to the limit, no curve that gets there.
"""

from __future__ import annotations

from statistics import median_low
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.limits import HOUR_MS, MINUTE_MS, Side
from sheetal.thermal import cooling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.thermal.runs import Beyond, Sample

HISTORY_MS_MIN = 6 * HOUR_MS
"""With less behind it an appliance's cycle is not known; nothing is news then but a value near the limit."""
FIT_MS = HOUR_MS
"""Short enough that one exponential is true of air, load and lining together; longer fits were further off."""
TURN_CENTI_CELSIUS = 40
RISE_CENTI_CELSIUS_MIN = 40
GAP_MS = 45 * MINUTE_MS
FRESH_MS_MAX = 30 * MINUTE_MS
HORIZON_MINUTES = 24 * 60
"""Further ahead a fit to two hours says nothing."""
USUAL_SHARE = 0.98
UNUSUAL_CENTI_CELSIUS = 40
UNUSUAL_PERCENT = 40
"""How much of the way from its usual day to the limit an appliance must have gone: less of it is a busy morning."""
NEWS_READINGS = 2
"""One reading alone is a door or warm goods put in; it halved the false warnings of real cold stores to want two."""
WARNING_MINUTES_MAX = 3 * 60
"""People are told at most this long before a limit; what is further off may still turn."""


class Outlook(NamedTuple):
    """Minutes from now to a limit, if it goes on like this; `high` is None where it may never get there.

    `is_news` is whether the appliance has left its usual cycle. `rise_minutes` is how long the stretch has lasted.
    """

    minutes: int
    low: int
    high: int | None
    is_news: bool
    tau_minutes: int
    asymptote_centi_celsius: int
    error_centi_celsius: int
    samples: int
    rise_minutes: int

    @property
    def is_warning(self) -> bool:
        """Whether people are to be told now."""
        return self.is_news and self.minutes <= WARNING_MINUTES_MAX


def outlook(samples: Sequence[Sample], limit: Beyond, now_ms: int) -> Outlook | None:
    """What the last day's valid samples, in order, say of one limit; None where they cannot say anything."""
    if not samples or now_ms - samples[-1][0] > FRESH_MS_MAX or limit.violated_by(samples[-1][1]):
        return None
    moving = stretch(samples, limit.side)
    if _way(limit.side) * (moving[-1][1] - moving[0][1]) < RISE_CENTI_CELSIUS_MIN:
        return None
    newest_ms = samples[-1][0]
    fitted = [(ms, value) for ms, value in moving if newest_ms - ms <= FIT_MS]
    found = cooling.fit([(ms - newest_ms) / MINUTE_MS for ms, _ in fitted], [value / 100 for _, value in fitted])
    if found is None:
        return None
    when = cooling.crossing(found, limit.limit_centi_celsius / 100, is_warming=limit.side is Side.HOT)
    if when.middle is None or when.low is None or when.middle > HORIZON_MINUTES:
        return None
    age = (now_ms - newest_ms) / MINUTE_MS
    before = samples[: len(samples) - len(moving)] or moving[:1]
    return Outlook(
        minutes=_whole(when.middle - age),
        low=_whole(when.low - age),
        high=None if when.high is None else _whole(when.high - age),
        is_news=all(is_unusual(before, one, limit) for one in moving[-NEWS_READINGS:]),
        tau_minutes=round(found.tau_minutes),
        asymptote_centi_celsius=round(100 * found.asymptote_celsius),
        error_centi_celsius=round(100 * found.error_celsius),
        samples=found.samples,
        rise_minutes=(newest_ms - moving[0][0]) // MINUTE_MS,
    )


def stretch(samples: Sequence[Sample], side: Side) -> Sequence[Sample]:
    """The samples since the last turn towards this side: a swing of less than 0.4 °C is none, a gap ends it."""
    way = _way(side)
    first = last = len(samples) - 1
    for index in range(last - 1, -1, -1):
        if samples[index + 1][0] - samples[index][0] > GAP_MS:
            break
        value, lowest = way * samples[index][1], way * samples[first][1]
        if value > lowest + TURN_CENTI_CELSIUS:
            break
        if value < lowest:
            first = index
    return samples[first:]


def is_unusual(before: Sequence[Sample], newest: Sample, limit: Beyond) -> bool:
    """Whether the newest value lies clearly beyond where the appliance has been nearly all day, towards the limit.

    Where its day is not known, the last third of the way from what is known of it to the limit counts as unusual.
    """
    way = _way(limit.side)
    values = sorted(way * value for _, value in before)
    if newest[0] - before[0][0] < HISTORY_MS_MIN:
        left = way * limit.limit_centi_celsius - way * newest[1]
        return 3 * left <= way * limit.limit_centi_celsius - median_low(values)
    usual = values[min(len(values) - 1, int(USUAL_SHARE * len(values)))]
    away = max(100 * UNUSUAL_CENTI_CELSIUS, UNUSUAL_PERCENT * (way * limit.limit_centi_celsius - usual))
    return 100 * (way * newest[1] - usual) > away


def _way(side: Side) -> int:
    return 1 if side is Side.HOT else -1


def _whole(minutes: float) -> int:
    return max(0, round(minutes))
