from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.identity.service import Role
from tests.portal.clinic import MOBILE, NAME
from tests.portal.recall.test_lot_list import LOT, hold

if TYPE_CHECKING:
    from tests.portal.clinic import Clinic
    from tests.portal.conftest import Browser, Stage

PATH = f"/cc/lot-recalls/{LOT}"
NBSP = "\u00a0"


@pytest.fixture
def doctor(clinic: Clinic, stage: Stage, client: Browser) -> Browser:
    del clinic
    stage.add_person(Role.MEDICAL_OFFICER, "F-102", "doctor")
    client.sign_in("doctor")
    return client


def test_the_list_names_the_order_and_nobody(doctor: Browser, clinic: Clinic) -> None:
    clinic.receive("H-1")
    person = clinic.add_person(mobile=MOBILE)
    clinic.give(clinic.book(person=person), "H-1")
    hold(clinic, clinic.now_ms + 1)
    page = doctor.get(PATH).text.replace(NBSP, " ")
    for text in ("1 dose to follow up", "Held by State drug controller, SDC/1", "None was given after the order."):
        assert text in page, text
    assert NAME not in page
    assert MOBILE not in page
    assert f"…{person.reference_id[-4:]}" in page
    assert person.reference_id not in page


def test_the_list_speaks_hindi_and_may_be_empty(doctor: Browser) -> None:
    page = doctor.get(f"/hi{PATH}").text
    assert "अभी कोई आदेश इस लॉट को नहीं रोकता।" in page
    assert "इस लॉट की कोई खुराक नहीं दी गई।" in page


def test_an_unknown_lot_or_page_is_not_found(doctor: Browser) -> None:
    assert doctor.get("/cc/lot-recalls/none/none").status_code == 404
    assert doctor.get(f"{PATH}?page=2").status_code == 404
    assert doctor.get(f"{PATH}?page=0").status_code == 422


def test_only_officers_follow_doses_up(stage: Stage, client: Browser, clinic: Clinic) -> None:
    del clinic
    stage.add_person(Role.HANDLER, user_name="keeper")
    client.sign_in("keeper")
    assert client.get(PATH).status_code == 403
