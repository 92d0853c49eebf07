"""Opens a recall for every compromise and keeps its list of doses complete.

Exposure follows the holding: a compromise reaches the doses given from the holding itself and from what was split off
it after the compromise began, up to a person's decision to release. A recall never makes a certificate invalid: it sets
the dose's advisory level (DESIGN promise 8), and only a person takes that back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from portal.certificate import service as certificates
from portal.certificate.advisory import Level
from portal.language import marked
from portal.orchestration import service as orchestration
from portal.recall import rules, store
from portal.recall.rules import ContactState, Trail, TrailDose
from portal.recall.store import Case
from portal.registration import service as registration
from portal.vaccinator import service as vaccinator
from sheetal.contracts.problem import NotFound
from sheetal.ledger import audit, stock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from portal.identity.service import Staff
    from portal.recall.rules import Reach
    from portal.recall.store import FreshCompromise
    from portal.vaccinator.service import StoredDose
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher

ACTOR = "portal.worker"
FRESH_MAX = 100
OPEN_MAX = 50
# Few enough that a dose at the gate never waits long for the write lock behind them.
DOSES_A_TRANSACTION = 100
LOOK_AT_ONCE = 1_000
ROUND_MS = 1_000
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class RecalledDose:
    """A dose on a recall's list, without its person."""

    dose: str
    facility: str
    session_starts_at_ms: int
    reference_last_four: str
    holding: str
    certificate: str | None
    administered_at_ms: int
    level: Level
    contact_state: ContactState
    contacted_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Recall:
    """One page of a holding's recall; `withdrawn_at_ms` says that the engine has taken its finding back."""

    holding: str
    facility: str
    side: str
    compromised_from_ms: int
    opened_at_ms: int
    withdrawn_at_ms: int | None
    total: int
    page: int
    pages: int
    doses: list[RecalledDose]


@dataclass(frozen=True, slots=True)
class Contacted:
    """What an officer notes on one dose of a holding's recall."""

    holding: str
    dose: str
    state: ContactState


def count_open(conn: Connection) -> tuple[int, int]:
    """How many recalls may still gain doses, and how many doses' owners have not been told."""
    return store.count_open_cases(conn), store.count_to_contact(conn)


def open_new_recalls(ledger: Ledger, now_ms: int) -> int:
    """Open a case for each compromise without one, and list doses that open cases lack; gives the doses newly listed.

    Safe to call again and again and by several at once; each transaction is small, so that a crash loses nothing and
    repeats nothing.
    """
    with ledger.read() as conn:
        fresh = store.compromises_without_case(conn, FRESH_MAX)
        offset = rules.window(store.count_open_cases(conn), now_ms, OPEN_MAX, ROUND_MS)
        cases = store.open_cases(conn, offset, OPEN_MAX)
    cases += [case for one in fresh if (case := _open(ledger, one, now_ms)) is not None]
    return sum(_keep_complete(ledger, case, now_ms) for case in cases)


