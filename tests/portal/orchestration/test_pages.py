from __future__ import annotations

from typing import TYPE_CHECKING

from portal.identity.service import Role
from portal.orchestration import service
from portal.orchestration.service import Session
from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage


def test_facilities_show_online_gateways_in_both_languages(client: Browser, seeded: Stage) -> None:
    seeded.add_person(Role.PROGRAMME_MANAGER)
    client.sign_in("programme_manager")
    page = client.get("/cc/facilities").text
    assert "Centre 101" in page
    assert "online" in page
    assert "0 of 1 online" in page
    assert "केंद्र 102" in client.get("/hi/cc/facilities").text


def test_a_facility_shows_its_session_with_places_and_stock(client: Browser, seeded: Stage) -> None:
    now = seeded.now_ms
    with seeded.ledger.write() as conn:
        made = service.add_session(
            conn, Session("", "F-101", "covishield", now - HOUR_MS, now + HOUR_MS, 40), now, "s-1"
        )
        service.issue_holding(conn, made.id, "H-3", now_ms=now, actor="s-1")
    seeded.add_person(Role.PROGRAMME_MANAGER)
    client.sign_in("programme_manager")
    page = client.get("/cc/facilities/F-101").text
    for text in ("open now", "40 places", "/cc/holdings/H-3", "gw-01", "Freezing"):
        assert text in page, text
    assert client.get("/cc/facilities/F-999").status_code == 404


def test_an_empty_house_says_so(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.PROGRAMME_MANAGER)
    client.sign_in("programme_manager")
    page = client.get("/cc/facilities/F-101").text
    assert "No dose is recorded here." in page
    assert "None planned." in page
    assert "Nothing to do" in client.get("/cc").text
    assert "No lots" in client.get("/cc/lots").text
