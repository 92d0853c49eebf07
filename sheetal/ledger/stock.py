"""Lots, holdings and their stays: what arrives, where it stood, and who descends from whom.

A split holding's past is its ancestors' past: `stays_of` gives their stays too, up to the instant of the split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, literal, or_, select, update

from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, lot_holds, rejudge
from sheetal.ledger.assets import Appliance, appliance_by_id
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.holding_locks import lock_lot
from sheetal.ledger.stock_tables import holding, lot, product, stay
from sheetal.ledger.upsert import insert_missing

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select
    from sqlalchemy.engine import RowMapping

# DESIGN promise 5: how old the newest knowledge may be before the gate says "cannot confirm".
TELEMETRY_BOUND_MS_MAX = 4 * HOUR_MS
TELEMETRY_BOUND_MS_UNSOURCED = 60 * MINUTE_MS
RECORD_BOUND_MS = 16 * HOUR_MS
COLD_LIFE_MS_UNSOURCED = (
    8 * HOUR_MS
)  # programme setting, decided with the default hold rules in catalogue/programme.toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A manufacturer's batch of a product; `id` is product/batch."""

    id: str
    product_id: str
    batch: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A quantity of one lot in one facility's hands, as it stands now.

    `rejudges_open` counts the acts not yet judged again, `gap_open_from_ms` is where unexplained time began.
    """

    id: str
    lot_id: str
    product_id: str
    batch: str
    facility_id: str
    parent_id: str | None
    doses_received: int
    doses_left: int
    disposition: Disposition
    disposition_at_ms: int
    held_by_verdict_id: int | None
    expires_at_ms: int
    gap_open_from_ms: int | None
    thawed_at_ms: int | None
    rejudges_open: int
    created_at_ms: int
    opened_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A holding inside an appliance over [from_ms, until_ms); open when `until_ms` is None.

    Of a packed carrier, what was written down at its packing: `ice_packs` (conditioned, cool_water or frozen) and the
    darkest stage of the vials' monitors, 1 to 4.
    """

    id: int
    holding_id: str
    appliance_id: str
    evidence_kind: EvidenceKind
    from_ms: int
    until_ms: int | None
    known_bound_ms: int
    packed_at_ms: int | None
    ice_packs: str | None = None
    vvm_stage_packed: int | None = None


def _holdings() -> Select[*tuple[Any, ...]]:
    return select(holding, lot.c.product_id, lot.c.batch).join(lot, lot.c.id == holding.c.lot_id)


def _descendants() -> Select[str]:
    split_off = select(holding.c.id, literal(1).label("depth")).where(holding.c.parent_id == bindparam("above"))
    born = split_off.cte(recursive=True)
    born = born.union_all(select(holding.c.id, born.c.depth + 1).join(born, holding.c.parent_id == born.c.id))
    return select(born.c.id).order_by(born.c.depth, born.c.id)


# Made once: each hold asks for them, and making a statement costs more than running it.
_HOLDING_BY_ID = _holdings().where(holding.c.id == bindparam("holding"))
_DESCENDANTS = _descendants()
_LOT_BY_ID = select(lot.c.id, lot.c.product_id, lot.c.batch, lot.c.expires_at_ms).where(lot.c.id == bindparam("lot"))


def add_lot(conn: Connection, new: Lot, now_ms: int) -> None:
    """Record a lot of a known product; raises NotFound and Refused (`exists`, `look_alike`).

    Two spellings of one batch would be two lots, of which an order holds only one.
    """
    if conn.execute(select(product.c.id).where(product.c.id == new.product_id).limit(1)).first() is None:
        raise NotFound("no such product in the catalogue", product=new.product_id)
    row = {"id": new.id, "product_id": new.product_id, "batch": new.batch, "expires_at_ms": new.expires_at_ms}
    plain = func.lower(func.replace(lot.c.batch, " ", "")) == new.batch.replace(" ", "").lower()
    alike = select(lot.c.id).where(lot.c.product_id == new.product_id, lot.c.batch != new.batch, plain).limit(1)
    if (like := conn.execute(alike).scalar()) is not None:
        raise Refused("this lot stands there in another spelling", reason="look_alike", lot=new.id, like=like)
    if insert_missing(conn, lot, [{**row, "recorded_at_ms": now_ms}]) == 0:
        raise Refused("this lot stands there already", reason="exists", lot=new.id)


