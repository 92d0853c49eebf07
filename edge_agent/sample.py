"""What a source hands to the outbox, before it has a sequence number."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Sample(NamedTuple):
    """One temperature sample; its key is (sensor, measured_at_ms).

    `centi_celsius` is None exactly when `quality` names a fault. A `notable` sample is outside its limits or a change
    of state: it is sent at once and never dropped.
    """

    sensor: str
    measured_at_ms: int
    centi_celsius: int | None
    quality: int
    notable: bool = False


class AuxSample(NamedTuple):
    """One value beside temperature under its WHO DS01 field name; a `notable` one is never dropped."""

    source: str
    measured_at_ms: int
    field: str
    value: float
    notable: bool = False


class DaySummaryDraft(msgspec.Struct, frozen=True):
    """A `contracts.batch.DaySummary` that has no sequence number yet; the same fields, the same units."""

    sensor: str
    starts_at_ms: int
    ends_at_ms: int
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    low_limit_centi_celsius: int
    low_limit_minutes: int
    high_limit_centi_celsius: int
    high_limit_minutes: int
    minutes_below: int
    minutes_above: int
    minutes_unknown: int
    low_alarm_at_ms: int | None = None
    high_alarm_at_ms: int | None = None
