"""What a source hands over, before it has a sequence number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec


class Sample(NamedTuple):
    """One temperature sample; its key is (sensor, measured_at_ms).

    `centi_celsius` is None exactly when `quality` names a fault. A `notable` sample is outside its limits or a change
    of state: it is sent at once and never dropped. A `local` one was stamped by the gateway itself, so it is never a
    repetition; while its `monotonic_ms` is given its stamp is provisional and it waits to be placed.
    """

    sensor: str
    measured_at_ms: int
    centi_celsius: int | None
    quality: int
    notable: bool = False
    local: bool = False
    monotonic_ms: int | None = None


class AuxSample(NamedTuple):
    """One value beside temperature under its WHO DS01 field name; the marks mean what they mean for a `Sample`."""

    source: str
    measured_at_ms: int
    field: str
    value: float
    notable: bool = False
    local: bool = False
    monotonic_ms: int | None = None


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


class Observation(NamedTuple):
    """What one record of a device says.

    `repeated`: the device told it before (it streams its memory again at each connection), so it is kept once and
    not judged again. `discontinuity`: the device's clock was restarted or set before it, elapsed time is unknown.
    `local`: stamped by the gateway's own clock, which may not be anchored yet. `marks` are what the source wants to
    remember, committed together with the samples.
    """

    samples: tuple[Sample, ...] = ()
    aux: tuple[AuxSample, ...] = ()
    repeated: bool = False
    discontinuity: bool = False
    marks: Mapping[str, str] = {}
    local: bool = False
    days: tuple[DaySummaryDraft, ...] = ()


Sink = Callable[[Sequence[Observation]], None]
"""Takes observations and returns when they are on the disk; raises sqlite3.Error when they are not."""

Recall = Callable[[str], str | None]
"""What a mark of this name last said."""
