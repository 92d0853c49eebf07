"""All writes of a holding's quantity and disposition: guarded UPDATEs, alone here.

Dose, hold and split are UPDATEs of the same holding row, so one of them always waits for the other and then re-reads
the row: no dose commits after a hold has committed, on SQLite and on PostgreSQL READ COMMITTED alike. Rows are locked
in one order (`holding_locks`): the lot, the holding, its descendants parents first, the audit heads last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, or_, select, update

from sheetal.contracts.disposition import MOVES, USABLE, Disposition, EvidenceKind
from sheetal.contracts.problem import Refused, Unavailable
from sheetal.ledger import audit, gate, rejudge, stock
from sheetal.ledger import holding_checks as checks
from sheetal.ledger.assets import Appliance, appliance_by_id
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.holding_locks import lock_family, lock_holding, lock_lot
from sheetal.ledger.stock_tables import holding, stay

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping
    from sqlalchemy.sql.dml import ReturningUpdate

    from sheetal.ledger.stock import Holding, Stay

TRIES_MAX = 3


@dataclass(frozen=True, slots=True)
class TakenDose:
    """One dose taken out of a holding; `doses_left` is what remains."""

    holding: str
    lot: str
    product_id: str
    batch: str
    doses_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What is split off: the new label, how many doses, and where they stand from `at_ms` on."""

    holding_id: str
    doses: int
    appliance_id: str
    evidence_kind: EvidenceKind
    at_ms: int


def _taken(*, of_product: bool) -> ReturningUpdate[str, int]:
    return (
        update(holding)
        .where(holding.c.id == bindparam("taken_holding"), *gate.open_conditions(of_product=of_product))
        .values(doses_left=holding.c.doses_left - 1)
        .returning(holding.c.lot_id, holding.c.doses_left)
    )


_TAKEN_OF_PRODUCT = _taken(of_product=True)
_TAKEN_OF_ANY = _taken(of_product=False)


_HOLD = (
    update(holding)
    .where(holding.c.id == bindparam("held"), holding.c.disposition.in_(gate.USABLE_WORDS))
    .values(
        disposition=Disposition.QUARANTINED.value,
        disposition_at_ms=bindparam("at_ms"),
        held_by_verdict_id=bindparam("by_verdict"),
    )
    .returning(holding.c.facility_id)
)


def take_dose(
    conn: Connection,
    holding_id: str,
    facility_id: str,
    lot_product_id: str | None,
    now_ms: int,
) -> TakenDose:
    """Take one dose if the gate is open: one guarded UPDATE. The caller appends the dose's audit entry, last.

    Raises Refused with the worst RefusalReason, its next step and the gate's facts, and Unavailable when the holding
    keeps changing.
    """
    taken = _TAKEN_OF_ANY if lot_product_id is None else _TAKEN_OF_PRODUCT
    facts = {"taken_holding": holding_id, **gate.bound(facility_id, lot_product_id, now_ms)}
    for _ in range(TRIES_MAX):
        row = conn.execute(taken, facts).one_or_none()
        if row is not None:
            of_lot = stock.lot_by_id(conn, row.lot_id)
            return TakenDose(holding_id, of_lot.id, of_lot.product_id, of_lot.batch, row.doses_left)
        refused = gate.explain(conn, holding_id, facility_id, lot_product_id, now_ms)
        if refused is not None:
            raise refused
    raise Unavailable("this holding is changing", next_step="try again in a moment", holding=holding_id)


def check_gate(
    conn: Connection,
    holding_id: str,
    facility_id: str,
    now_ms: int,
    lot_product_id: str | None = None,
) -> None:
    """Ask the gate without taking a dose; raises the same Refused as `take_dose`."""
    refused = gate.explain(conn, holding_id, facility_id, lot_product_id, now_ms)
    if refused is not None:
        raise refused


def give_back_dose(conn: Connection, holding_id: str, now_ms: int) -> int:
    """Put back a dose that was taken but not given; gives the doses left. Raises NotFound and Refused (`not_taken`).

    What was split off has a label of its own and is not given back here.
    """
    del now_ms
    row = lock_holding(conn, holding_id)
    if row["doses_left"] + stock.doses_split_off(conn, holding_id) >= row["doses_received"]:
        raise Refused("no dose of this holding was taken", reason="not_taken", holding=holding_id)
    left = int(row["doses_left"]) + 1
    conn.execute(update(holding).where(holding.c.id == holding_id).values(doses_left=left))
    return left


