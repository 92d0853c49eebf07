from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from portal.orchestration.service import return_holding
from portal.vaccinator import answers
from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.problem import Refused
from sheetal.ledger import holdings
from sheetal.ledger.stock_tables import holding
from tests.portal.clinic import ACTOR

if TYPE_CHECKING:
    from portal.vaccinator.schemas import Answer
    from tests.portal.clinic import Clinic

ASSESSED = (Disposition.UNDER_ASSESSMENT,)


def reason(answer: Answer) -> object:
    return None if answer.refused is None else answer.refused.facts["reason"]


def test_a_usable_holding_is_described(clinic: Clinic) -> None:
    clinic.receive("H-1", doses=7)
    found = clinic.check("H-1")
    assert (found.refused, found.take_instead, found.verdict) == (None, None, None)
    assert (found.holding, found.batch, found.doses_left, found.appliance_name) == ("H-1", "CS-2301", 7, "ILR-1")


@pytest.mark.parametrize("scan", ["H-1", " H-1 ", "h-1", "CS-2301", "cs-2301", "covishield/CS-2301"])
def test_a_label_and_an_unambiguous_lot_mean_the_same(clinic: Clinic, scan: str) -> None:
    clinic.receive("H-1")
    assert (clinic.check(scan).holding, reason(clinic.check(scan))) == ("H-1", None)


