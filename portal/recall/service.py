"""Opens a recall for every compromise and keeps its list of doses complete.

A recall never makes a certificate invalid: it sets the dose's advisory level (DESIGN promise 8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from portal.certificate import service as certificates
from portal.certificate.advisory import Level
from portal.language import marked
from portal.recall import store
from portal.recall.store import Case
from portal.registration import service as registration
from portal.vaccinator import service as vaccinator
from sheetal.contracts.problem import NotFound
from sheetal.ledger import audit, judgements, stock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from portal.identity.service import Staff
    from portal.vaccinator.service import StoredDose
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.judgements import Compromise

ACTOR = "portal.worker"
CONTACT_STATES = ("to_contact", "contacted", "unreachable")


@dataclass(frozen=True, slots=True)
class RecalledDose:
    """A dose on a recall's list, without its person."""

    dose: str
    reference_last_four: str
    holding: str
    certificate: str | None
    administered_at_ms: int
    level: Level
    contact_state: str
    contacted_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Recall:
    """What officers see of a holding's recall."""

    holding: str
    facility: str
    side: str
    compromised_from_ms: int
    opened_at_ms: int
    doses: list[RecalledDose]


def open_new_recalls(ledger: Ledger, now_ms: int) -> int:
    """Open a case for each compromise without one, and list doses that open cases lack; gives the doses newly listed.

    Safe to call again and again; one transaction a compromise, so that a crash loses nothing and repeats nothing.
    """
    with ledger.read() as conn:
        fresh = judgements.compromises(conn, after_id=store.newest_compromise(conn))
        waiting = [case for case in store.open_cases(conn) if _missing(conn, case)]
    for compromise in fresh:
        with ledger.write() as conn:
            waiting.append(_open(conn, compromise, now_ms))
    return sum(_list_missing(ledger, case, now_ms) for case in waiting)


def recall_of(ledger: Ledger, holding_id: str) -> Recall:
    """The recall of a holding, from its earliest compromise; raises NotFound when it was never compromised."""
    with ledger.read() as conn:
        holding = stock.holding_by_id(conn, holding_id)
        cases = store.cases_of(conn, holding_id)
        if not cases:
            raise NotFound(marked("This holding has no recall."), holding=holding_id)
        listed = {one.dose_id: one for case in cases for one in store.listed(conn, case.id)}
        given = [dose for case in cases for dose in _given_since(conn, case)]
        doses = {dose.id: _recalled(conn, dose, listed[dose.id]) for dose in given if dose.id in listed}
    first = cases[0]
    return Recall(
        holding=holding_id,
        facility=holding.facility_id,
        side=first.side,
        compromised_from_ms=first.compromised_from_ms,
        opened_at_ms=first.opened_at_ms,
        doses=sorted(doses.values(), key=lambda dose: dose.administered_at_ms),
    )


def set_contact(ledger: Ledger, staff: Staff, dose_id: str, state: str, now_ms: int) -> None:
    """Note whether a dose's owner has been told; raises NotFound for an unknown dose or state."""
    if state not in CONTACT_STATES:
        raise NotFound(marked("There is no such state."))
    with ledger.write() as conn:
        if store.set_contact(conn, dose_id, state, staff.id, now_ms) == 0:
            raise NotFound(marked("This dose is on no recall."))
        entry = audit.AuditEntry(now_ms, staff.id, "recall_contact", f"dose/{dose_id}", {"state": state})
        audit.append(conn, staff.facility_id, entry)


def _open(conn: Connection, compromise: Compromise, now_ms: int) -> Case:
    case = Case(
        id=str(uuid4()),
        compromise_id=compromise.id,
        holding_id=compromise.holding_id,
        side=compromise.side,
        compromised_from_ms=compromise.compromised_from_ms,
        opened_at_ms=now_ms,
        closed_at_ms=None,
    )
    store.insert_case(conn, case)
    detail = {"compromise": compromise.id, "from_ms": compromise.compromised_from_ms, "side": compromise.side}
    facility = stock.holding_by_id(conn, compromise.holding_id).facility_id
    entry = audit.AuditEntry(now_ms, ACTOR, "recall_opened", compromise.holding_id, detail)
    audit.append(conn, facility, entry)
    return case


def _list_missing(ledger: Ledger, case: Case, now_ms: int) -> int:
    """List a case's doses that are not listed yet, each with its advisory, in one transaction."""
    with ledger.write() as conn:
        missing = _missing(conn, case)
        for dose in missing:
            store.insert_dose(conn, case.id, dose.id, now_ms)
            certificates.set_level(conn, dose.id, Level.UNDER_INVESTIGATION, now_ms)
            detail = {"case": case.id, "holding": dose.holding_id}
            entry = audit.AuditEntry(now_ms, ACTOR, "dose_recalled", f"dose/{dose.id}", detail)
            audit.append(conn, dose.facility_id, entry)
    return len(missing)


def _missing(conn: Connection, case: Case) -> list[StoredDose]:
    listed = {one.dose_id for one in store.listed(conn, case.id)}
    return [dose for dose in _given_since(conn, case) if dose.id not in listed]


def _given_since(conn: Connection, case: Case) -> list[StoredDose]:
    """Doses from the compromised holding and what was split off it, at or after the compromise."""
    holding_ids = [case.holding_id, *stock.descendants(conn, case.holding_id)]
    return vaccinator.doses_since(conn, holding_ids, case.compromised_from_ms)


def _recalled(conn: Connection, dose: StoredDose, listed: store.ListedDose) -> RecalledDose:
    certificate = certificates.certificate_of_dose(conn, dose.id)
    return RecalledDose(
        dose=dose.id,
        reference_last_four=registration.reference_of(conn, dose.person_id)[-4:],
        holding=dose.holding_id,
        certificate=certificate.id if certificate else None,
        administered_at_ms=dose.administered_at_ms,
        level=certificate.level if certificate else Level.OK,
        contact_state=listed.contact_state,
        contacted_at_ms=listed.contacted_at_ms,
    )
