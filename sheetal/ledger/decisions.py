"""Signed decisions on holdings: proposed by one person, signed by as many as it takes, then carried out at once.

    propose ── one signature is enough ─────────────► done
       └────── two are needed ── sign (another) ────► done
                             └── withdraw

Everything a signature rests on is looked at again when the last one is given: doses, newest verdict, evidence, orders
on the lot. A signature is bound to its row, and the holding's UPDATE asks for it (`holding_checks.is_signed`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, insert, select, update

from sheetal.contracts.disposition import USABLE, Disposition, may_move
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import attachments, audit, catalogue, holdings, judgements, lot_holds, stock, vvm_readings
from sheetal.ledger import decision_rules as rules
from sheetal.ledger import holding_checks as checks
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.decision_rules import Case, ReasonCode, Wish
from sheetal.ledger.decision_tables import decision
from sheetal.ledger.holding_locks import lock_holding, lock_lot
from sheetal.ledger.stock_tables import holding

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping

    from sheetal.ledger.decision_rules import Signature
    from sheetal.ledger.proofs import Attachment

COMMENT_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision with its signatures; done, withdrawn or waiting for the second one."""

    id: int
    holding_id: str
    target: Disposition
    reason_code: ReasonCode
    comment: str
    doses: int
    seen_verdict_id: int | None
    attachments: tuple[int, ...]
    signers_needed: int
    signed_by: str
    signed_at_ms: int
    second_signed_by: str | None
    second_signed_at_ms: int | None
    done_at_ms: int | None
    withdrawn_by: str | None
    withdrawn_at_ms: int | None

    @property
    def is_open(self) -> bool:
        """Whether it waits for a second signature."""
        return self.done_at_ms is None and self.withdrawn_at_ms is None

    def wish(self) -> Wish:
        """What was signed."""
        return Wish(
            target=self.target,
            reason=self.reason_code,
            comment=self.comment,
            doses=self.doses,
            seen_verdict_id=self.seen_verdict_id,
            attachments=self.attachments,
        )


def propose(
    conn: Connection,
    holding_id: str,
    wish: Wish,
    by: Signature,
    second_person_above_doses: int,
) -> Decision:
    """Sign a decision first; it is carried out at once where one signature is enough.

    Raises NotFound and Refused: `decision_open`, and whatever `decision_rules` and `holdings.set_disposition` refuse.
    """
    wish = replace(wish, comment=wish.comment.strip()[:COMMENT_CHARACTERS_MAX])
    rules.check_wish(wish)
    row = _lock(conn, holding_id, wish.target)
    if open_decision(conn, holding_id) is not None:
        next_step = "sign it, or withdraw it first"
        raise Refused("a decision waits for a signature", next_step=next_step, reason="decision_open")
    _check(conn, row, wish, by.at_ms)
    needed = rules.signers_needed(wish.target, case_doses(conn, holding_id), second_person_above_doses)
    number: int = conn.execute(
        insert(decision)
        .values(
            holding_id=holding_id,
            target=wish.target.value,
            reason_code=wish.reason.value,
            comment=wish.comment,
            doses=wish.doses,
            seen_verdict_id=wish.seen_verdict_id,
            attachments=msgspec.json.encode(sorted(set(wish.attachments))).decode(),
            signers_needed=needed,
            signed_by=by.actor,
            signed_at_ms=by.at_ms,
        )
        .returning(decision.c.id),
    ).scalar_one()
    made = decision_by_id(conn, number)
    _trace(conn, row, made, by, is_second=False)
    return _carry_out(conn, row, made, by) if needed == 1 else made


