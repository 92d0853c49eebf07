"""Puts a verdict's evidence bundle together: the facts on record when it was found, and every reading it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from portal.language import marked
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import assets, catalogue, evidence, judgements, stock
from sheetal.thermal.bundle import Bundle, BundleDay, BundleStay, BundleVvm
from sheetal.thermal.cuts import Calibrated, Check, Fault, Hung
from sheetal.thermal.runs import samples_of
from sheetal.thermal.verdict import digest

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.identity.service import Staff
    from sheetal.contracts.verdict import Verdict
    from sheetal.ledger.assets import SensorSpan
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.judgements import StoredVerdict
    from sheetal.ledger.stock import Holding, Stay
    from sheetal.readings.port import ReadingsStore
    from sheetal.thermal.runs import Sample

ROWS_MAX = 600_000
DAYS_AHEAD_MS = DAY_MS
"""A logger's day goes on after it was read out, and ingest takes stamps up to a day ahead of its own clock."""


class Stores(NamedTuple):
    """Where evidence is read."""

    ledger: Ledger
    telemetry: Ledger
    readings: ReadingsStore


class Span(NamedTuple):
    """A stay as it stood when a verdict was found: how far that verdict knew of it, None where of nothing.

    `is_ahead`: a clock ran ahead and stamped readings beyond the instant of judging, which the verdict counts as well.
    """

    stay: Stay
    until_ms: int | None
    known_through_ms: int | None
    readings: int
    is_ahead: bool


def visible_verdict(conn: Connection, staff: Staff, verdict_id: int) -> tuple[StoredVerdict, Holding]:
    """A verdict with its holding; raises NotFound also for one of a facility that this person may not see."""
    found = judgements.verdict_by_id(conn, verdict_id)
    if found is None:
        raise NotFound(marked("There is no such verdict."))
    held = stock.holding_by_id(conn, found.verdict.holding)
    if not staff.may_see(held.facility_id):
        raise NotFound(marked("There is no such verdict."))
    return found, held


def bundle_of(stores: Stores, staff: Staff, verdict_id: int, now_ms: int) -> Bundle:
    """The evidence of a verdict; raises NotFound, Refused beyond `ROWS_MAX`, Unavailable while a store is away."""
    with stores.ledger.read() as conn:
        stored, held = visible_verdict(conn, staff, verdict_id)
        found = stored.verdict
        product = catalogue.product_by_version(conn, found.product, found.product_version)
        spans = _spans(conn, found)
        stays = [_facts_of(conn, span, stored) for span in spans]
        seen = evidence.vvm_known(conn, held.id, stored.found_at_ms)
    with stores.telemetry.read() as conn:
        days = [_days(conn, span, one, stored.found_at_ms) for span, one in zip(spans, stays, strict=True)]
    samples = _samples(stores.readings, list(zip(spans, stays, strict=True)))
    return Bundle(
        verdict_id=stored.id,
        found_at_ms=stored.found_at_ms,
        made_at_ms=now_ms,
        digest=digest(found),
        stated=found,
        holding=held.id,
        lot=held.lot_id,
        product=product,
        expires_at_ms=held.expires_at_ms,
        thawed_at_ms=_known_by(held.thawed_at_ms, found.judged_through_ms),
        opened_at_ms=_known_by(held.opened_at_ms, found.judged_through_ms),
        vvm_readings=[BundleVvm(one.read_at_ms, one.stage) for one in seen],
        stays=[
            replace(stay, days=own_days, samples=own_samples)
            for stay, own_days, own_samples in zip(stays, days, samples, strict=True)
        ],
    )


def _known_by(at_ms: int | None, judged_through_ms: int) -> int | None:
    return at_ms if at_ms is not None and at_ms <= judged_through_ms else None


def _spans(conn: Connection, found: Verdict) -> list[Span]:
    """The stays that had begun, each as far as it had gone."""
    through_ms = found.judged_through_ms
    told = {one.stay: (one.known_through_ms, one.readings) for one in found.stays}
    spans = []
    for stay in stock.stays_of(conn, found.holding):
        if stay.from_ms <= through_ms:
            known_ms, readings = told.get(stay.id, (None, 0))
            until_ms = _known_by(stay.until_ms, through_ms)
            spans.append(Span(stay, until_ms, known_ms, readings, known_ms == through_ms and until_ms is None))
    return spans