def waste_doses(conn: Connection, holding_id: str, doses: int, actor: str, reason: str, now_ms: int) -> int:
    """Count doses as wasted, whatever the disposition; gives the doses left. Raises Refused (`no_doses_left`)."""
    wasted = (
        update(holding)
        .where(holding.c.id == holding_id, holding.c.doses_left >= doses, holding.c.doses_left > 0)
        .values(doses_left=holding.c.doses_left - doses)
        .returning(holding.c.doses_left, holding.c.facility_id)
    )
    row = conn.execute(wasted).one_or_none() if doses > 0 else None
    if row is None:
        raise Refused("there are not so many doses to waste", reason="no_doses_left", holding=holding_id, doses=doses)
    detail = {"doses": doses, "reason": reason, "doses_left": row.doses_left}
    audit.append(conn, row.facility_id, AuditEntry(now_ms, actor, "doses_wasted", holding_id, detail))
    return int(row.doses_left)


def hold(  # noqa: PLR0913 - one hold: of what, by which verdict as it stands, by whom, why and when
    conn: Connection,
    holding_id: str,
    verdict_id: int | None,
    actor: str,
    reason: str,
    now_ms: int,
    *,
    digest: str | None = None,
) -> list[str]:
    """Quarantine a holding and every descendant that is usable, parents first; gives the ids newly held.

    The verdict's digest, where one is given, goes into the chain, so that a verdict exchanged in the database shows.
    Raises NotFound. Holding twice is harmless: the second time the list is empty.
    """
    detail = {"verdict": verdict_id, "reason": reason} | ({"digest": digest} if digest else {})
    entry = AuditEntry(now_ms, actor, "held", holding_id, detail)
    family = lock_family(conn, holding_id, lambda: stock.descendants(conn, holding_id))
    return [one for one in family if _hold_one(conn, one, verdict_id, entry)]


def hold_lot(conn: Connection, lot_id: str, order_id: int, actor: str, reason: str, now_ms: int) -> list[str]:
    """Quarantine every usable holding of a lot, wherever it is; gives the ids newly held. Raises NotFound.

    A split may commit while its parent's lock is waited for, so the list is read again until it names nobody new.
    """
    lock_lot(conn, lot_id)
    entry = AuditEntry(now_ms, actor, "held", lot_id, {"verdict": None, "reason": reason, "lot_order": order_id})
    usable = select(holding.c.id).where(holding.c.lot_id == lot_id, holding.c.disposition.in_(gate.USABLE_WORDS))
    held: list[str] = []
    while found := list(conn.execute(usable.order_by(holding.c.created_at_ms, holding.c.id)).scalars()):
        held += [one for one in found if _hold_one(conn, one, None, entry)]
    return held


def set_disposition(  # noqa: PLR0913 - one decision: on what, which, by whom, why, when and on which verdict
    conn: Connection,
    holding_id: str,
    target: Disposition,
    actor: str,
    reason: str,
    now_ms: int,
    *,
    seen_verdict_id: int | None = None,
    decision_id: int | None = None,
) -> Holding:
    """Make one step of the workflow by a person's decision; quarantining covers all descendants, as `hold` does.

    To be usable again, condemned or destroyed takes a decision that enough people have signed (`decisions`): the UPDATE
    itself asks for it. A child is released only after the case of every ancestor has been decided, and stock only while
    no order holds its lot and by who has seen the newest verdict that holds it (`judgements.latest_hold_id`; None when
    there is none). Raises NotFound and Refused (`not_allowed`, `not_signed`, `ancestor_held`, `newer_verdict`,
    `lot_held`).
    """
    if target in USABLE:
        lock_lot(conn, stock.holding_by_id(conn, holding_id).lot_id)
    current = Disposition(lock_holding(conn, holding_id)["disposition"])
    if target is Disposition.QUARANTINED and current in USABLE:
        hold(conn, holding_id, None, actor, reason, now_ms)
        return stock.holding_by_id(conn, holding_id)
    from_words = [word.value for word, targets in MOVES.items() if target in targets]
    values: dict[str, object] = {"disposition": target.value, "disposition_at_ms": now_ms}
    conditions = [holding.c.id == holding_id, holding.c.disposition.in_(from_words)]
    if target in USABLE:
        checks.check_ancestors(conn, holding_id)
        checks.check_seen(conn, holding_id, seen_verdict_id)
        checks.check_lot(conn, holding_id)
        values["held_by_verdict_id"] = None
    if target in checks.SIGNED:
        conditions.append(checks.is_signed(decision_id, target))
    if conn.execute(update(holding).where(*conditions).values(**values)).rowcount == 0:
        raise checks.not_set(holding_id, current, target)
    changed = stock.holding_by_id(conn, holding_id)
    if target is Disposition.DESTROYED:
        _end_stay(conn, holding_id, now_ms)
    detail = {"disposition": target.value, "reason": reason} | ({"decision": decision_id} if decision_id else {})
    audit.append(conn, changed.facility_id, AuditEntry(now_ms, actor, "disposition_set", holding_id, detail))
    return changed


