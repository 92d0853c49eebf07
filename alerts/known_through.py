"""How far an appliance's data reaches, and what its newest values say of it now (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.limits import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sheetal.thermal.runs import Sample

LOOK_BACK_MS = DAY_MS
IN_RANGE, WARM, FREEZING, NO_DATA = "in_range", "warm", "freezing", "no_data"


class Place(NamedTuple):
    """What an appliance may be: its range, whether its content may freeze, how long it may be silent."""

    centi_celsius_min: int
    centi_celsius_max: int
    is_freeze_watched: bool
    silence_ms_max: int


def known_through(before_ms: int | None, newest_ms: Iterable[int | None], now_ms: int) -> int | None:
    """The newest instant that is known of; nothing is known of the future.

    It is found anew at each look: a probe that turns out to have stood elsewhere takes its knowledge with it. What was
    known before counts only where nothing has been found, and then as older than the look back.
    """
    instants = [min(ms, now_ms) for ms in newest_ms if ms is not None]
    if not instants and before_ms is not None:
        return min(before_ms, now_ms - LOOK_BACK_MS)
    return max(instants, default=None)


def is_silent(known_ms: int | None, silence_ms_max: int, now_ms: int) -> bool:
    """Whether the data has stopped for longer than the appliance keeps its cold by itself."""
    return known_ms is None or now_ms - known_ms > silence_ms_max


def state_of(place: Place, newest: Iterable[Sample], known_ms: int | None, now_ms: int) -> str:
    """The worst that the newest value of any sensor says; too cold is worse than too warm, silence hides both."""
    if is_silent(known_ms, place.silence_ms_max, now_ms):
        return NO_DATA
    values = [value for ms, value in newest if now_ms - ms <= place.silence_ms_max]
    if place.is_freeze_watched and any(value < place.centi_celsius_min for value in values):
        return FREEZING
    if any(value > place.centi_celsius_max for value in values):
        return WARM
    return IN_RANGE
