from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from portal.certificate import service as certificates
from portal.certificate.advisory import Level
from portal.certificate.tables import certificate
from portal.recall import service
from portal.recall.rules import ContactState
from portal.recall.service import Contacted
from portal.recall.tables import recall_case, recall_dose
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS, Side
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, holdings, judgement_writes
from sheetal.ledger.holdings import Split
from tests.portal.clinic import ACTOR, MOBILE, NAME, frozen

if TYPE_CHECKING:
    from tests.portal.clinic import Booked, Clinic

ASSESSED = (Disposition.UNDER_ASSESSMENT, Disposition.RELEASED)


def work(clinic: Clinic) -> int:
    return service.open_new_recalls(clinic.ledger, clinic.now_ms)


def listed(clinic: Clinic, holding: str = "H-1") -> list[str]:
    return [dose.dose for dose in service.recall_of(clinic.ledger, holding).doses]


def level(clinic: Clinic, dose: str) -> Level:
    with clinic.ledger.read() as conn:
        found = certificates.certificate_of_dose(conn, dose)
    assert found is not None
    return found.level


def acts(clinic: Clinic) -> list[str]:
    with clinic.ledger.read() as conn:
        assert audit.verify_chain(conn, "F-101").broken_at is None
        return [entry.act for entry in audit.entries(conn, "F-101", 1_000)]


def split(clinic: Clinic, parent: str, child: str, at_ms: int, doses: int = 10) -> None:
    appliance = "A-101-2"
    of = Split(holding_id=child, doses=doses, appliance_id=appliance, evidence_kind=EvidenceKind.TELEMETRY, at_ms=at_ms)
    with clinic.ledger.write() as conn:
        holdings.split_holding(conn, parent, of, clinic.now_ms, ACTOR)
    clinic.judge(appliance)


def test_doses_since_the_compromise_are_listed_with_an_advisory_and_a_trace(clinic: Clinic) -> None:
    clinic.session = clinic.add_session(begins_in_ms=-6 * HOUR_MS)
    clinic.receive("H-1")
    clinic.receive("H-2", "CS-2302")
    began_ms = clinic.now_ms - HOUR_MS
    before = clinic.dose_from("H-1", began_ms - 1)
    first = clinic.dose_from("H-1", began_ms)
    later = clinic.dose_from("H-1", began_ms + 40 * MINUTE_MS)
    beside = clinic.dose_from("H-2", began_ms + 40 * MINUTE_MS)
    clinic.freeze("H-1", began_ms)
    assert work(clinic) == 2
    found = service.recall_of(clinic.ledger, "H-1")
    assert [dose.dose for dose in found.doses] == [first, later]
    assert (found.holding, found.side, found.compromised_from_ms, found.total) == ("H-1", "cold", began_ms, 2)
    assert [level(clinic, dose) for dose in (before, first, later, beside)] == [Level.OK, 1, 1, Level.OK]
    assert acts(clinic).count("dose_recalled") == 2
    assert acts(clinic).count("recall_opened") == 1


