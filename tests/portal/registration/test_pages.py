from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import DAY_MS
from tests.portal.clinic import NAME

if TYPE_CHECKING:
    from tests.portal.clinic import Clinic
    from tests.portal.conftest import Browser, Stage


def test_anyone_sees_where_and_when_sessions_are(clinic: Clinic, client: Browser) -> None:
    clinic.add_person()
    page = client.get("/book").text
    assert "Centre 101" in page
    assert "Covishield" in page
    assert NAME not in page
    hindi = client.get("/hi/book").text
    assert "केंद्र 101" in hindi
    assert "टीकाकरण सत्र" in hindi


def test_a_session_that_is_over_is_not_shown(stage: Stage, clinic: Clinic, client: Browser) -> None:
    del clinic
    stage.now_ms += 9 * DAY_MS
    page = client.get("/book").text
    assert "Centre 101" not in page
    assert "No session in the coming week" in page
