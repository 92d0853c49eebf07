"""Cuts a holding's stays into pieces that one set of sensors speaks for in one storage stage (pure).

    stay      |───────────────────────────────────────────────|
    TVC       ══════════════════════┄┄┄┄┄┄┄┄══════════════════      ┄ a named person declared it faulty in between
    TOP                 ╞═════════════════════════════════════      hung later
    stage     frozen ───────────────────┊ refrigerated ─────────    thawed
    pieces    |─────────|───────────────┊─────────────────────|

What a faulty sensor says is not heard. It goes on with its own sums afterwards, so a fault cuts no piece: where the
sensor hung alone, the time is unknown.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN
from sheetal.contracts.verdict import SensorEvidence
from sheetal.thermal.life import stage_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.thermal.life import StageSpan


RECORD = "/checks"
"""What an appliance's name is followed by where its record speaks as a sensor; no device's name holds a slash."""


class Hung(msgspec.Struct, frozen=True):
    """A sensor's time in an appliance: [from_ms, until_ms), going on while `until_ms` is None."""

    sensor: str
    position: str
    interval_ms: int | None
    from_ms: int
    until_ms: int | None
    accuracy_centi_celsius: int | None = None


class Fault(msgspec.Struct, frozen=True):
    """A time in which a named person has declared a sensor faulty."""

    sensor: str
    from_ms: int
    until_ms: int | None


class Calibrated(msgspec.Struct, frozen=True):
    """A calibration of a sensor."""

    sensor: str
    certificate: str
    uncertainty_centi_celsius: int
    calibrated_at_ms: int
    due_at_ms: int


class Check(msgspec.Struct, frozen=True):
    """What a person read off an appliance's thermometer; the extremes are its memory since the check before."""

    appliance: str
    checked_at_ms: int
    centi_celsius: int
    centi_celsius_min: int | None
    centi_celsius_max: int | None


class Piece(NamedTuple):
    """A time in one stay under one set of sensors and in one stage; `until_ms` is None while it lasts."""

    from_ms: int
    until_ms: int | None
    stage: str
    hung: tuple[Hung, ...]


def cut(span: tuple[int, int | None], hung: Sequence[Hung], stages: Sequence[StageSpan]) -> list[Piece]:
    """A stay cut at every beginning and end of a sensor's time in its appliance and of a storage stage."""
    from_ms, until_ms = span
    edges = [ms for one in hung for ms in (one.from_ms, one.until_ms) if ms is not None]
    edges += [one.from_ms for one in stages]
    inside = {ms for ms in edges if ms > from_ms and (until_ms is None or ms < until_ms)}
    bounds: list[int | None] = [from_ms, *sorted(inside), until_ms]
    pieces = []
    for begin, end in pairwise(bounds):
        if begin is not None and begin != end:
            there = {one.sensor: one for one in hung if _holds(one, begin)}
            pieces.append(Piece(begin, end, stage_at(stages, begin), tuple(there[name] for name in sorted(there))))
    return pieces


def is_heard(sensor: str, at_ms: int, faults: Sequence[Fault]) -> bool:
    """Whether what a sensor said at an instant counts: not while a named person has declared it faulty."""
    return not any(one.sensor == sensor and _holds(one, at_ms) for one in faults)


def days_heard(days: Sequence[DaySummary], faults: Sequence[Fault]) -> list[DaySummary]:
    """The day summaries without those that touch a fault of their sensor: a day's counts cannot be taken apart."""
    return [
        day
        for day in days
        if not any(one.sensor == day.sensor and _touches(one, day.starts_at_ms, day.ends_at_ms) for one in faults)
    ]


def vouchers_of(
    span: tuple[int, int | None],
    hung: Sequence[Hung],
    calibrations: Sequence[Calibrated],
    faults: Sequence[Fault],
) -> tuple[SensorEvidence, ...]:
    """Who vouches for each sensor of a stay, by name: the newest calibration done by the end of its time there.

    A sensor that was hung twice stands once, as it hung last.
    """
    from_ms, until_ms = span
    last = {one.sensor: one for one in sorted(hung, key=lambda one: one.from_ms) if _touches(one, from_ms, until_ms)}
    return tuple(_voucher(last[name], span, calibrations, faults) for name in sorted(last))