def test_a_lot_alone_is_refused_while_another_holding_of_it_here_is_held(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", issued=False, appliance="A-101-2")
    assert reason(clinic.check("CS-2301")) is None
    clinic.freeze("H-2", clinic.now_ms - HOUR_MS)
    assert reason(clinic.check("CS-2301")) == "scan_label"
    assert clinic.check("CS-2301").take_instead is None
    assert reason(clinic.check("H-1")) is None
    assert reason(clinic.check("H-2")) == "held"


def test_a_lot_alone_is_refused_while_another_holding_of_it_cannot_be_confirmed(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", issued=False, appliance="A-101-2")
    clinic.judge("A-101-2", known_ago_ms=3 * HOUR_MS)
    assert reason(clinic.check("CS-2301")) == "scan_label"


def test_another_sites_trouble_with_the_lot_does_not_close_this_site(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-9", issued=False, appliance="A-102-1")
    clinic.freeze("H-9", clinic.now_ms - HOUR_MS)
    assert reason(clinic.check("CS-2301")) is None


def test_destroyed_and_empty_stock_is_no_longer_there_to_be_confused_with(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", issued=False)
    clinic.receive("H-3", doses=1, issued=False)
    with clinic.ledger.write() as conn:
        holdings.waste_doses(conn, "H-3", 1, ACTOR, "broken", clinic.now_ms)
    clinic.freeze("H-2", clinic.now_ms - HOUR_MS)
    clinic.decide("H-2", *ASSESSED, Disposition.CONDEMNED)
    assert reason(clinic.check("CS-2301")) == "scan_label"
    clinic.decide("H-2", Disposition.DESTROYED)
    assert reason(clinic.check("CS-2301")) is None


def test_a_held_holding_that_is_alone_of_its_lot_says_why(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    assert reason(clinic.check("CS-2301")) == "held"


def test_a_lot_that_is_here_but_not_issued_asks_for_the_label(clinic: Clinic) -> None:
    clinic.receive("H-1", issued=False)
    assert reason(clinic.check("CS-2301")) == "scan_label"
    assert reason(clinic.check("H-1")) is None
    assert reason(clinic.check("CVX-4410")) == "unknown_holding"


def test_a_returned_holding_is_not_meant_by_its_lot(clinic: Clinic) -> None:
    clinic.receive("H-1")
    with clinic.ledger.write() as conn:
        return_holding(conn, clinic.session.id, "H-1", now_ms=clinic.now_ms, actor=ACTOR)
    assert reason(clinic.check("CS-2301")) == "scan_label"


def test_every_reason_of_the_gate_reaches_the_vaccinator(clinic: Clinic) -> None:
    seen = {reason(clinic.check("nothing"))}
    for name, spoil in SPOILS.items():
        clinic.receive(f"H-{name}", "CVX-4410" if name == "product" else "CS-2301", issued=False)
        clinic.judge()
        spoil(clinic, f"H-{name}")
        seen.add(reason(clinic.check(f"H-{name}")))
    clinic.receive("H-9", issued=False, appliance="A-102-1")
    seen.add(reason(clinic.check("H-9")))
    assert seen == set(RefusalReason)


def spoil_column(**values: object):  # noqa: ANN201, a function of a clinic and a holding
    def spoil(clinic: Clinic, label: str) -> None:
        with clinic.ledger.write() as conn:
            conn.execute(update(holding).where(holding.c.id == label).values(**values))

    return spoil


def condemn(clinic: Clinic, label: str) -> None:
    clinic.decide(label, Disposition.QUARANTINED, *ASSESSED, Disposition.CONDEMNED)


def destroy_its_stay(clinic: Clinic, label: str) -> None:
    with clinic.ledger.write() as conn:
        conn.exec_driver_sql("UPDATE stay SET until_ms = from_ms WHERE holding_id = ?", (label,))


def move(clinic: Clinic, label: str) -> None:
    with clinic.ledger.write() as conn:
        kind = EvidenceKind.TELEMETRY
        holdings.move_holding(conn, label, "A-101-2", kind, clinic.now_ms - 1, clinic.now_ms, ACTOR)


def silence(clinic: Clinic, _label: str) -> None:
    with clinic.ledger.write() as conn:
        conn.exec_driver_sql("UPDATE appliance_judgement SET judged_through_ms = 5")


SPOILS = {
    "product": lambda _clinic, _label: None,
    "held": lambda clinic, label: clinic.decide(label, Disposition.QUARANTINED),
    "condemned": condemn,
    "expired": spoil_column(expires_at_ms=1),
    "empty": spoil_column(doses_left=0),
    "gap": spoil_column(gap_open_from_ms=5),
    "stay": destroy_its_stay,
    "moved": move,
    "old": lambda clinic, _label: clinic.judge(known_ago_ms=3 * HOUR_MS),
    "silent": silence,
}


def test_instead_is_usable_and_issued_use_first_then_earliest_expiry(clinic: Clinic) -> None:
    for label in ("H-1", "H-2", "H-3", "H-4"):
        clinic.receive(label, appliance="A-101-2")
    clinic.receive("H-0", issued=False)
    spoil_column(expires_at_ms=clinic.now_ms + 5 * DAY_MS)(clinic, "H-3")
    assert instead(clinic, "H-1") == "H-3"
    clinic.decide("H-4", Disposition.QUARANTINED, *ASSESSED, Disposition.RELEASED_USE_FIRST)
    assert instead(clinic, "H-1") == "H-4"
    assert instead(clinic, "H-4") == "H-3"
    clinic.judge("A-101-2", known_ago_ms=5 * HOUR_MS)
    assert instead(clinic, "H-1") is None


def instead(clinic: Clinic, not_this: str) -> str | None:
    with clinic.ledger.read() as conn:
        found = answers.take_instead(conn, clinic.session, not_this, clinic.now_ms)
    return found.holding if found else None


def test_every_refusal_of_a_label_offers_another_holding(clinic: Clinic) -> None:
    clinic.receive("H-2", "CS-2302", doses=180)
    clinic.receive("H-9", issued=False, appliance="A-102-1")
    for scan in ("nothing", "H-9"):
        offered = clinic.check(scan).take_instead
        assert offered is not None
        assert (offered.holding, offered.batch, offered.doses_left, offered.appliance_name) == (
            "H-2",
            "CS-2302",
            180,
            "ILR-1",
        )


def test_what_is_not_this_sites_is_refused_without_its_facts(clinic: Clinic) -> None:
    clinic.receive("H-9", doses=77, issued=False, appliance="A-102-1")
    found = clinic.check("H-9")
    assert (reason(found), found.lot, found.batch, found.doses_left) == ("other_facility", None, None, None)


def test_the_holding_of_a_hold_carries_its_verdict(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    found = clinic.check("H-1")
    assert found.verdict is not None
    assert found.verdict.reached[0].minutes_confirmed == 74


def test_the_sessions_holdings_are_all_answered(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2", "CS-2302")
    clinic.freeze("H-1", clinic.now_ms - HOUR_MS)
    with clinic.ledger.read() as conn:
        found = answers.answers_of_session(conn, clinic.session, clinic.now_ms)
    assert [(one.holding, reason(one)) for one in found] == [("H-1", "held"), ("H-2", None)]


def test_a_label_nobody_knows_is_refused_as_the_gate_does(clinic: Clinic) -> None:
    with clinic.ledger.read() as conn, pytest.raises(Refused) as problem:
        answers.known_holding(conn, clinic.session, "nothing", clinic.now_ms)
    assert problem.value.facts["reason"] == "unknown_holding"
