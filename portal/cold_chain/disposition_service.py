"""What people decide on held stock, step by step: quarantine aside, which `service` has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.cold_chain import disposition_rules as rules
from portal.cold_chain.disposition_rules import Panel, ProofLine
from portal.errors import Forbidden
from portal.identity import service as identity
from portal.language import marked
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.problem import NotFound, Refused, Unavailable
from sheetal.ledger import (
    attachments,
    catalogue,
    decisions,
    holdings,
    judgements,
    lot_holds,
    lot_orders,
    stock,
)
from sheetal.ledger.decision_rules import Signature

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from sqlalchemy import Connection

    from portal.identity.service import Staff
    from sheetal.contracts.product import Product
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.decision_rules import Wish
    from sheetal.ledger.decisions import Decision
    from sheetal.ledger.lot_holds import LotHold
    from sheetal.ledger.lot_orders import HeldLot, Order
    from sheetal.ledger.programme import Programme
    from sheetal.ledger.proofs import Attachment, Facts

    T = TypeVar("T")

TRIES_MAX = 3
"""How often a write over many holdings is tried when the server ends it to break a circle of locks."""


def panel(ledger: Ledger, staff: Staff, holding_id: str, programme: Programme, now_ms: int) -> Panel:
    """A holding's case as this person sees it; raises NotFound."""
    with ledger.read() as conn:
        held = _visible(conn, staff, holding_id)
        product = _product(conn, held.product_id, now_ms)
        waiting = decisions.open_decision(conn, holding_id)
        by_order = lot_holds.last_held_by(conn, [held.id, *stock.ancestors(conn, held.id)]) is not None
        return Panel(
            holding=held,
            product=product,
            decision=waiting,
            signer_name=_name(conn, waiting.signed_by) if waiting else None,
            proofs=_proofs(conn, holding_id),
            orders=lot_holds.standing(conn, held.lot_id),
            seen_verdict_id=judgements.latest_hold_id(conn, holding_id),
            case_doses=decisions.case_doses(conn, holding_id),
            second_person_above=programme.release_second_person_above_doses,
            assess_by_ms=rules.assess_by_ms(held, programme.assess_within_minutes),
            kinds=rules.kinds_for(product),
            reasons=rules.reasons_for(product, held_by_order=by_order),
            is_signer=rules.may_decide(staff),
            is_witness=rules.may_witness(staff),
            own_decision=waiting is not None and waiting.signed_by == staff.id,
        )


def assess(ledger: Ledger, staff: Staff, holding_id: str, now_ms: int) -> None:
    """Open the assessment of quarantined stock; raises NotFound, Forbidden and Refused."""
    check_signer(staff)
    with ledger.write() as conn:
        _visible(conn, staff, holding_id)
        words = "assessment opened"
        holdings.set_disposition(conn, holding_id, Disposition.UNDER_ASSESSMENT, staff.id, words, now_ms)


def decide(ledger: Ledger, staff: Staff, holding_id: str, wish: Wish, programme: Programme, now_ms: int) -> Decision:
    """Sign a decision first; raises NotFound, Forbidden and Refused."""
    check_signer(staff)
    with ledger.write() as conn:
        _visible(conn, staff, holding_id)
        above = programme.release_second_person_above_doses
        return decisions.propose(conn, holding_id, wish, signature(staff, now_ms), above)


def sign(
    ledger: Ledger, staff: Staff, holding_id: str, decision_id: int, seen_verdict_id: int | None, now_ms: int
) -> Decision:
    """Sign second; raises NotFound, Forbidden and Refused."""
    with ledger.write() as conn:
        waiting = _decision(conn, staff, holding_id, decision_id)
        if waiting.target is not Disposition.DESTROYED or not rules.may_witness(staff):
            check_signer(staff)
        _check_first_signer(conn, waiting)
        return decisions.sign(conn, decision_id, signature(staff, now_ms), seen_verdict_id)


def withdraw(ledger: Ledger, staff: Staff, holding_id: str, decision_id: int, reason: str, now_ms: int) -> None:
    """Take back what waits; raises NotFound, Forbidden and Refused."""
    with ledger.write() as conn:
        waiting = _decision(conn, staff, holding_id, decision_id)
        if waiting.signed_by != staff.id:
            check_signer(staff)
        decisions.withdraw(conn, decision_id, reason, signature(staff, now_ms))


