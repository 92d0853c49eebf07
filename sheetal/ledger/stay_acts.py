"""What people record of a holding's present stay, and how they put right what they recorded of an earlier one.

Each act has the holding judged again, which shuts its gate until then, and leaves its trace. A correction keeps what
stood before in the audit entry, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, rejudge, stock
from sheetal.ledger import holding_checks as checks
from sheetal.ledger.assets import appliance_by_id
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.holding_locks import lock_holding
from sheetal.ledger.stock_tables import holding, stay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from sheetal.ledger.assets import Appliance
    from sheetal.ledger.stock import Holding, Stay

VVM_STAGES = range(1, 5)
REASON_CHARACTERS_MAX = 500


class IcePacks(StrEnum):
    """What the ice packs of a carrier were like at its packing; frozen ones freeze vaccine."""

    CONDITIONED = "conditioned"
    COOL_WATER = "cool_water"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a stay should have said; None leaves a word as it stands."""

    from_ms: int | None = None
    until_ms: int | None = None
    appliance_id: str | None = None
    evidence_kind: EvidenceKind | None = None


def open_vial(conn: Connection, holding_id: str, at_ms: int, actor: str, now_ms: int) -> Holding:
    """Record that a holding's vials were opened: one way, after which open-vial hours and the next stage judge it.

    A holding is opened as a whole, with what was split off it since; to open one vial of many, split it off first.
    Raises NotFound and Refused (`future`, `before_stay`, `destroyed`, `opened`).
    """
    checks.check_instant(conn, lock_holding(conn, holding_id), at_ms, now_ms)
    opened = update(holding).where(holding.c.id == holding_id, holding.c.opened_at_ms.is_(None))
    if conn.execute(opened.values(opened_at_ms=at_ms)).rowcount == 0:
        raise Refused("this holding is open already", reason="opened", holding=holding_id)
    rejudge.mark_holding(conn, holding_id, at_ms, now_ms)
    changed = stock.holding_by_id(conn, holding_id)
    entry = AuditEntry(now_ms, actor, "opened", holding_id, {"at_ms": at_ms})
    audit.append(conn, changed.facility_id, entry)
    stock.hand_down(conn, holding_id, "opened_at_ms", at_ms, entry)
    return changed


def record_packing(
    conn: Connection,
    holding_id: str,
    ice_packs: str,
    vvm_stage: int | None,
    actor: str,
    now_ms: int,
) -> Stay:
    """Record what the ice packs were like when a holding was packed, and its monitors' darkest stage.

    What was split off it since was packed with it, and is judged again too.
    Raises NotFound and Refused (`ice_packs`, `stage`, `not_packed`).
    """
    row = lock_holding(conn, holding_id)
    if ice_packs not in set(IcePacks):
        raise Refused("ice packs are conditioned, of cool water or frozen", reason="ice_packs", ice_packs=ice_packs)
    if vvm_stage is not None and vvm_stage not in VVM_STAGES:
        raise Refused("a vial monitor has the stages 1 to 4", next_step="look again", reason="stage", stage=vvm_stage)
    last = next(reversed(stock.own_stays(conn, holding_id)), None)
    if last is None or last.until_ms is not None or last.packed_at_ms is None:
        next_step = "record first that it was packed"
        raise Refused("this holding is not packed", next_step=next_step, reason="not_packed", holding=holding_id)
    conn.execute(update(stay).where(stay.c.id == last.id).values(ice_packs=ice_packs, vvm_stage_packed=vvm_stage))
    for label in (holding_id, *stock.born_after(conn, holding_id, last.packed_at_ms)):
        rejudge.mark_holding(conn, label, last.packed_at_ms, now_ms)
    before = {"ice_packs": last.ice_packs, "vvm_stage": last.vvm_stage_packed}
    detail = {"stay": last.id, "ice_packs": ice_packs, "vvm_stage": vvm_stage, "before": before}
    audit.append(conn, row["facility_id"], AuditEntry(now_ms, actor, "packing_recorded", holding_id, detail))
    return stay_by_id(conn, last.id)


def correct_stay(
    conn: Connection,
    stay_id: int,
    to: Correction,
    reason: str,
    actor: str,
    now_ms: int,
) -> Stay:
    """Put right where or when a holding stood; a neighbouring stay that touched it goes on touching it.

    The holding and all that was split off it are judged again. Raises NotFound and Refused (`no_reason`, `future`,
    `open_stay`, `overlap`, `other_facility`, `destroyed`).
    """
    before = stay_by_id(conn, stay_id)
    row = lock_holding(conn, before.holding_id)
    before = stay_by_id(conn, stay_id)
    if not reason.strip():
        raise Refused("a correction has a reason", next_step="say what was wrong", reason="no_reason")
    wanted = _wanted(conn, before, to)
    _check_times(conn, before, wanted, now_ms)
    _check_place(conn, before, wanted, str(row["facility_id"]))
    _move_neighbours(conn, before, wanted)
    conn.execute(update(stay).where(stay.c.id == stay_id).values(**wanted))
    from_ms = min(before.from_ms, _instant(wanted["from_ms"]))
    for label in (before.holding_id, *stock.descendants(conn, before.holding_id)):
        rejudge.mark_holding(conn, label, from_ms, now_ms)
    changed = {name: [_said(getattr(before, name)), value] for name, value in wanted.items()}
    detail = {"stay": stay_id, "reason": reason.strip()[:REASON_CHARACTERS_MAX]} | {
        name: pair for name, pair in changed.items() if pair[0] != pair[1]
    }
    audit.append(conn, row["facility_id"], AuditEntry(now_ms, actor, "stay_corrected", before.holding_id, detail))
    return stay_by_id(conn, stay_id)


