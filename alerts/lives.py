"""A holding's life as the engine judges it: its stays, cut where sensors come and go, with the exposures in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from alerts import receipts
from alerts.gaps import Allowance
from sheetal.contracts.batch import DaySummary
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, MINUTE_MS
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN
from sheetal.ledger import assets, catalogue, stock
from sheetal.ledger.base import EPOCH_MS_MAX
from sheetal.ledger.manual_checks import manual_checks
from sheetal.thermal.exposure import empty, summarise
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.runs import CAP_INTERVALS, cap_ms
from sheetal.thermal.verdict import limits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from alerts.hours import Hours
    from sheetal.contracts.product import Product
    from sheetal.ledger.assets import SensorSpan
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.manual_checks import ManualCheck
    from sheetal.ledger.stock import Holding, Stay
    from sheetal.thermal.exposure import Exposure, Limits

FUTURE_MS_MAX = DAY_MS
"""Ingest accepts stamps up to 24 h ahead of its own clock."""


@dataclass(frozen=True, slots=True)
class Part:
    """A time in one stay under a fixed set of sensors; `until_ms` is None while it lasts."""

    stay: Stay
    from_ms: int
    until_ms: int | None
    sensors: tuple[SensorSpan, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """All that the ledger says of a holding for its verdict; `records` are persons' checks, by stay."""

    holding: Holding
    product: Product
    facility_id: str
    parts: tuple[Part, ...]
    allowances: dict[int, Allowance]
    records: dict[int, tuple[DaySummary, ...]]


def life_of(conn: Connection, holding_id: str, now_ms: int) -> Life:
    """Read a holding's life; raises NotFound for a holding or product that is not there."""
    holding = stock.holding_by_id(conn, holding_id)
    stays = stock.stays_of(conn, holding_id)
    recorded = [stay for stay in stays if stay.evidence_kind is EvidenceKind.TWICE_DAILY]
    checks = {stay.id: _checks(conn, stay) for stay in recorded}
    return Life(
        holding=holding,
        product=catalogue.product_version(conn, holding.product_id, now_ms),
        facility_id=holding.facility_id,
        parts=tuple(part for stay in stays for part in parts_of(conn, stay)),
        allowances={stay.id: allowance_of(stay, checks.get(stay.id, [])) for stay in stays},
        records={stay.id: days_of(checks[stay.id], stay.from_ms) for stay in recorded},
    )


def parts_of(conn: Connection, stay: Stay) -> list[Part]:
    """The stay cut at every beginning and end of an assignment in its appliance."""
    spans = assets.sensors_of(conn, stay.appliance_id, stay.from_ms, stay.until_ms)
    cuts = {ms for span in spans for ms in (span.from_ms, span.until_ms) if ms is not None and _is_inside(stay, ms)}
    edges: list[int | None] = [stay.from_ms, *sorted(cuts), stay.until_ms]
    parts: list[Part] = []
    for begin, end in pairwise(edges):
        if begin is not None and begin != end:
            there = tuple(sorted({span.sensor: span for span in spans if _covers(span, begin)}.values(), key=_name))
            parts.append(Part(stay, begin, end, there))
    return parts


def allowance_of(stay: Stay, checks: Sequence[ManualCheck]) -> Allowance:
    """How long the stay may go without news; a carrier counts from its packing."""
    packed_before_ms = 0 if stay.packed_at_ms is None else max(0, stay.from_ms - stay.packed_at_ms)
    instants_ms = tuple(check.checked_at_ms for check in checks)
    return Allowance(max(0, stay.known_bound_ms - packed_before_ms), instants_ms)


def days_of(checks: Sequence[ManualCheck], from_ms: int) -> tuple[DaySummary, ...]:
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


def _day(check: ManualCheck, from_ms: int, shown: Sequence[int], sequence: int) -> DaySummary:
    remembered = [one for one in (check.centi_celsius_min, check.centi_celsius_max) if one is not None]
    minutes = (check.checked_at_ms - from_ms) // MINUTE_MS
    return DaySummary(
        sequence=sequence,
        sensor=f"{check.appliance_id}/checks",
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


def with_records(life: Life, segments: Sequence[Segment]) -> list[Segment]:
    """The segments with what persons wrote down in them, as one more trace that says nothing between its checks.

    A time between two checks stands where it began, also where a sensor came or went before it ended.
    """
    limits = limits_of(life.product)
    found: list[Segment] = []
    for segment in segments:
        days = [day for day in life.records.get(segment.stay, ()) if segment.from_ms <= day.starts_at_ms]
        inside = tuple(day for day in days if segment.until_ms is None or day.starts_at_ms < segment.until_ms)
        record = (Trace(inside[0].sensor, empty(limits), inside),) if inside else ()
        found.append(segment._replace(traces=segment.traces + record))
    return found


def segments_of(life: Life, hours: Hours, telemetry_store: Ledger, now_ms: int) -> list[Segment]:
    """The exposures of a life; raises Unavailable while a store is away."""
    limits = limits_of(life.product)
    return [
        Segment(
            stay=part.stay.id,
            appliance=part.stay.appliance_id,
            evidence_kind=part.stay.evidence_kind.value,
            from_ms=part.from_ms,
            until_ms=part.until_ms,
            traces=tuple(_trace(part, span, (hours, telemetry_store), limits, now_ms) for span in part.sensors),
        )
        for part in life.parts
    ]


def _trace(
    part: Part,
    span: SensorSpan,
    stores: tuple[Hours, Ledger],
    limits: Limits,
    now_ms: int,
) -> Trace:
    hours, telemetry_store = stores
    until_ms = now_ms + FUTURE_MS_MAX if part.until_ms is None else part.until_ms
    exposure = _exposure(hours, span, (part.from_ms, until_ms), limits)
    with telemetry_store.read() as conn:
        days = receipts.day_summaries(conn, span.sensor, part.from_ms, until_ms)
    return Trace(span.sensor, exposure, tuple(days))


def _exposure(hours: Hours, span: SensorSpan, between: tuple[int, int], limits: Limits) -> Exposure:
    if span.interval_ms is not None:
        return hours.exposure(span.sensor, *between, (CAP_INTERVALS * span.interval_ms, limits))
    samples = hours.samples(span.sensor, *between)
    return summarise(span.sensor, samples, cap_ms(samples, None), limits)


def _checks(conn: Connection, stay: Stay) -> list[ManualCheck]:
    until_ms = EPOCH_MS_MAX if stay.until_ms is None else stay.until_ms
    return manual_checks(conn, stay.appliance_id, stay.from_ms, until_ms)


def _is_inside(stay: Stay, ms: int) -> bool:
    return stay.from_ms < ms and (stay.until_ms is None or ms < stay.until_ms)


def _covers(span: SensorSpan, ms: int) -> bool:
    return span.from_ms <= ms and (span.until_ms is None or ms < span.until_ms)


def _name(span: SensorSpan) -> str:
    return span.sensor
