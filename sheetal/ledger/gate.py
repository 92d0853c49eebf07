"""The gate in front of a dose: its conditions as SQL, and, when it stays shut, the worst reason in words.

The gate opens for a usable holding of this facility, in date, with doses left, without open gap or unjudged act, whose
present stay is judged (engine alive) and known (data) recently enough; an instant that lies ahead is a clock fault and
does not count. Every condition that another act may change at
the same time stands in the holding's own row; what stands elsewhere only ever makes the gate more cautious.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, case, exists, select, type_coerce

from sheetal.contracts.disposition import USABLE, Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.problem import Refused
from sheetal.ledger.judgement_tables import appliance_judgement
from sheetal.ledger.stock_tables import holding, lot, stay

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

JUDGED_BOUND_MS = 10 * MINUTE_MS
AHEAD_MS_MAX = MINUTE_MS
"""How far two servers' clocks may differ: a later instant than that from now on is a clock fault, not knowledge."""
USABLE_WORDS = sorted(word.value for word in USABLE)

NEXT_STEPS = {
    RefusalReason.UNKNOWN_HOLDING: "scan the label again; if it stays unknown, set the vial aside and tell the store",
    RefusalReason.OTHER_FACILITY: "this stock belongs to another facility; have it transferred before use",
    RefusalReason.OTHER_PRODUCT: "take a vial of the vaccine that this person is to get",
    RefusalReason.HELD: "do not use; keep it cold and apart, and take stock of another holding",
    RefusalReason.CONDEMNED: "do not use; put it with the condemned stock and take another holding",
    RefusalReason.EXPIRED: "do not use; put it with the expired stock and take another holding",
    RefusalReason.NO_DOSES_LEFT: "take the next holding, or have the count corrected",
    RefusalReason.GAP: "cannot confirm; read out the logger for the missing time or ask the medical officer",
    RefusalReason.NOT_REJUDGED: "the last move is still being judged; try again in a moment",
    RefusalReason.NO_STAY: "record in which refrigerator or carrier this stock stands",
    RefusalReason.ENGINE_SILENT: "cannot confirm; the judging service is silent, tell the person on call",
    RefusalReason.DATA_TOO_OLD: "cannot confirm; look at the refrigerator and its gateway, or take other stock",
}
SENTENCES = {
    RefusalReason.UNKNOWN_HOLDING: "no holding has this label",
    RefusalReason.OTHER_FACILITY: "this holding belongs to another facility",
    RefusalReason.OTHER_PRODUCT: "this holding is another vaccine",
    RefusalReason.HELD: "this holding is held",
    RefusalReason.CONDEMNED: "this holding is condemned",
    RefusalReason.EXPIRED: "this lot has expired",
    RefusalReason.NO_DOSES_LEFT: "no dose is left in this holding",
    RefusalReason.GAP: "for some time nobody knows how this holding was kept",
    RefusalReason.NOT_REJUDGED: "this holding has moved and is not yet judged again",
    RefusalReason.NO_STAY: "nobody recorded where this holding stands",
    RefusalReason.ENGINE_SILENT: "nothing has judged this holding's place lately",
    RefusalReason.DATA_TOO_OLD: "the newest temperature of this holding's place is too old",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """What the gate looks at, as read in one query; None for what does not exist."""

    holding: str
    lot: str
    product: str
    facility_id: str
    disposition: str
    doses_left: int
    expires_at_ms: int
    gap_open_from_ms: int | None
    rejudges_open: int
    verdict_id: int | None
    stay_id: int | None
    appliance: str | None
    evidence_kind: str | None
    known_bound_ms: int | None
    judged_through_ms: int | None
    known_through_ms: int | None


def open_conditions(*, of_product: bool) -> list[ColumnElement[bool]]:
    """The WHERE of the gate on one holding row, its facts bound by `bound`; made once, since making it costs much."""
    conditions: list[ColumnElement[bool]] = [
        holding.c.facility_id == bindparam("gate_facility"),
        holding.c.disposition.in_(USABLE_WORDS),
        holding.c.expires_at_ms > bindparam("gate_now_ms"),
        holding.c.doses_left > 0,
        holding.c.gap_open_from_ms.is_(None),
        holding.c.rejudges_open == 0,
        _present_stay_is_known(),
    ]
    if of_product:
        is_product = exists().where(lot.c.id == holding.c.lot_id, lot.c.product_id == bindparam("gate_product"))
        conditions.append(is_product.correlate(holding))
    return conditions


def bound(facility_id: str, product_id: str | None, now_ms: int) -> dict[str, object]:
    """The facts of one question to the gate, for `open_conditions`."""
    facts: dict[str, object] = {
        "gate_facility": facility_id,
        "gate_now_ms": now_ms,
        "gate_judged_ms": max(0, now_ms - JUDGED_BOUND_MS),
        "gate_ahead_ms": now_ms + AHEAD_MS_MAX,
    }
    return facts if product_id is None else facts | {"gate_product": product_id}


def explain(
    conn: Connection,
    holding_id: str,
    facility_id: str,
    product_id: str | None,
    now_ms: int,
) -> Refused | None:
    """The refusal with the worst reason that stands now; None when nothing stands in the way any more."""
    facts = _facts(conn, holding_id)
    if facts is None:
        return _refused(RefusalReason.UNKNOWN_HOLDING, {"holding": holding_id})
    reason = worst_reason(facts, facility_id, product_id, now_ms)
    return None if reason is None else _refused(reason, _told(facts))


def worst_reason(facts: GateFacts, facility_id: str, product_id: str | None, now_ms: int) -> RefusalReason | None:
    """The first of RefusalReason, worst first, that holds of these facts."""
    stands = {
        RefusalReason.OTHER_FACILITY: facts.facility_id != facility_id,
        RefusalReason.OTHER_PRODUCT: product_id is not None and facts.product != product_id,
        RefusalReason.HELD: facts.disposition in {Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT},
        RefusalReason.CONDEMNED: facts.disposition in {Disposition.CONDEMNED, Disposition.DESTROYED},
        RefusalReason.EXPIRED: facts.expires_at_ms <= now_ms,
        RefusalReason.NO_DOSES_LEFT: facts.doses_left <= 0,
        RefusalReason.GAP: facts.gap_open_from_ms is not None,
        RefusalReason.NOT_REJUDGED: facts.rejudges_open > 0,
        RefusalReason.NO_STAY: facts.stay_id is None,
        RefusalReason.ENGINE_SILENT: not _counts(facts.judged_through_ms, JUDGED_BOUND_MS, now_ms),
        RefusalReason.DATA_TOO_OLD: not _counts(facts.known_through_ms, facts.known_bound_ms or 0, now_ms),
    }
    return next((reason for reason in RefusalReason if stands.get(reason, False)), None)


def _counts(instant_ms: int | None, bound_ms: int, now_ms: int) -> bool:
    return now_ms - bound_ms <= (instant_ms or 0) <= now_ms + AHEAD_MS_MAX


def _present_stay_is_known() -> ColumnElement[bool]:
    known_through = type_coerce(_known_through(), BigInteger)
    return (
        exists()
        .where(
            stay.c.holding_id == holding.c.id,
            stay.c.until_ms.is_(None),
            appliance_judgement.c.appliance_id == stay.c.appliance_id,
            appliance_judgement.c.judged_through_ms.between(bindparam("gate_judged_ms"), bindparam("gate_ahead_ms")),
            known_through + stay.c.known_bound_ms >= bindparam("gate_now_ms"),
            known_through <= bindparam("gate_ahead_ms"),
        )
        .correlate(holding)
    )


def _known_through() -> ColumnElement[int]:
    packed = stay.c.evidence_kind == EvidenceKind.PACKED_CARRIER.value
    return case((packed, stay.c.packed_at_ms), else_=appliance_judgement.c.known_through_ms)


def _facts(conn: Connection, holding_id: str) -> GateFacts | None:
    query = (
        select(
            holding.c.id.label("holding"),
            lot.c.id.label("lot"),
            lot.c.product_id.label("product"),
            *(holding.c[name] for name in ("facility_id", "disposition", "doses_left", "expires_at_ms")),
            *(holding.c[name] for name in ("gap_open_from_ms", "rejudges_open")),
            holding.c.held_by_verdict_id.label("verdict_id"),
            stay.c.id.label("stay_id"),
            stay.c.appliance_id.label("appliance"),
            stay.c.evidence_kind,
            stay.c.known_bound_ms,
            appliance_judgement.c.judged_through_ms,
            _known_through().label("known_through_ms"),
        )
        .join(lot, lot.c.id == holding.c.lot_id)
        .outerjoin(stay, (stay.c.holding_id == holding.c.id) & stay.c.until_ms.is_(None))
        .outerjoin(appliance_judgement, appliance_judgement.c.appliance_id == stay.c.appliance_id)
        .where(holding.c.id == holding_id)
    )
    row = conn.execute(query).mappings().one_or_none()
    return GateFacts(**row) if row else None


def _told(facts: GateFacts) -> dict[str, object]:
    return {name: getattr(facts, name) for name in GateFacts.__slots__}


def _refused(reason: RefusalReason, facts: dict[str, object]) -> Refused:
    return Refused(SENTENCES[reason], next_step=NEXT_STEPS[reason], reason=reason, **facts)