def test_doing_it_again_changes_nothing(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.dose_from("H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    assert [work(clinic) for _ in range(3)] == [1, 0, 0]
    assert (clinic.count(recall_case), clinic.count(recall_dose)) == (1, 1)
    assert acts(clinic).count("dose_recalled") == 1


def test_several_workers_at_once_list_each_dose_once(clinic: Clinic) -> None:
    clinic.receive("H-1")
    for _ in range(5):
        clinic.dose_from("H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    start = Barrier(6)

    def one_round(_: int) -> int:
        start.wait(10)
        return work(clinic)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(one_round, range(6))) == 5
    assert (clinic.count(recall_case), clinic.count(recall_dose)) == (1, 5)


def test_a_long_list_is_complete_and_never_one_long_transaction(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "DOSES_A_TRANSACTION", 3)
    monkeypatch.setattr(service, "LOOK_AT_ONCE", 2)
    clinic.receive("H-1", doses=20)
    given = {clinic.dose_from("H-1") for _ in range(11)}
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    assert work(clinic) == 11
    assert set(listed(clinic)) == given


def test_a_crash_in_the_middle_is_made_good_by_the_next_round(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "DOSES_A_TRANSACTION", 2)
    clinic.receive("H-1")
    for _ in range(5):
        clinic.dose_from("H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    calls: list[object] = []
    advise = service._advise

    def die_at_the_fourth(*facts: object) -> None:
        calls.append(facts)
        if len(calls) > 3:
            raise OSError("disk full")
        advise(*facts)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(service, "_advise", die_at_the_fourth)
    with pytest.raises(OSError, match="disk full"):
        work(clinic)
    assert clinic.count(recall_dose) == 2
    monkeypatch.setattr(service, "_advise", advise)
    assert work(clinic) == 3
    assert {level(clinic, dose) for dose in listed(clinic)} == {Level.UNDER_INVESTIGATION}


def test_a_dose_that_commits_in_the_race_is_picked_up_while_the_case_is_open(clinic: Clinic) -> None:
    clinic.receive("H-1")
    found = frozen("H-1", clinic.now_ms - HOUR_MS)
    with clinic.ledger.write() as conn:
        verdict_id = judgement_writes.append_verdict(conn, found, clinic.now_ms)
        judgement_writes.add_compromise(conn, "H-1", verdict_id, Side.COLD, clinic.now_ms - HOUR_MS, clinic.now_ms)
    assert work(clinic) == 0
    late = clinic.dose_from("H-1")
    assert work(clinic) == 1
    assert listed(clinic) == [late]


@pytest.mark.parametrize("times", range(3))
def test_every_dose_that_races_a_hold_is_recalled_or_refused(clinic: Clinic, times: int) -> None:
    del times
    clinic.receive("H-1", doses=50)
    people = [clinic.book() for _ in range(9)]
    start = Barrier(11)

    def give(booked: Booked) -> str | None:
        start.wait(10)
        try:
            return clinic.give(booked, "H-1").dose
        except Refused:
            return None

    def hold() -> None:
        start.wait(10)
        clinic.freeze("H-1", clinic.now_ms - HOUR_MS)

    def recall() -> None:
        start.wait(10)
        for _ in range(5):
            work(clinic)

    with ThreadPoolExecutor(11) as pool:
        others = [pool.submit(hold), pool.submit(recall)]
        given = {dose for dose in pool.map(give, people) if dose is not None}
        for one in others:
            one.result()
    work(clinic)
    assert set(listed(clinic)) == given
    assert clinic.doses_left("H-1") == 50 - len(given)


def test_what_was_split_off_after_the_compromise_is_reached_and_what_left_before_is_not(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=50)
    began_ms = clinic.now_ms - 2 * HOUR_MS
    split(clinic, "H-1", "H-early", began_ms - HOUR_MS)
    split(clinic, "H-1", "H-late", began_ms + HOUR_MS)
    split(clinic, "H-late", "H-grandchild", began_ms + HOUR_MS + MINUTE_MS, doses=4)
    given = {label: clinic.dose_from(label) for label in ("H-1", "H-early", "H-late", "H-grandchild")}
    clinic.freeze("H-1", began_ms)
    assert work(clinic) == 3
    assert set(listed(clinic)) == {given["H-1"], given["H-late"], given["H-grandchild"]}
    assert level(clinic, given["H-early"]) is Level.OK


def test_a_childs_compromise_does_not_reach_the_parent(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=50)
    split(clinic, "H-1", "H-child", clinic.now_ms - 3 * HOUR_MS)
    parent, child = clinic.dose_from("H-1"), clinic.dose_from("H-child")
    clinic.freeze("H-child", clinic.now_ms - HOUR_MS)
    assert work(clinic) == 1
    assert listed(clinic, "H-child") == [child]
    assert level(clinic, parent) is Level.OK


def test_doses_after_a_release_are_not_recalled_and_the_case_ends(clinic: Clinic) -> None:
    clinic.receive("H-1")
    before = clinic.dose_from("H-1", clinic.now_ms - 30 * MINUTE_MS)
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    clinic.decide("H-1", *ASSESSED)
    after = clinic.dose_from("H-1")
    assert work(clinic) == 1
    later = clinic.dose_from("H-1", clinic.now_ms + 1)
    assert work(clinic) == 0
    assert listed(clinic) == [before]
    assert [level(clinic, dose) for dose in (after, later)] == [Level.OK, Level.OK]
    assert acts(clinic).count("recall_list_closed") == 1


def test_a_second_freeze_after_a_release_is_a_second_case(clinic: Clinic) -> None:
    clinic.session = clinic.add_session(begins_in_ms=-6 * HOUR_MS)
    clinic.receive("H-1")
    clinic.freeze("H-1", clinic.now_ms - 5 * HOUR_MS)
    clinic.decide("H-1", *ASSESSED, at_ms=clinic.now_ms - 3 * HOUR_MS)
    work(clinic)
    between = clinic.dose_from("H-1", clinic.now_ms - 2 * HOUR_MS)
    again = clinic.dose_from("H-1", clinic.now_ms - MINUTE_MS)
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    assert work(clinic) == 1
    assert listed(clinic) == [again]
    assert level(clinic, between) is Level.OK
    assert service.recall_of(clinic.ledger, "H-1").compromised_from_ms == clinic.now_ms - 5 * HOUR_MS


def test_a_condemned_holdings_case_lists_all_and_ends(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.dose_from("H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    clinic.decide("H-1", Disposition.UNDER_ASSESSMENT, Disposition.CONDEMNED)
    assert work(clinic) == 1
    assert acts(clinic).count("recall_list_closed") == 1
    assert work(clinic) == 0


def test_a_finding_taken_back_ends_the_case_and_leaves_the_advisory_to_a_person(clinic: Clinic) -> None:
    clinic.receive("H-1")
    dose = clinic.dose_from("H-1")
    compromise = clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    work(clinic)
    with clinic.ledger.write() as conn:
        judgement_writes.withdraw_compromise(conn, compromise, clinic.now_ms)
    assert work(clinic) == 0
    found = service.recall_of(clinic.ledger, "H-1")
    assert (found.withdrawn_at_ms, [one.dose for one in found.doses]) == (clinic.now_ms, [dose])
    assert level(clinic, dose) is Level.UNDER_INVESTIGATION


def test_a_finding_that_moved_dates_the_recall_by_what_still_stands(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.dose_from("H-1")
    early = clinic.freeze("H-1", clinic.now_ms - 2 * HOUR_MS)
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    with clinic.ledger.write() as conn:
        judgement_writes.withdraw_compromise(conn, early, clinic.now_ms)
    work(clinic)
    found = service.recall_of(clinic.ledger, "H-1")
    assert (found.compromised_from_ms, found.withdrawn_at_ms) == (clinic.now_ms - HOUR_MS, None)


def test_what_a_medical_officer_has_set_higher_stays(clinic: Clinic) -> None:
    clinic.receive("H-1")
    dose = clinic.dose_from("H-1")
    with clinic.ledger.write() as conn:
        certificates.set_level(conn, dose, Level.REVACCINATION_ADVISED, clinic.now_ms)
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    assert work(clinic) == 1
    assert level(clinic, dose) is Level.REVACCINATION_ADVISED


def test_a_dose_without_a_current_certificate_is_listed_all_the_same(clinic: Clinic) -> None:
    clinic.receive("H-1")
    dose = clinic.dose_from("H-1")
    with clinic.ledger.write() as conn:
        conn.execute(update(certificate).values(superseded_at_ms=clinic.now_ms, level=3))
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    assert work(clinic) == 1
    found = service.recall_of(clinic.ledger, "H-1").doses[0]
    assert (found.dose, found.certificate, found.level) == (dose, None, Level.OK)


def test_a_quiet_ledger_costs_no_write(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.dose_from("H-1")
    before = acts(clinic)
    assert work(clinic) == 0
    assert acts(clinic) == before
    with pytest.raises(NotFound):
        service.recall_of(clinic.ledger, "H-1")
    with pytest.raises(NotFound):
        service.recall_of(clinic.ledger, "nothing")


def test_many_cases_are_all_kept_complete_in_turn(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "OPEN_MAX", 2)
    labels = [f"H-{number}" for number in range(5)]
    for label in labels:
        clinic.receive(label)
        clinic.freeze(label, clinic.now_ms - HOUR_MS)
    assert work(clinic) == 0
    with clinic.ledger.write() as conn:
        conn.exec_driver_sql("UPDATE holding SET disposition = 'AVAILABLE'")
    for label in labels:
        clinic.dose_from(label)
    for _ in range(3):
        clinic.now_ms += service.ROUND_MS
        work(clinic)
    assert clinic.count(recall_dose) == 5


def test_the_list_comes_in_pages_oldest_first(clinic: Clinic) -> None:
    clinic.receive("H-1")
    given = [clinic.dose_from("H-1", clinic.now_ms - 50 + number) for number in range(5)]
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    work(clinic)
    pages = [service.recall_of(clinic.ledger, "H-1", page, 2) for page in (1, 2, 3)]
    assert [[dose.dose for dose in page.doses] for page in pages] == [given[:2], given[2:4], given[4:]]
    assert {(page.total, page.pages) for page in pages} == {(5, 3)}
    for page in (0, 4):
        with pytest.raises(NotFound):
            service.recall_of(clinic.ledger, "H-1", page, 2)


def test_a_listed_dose_shows_no_person(clinic: Clinic) -> None:
    clinic.receive("H-1")
    booked = clinic.book()
    clinic.give(booked, "H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    work(clinic)
    found = service.recall_of(clinic.ledger, "H-1").doses[0]
    assert (found.reference_last_four, found.facility, found.holding) == (booked.reference[-4:], "F-101", "H-1")
    assert found.session_starts_at_ms == clinic.session.starts_at_ms
    for secret in ("Unmistakable", booked.reference, booked.person):
        assert secret not in repr(found)


def recalled(clinic: Clinic) -> str:
    clinic.receive("H-1")
    person = clinic.add_person(mobile=MOBILE)
    dose = clinic.give(clinic.book(person=person), "H-1").dose
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    work(clinic)
    return dose


@pytest.mark.parametrize("state", list(ContactState))
def test_what_an_owner_was_told_is_noted_with_a_trace_at_the_doses_facility(
    clinic: Clinic, state: ContactState
) -> None:
    dose = recalled(clinic)
    officer = replace(clinic.staff, facility_id="F-102")
    service.set_contact(clinic.ledger, officer, Contacted("H-1", dose, state), clinic.now_ms)
    found = service.recall_of(clinic.ledger, "H-1").doses[0]
    assert (found.contact_state, found.contacted_at_ms) == (state, clinic.now_ms)
    assert acts(clinic)[0] == "recall_contact"


def test_a_dose_is_only_noted_on_its_own_recall(clinic: Clinic) -> None:
    dose = recalled(clinic)
    clinic.receive("H-2", "CS-2302")
    other = clinic.dose_from("H-2")
    told = ContactState.CONTACTED
    for holding, asked in (("H-2", dose), ("H-1", other), ("H-1", "nothing"), ("nothing", dose)):
        with pytest.raises(NotFound):
            service.set_contact(clinic.ledger, clinic.staff, Contacted(holding, asked, told), clinic.now_ms)
    assert "recall_contact" not in acts(clinic)


def test_a_person_opens_for_their_facilitys_staff_alone_and_that_leaves_a_trace(clinic: Clinic) -> None:
    dose = recalled(clinic)
    contact = service.open_person(clinic.ledger, clinic.cipher, clinic.staff, "H-1", dose, clinic.now_ms)
    assert (contact.name, contact.mobile) == (NAME, MOBILE)
    assert acts(clinic)[0] == "person_opened"
    stranger = replace(clinic.staff, facility_id="F-102")
    for staff, asked in ((stranger, dose), (clinic.staff, "nothing")):
        with pytest.raises(NotFound):
            service.open_person(clinic.ledger, clinic.cipher, staff, "H-1", asked, clinic.now_ms)
    assert acts(clinic).count("person_opened") == 1