def _facts_of(conn: Connection, span: Span, stored: StoredVerdict) -> BundleStay:
    stay, until_ms, through_ms = span.stay, span.until_ms, stored.verdict.judged_through_ms
    fusions = {one.stay: one.fusion for one in stored.verdict.stays}
    hung = [
        _hung(one, through_ms)
        for one in assets.sensors_of(conn, stay.appliance_id, stay.from_ms, until_ms)
        if one.from_ms <= through_ms
    ]
    sensors = sorted({one.sensor for one in hung})
    checks = evidence.checks_known(
        conn, stay.appliance_id, stay.from_ms, through_ms + 1 if until_ms is None else until_ms, stored.found_at_ms
    )
    return BundleStay(
        stay=stay.id,
        appliance=stay.appliance_id,
        evidence_kind=stay.evidence_kind.value,
        from_ms=stay.from_ms,
        until_ms=until_ms,
        fusion=fusions.get(stay.id) or assets.appliance_by_id(conn, stay.appliance_id).fusion,
        packed_at_ms=stay.packed_at_ms,
        ice_packs=stay.ice_packs,
        vvm_stage_packed=stay.vvm_stage_packed,
        sensors=hung,
        faults=[
            Fault(one.sensor, one.from_ms, _known_by(one.until_ms, through_ms))
            for one in evidence.faults_known(conn, sensors, stored.found_at_ms)
        ],
        calibrations=[
            Calibrated(
                one.sensor_id,
                one.certificate_number,
                one.uncertainty_centi_celsius,
                one.calibrated_at_ms,
                one.due_at_ms,
            )
            for sensor in sensors
            for one in assets.calibrations(conn, sensor)
            if one.calibrated_at_ms <= through_ms
        ],
        checks=[
            Check(one.appliance_id, one.checked_at_ms, one.centi_celsius, one.centi_celsius_min, one.centi_celsius_max)
            for one in checks
        ],
    )


def _hung(one: SensorSpan, through_ms: int) -> Hung:
    until_ms = _known_by(one.until_ms, through_ms)
    return Hung(one.sensor, one.position, one.interval_ms, one.from_ms, until_ms, one.accuracy_centi_celsius)


def _days(conn: Connection, span: Span, stay: BundleStay, as_of_ms: int) -> list[BundleDay]:
    until_ms = as_of_ms + DAYS_AHEAD_MS if span.until_ms is None else span.until_ms
    return [
        BundleDay(one.summary, one.received_at_ms)
        for sensor in sorted({one.sensor for one in stay.sensors})
        for one in evidence.days_known(conn, sensor, span.stay.from_ms, until_ms, as_of_ms)
    ]


def _samples(readings: ReadingsStore, stays: list[tuple[Span, BundleStay]]) -> list[dict[str, list[Sample]]]:
    """Every reading of every stay that the verdict knew of, at most `ROWS_MAX` altogether."""
    left = ROWS_MAX
    found = []
    for span, stay in stays:
        own: dict[str, list[Sample]] = {}
        for hung in stay.sensors:
            rows = _rows(readings, span, hung, left)
            left -= len(rows)
            own[hung.sensor] = sorted({*own.get(hung.sensor, []), *rows})
        if span.is_ahead and not stay.faults:
            own = _oldest(own, span.readings)
        found.append({sensor: series for sensor, series in own.items() if series})
    return found


def _rows(readings: ReadingsStore, span: Span, hung: Hung, left: int) -> list[Sample]:
    if span.known_through_ms is None:
        return []
    ends = [ms for ms in (span.until_ms, hung.until_ms) if ms is not None]
    known_ms = span.known_through_ms + (DAYS_AHEAD_MS if span.is_ahead else 0)
    from_ms, until_ms = max(span.stay.from_ms, hung.from_ms), min([known_ms + 1, *ends])
    if until_ms <= from_ms:
        return []
    rows = readings.read(hung.sensor, from_ms, until_ms, limit=left + 1)
    if len(rows) > left:
        raise Refused(marked("Too many readings for one file."), reason="rows")
    return samples_of(rows)


def _oldest(own: dict[str, list[Sample]], count: int) -> dict[str, list[Sample]]:
    """The first `count` samples of all: what was stamped ahead counted then, what came since did not."""
    in_order = sorted((sample, sensor) for sensor, series in own.items() for sample in series)
    kept: dict[str, list[Sample]] = {sensor: [] for sensor in own}
    for sample, sensor in in_order[:count]:
        kept[sensor].append(sample)
    return kept
