"""The way from a holding to one of its doses, for the pages below that may not ask for doses themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.certificate import service as certificates
from portal.certificate.advisory import Level
from portal.recall import service
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.ledger import holdings
from sheetal.ledger.holdings import Split
from tests.portal.clinic import ACTOR, NAME

if TYPE_CHECKING:
    from tests.portal.clinic import Clinic


def split(clinic: Clinic, parent: str, child: str, at_ms: int) -> None:
    of = Split(holding_id=child, doses=10, appliance_id="A-101-2", evidence_kind=EvidenceKind.TELEMETRY, at_ms=at_ms)
    with clinic.ledger.write() as conn:
        holdings.split_holding(conn, parent, of, clinic.now_ms, ACTOR)
    for appliance in ("A-101-1", "A-101-2"):
        clinic.judge(appliance)


def test_a_trail_leads_from_a_holding_to_one_dose_without_its_person(clinic: Clinic) -> None:
    clinic.receive("H-1")
    times = [clinic.now_ms - minutes * MINUTE_MS for minutes in (50, 30, 10)]
    doses = [clinic.dose_from("H-1", at_ms) for at_ms in times]
    quiet = service.trail_of(clinic.ledger, "H-1", None, 1)
    assert (quiet.given, quiet.since, quiet.counted) == (3, None, 3)
    assert quiet.dose is not None
    assert (quiet.dose.number, quiet.dose.administered_at_ms, quiet.dose.level) == (1, times[0], Level.OK)
    clinic.freeze("H-1", clinic.now_ms - 40 * MINUTE_MS)
    early = service.trail_of(clinic.ledger, "H-1", clinic.now_ms - 40 * MINUTE_MS, 1)
    assert (early.given, early.since, early.counted) == (3, 2, 2), "counted also before the recall is open"
    service.open_new_recalls(clinic.ledger, clinic.now_ms)
    since = service.trail_of(clinic.ledger, "H-1", clinic.now_ms - 40 * MINUTE_MS, 2)
    assert (since.since, since.counted) == (2, 2)
    assert since.dose is not None
    assert (since.dose.number, since.dose.administered_at_ms) == (2, times[2])
    assert since.dose.level == Level.UNDER_INVESTIGATION
    with clinic.ledger.read() as conn:
        certificate = certificates.certificate_of_dose(conn, doses[2])
    assert certificate is not None
    assert since.dose.certificate == certificate.id
    assert NAME not in repr(since)


def test_a_trail_counts_what_was_split_off_and_ends_at_its_last_dose(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=40)
    begin = clinic.now_ms - 2 * HOUR_MS
    split(clinic, "H-1", "H-2", begin + MINUTE_MS)
    clinic.dose_from("H-1")
    clinic.freeze("H-1", begin)
    none = service.trail_of(clinic.ledger, "H-2", begin, 1)
    assert (none.given, none.counted, none.dose) == (0, 0, None)
    beyond = service.trail_of(clinic.ledger, "H-1", begin, 99)
    assert beyond.dose is not None
    assert beyond.dose.number == beyond.counted == 1