def _voucher(
    one: Hung, span: tuple[int, int | None], calibrations: Sequence[Calibrated], faults: Sequence[Fault]
) -> SensorEvidence:
    ends = [ms for ms in (one.until_ms, span[1]) if ms is not None]
    done = [known for known in calibrations if known.sensor == one.sensor]
    in_force = [known for known in done if not ends or known.calibrated_at_ms < min(ends)]
    newest = max(in_force, key=lambda known: (known.calibrated_at_ms, known.due_at_ms, known.certificate), default=None)
    return SensorEvidence(
        sensor=one.sensor,
        position=one.position,
        accuracy_centi_celsius=one.accuracy_centi_celsius,
        calibration_certificate=newest.certificate if newest else None,
        calibration_uncertainty_centi_celsius=newest.uncertainty_centi_celsius if newest else None,
        calibrated_at_ms=newest.calibrated_at_ms if newest else None,
        calibration_due_at_ms=newest.due_at_ms if newest else None,
        faults=_faults_of(one.sensor, span, faults),
    )


def _faults_of(sensor: str, span: tuple[int, int | None], faults: Sequence[Fault]) -> list[tuple[int, int | None]]:
    own = [one for one in faults if one.sensor == sensor and _touches(one, *span)]
    in_order = sorted(own, key=lambda one: (one.from_ms, one.until_ms is None, one.until_ms or 0))
    return [(one.from_ms, one.until_ms) for one in in_order]


def days_of_checks(checks: Sequence[Check], from_ms: int) -> tuple[DaySummary, ...]:
    """The record as summaries of the times up to each check: extremes are known, minutes are not.

    The first time begins with the stay, `from_ms`. What a thermometer showed at a check ends one time and begins the
    next; its memory, where it has one, speaks of the time before, and where it has none that time is unknown.
    """
    found: list[DaySummary] = []
    shown: list[int] = []
    for check in checks:
        shown.append(check.centi_celsius)
        if check.checked_at_ms > from_ms:
            found.append(_day(check, from_ms, shown, len(found)))
            shown = [check.centi_celsius]
        from_ms = check.checked_at_ms
    return tuple(found)


def _day(check: Check, from_ms: int, shown: Sequence[int], sequence: int) -> DaySummary:
    remembered = [one for one in (check.centi_celsius_min, check.centi_celsius_max) if one is not None]
    minutes = (check.checked_at_ms - from_ms) // MINUTE_MS
    return DaySummary(
        sequence=sequence,
        sensor=check.appliance + RECORD,
        starts_at_ms=from_ms,
        ends_at_ms=check.checked_at_ms,
        centi_celsius_min=min([*shown, *remembered]),
        centi_celsius_max=max([*shown, *remembered]),
        low_limit_centi_celsius=CENTI_CELSIUS_MIN,
        low_limit_minutes=0,
        high_limit_centi_celsius=CENTI_CELSIUS_MAX,
        high_limit_minutes=0,
        minutes_below=0,
        minutes_above=0,
        minutes_unknown=minutes if check.centi_celsius_min is None or check.centi_celsius_max is None else 0,
    )


def is_record(sensor: str) -> bool:
    """Whether this names what persons wrote down about an appliance, and no device."""
    return sensor.endswith(RECORD)


def _holds(one: Hung | Fault, at_ms: int) -> bool:
    return one.from_ms <= at_ms and (one.until_ms is None or at_ms < one.until_ms)


def _touches(one: Hung | Fault, from_ms: int, until_ms: int | None) -> bool:
    return (until_ms is None or one.from_ms < until_ms) and (one.until_ms is None or one.until_ms > from_ms)