def add_proof(
    ledger: Ledger, staff: Staff, holding_id: str, facts: Facts, content: bytes | None, now_ms: int
) -> Attachment:
    """Add evidence to a holding; every member of staff who sees it may. Raises NotFound and Refused."""
    with ledger.write() as conn:
        _visible(conn, staff, holding_id)
        return attachments.attach(conn, holding_id, facts, content, signature(staff, now_ms))


def file_of(ledger: Ledger, staff: Staff, holding_id: str, number: int) -> tuple[str, bytes]:
    """The file of a piece of evidence, by media type and bytes; raises NotFound and Refused."""
    with ledger.read() as conn:
        _visible(conn, staff, holding_id)
        return attachments.content_of(conn, holding_id, number)


def orders_on(ledger: Ledger, lot_id: str) -> list[LotHold]:
    """Every order on a lot, the newest first."""
    with ledger.read() as conn:
        return lot_holds.holds_of(conn, lot_id)[::-1]


def names_on(ledger: Ledger, lot_id: str) -> dict[str, str]:
    """The names of those who placed and lifted orders on a lot, by their id."""
    with ledger.read() as conn:
        actors = {actor for one in lot_holds.holds_of(conn, lot_id) for actor in (one.actor, one.lifted_by) if actor}
        return {actor: name for actor in actors if (name := _name(conn, actor))}


def hold_lot(ledger: Ledger, staff: Staff, lot_id: str, order: Order, now_ms: int) -> HeldLot:
    """Hold a lot wherever it is; raises NotFound, Forbidden, Refused and Unavailable."""
    check_signer(staff)
    return _again(ledger, lambda conn: lot_orders.hold_lot(conn, lot_id, order, signature(staff, now_ms)))


def lift_hold(ledger: Ledger, staff: Staff, hold_id: int, reference: str, now_ms: int) -> LotHold:
    """Lift one order; raises Forbidden, Refused and Unavailable."""
    check_signer(staff)
    return _again(ledger, lambda conn: lot_orders.lift_hold(conn, hold_id, reference, signature(staff, now_ms)))


def check_signer(staff: Staff) -> None:
    """Raise Forbidden for a role that decides nothing on held stock."""
    if not rules.may_decide(staff):
        raise Forbidden(
            marked("Your role cannot decide on held stock."),
            next_step=marked("Ask a cold-chain officer, a medical officer or the programme manager."),
            roles=" ".join(sorted(rules.SIGNERS)),
        )


def signature(staff: Staff, now_ms: int) -> Signature:
    """Who signs here."""
    return Signature(actor=staff.id, role=staff.role.value, facility_id=staff.facility_id, at_ms=now_ms)


def _again(ledger: Ledger, act: Callable[[Connection], T]) -> T:
    for left in reversed(range(TRIES_MAX)):
        try:
            with ledger.write() as conn:
                return act(conn)
        except Unavailable:
            if not left:
                raise
    raise AssertionError


def _visible(conn: Connection, staff: Staff, holding_id: str) -> stock.Holding:
    try:
        found = stock.holding_by_id(conn, holding_id)
    except NotFound as error:
        raise NotFound(marked("There is no such holding.")) from error
    if not staff.may_see(found.facility_id):
        raise NotFound(marked("There is no such holding."))
    return found


def _decision(conn: Connection, staff: Staff, holding_id: str, decision_id: int) -> Decision:
    _visible(conn, staff, holding_id)
    found = decisions.decision_by_id(conn, decision_id)
    if found.holding_id != holding_id:
        raise NotFound(marked("There is no such holding."))
    return found


def _check_first_signer(conn: Connection, waiting: Decision) -> None:
    """Refuse (`first_signer`) to complete the signature of somebody who could not give it today."""
    first = identity.working_staff(conn, waiting.signed_by)
    if waiting.is_open and (first is None or not rules.may_decide(first)):
        next_step = "withdraw the decision, and decide anew"
        raise Refused("who signed first may not sign any more", next_step=next_step, reason="first_signer")


def _product(conn: Connection, product_id: str, now_ms: int) -> Product | None:
    try:
        return catalogue.product_version(conn, product_id, now_ms)
    except NotFound:
        return None


def _proofs(conn: Connection, holding_id: str) -> list[ProofLine]:
    left = {one.id for one in decisions.evidence_left(conn, holding_id)}
    return [
        ProofLine(one, _name(conn, one.actor), one.id not in left)
        for one in attachments.attachments_of(conn, holding_id)
    ]


def _name(conn: Connection, actor: str) -> str | None:
    who = identity.staff_by_id(conn, actor)
    return who.display_name if who else None