def stay_by_id(conn: Connection, stay_id: int) -> Stay:
    """One stay; raises NotFound."""
    label = conn.execute(select(stay.c.holding_id).where(stay.c.id == stay_id)).scalar_one_or_none()
    found = [] if label is None else [one for one in stock.own_stays(conn, label) if one.id == stay_id]
    if not found:
        raise NotFound("no such stay", stay=stay_id)
    return found[0]


def _wanted(conn: Connection, before: Stay, to: Correction) -> dict[str, object]:
    """The row as it should stand; a carrier that is one only now was packed when the stay began."""
    place = appliance_by_id(conn, to.appliance_id or before.appliance_id)
    kind = EvidenceKind(to.evidence_kind or before.evidence_kind)
    from_ms = before.from_ms if to.from_ms is None else to.from_ms
    is_packed = kind is EvidenceKind.PACKED_CARRIER
    was_packed_at_ms = from_ms if before.packed_at_ms in {None, before.from_ms} else before.packed_at_ms
    return {
        "appliance_id": place.id,
        "evidence_kind": kind.value,
        "from_ms": from_ms,
        "until_ms": before.until_ms if to.until_ms is None else to.until_ms,
        "known_bound_ms": stock.known_bound_ms(place, kind),
        "packed_at_ms": was_packed_at_ms if is_packed else None,
        "ice_packs": before.ice_packs if is_packed else None,
        "vvm_stage_packed": before.vvm_stage_packed if is_packed else None,
    }


def _check_times(conn: Connection, before: Stay, wanted: Mapping[str, object], now_ms: int) -> None:
    from_ms, until_ms = _instant(wanted["from_ms"]), wanted["until_ms"]
    facts: dict[str, object] = {"stay": before.id, "from_ms": from_ms, "until_ms": until_ms}
    if from_ms > now_ms or (until_ms is not None and _instant(until_ms) > now_ms):
        raise Refused("a stay cannot lie in the future", next_step="check the time", reason="future", **facts)
    if before.until_ms is None and until_ms is not None:
        next_step = "record the move that ended it"
        raise Refused("this stay is still going on", next_step=next_step, reason="open_stay", **facts)
    own = stock.own_stays(conn, before.holding_id)
    place = next(number for number, one in enumerate(own) if one.id == before.id)
    earliest_ms = _earliest_ms(conn, before, own[:place])
    latest_ms = _latest_ms(before, own[place + 1 :], now_ms)
    is_empty = until_ms is not None and _instant(until_ms) <= from_ms
    if is_empty or from_ms < earliest_ms or (until_ms is not None and _instant(until_ms) > latest_ms):
        next_step = "check the times of the stays before and after it"
        raise Refused("a stay cannot reach past its neighbours", next_step=next_step, reason="overlap", **facts)


def _earliest_ms(conn: Connection, of: Stay, earlier: Sequence[Stay]) -> int:
    """A neighbour that it touches gives way down to its own beginning; a part cannot stand before its whole."""
    if earlier:
        last = earlier[-1]
        return last.from_ms + 1 if last.until_ms == of.from_ms else _instant(last.until_ms)
    parents = select(func.min(stay.c.from_ms)).join(holding, holding.c.parent_id == stay.c.holding_id)
    return int(conn.execute(parents.where(holding.c.id == of.holding_id)).scalar_one() or 0)


def _latest_ms(of: Stay, later: Sequence[Stay], now_ms: int) -> int:
    if not later:
        return now_ms
    following = later[0]
    return (following.until_ms or now_ms) - 1 if following.from_ms == of.until_ms else following.from_ms


def _check_place(conn: Connection, before: Stay, wanted: Mapping[str, object], facility_id: str) -> None:
    """An open stay stands in the holding's own facility; another one is reached by a move."""
    place: Appliance = appliance_by_id(conn, str(wanted["appliance_id"]))
    if before.until_ms is None and place.facility_id != facility_id:
        next_step = "record a transfer"
        raise Refused("this appliance is elsewhere", next_step=next_step, reason="other_facility", appliance=place.id)


def _move_neighbours(conn: Connection, before: Stay, wanted: Mapping[str, object]) -> None:
    of = stay.c.holding_id == before.holding_id
    touching = update(stay).where(of, stay.c.id != before.id)
    conn.execute(touching.where(stay.c.until_ms == before.from_ms).values(until_ms=wanted["from_ms"]))
    if before.until_ms is not None:
        packed_then = touching.where(stay.c.packed_at_ms == before.until_ms)
        conn.execute(packed_then.values(packed_at_ms=wanted["until_ms"]))
        conn.execute(touching.where(stay.c.from_ms == before.until_ms).values(from_ms=wanted["until_ms"]))


def _instant(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("an instant is needed here")
    return value


def _said(value: object) -> object:
    return value.value if isinstance(value, EvidenceKind) else value
