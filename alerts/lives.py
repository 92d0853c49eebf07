"""A holding's life as the engine judges it: its stays, cut where sensors and stages change, with the exposures in them.

A life names neither its holding nor its stays: these are numbered from 0 on, so that equal lives are equal and the
holdings of one delivery are judged once (`alerts.evaluate`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.gaps import Allowance
from sheetal.contracts.disposition import EvidenceKind
from sheetal.thermal.cuts import cut, days_heard, days_of_checks, vouchers_of
from sheetal.thermal.exposure import empty, merge_all, summarise
from sheetal.thermal.fusion import fuse
from sheetal.thermal.life import Life, Packing, VvmReading, stage_spans
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.runs import CAP_INTERVALS, cap_ms
from sheetal.thermal.verdict import limits_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alerts.known import Known
    from alerts.witnesses import Witness
    from sheetal.contracts.batch import DaySummary
    from sheetal.contracts.verdict import SensorEvidence
    from sheetal.ledger.histories import History
    from sheetal.ledger.stock import Stay
    from sheetal.thermal.cuts import Check, Fault, Hung, Piece
    from sheetal.thermal.exposure import Exposure, Limits
    from sheetal.thermal.life import StageSpan

Span = tuple[int, int]


def key_of(history: History) -> tuple[object, ...]:
    """What a life depends on beside what a round knows of sensors and products: equal keys are equal lives."""
    of = history.holding
    stays = tuple(
        (
            *(one.appliance_id, one.evidence_kind, one.from_ms, one.until_ms, one.known_bound_ms),
            *(one.packed_at_ms, one.ice_packs, one.vvm_stage_packed),
        )
        for one in history.stays
    )
    return of.product_id, of.expires_at_ms, of.thawed_at_ms, of.opened_at_ms, stays, history.vvm_looks


def life_of(history: History, known: Known) -> Life:
    """The life that a history tells; raises NotFound for a product that is not in force, and Unavailable."""
    of = history.holding
    product = known.product(of.product_id)
    spans = stage_spans(product, of.thawed_at_ms, of.opened_at_ms)
    limits = limits_of(product)
    stays = list(enumerate(history.stays))
    return Life(
        holding="",
        product=product,
        segments=[part for number, stay in stays for part in _segments_of((number, stay), spans, limits, known)],
        expires_at_ms=of.expires_at_ms,
        thawed_at_ms=of.thawed_at_ms,
        opened_at_ms=of.opened_at_ms,
        packings=tuple(
            Packing(number, stay.packed_at_ms, stay.ice_packs, stay.vvm_stage_packed)
            for number, stay in stays
            if stay.packed_at_ms is not None
        ),
        vvm_readings=tuple(VvmReading(one.read_at_ms, one.stage) for one in history.vvm_looks),
        vouchers={number: _vouchers(stay, known.witness(stay.appliance_id)) for number, stay in stays},
        fusion={number: known.witness(stay.appliance_id).fusion for number, stay in stays},
    )


def allowances_of(history: History, known: Known) -> dict[int, Allowance]:
    """How long each stay may go without news, by its number; a carrier counts from its packing."""
    return {
        number: allowance_of(stay, checks_of(stay, known.witness(stay.appliance_id)))
        for number, stay in enumerate(history.stays)
    }


def allowance_of(stay: Stay, checks: Sequence[Check]) -> Allowance:
    """How long one stay may go without news, and when a person looked."""
    packed_before_ms = 0 if stay.packed_at_ms is None else max(0, stay.from_ms - stay.packed_at_ms)
    return Allowance(max(0, stay.known_bound_ms - packed_before_ms), tuple(check.checked_at_ms for check in checks))


def checks_of(stay: Stay, witness: Witness) -> list[Check]:
    """Persons' checks in a stay that rests on them."""
    if stay.evidence_kind is not EvidenceKind.TWICE_DAILY:
        return []
    return [one for one in witness.checks if _is_in(one.checked_at_ms, stay.from_ms, stay.until_ms)]


def _segments_of(
    numbered: tuple[int, Stay],
    spans: Sequence[StageSpan],
    limits: Limits,
    known: Known,
) -> Iterator[Segment]:
    number, stay = numbered
    witness = known.witness(stay.appliance_id)
    records = days_of_checks(checks_of(stay, witness), stay.from_ms)
    for piece in cut((stay.from_ms, stay.until_ms), witness.hung, spans):
        traces = [_trace(piece, hung, witness.faults, (limits, known)) for hung in piece.hung]
        positions = {hung.sensor: hung.position for hung in piece.hung}
        yield Segment(
            stay=number,
            appliance=stay.appliance_id,
            evidence_kind=stay.evidence_kind.value,
            from_ms=piece.from_ms,
            until_ms=piece.until_ms,
            traces=fuse(witness.fusion, positions, traces, piece.from_ms) + _record(records, piece, limits),
            stage=piece.stage,
        )


def _trace(piece: Piece, hung: Hung, faults: Sequence[Fault], told: tuple[Limits, Known]) -> Trace:
    """What one sensor says of a piece; what it said while it was faulty is not heard."""
    limits, known = told
    span = piece.from_ms, known.open_end_ms if piece.until_ms is None else piece.until_ms
    own = [fault for fault in faults if fault.sensor == hung.sensor]
    days = [day for day in known.days(hung.sensor) if day.ends_at_ms > span[0] and day.starts_at_ms < span[1]]
    exposure = known.once((hung.sensor, hung.interval_ms, span, limits), lambda: _exposure(hung, span, own, told))
    return Trace(hung.sensor, exposure, tuple(days_heard([day.cut for day in days], own)))


def _exposure(hung: Hung, span: Span, faults: Sequence[Fault], told: tuple[Limits, Known]) -> Exposure:
    """The exposure to what was heard; where no interval is declared the spacing of the rows themselves sets the cap."""
    limits, known = told
    spans = heard_in(span, faults)
    if hung.interval_ms is not None:
        measure = CAP_INTERVALS * hung.interval_ms, limits
        return merge_all([known.hours.exposure(hung.sensor, *one, measure) for one in spans], limits)
    samples = [sample for one in spans for sample in known.hours.samples(hung.sensor, *one)]
    return summarise(hung.sensor, samples, cap_ms(samples, None), limits)


def heard_in(span: Span, faults: Sequence[Fault]) -> list[Span]:
    """What is left of [from, until) outside a sensor's faults."""
    left = [span]
    for fault in faults:
        end_ms = span[1] if fault.until_ms is None else fault.until_ms
        pieces = [
            piece for one in left for piece in ((one[0], min(one[1], fault.from_ms)), (max(one[0], end_ms), one[1]))
        ]
        left = [(from_ms, until_ms) for from_ms, until_ms in pieces if from_ms < until_ms]
    return left


def _record(records: Sequence[DaySummary], piece: Piece, limits: Limits) -> tuple[Trace, ...]:
    """What persons wrote down in a piece, as one more trace that says nothing between its checks.

    A time between two checks stands where it began, also where a sensor came or went before it ended.
    """
    inside = tuple(day for day in records if _is_in(day.starts_at_ms, piece.from_ms, piece.until_ms))
    return (Trace(inside[0].sensor, empty(limits), inside),) if inside else ()


def _vouchers(stay: Stay, witness: Witness) -> tuple[SensorEvidence, ...]:
    return vouchers_of((stay.from_ms, stay.until_ms), witness.hung, witness.calibrations, witness.faults)


def _is_in(ms: int, from_ms: int, until_ms: int | None) -> bool:
    return from_ms <= ms and (until_ms is None or ms < until_ms)