def sign(conn: Connection, decision_id: int, by: Signature, seen_verdict_id: int | None) -> Decision:
    """Give the second signature, by somebody who has seen the same verdict, and carry the decision out.

    Raises NotFound and Refused: `decision_closed`, `same_person`, `gap_since`, and whatever `propose` refuses.
    """
    asked = decision_by_id(conn, decision_id)
    row = _lock(conn, asked.holding_id, asked.target)
    found = decision_by_id(conn, decision_id)
    if not found.is_open:
        raise Refused("this decision is closed", next_step="look at the holding again", reason="decision_closed")
    if found.signed_by == by.actor:
        next_step = "let another person sign"
        raise Refused("the same person cannot sign twice", next_step=next_step, reason="same_person")
    if found.target in USABLE:
        _check_gap(conn, row, found)
    wish = replace(found.wish(), seen_verdict_id=seen_verdict_id)
    if found.seen_verdict_id != seen_verdict_id:
        checks.check_seen(conn, found.holding_id, found.seen_verdict_id)
    _check(conn, row, wish, by.at_ms)
    waiting = update(decision).where(
        decision.c.id == decision_id,
        decision.c.second_signed_by.is_(None),
        decision.c.done_at_ms.is_(None),
        decision.c.withdrawn_at_ms.is_(None),
    )
    values = {"second_signed_by": by.actor, "second_signed_at_ms": by.at_ms}
    if conn.execute(waiting.values(**values)).rowcount == 0:
        raise Refused("this decision is closed", next_step="look at the holding again", reason="decision_closed")
    _trace(conn, row, found, by, is_second=True)
    return _carry_out(conn, row, decision_by_id(conn, decision_id), by)


def withdraw(conn: Connection, decision_id: int, reason: str, by: Signature) -> Decision:
    """Take back a decision that waits for a signature.

    Raises NotFound and Refused (`decision_closed`, `no_comment`).
    """
    asked = decision_by_id(conn, decision_id)
    row = lock_holding(conn, asked.holding_id)
    if not reason.strip():
        raise Refused("a decision says why", next_step="write the reason in your words", reason="no_comment")
    waiting = update(decision).where(
        decision.c.id == decision_id,
        decision.c.done_at_ms.is_(None),
        decision.c.withdrawn_at_ms.is_(None),
    )
    if conn.execute(waiting.values(withdrawn_by=by.actor, withdrawn_at_ms=by.at_ms)).rowcount == 0:
        raise Refused("this decision is closed", next_step="look at the holding again", reason="decision_closed")
    detail = {"decision": decision_id, "reason": reason.strip()[:COMMENT_CHARACTERS_MAX], "role": by.role}
    entry = AuditEntry(by.at_ms, by.actor, "decision_withdrawn", asked.holding_id, detail | {"meaning": "withdraws"})
    audit.append(conn, row["facility_id"], entry)
    return decision_by_id(conn, decision_id)


