from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from portal.identity.service import Role
from sheetal.ledger.judgement_tables import audit as audit_table
from tests.portal.cold_chain.test_audit_service import act, seal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.conftest import Browser, Stage

NBSP = "\u00a0"


@pytest.fixture
def auditor(stage: Stage, client: Browser) -> Browser:
    stage.add_person(Role.AUDITOR)
    client.sign_in("auditor")
    return client


def text(browser: Browser, path: str) -> str:
    return browser.get(path).text.replace(NBSP, " ")


def test_the_chains_are_listed_with_one_button_each(auditor: Browser) -> None:
    page = text(auditor, "/cc/audit")
    assert page.count("Verify chain") == 2
    assert "Not sealed yet." in page
    assert 'aria-current="page">Audit' in page


def test_one_click_says_up_to_which_minute(stage: Stage, auditor: Browser, tmp_path: Path) -> None:
    stage.app.state.settings = stage.settings.model_copy(update={"mirror_folder": tmp_path})
    seal(stage, tmp_path)
    act(stage)
    page = text(auditor, "/cc/audit?facility=F-101")
    assert "The chain is whole." in page
    assert "23 Nov 14:50, when they were sealed." in page
    assert "1 entry since then is chained but not sealed" in page
    assert "The copy of the seal outside the database agrees." in page


def test_without_a_seal_the_page_says_so(auditor: Browser) -> None:
    assert "No seal exists yet" in text(auditor, "/cc/audit?facility=F-101")


def test_a_broken_chain_is_said_aloud(stage: Stage, auditor: Browser) -> None:
    with stage.ledger.write() as conn:
        conn.execute(update(audit_table).where(audit_table.c.number == 1).values(actor="another"))
    page = text(auditor, "/cc/audit?facility=F-101")
    assert 'role="alert"' in page
    assert "Entry 1 does not fit" in page
    assert "प्रविष्टि 1 मेल नहीं खाती" in text(auditor, "/hi/cc/audit?facility=F-101")


def test_what_is_not_there_is_not_found(auditor: Browser) -> None:
    assert auditor.get("/cc/audit?facility=F-404").status_code == 404
    assert auditor.get("/cc/audit?page=9").status_code == 404


def test_who_handles_stock_does_not_audit(stage: Stage, client: Browser) -> None:
    stage.add_person(Role.HANDLER)
    client.sign_in("handler")
    assert client.get("/cc/audit").status_code == 403