def move_holding(  # noqa: PLR0913, PLR0917 - one move, its facts in the order of the form
    conn: Connection,
    holding_id: str,
    appliance_id: str,
    evidence_kind: EvidenceKind,
    at_ms: int,
    now_ms: int,
    actor: str,
) -> Holding:
    """End the present stay and begin another, maybe in another facility; the gate opens once it is judged again.

    Its gap mark and disposition go with it. Raises NotFound and Refused (`future`, `before_stay`, `destroyed`).
    """
    place = appliance_by_id(conn, appliance_id)
    before = lock_holding(conn, holding_id)
    last = checks.check_instant(conn, before, at_ms, now_ms)
    _end_stay(conn, holding_id, at_ms)
    conn.execute(update(holding).where(holding.c.id == holding_id).values(facility_id=place.facility_id))
    stock.open_stay(conn, holding_id, place, EvidenceKind(evidence_kind), at_ms, _still_packed(last, place))
    rejudge.mark_holding(conn, holding_id, at_ms, now_ms)
    detail = {"appliance": appliance_id, "evidence": str(evidence_kind), "at_ms": at_ms, "to": place.facility_id}
    _trace(conn, {before["facility_id"], place.facility_id}, AuditEntry(now_ms, actor, "moved", holding_id, detail))
    return stock.holding_by_id(conn, holding_id)


def split_holding(conn: Connection, holding_id: str, split: Split, now_ms: int, actor: str) -> Holding:
    """Give part of a holding a label of its own: same disposition, same gap mark, same past; judged before use.

    A holding that is split to its last dose stands nowhere any more. Raises NotFound and Refused (`no_doses`,
    `no_doses_left`, `exists`, `future`, `before_stay`, `destroyed`).
    """
    place = appliance_by_id(conn, split.appliance_id)
    parent = lock_holding(conn, holding_id)
    last = checks.check_instant(conn, parent, split.at_ms, now_ms)
    checks.check_split(parent, split.doses)
    stock.add_holding_row(conn, _child(parent, split, place, now_ms))
    fewer = (
        update(holding)
        .where(holding.c.id == holding_id, holding.c.doses_left >= split.doses)
        .values(doses_left=holding.c.doses_left - split.doses)
        .returning(holding.c.doses_left)
    )
    if conn.execute(fewer).scalar_one() == 0:
        _end_stay(conn, holding_id, split.at_ms)
    kind = EvidenceKind(split.evidence_kind)
    stock.open_stay(conn, split.holding_id, place, kind, split.at_ms, _still_packed(last, place))
    rejudge.mark_holding(conn, split.holding_id, split.at_ms, now_ms)
    detail = {"into": split.holding_id, "doses": split.doses, "appliance": place.id, "at_ms": split.at_ms}
    _trace(conn, {parent["facility_id"], place.facility_id}, AuditEntry(now_ms, actor, "split", holding_id, detail))
    return stock.holding_by_id(conn, split.holding_id)


