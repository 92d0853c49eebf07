from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.identity.service import Role, Staff
from portal.orchestration import service
from portal.orchestration.service import Session
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import assets, audit

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

OFFICER = Staff("s-1", "Officer", Role.PROGRAMME_MANAGER, "F-101", "en")
HANDLER = Staff("s-2", "Handler", Role.HANDLER, "F-102", "en")


def plan(stage: Stage, product: str = "covishield", facility: str = "F-101") -> Session:
    now = stage.now_ms
    new = Session("", facility, product, now - HOUR_MS, now + HOUR_MS, 40)
    with stage.ledger.write() as conn:
        return service.add_session(conn, new, now, "s-1")


def test_a_planned_session_has_an_id_and_a_trace(seeded: Stage) -> None:
    made = plan(seeded)
    assert len(made.id) == 36
    with seeded.ledger.read() as conn:
        assert service.session_by_id(conn, made.id) == made
        entry = audit.entries(conn, "F-101", 1)[0]
    assert (entry.act, entry.subject, entry.actor) == ("session_added", f"session/{made.id}", "s-1")


def test_an_unknown_session_is_not_found(seeded: Stage) -> None:
    with seeded.ledger.read() as conn, pytest.raises(NotFound):
        service.session_by_id(conn, "none")


def test_a_holding_is_issued_and_returned(seeded: Stage) -> None:
    made = plan(seeded)
    facts = {"now_ms": seeded.now_ms, "actor": "s-1"}
    with seeded.ledger.write() as conn:
        service.issue_holding(conn, made.id, "H-3", **facts)  # type: ignore[arg-type]  # an int and a str by name
        assert service.holdings_of_session(conn, made.id) == ["H-3"]
    with seeded.ledger.write() as conn:
        service.return_holding(conn, made.id, "H-3", **facts)  # type: ignore[arg-type]  # an int and a str by name
        assert service.holdings_of_session(conn, made.id) == []
    with seeded.ledger.write() as conn, pytest.raises(NotFound):
        service.return_holding(conn, made.id, "H-3", **facts)  # type: ignore[arg-type]  # an int and a str by name
    with seeded.ledger.read() as conn:
        assert [entry.act for entry in audit.entries(conn, "F-101", 2)] == ["holding_returned", "holding_issued"]


@pytest.mark.parametrize(
    ("holding", "reason"),
    [("H-4", "other_facility"), ("H-2", "other_product"), ("H-3", "already_issued")],
)
def test_only_the_right_holding_goes_out_once(seeded: Stage, holding: str, reason: str) -> None:
    made = plan(seeded)
    with seeded.ledger.write() as conn:
        service.issue_holding(conn, made.id, "H-3", now_ms=seeded.now_ms, actor="s-1")
    with seeded.ledger.write() as conn, pytest.raises(Refused) as caught:
        service.issue_holding(conn, made.id, holding, now_ms=seeded.now_ms, actor="s-1")
    assert caught.value.facts["reason"] == reason
    with seeded.ledger.read() as conn:
        assert service.holdings_of_session(conn, made.id) == ["H-3"]


def test_facilities_come_with_their_figures(seeded: Stage) -> None:
    plan(seeded)
    lines = {line.facility.id: line for line in service.facility_lines(seeded.ledger, OFFICER, seeded.now_ms)}
    assert (lines["F-101"].appliances, lines["F-101"].gateways_online, lines["F-101"].sessions_open) == (2, 1, 1)
    assert (lines["F-102"].doses, lines["F-102"].gateways_online, lines["F-102"].sessions_open) == (43_970, 0, 0)


def test_a_facility_without_anything_counts_nothing(stage: Stage) -> None:
    line = service.facility_lines(stage.ledger, OFFICER, stage.now_ms)[0]
    assert (line.appliances, line.gateways, line.doses) == (0, 0, 0)


def test_staff_of_a_facility_see_that_one(seeded: Stage) -> None:
    assert [line.facility.id for line in service.facility_lines(seeded.ledger, HANDLER, seeded.now_ms)] == ["F-102"]
    with pytest.raises(NotFound):
        service.facility_page(seeded.ledger, HANDLER, "F-101", seeded.now_ms)


def test_a_facility_page_gathers_things_voices_and_plans(seeded: Stage) -> None:
    made = plan(seeded)
    with seeded.ledger.write() as conn:
        service.issue_holding(conn, made.id, "H-3", now_ms=seeded.now_ms, actor="s-1")
        assets.add_gateway(conn, seeded.cipher, "gw-03", "F-101", bytes(32), seeded.now_ms)
    page = service.facility_page(seeded.ledger, OFFICER, "F-101", seeded.now_ms)
    assert page.states == {"A-101-1": "freezing", "A-101-2": "in_range"}
    assert [(line.id, line.said is not None) for line in page.gateways] == [("gw-01", True), ("gw-03", False)]
    assert page.sessions[0].display_name_hindi == "कोविशील्ड"
    assert page.sessions[0].holdings == ["H-3"]
    assert {one.id for one in page.holdings} == {"H-1", "H-2", "H-3"}


def test_a_session_of_an_unknown_product_still_shows(seeded: Stage) -> None:
    plan(seeded, product="withdrawn")
    page = service.facility_page(seeded.ledger, OFFICER, "F-101", seeded.now_ms)
    assert page.sessions[0].display_name == "withdrawn"


def test_an_unknown_facility_is_not_found(seeded: Stage) -> None:
    with pytest.raises(NotFound):
        service.facility_page(seeded.ledger, OFFICER, "F-999", seeded.now_ms)
