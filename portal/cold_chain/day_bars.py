"""Days of which only the extremes are known, from loggers without readings and from records by hand, for the chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import evidence
from sheetal.thermal.cuts import Check, days_of_checks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portal.cold_chain.evidence import Stores
    from sheetal.contracts.batch import DaySummary
    from sheetal.contracts.verdict import StayEvidence, Verdict

BARS_MAX = 124
"""Two months of a record kept twice daily."""


class DayBar(NamedTuple):
    """A time of which the lowest and highest temperature are known, with what the device itself counted in it.

    `alarm_at_ms` is when its first alarm fired.
    """

    from_ms: int
    until_ms: int
    low: int | None
    high: int | None
    minutes_below: int
    minutes_above: int
    alarm_at_ms: int | None


def bars_of(stores: Stores, verdict: Verdict) -> list[DayBar]:
    """The days that a verdict rests on, in order of time, the newest `BARS_MAX` of them."""
    found: set[DayBar] = set()
    with stores.telemetry.read() as telemetry, stores.ledger.read() as conn:
        for stay in verdict.stays:
            from_ms, until_ms = stay.from_ms, _until(stay, verdict)
            as_of_ms = verdict.judged_through_ms
            for sensor in stay.sensors:
                known = evidence.days_known(telemetry, sensor, from_ms, until_ms + DAY_MS, as_of_ms)
                found.update(_bars(one.summary for one in known))
            if stay.evidence_kind == EvidenceKind.TWICE_DAILY:
                checks = evidence.checks_known(conn, stay.appliance, from_ms, until_ms, as_of_ms)
                told = [
                    Check(
                        one.appliance_id,
                        one.checked_at_ms,
                        one.centi_celsius,
                        one.centi_celsius_min,
                        one.centi_celsius_max,
                    )
                    for one in checks
                ]
                found.update(_bars(days_of_checks(told, from_ms)))
    return sorted(found, key=lambda one: (one.from_ms, one.until_ms, one.low or 0, one.high or 0))[-BARS_MAX:]


def _until(stay: StayEvidence, verdict: Verdict) -> int:
    return verdict.judged_through_ms + 1 if stay.until_ms is None else stay.until_ms


def _bars(days: Iterable[DaySummary]) -> list[DayBar]:
    return [
        DayBar(
            day.starts_at_ms,
            day.ends_at_ms,
            day.centi_celsius_min,
            day.centi_celsius_max,
            day.minutes_below,
            day.minutes_above,
            min((ms for ms in (day.low_alarm_at_ms, day.high_alarm_at_ms) if ms is not None), default=None),
        )
        for day in days
    ]