def decision_by_id(conn: Connection, decision_id: int) -> Decision:
    """One decision; raises NotFound."""
    row = conn.execute(select(decision).where(decision.c.id == decision_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("there is no such decision", decision=decision_id)
    return _decision(row)


def decisions_of(conn: Connection, holding_id: str) -> list[Decision]:
    """Every decision on a holding, the oldest first."""
    query = select(decision).where(decision.c.holding_id == holding_id).order_by(decision.c.id)
    return [_decision(row) for row in conn.execute(query).mappings()]


def open_decision(conn: Connection, holding_id: str) -> Decision | None:
    """The decision that waits for a second signature, if there is one."""
    return next((one for one in decisions_of(conn, holding_id) if one.is_open), None)


def case_doses(conn: Connection, holding_id: str) -> int:
    """How many doses a decision is about, for the size above which two people sign.

    Its own and those of its kin that wait, wherever they are, so that held stock is not split or moved below the size.
    """
    of = stock.holding_by_id(conn, holding_id)
    above = stock.ancestors(conn, holding_id)
    root = above[-1] if above else holding_id
    kin = [root, *stock.descendants(conn, root)]
    waiting = select(func.coalesce(func.sum(holding.c.doses_left), 0)).where(
        holding.c.id.in_(kin),
        holding.c.id != holding_id,
        holding.c.disposition.in_(checks.OPEN_CASE),
    )
    return of.doses_left + int(conn.execute(waiting).scalar_one())


def evidence_left(conn: Connection, holding_id: str) -> list[Attachment]:
    """The evidence that no earlier decision has rested on."""
    used = {number for one in decisions_of(conn, holding_id) if one.done_at_ms for number in one.attachments}
    return [one for one in attachments.attachments_of(conn, holding_id) if one.id not in used]


def _lock(conn: Connection, holding_id: str, target: Disposition) -> RowMapping:
    if target in USABLE:
        lock_lot(conn, stock.holding_by_id(conn, holding_id).lot_id)
    return lock_holding(conn, holding_id)


def _check(conn: Connection, row: RowMapping, wish: Wish, now_ms: int) -> None:
    """What a signature rests on, asked at each of them."""
    current, holding_id = Disposition(row["disposition"]), str(row["id"])
    if not may_move(current, wish.target):
        raise checks.not_set(holding_id, current, wish.target)
    if wish.doses != row["doses_left"]:
        raise Refused(
            "the number of doses has changed",
            next_step="look at the holding again",
            reason="count_changed",
            doses=wish.doses,
            doses_left=row["doses_left"],
        )
    found = attachments.chosen(conn, holding_id, wish.attachments)
    if wish.target not in USABLE:
        return
    checks.check_seen(conn, holding_id, wish.seen_verdict_id)
    checks.check_ancestors(conn, holding_id)
    checks.check_lot(conn, holding_id)
    _check_clock(row, now_ms)
    left = {one.id for one in evidence_left(conn, holding_id)}
    rules.check_release(wish, _case(conn, row, wish, now_ms), [one for one in found if one.id in left])


def _check_clock(row: RowMapping, now_ms: int) -> None:
    """Refuse (`expired`, `not_rejudged`) what no signature can make usable, or not yet."""
    if row["expires_at_ms"] <= now_ms:
        raise Refused("this lot has expired", next_step="condemn this holding", reason="expired")
    if row["rejudges_open"]:
        next_step = "wait until it is judged, then read the verdict"
        raise Refused("this holding is being judged again", next_step=next_step, reason="not_rejudged")


def _check_gap(conn: Connection, row: RowMapping, found: Decision) -> None:
    """Refuse (`gap_since`) what would clear a gap that the first signature did not know of."""
    marked_at_ms = audit.last_at_ms(conn, row["id"], "gap_opened")
    if row["gap_open_from_ms"] is not None and (marked_at_ms or 0) > found.signed_at_ms:
        raise Refused(
            "time without data was found since the first signature",
            next_step="withdraw the decision, and decide with that in mind",
            reason="gap_since",
            gap_open_from_ms=row["gap_open_from_ms"],
        )


def _case(conn: Connection, row: RowMapping, wish: Wish, now_ms: int) -> Case:
    of = stock.holding_by_id(conn, row["id"])
    answered = {one.seen_verdict_id for one in decisions_of(conn, of.id) if one.done_at_ms and one.target in USABLE}
    seen = None if wish.seen_verdict_id in answered else wish.seen_verdict_id
    held_by = judgements.verdict_by_id(conn, seen) if seen is not None else None
    return Case(
        product=catalogue.product_version(conn, of.product_id, now_ms),
        batch=of.batch,
        verdict=held_by.verdict if held_by else None,
        vvm_stage=vvm_readings.worst_stage(conn, of.id),
        was_held_by_order=lot_holds.last_held_by(conn, [of.id, *stock.ancestors(conn, of.id)]) is not None,
        known=attachments.known_of(conn, of.id),
    )


def _carry_out(conn: Connection, row: RowMapping, signed: Decision, by: Signature) -> Decision:
    holdings.set_disposition(
        conn,
        signed.holding_id,
        signed.target,
        by.actor,
        signed.comment,
        by.at_ms,
        seen_verdict_id=signed.seen_verdict_id,
        decision_id=signed.id,
    )
    if signed.target in USABLE and row["gap_open_from_ms"] is not None:
        holdings.clear_gap(conn, signed.holding_id, by.actor, f"decision {signed.id}: {signed.comment}", by.at_ms)
    conn.execute(update(decision).where(decision.c.id == signed.id).values(done_at_ms=by.at_ms))
    return decision_by_id(conn, signed.id)


def _trace(conn: Connection, row: RowMapping, signed: Decision, by: Signature, *, is_second: bool) -> None:
    detail = {
        "decision": signed.id,
        "meaning": rules.meaning(signed.target, signed.doses, is_second=is_second),
        "role": by.role,
        "signature": f"{2 if is_second else 1} of {signed.signers_needed}",
        "target": signed.target.value,
        "reason_code": signed.reason_code.value,
        "reason": signed.comment,
        "doses": signed.doses,
        "verdict": signed.seen_verdict_id,
        "attachments": list(signed.attachments),
    }
    audit.append(conn, row["facility_id"], AuditEntry(by.at_ms, by.actor, "decision_signed", signed.holding_id, detail))


def _decision(row: RowMapping) -> Decision:
    words = {
        "target": Disposition(row["target"]),
        "reason_code": ReasonCode(row["reason_code"]),
        "attachments": tuple(msgspec.json.decode(row["attachments"], type=list[int])),
    }
    return Decision(**{**row, **words})