def lot_by_id(conn: Connection, lot_id: str) -> Lot:
    """One lot; raises NotFound."""
    row = conn.execute(_LOT_BY_ID, {"lot": lot_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("no such lot", lot=lot_id)
    return Lot(**row)


def lots(conn: Connection, product_id: str | None = None) -> list[Lot]:
    """The lots of one product, or all, in order of id."""
    query = select(lot.c.id, lot.c.product_id, lot.c.batch, lot.c.expires_at_ms).order_by(lot.c.id)
    if product_id is not None:
        query = query.where(lot.c.product_id == product_id)
    return [Lot(**row) for row in conn.execute(query).mappings()]


def receive_holding(  # noqa: PLR0913, PLR0917 - one receipt, its facts in the order of the delivery note
    conn: Connection,
    holding_id: str,
    lot_id: str,
    facility_id: str,
    doses: int,
    appliance_id: str,
    evidence_kind: EvidenceKind,
    at_ms: int,
    now_ms: int,
    actor: str,
) -> Holding:
    """Take stock into a facility's appliance; the gate opens once the holding has been judged.

    While an authority's order holds its lot it is born held. Raises NotFound (lot, appliance) and Refused (`exists`,
    `no_doses`, `future`, `other_facility`).
    """
    place, of_lot = appliance_by_id(conn, appliance_id), lot_by_id(conn, lot_id)
    _check_receipt(place, facility_id, doses, at_ms, now_ms)
    lock_lot(conn, lot_id)
    orders = lot_holds.standing(conn, lot_id)
    row = {
        "id": holding_id,
        "lot_id": lot_id,
        "facility_id": facility_id,
        "doses_received": doses,
        "doses_left": doses,
        "disposition": (Disposition.QUARANTINED if orders else Disposition.AVAILABLE).value,
        "disposition_at_ms": now_ms,
        "expires_at_ms": of_lot.expires_at_ms,
        "created_at_ms": now_ms,
    }
    add_holding_row(conn, row)
    open_stay(conn, holding_id, place, EvidenceKind(evidence_kind), at_ms)
    rejudge.mark_holding(conn, holding_id, at_ms, now_ms)
    detail = {"lot": lot_id, "doses": doses, "appliance": appliance_id, "evidence": str(evidence_kind), "at_ms": at_ms}
    audit.append(conn, facility_id, AuditEntry(now_ms, actor, "holding_received", holding_id, detail))
    if orders:
        born = lot_holds.born_held(orders)
        audit.append(conn, facility_id, AuditEntry(now_ms, actor, "held", holding_id, born))
    return holding_by_id(conn, holding_id)


def add_holding_row(conn: Connection, row: dict[str, object]) -> None:
    """Insert a new holding; raises Refused (`exists`)."""
    if insert_missing(conn, holding, [row]) == 0:
        raise Refused(
            "this label is already in use",
            next_step="scan or print another label",
            reason="exists",
            holding=row["id"],
        )


def open_stay(
    conn: Connection,
    holding_id: str,
    place: Appliance,
    kind: EvidenceKind,
    from_ms: int,
    packed_at_ms: int | None = None,
) -> None:
    """Begin a stay with the bound of its evidence; a packed carrier counts from `packed_at_ms`, else from now on."""
    packed = (packed_at_ms if packed_at_ms is not None else from_ms) if kind is EvidenceKind.PACKED_CARRIER else None
    row = {
        "holding_id": holding_id,
        "appliance_id": place.id,
        "evidence_kind": kind.value,
        "from_ms": from_ms,
        "known_bound_ms": known_bound_ms(place, kind),
        "packed_at_ms": packed,
    }
    conn.execute(insert(stay).values(**row))


def known_bound_ms(place: Appliance, kind: EvidenceKind) -> int:
    """How old the newest knowledge of a stay may be at the gate, in ms (DESIGN promise 5)."""
    if kind is EvidenceKind.TELEMETRY:
        if place.holdover_minutes is None:
            return TELEMETRY_BOUND_MS_UNSOURCED
        return min(place.holdover_minutes * MINUTE_MS, TELEMETRY_BOUND_MS_MAX)
    if kind is EvidenceKind.PACKED_CARRIER:
        return COLD_LIFE_MS_UNSOURCED if place.cold_life_minutes is None else place.cold_life_minutes * MINUTE_MS
    return RECORD_BOUND_MS


def holding_by_id(conn: Connection, holding_id: str) -> Holding:
    """One holding; raises NotFound."""
    row = conn.execute(_HOLDING_BY_ID, {"holding": holding_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("no such holding", holding=holding_id)
    return _holding(row)


def holdings_at(conn: Connection, facility_id: str) -> list[Holding]:
    """All holdings of a facility, in order of id."""
    rows = conn.execute(_holdings().where(holding.c.facility_id == facility_id).order_by(holding.c.id)).mappings()
    return [_holding(row) for row in rows]


def holdings_of_lot(conn: Connection, lot_id: str) -> list[Holding]:
    """All holdings of a lot, wherever they are, in order of id."""
    rows = conn.execute(_holdings().where(holding.c.lot_id == lot_id).order_by(holding.c.id)).mappings()
    return [_holding(row) for row in rows]


def holdings_in(conn: Connection, appliance_id: str, from_ms: int, until_ms: int | None = None) -> list[Holding]:
    """Every holding whose exposure touches this appliance in [from_ms, until_ms), in order of id.

    Those that stood there, and those split off them after `from_ms`, wherever they are now.
    """
    stood = select(stay.c.holding_id).where(
        stay.c.appliance_id == appliance_id,
        or_(stay.c.until_ms.is_(None), stay.c.until_ms > from_ms),
    )
    if until_ms is not None:
        stood = stood.where(stay.c.from_ms < until_ms)
    standing = sorted(set(conn.execute(stood).scalars()))
    touched = {*standing, *_born_after(conn, standing, from_ms)}
    rows = conn.execute(_holdings().where(holding.c.id.in_(sorted(touched))).order_by(holding.c.id)).mappings()
    return [_holding(row) for row in rows]


def stays_of(conn: Connection, holding_id: str) -> list[Stay]:
    """The stays of a holding and of its ancestors up to each split, oldest first; raises NotFound."""
    found: list[Stay] = []
    of, cut_ms = holding_by_id(conn, holding_id), None
    while True:
        own = [_cut(one, cut_ms) for one in own_stays(conn, of.id) if cut_ms is None or one.from_ms < cut_ms]
        found = own + found
        if of.parent_id is None:
            return found
        cut_ms = own[0].from_ms if own else cut_ms
        of = holding_by_id(conn, of.parent_id)


def own_stays(conn: Connection, holding_id: str) -> list[Stay]:
    """The stays under this very label, oldest first."""
    query = select(stay).where(stay.c.holding_id == holding_id).order_by(stay.c.from_ms, stay.c.id)
    return [_stay(row) for row in conn.execute(query).mappings()]


def open_stays_in(conn: Connection, appliance_id: str) -> list[Stay]:
    """The stays that are open in an appliance now, oldest first."""
    query = select(stay).where(stay.c.appliance_id == appliance_id, stay.c.until_ms.is_(None))
    return [_stay(row) for row in conn.execute(query.order_by(stay.c.from_ms, stay.c.id)).mappings()]


def unmarked_stays_in(conn: Connection, appliance_id: str) -> list[Stay]:
    """Those of them whose holdings carry no gap's mark and have not been destroyed."""
    may_be_marked = holding.c.gap_open_from_ms.is_(None), holding.c.disposition != Disposition.DESTROYED.value
    query = (
        select(stay)
        .join(holding, holding.c.id == stay.c.holding_id)
        .where(stay.c.appliance_id == appliance_id, stay.c.until_ms.is_(None), *may_be_marked)
        .order_by(stay.c.from_ms, stay.c.id)
    )
    return [_stay(row) for row in conn.execute(query).mappings()]


def descendants(conn: Connection, holding_id: str) -> list[str]:
    """The ids of all holdings split off this one and off those, parents before children."""
    return list(conn.execute(_DESCENDANTS, {"above": holding_id}).scalars())


def born_after(conn: Connection, holding_id: str, from_ms: int) -> list[str]:
    """The ids of the holdings split off this one after an instant, and of all split off those, parents first."""
    return _born_after(conn, [holding_id], from_ms)


def hand_down(conn: Connection, holding_id: str, column: str, at_ms: int, entry: AuditEntry) -> None:
    """What was done to a holding once and for all was done to every part that was split off it since.

    A part whose own record of it (`column`) is earlier keeps that; each is judged again, each change told in its chain.
    """
    for label in born_after(conn, holding_id, at_ms):
        is_later = or_(holding.c[column].is_(None), holding.c[column] > at_ms)
        changed = update(holding).where(holding.c.id == label, is_later).values({column: at_ms})
        facility_id = conn.execute(changed.returning(holding.c.facility_id)).scalar_one_or_none()
        rejudge.mark_holding(conn, label, at_ms, entry.at_ms)
        if facility_id is not None:
            audit.append(conn, facility_id, replace(entry, subject=label, detail={**entry.detail, "with": holding_id}))


def ancestors(conn: Connection, holding_id: str) -> list[str]:
    """The ids of the holdings this one was split off, the nearest first."""
    up = select(holding.c.parent_id.label("id"), literal(1).label("depth")).where(holding.c.id == holding_id)
    above = up.cte(recursive=True)
    above = above.union_all(select(holding.c.parent_id, above.c.depth + 1).join(above, holding.c.id == above.c.id))
    query = select(above.c.id).where(above.c.id.is_not(None)).order_by(above.c.depth)
    return list(conn.execute(query).scalars())


def doses_split_off(conn: Connection, holding_id: str) -> int:
    """How many doses of this holding were given labels of their own, used or not."""
    query = select(func.coalesce(func.sum(holding.c.doses_received), 0)).where(holding.c.parent_id == holding_id)
    return int(conn.execute(query).scalar_one())


def _check_receipt(place: Appliance, facility_id: str, doses: int, at_ms: int, now_ms: int) -> None:
    if doses <= 0:
        raise Refused("a holding has at least one dose", next_step="count again", reason="no_doses", doses=doses)
    if at_ms > now_ms:
        raise Refused("an act cannot lie in the future", next_step="check the time", reason="future", at_ms=at_ms)
    if place.facility_id != facility_id:
        raise Refused("the appliance stands in another facility", reason="other_facility", appliance=place.id)


def _born_after(conn: Connection, parents: list[str], from_ms: int) -> list[str]:
    found: list[str] = []
    wave = parents
    while wave:
        wave = _children_born_after(conn, wave, from_ms)
        found += wave
    return found


def _children_born_after(conn: Connection, parents: list[str], from_ms: int) -> list[str]:
    query = (
        select(holding.c.id)
        .join(stay, stay.c.holding_id == holding.c.id)
        .where(holding.c.parent_id.in_(parents))
        .group_by(holding.c.id)
        .having(func.min(stay.c.from_ms) > from_ms)
        .order_by(holding.c.id)
    )
    return list(conn.execute(query).scalars())


def _holding(row: RowMapping) -> Holding:
    return Holding(**{**row, "disposition": Disposition(row["disposition"])})


def _stay(row: RowMapping) -> Stay:
    return Stay(**{**row, "evidence_kind": EvidenceKind(row["evidence_kind"])})


def _cut(one: Stay, cut_ms: int | None) -> Stay:
    if cut_ms is None or (one.until_ms is not None and one.until_ms <= cut_ms):
        return one
    return replace(one, until_ms=cut_ms)