def recall_of(ledger: Ledger, holding_id: str, page: int = 1, page_size: int = PAGE_SIZE) -> Recall:
    """One page of a holding's recall, oldest dose first; raises NotFound when it has none, or no such page."""
    with ledger.read() as conn:
        facility_id = stock.holding_by_id(conn, holding_id).facility_id
        cases = store.cases_of(conn, holding_id)
        if not cases:
            raise NotFound(marked("This holding has no recall."), holding=holding_id)
        listed = store.listed(conn, [case.id for case in cases])
        doses = vaccinator.doses_by_id(conn, list(listed))
        pages = max(1, -(-len(doses) // page_size))
        if not 1 <= page <= pages:
            raise NotFound(marked("The list has no such page."), holding=holding_id)
        shown = doses[(page - 1) * page_size : page * page_size]
        rows = [_recalled(conn, dose, listed[dose.id]) for dose in shown]
    # What the engine has taken back dates a recall only where nothing else does.
    first = min(cases, key=lambda case: (case.withdrawn_at_ms is not None, case.compromised_from_ms))
    return Recall(
        holding=holding_id,
        facility=facility_id,
        side=first.side,
        compromised_from_ms=first.compromised_from_ms,
        opened_at_ms=first.opened_at_ms,
        withdrawn_at_ms=first.withdrawn_at_ms,
        total=len(doses),
        page=page,
        pages=pages,
        doses=rows,
    )


def trail_of(ledger: Ledger, holding_id: str, from_ms: int | None, number: int) -> Trail:
    """The doses given from a holding, and number `number` of those since `from_ms`, or of all; nobody is named."""
    with ledger.read() as conn:
        given = vaccinator.count_doses_since(conn, [holding_id], 0)
        since = None if from_ms is None else _count_since(conn, holding_id, from_ms)
        counted = given if from_ms is None else vaccinator.count_doses_since(conn, [holding_id], from_ms)
        wanted = min(number, counted, LOOK_AT_ONCE)
        doses = vaccinator.doses_since(conn, [holding_id], from_ms or 0, None, wanted) if wanted else []
        return Trail(given, since, counted, _trail_dose(conn, doses[-1], len(doses)) if doses else None)


def _count_since(conn: Connection, holding_id: str, from_ms: int) -> int:
    """How many doses the recall lists; while it is not open yet, those given since from it and what was split off."""
    cases = store.cases_of(conn, holding_id)
    if cases:
        return len(store.listed(conn, [case.id for case in cases]))
    return vaccinator.count_doses_since(conn, [holding_id, *stock.born_after(conn, holding_id, from_ms)], from_ms)


def _trail_dose(conn: Connection, dose: StoredDose, number: int) -> TrailDose:
    certificate = certificates.certificate_of_dose(conn, dose.id)
    return TrailDose(
        number=number,
        administered_at_ms=dose.administered_at_ms,
        dose_number=dose.dose_number,
        certificate=certificate.id if certificate else None,
        level=int(certificate.level) if certificate else 0,
    )


def set_contact(ledger: Ledger, staff: Staff, contact: Contacted, now_ms: int) -> None:
    """Note whether a dose's owner has been told; raises NotFound for a dose that is not on this holding's recall."""
    with ledger.write() as conn:
        dose = _listed_dose(conn, contact.holding, contact.dose)
        store.set_contact(conn, dose.id, contact.state, staff.id, now_ms)
        detail = {"state": str(contact.state), "holding": contact.holding}
        entry = audit.AuditEntry(now_ms, staff.id, "recall_contact", f"dose/{dose.id}", detail)
        audit.append(conn, dose.facility_id, entry)


def open_person(
    ledger: Ledger, cipher: FieldCipher, staff: Staff, holding_id: str, dose_id: str, now_ms: int
) -> registration.Contact:
    """Who had a recalled dose and how to reach them, for staff of the facility that gave it; leaves a trace.

    Raises NotFound for anybody else's dose.
    """
    with ledger.write() as conn:
        dose = _listed_dose(conn, holding_id, dose_id)
        if dose.facility_id != staff.facility_id:
            raise NotFound(marked("This dose is on no recall."))
        entry = audit.AuditEntry(now_ms, staff.id, "person_opened", f"dose/{dose.id}", {"for": "recall"})
        audit.append(conn, dose.facility_id, entry)
        return registration.contact_of(conn, cipher, dose.person_id)


def _open(ledger: Ledger, fresh: FreshCompromise, now_ms: int) -> Case | None:
    case = Case(
        id=str(uuid4()),
        compromise_id=fresh.id,
        holding_id=fresh.holding_id,
        side=fresh.side,
        compromised_from_ms=fresh.compromised_from_ms,
        opened_at_ms=now_ms,
    )
    with ledger.write() as conn:
        if not store.insert_case(conn, case):
            return None
        detail = {"compromise": fresh.id, "from_ms": fresh.compromised_from_ms, "side": fresh.side}
        _trace(conn, case, "recall_opened", detail, now_ms)
    return case


def _keep_complete(ledger: Ledger, case: Case, now_ms: int) -> int:
    """List what the case lacks; close it once nothing can be added any more."""
    with ledger.read() as conn:
        missing = [] if case.withdrawn_at_ms is not None else _missing(conn, case)
        ended = _ended(conn, case)
    newly = 0
    for start in range(0, len(missing), DOSES_A_TRANSACTION):
        newly += _list(ledger, case, missing[start : start + DOSES_A_TRANSACTION], now_ms)
    if ended is not None:
        with ledger.write() as conn:
            if store.close_case(conn, case.id, now_ms):
                _trace(conn, case, "recall_list_closed", {"why": ended}, now_ms)
    return newly


def _reaches(conn: Connection, case: Case) -> dict[str, Reach]:
    """What the compromise reaches, by holding: the holding itself and what was split off it since."""
    found = {}
    for one in [case.holding_id, *stock.born_after(conn, case.holding_id, case.compromised_from_ms)]:
        now = stock.holding_by_id(conn, one)
        found[one] = rules.reach_of(one, now.disposition, now.disposition_at_ms, case.compromised_from_ms)
    return found


def _missing(conn: Connection, case: Case) -> list[StoredDose]:
    """Doses that the compromise reaches and the case does not list."""
    reaches = _reaches(conn, case)
    if vaccinator.count_doses_since(conn, reaches, case.compromised_from_ms) == store.count_listed(conn, case.id):
        return []
    found: list[StoredDose] = []
    for doses in _pages(conn, case, reaches):
        reached = [one for one in doses if reaches[one.holding_id].covers(one.administered_at_ms)]
        listed = store.listed_among(conn, [case.id], [one.id for one in reached])
        found += [one for one in reached if one.id not in listed]
    return found


def _pages(conn: Connection, case: Case, reaches: dict[str, Reach]) -> Iterator[list[StoredDose]]:
    last: StoredDose | None = None
    while doses := vaccinator.doses_since(conn, reaches, case.compromised_from_ms, last, LOOK_AT_ONCE):
        yield doses
        last = doses[-1]


def _list(ledger: Ledger, case: Case, doses: list[StoredDose], now_ms: int) -> int:
    """List doses, each with its advisory and its audit entry, in one transaction; gives how many were new."""
    newly = 0
    with ledger.write() as conn:
        for dose in doses:
            if not store.insert_dose(conn, case.id, dose.id, now_ms):
                continue
            newly += 1
            _advise(conn, dose, now_ms)
            detail = {"case": case.id, "holding": dose.holding_id}
            entry = audit.AuditEntry(now_ms, ACTOR, "dose_recalled", f"dose/{dose.id}", detail)
            audit.append(conn, dose.facility_id, entry)
    return newly


def _advise(conn: Connection, dose: StoredDose, now_ms: int) -> None:
    """Raise the advisory to "under investigation"; what a person has set higher stays."""
    certificate = certificates.certificate_of_dose(conn, dose.id)
    if certificate is not None and certificate.level is Level.OK:
        certificates.set_level(conn, dose.id, Level.UNDER_INVESTIGATION, now_ms)


def _ended(conn: Connection, case: Case) -> str | None:
    """Why the case can gain no more doses, if so."""
    if case.withdrawn_at_ms is not None:
        return "withdrawn"
    now = stock.holding_by_id(conn, case.holding_id)
    return str(now.disposition) if rules.is_decided(now.disposition) else None


def _listed_dose(conn: Connection, holding_id: str, dose_id: str) -> StoredDose:
    """A dose on this holding's recall; raises NotFound for any other."""
    cases = [case.id for case in store.cases_of(conn, holding_id)]
    found = vaccinator.doses_by_id(conn, [dose_id]) if store.listed_among(conn, cases, [dose_id]) else []
    if not found:
        raise NotFound(marked("This dose is on no recall."))
    return found[0]


def _recalled(conn: Connection, dose: StoredDose, listed: store.ListedDose) -> RecalledDose:
    certificate = certificates.certificate_of_dose(conn, dose.id)
    return RecalledDose(
        dose=dose.id,
        facility=dose.facility_id,
        session_starts_at_ms=orchestration.session_by_id(conn, dose.session_id).starts_at_ms,
        reference_last_four=registration.reference_of(conn, dose.person_id)[-4:],
        holding=dose.holding_id,
        certificate=certificate.id if certificate else None,
        administered_at_ms=dose.administered_at_ms,
        level=certificate.level if certificate else Level.OK,
        contact_state=ContactState(listed.contact_state),
        contacted_at_ms=listed.contacted_at_ms,
    )


def _trace(conn: Connection, case: Case, act: str, detail: dict[str, object], now_ms: int) -> None:
    facility_id = stock.holding_by_id(conn, case.holding_id).facility_id
    audit.append(conn, facility_id, audit.AuditEntry(now_ms, ACTOR, act, case.holding_id, detail))