def thaw_holding(conn: Connection, holding_id: str, actor: str, at_ms: int, now_ms: int) -> Holding:
    """Record the one-way thaw of frozen stock, after which its next stage judges it, and what was split off it since.

    Raises NotFound and Refused (`future`, `before_stay`, `destroyed`, `thawed`).
    """
    checks.check_instant(conn, lock_holding(conn, holding_id), at_ms, now_ms)
    thaw = update(holding).where(holding.c.id == holding_id, holding.c.thawed_at_ms.is_(None))
    if conn.execute(thaw.values(thawed_at_ms=at_ms)).rowcount == 0:
        raise Refused("this holding is thawed already", reason="thawed", holding=holding_id)
    rejudge.mark_holding(conn, holding_id, at_ms, now_ms)
    thawed = stock.holding_by_id(conn, holding_id)
    entry = AuditEntry(now_ms, actor, "thawed", holding_id, {"at_ms": at_ms})
    audit.append(conn, thawed.facility_id, entry)
    stock.hand_down(conn, holding_id, "thawed_at_ms", at_ms, entry)
    return thawed


def open_gap(conn: Connection, holding_id: str, from_ms: int, actor: str, now_ms: int) -> list[str]:
    """Mark unexplained time on a holding and on what was split off it since; gives the ids whose mark changed.

    An earlier mark stays. Raises NotFound.
    """
    family = lock_family(conn, holding_id, lambda: stock.born_after(conn, holding_id, from_ms))
    return [one for one in family if _open_gap_on(conn, one, from_ms, actor, now_ms)]


def clear_gap(conn: Connection, holding_id: str, actor: str, reason: str, now_ms: int) -> bool:
    """Take the gap mark off one holding, by evidence that covers the gap or by a signed decision; False without one."""
    cleared = (
        update(holding)
        .where(holding.c.id == holding_id, holding.c.gap_open_from_ms.is_not(None))
        .values(gap_open_from_ms=None)
        .returning(holding.c.facility_id)
    )
    facility_id = conn.execute(cleared).scalar_one_or_none()
    if facility_id is None:
        return False
    audit.append(conn, facility_id, AuditEntry(now_ms, actor, "gap_cleared", holding_id, {"reason": reason}))
    return True


def _hold_one(conn: Connection, holding_id: str, verdict_id: int | None, entry: AuditEntry) -> bool:
    facts = {"held": holding_id, "at_ms": entry.at_ms, "by_verdict": verdict_id}
    facility_id = conn.execute(_HOLD, facts).scalar_one_or_none()
    if facility_id is None:
        return False
    audit.append(conn, facility_id, replace(entry, subject=holding_id))
    return True


def _open_gap_on(conn: Connection, holding_id: str, from_ms: int, actor: str, now_ms: int) -> bool:
    is_earlier = or_(holding.c.gap_open_from_ms.is_(None), holding.c.gap_open_from_ms > from_ms)
    marked = (
        update(holding)
        .where(holding.c.id == holding_id, is_earlier)
        .values(gap_open_from_ms=from_ms)
        .returning(holding.c.facility_id)
    )
    facility_id = conn.execute(marked).scalar_one_or_none()
    if facility_id is None:
        return False
    audit.append(conn, facility_id, AuditEntry(now_ms, actor, "gap_opened", holding_id, {"from_ms": from_ms}))
    return True


def _end_stay(conn: Connection, holding_id: str, at_ms: int) -> None:
    conn.execute(
        update(stay).where(stay.c.holding_id == holding_id, stay.c.until_ms.is_(None)).values(until_ms=at_ms),
    )


def _child(parent: RowMapping, split: Split, place: Appliance, now_ms: int) -> dict[str, object]:
    own = {
        "id": split.holding_id,
        "parent_id": parent["id"],
        "facility_id": place.facility_id,
        "doses_received": split.doses,
        "doses_left": split.doses,
        "rejudges_open": 0,
        "created_at_ms": now_ms,
    }
    # What was done to the whole only after the split, which is written down late, was not done to the part.
    undone = {name: None for name in ("thawed_at_ms", "opened_at_ms") if (parent[name] or 0) > split.at_ms}
    return {**parent, **own, **undone}


def _still_packed(last: Stay | None, place: Appliance) -> int | None:
    is_same = last is not None and last.until_ms is None and last.appliance_id == place.id
    return last.packed_at_ms if last is not None and is_same else None


def _trace(conn: Connection, facility_ids: set[str], entry: AuditEntry) -> None:
    for facility_id in sorted(facility_ids):
        audit.append(conn, facility_id, entry)
