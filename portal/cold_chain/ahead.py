"""What lies ahead of an appliance, in numbers and words for its pages (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal import formats
from portal.language import marked
from sheetal.contracts.limits import MINUTE_MS, Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetal.ledger.forecasts import Forecast


@dataclass(frozen=True)
class Ahead:
    """Minutes from now until an appliance passes a limit (0 when it has), and until its stock is spoilt by the rule.

    Where it may never get there, `limit_minutes_high` is None. `is_warning` says that it has left its usual cycle.
    """

    side: Side
    limit_centi_celsius: int
    limit_minutes: int
    limit_minutes_low: int
    limit_minutes_high: int | None
    minutes_left: int
    is_warning: bool

    @property
    def has_passed(self) -> bool:
        """Whether the limit lies behind it, so that only the rule's own time is left."""
        return self.limit_minutes == 0


def ahead_of(forecast: Forecast | None, now_ms: int) -> Ahead | None:
    """A forecast counted from now on; nothing of one that nobody has renewed."""
    if forecast is None or not forecast.is_current(now_ms):
        return None
    age = (now_ms - forecast.made_at_ms) // MINUTE_MS
    fit = forecast.fit
    return Ahead(
        side=forecast.side,
        limit_centi_celsius=forecast.limit_centi_celsius,
        limit_minutes=0 if fit.limit_minutes == 0 else max(1, fit.limit_minutes - age),
        limit_minutes_low=max(0, fit.limit_minutes_low - age),
        limit_minutes_high=None if fit.limit_minutes_high is None else max(0, fit.limit_minutes_high - age),
        minutes_left=max(0, forecast.minutes - age),
        is_warning=fit.is_warning,
    )


def line(ahead: Ahead, language: str, say: Callable[..., str]) -> str:
    """`+8.0 °C in about 42 min (30 min to 1 h 15 min)`."""
    limit = formats.temperature(ahead.limit_centi_celsius, signed=True)
    if ahead.has_passed:
        return say(marked("%(limit)s is passed"), limit=limit)
    about, low = formats.minutes(ahead.limit_minutes, language), formats.minutes(ahead.limit_minutes_low, language)
    if ahead.limit_minutes_high is None:
        return say(marked("%(limit)s in about %(about)s (%(low)s or later)"), limit=limit, about=about, low=low)
    high = formats.minutes(ahead.limit_minutes_high, language)
    text = marked("%(limit)s in about %(about)s (%(low)s to %(high)s)")
    return say(text, limit=limit, about=about, low=low, high=high)
