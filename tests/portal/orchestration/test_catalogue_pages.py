from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from portal.identity.service import Role
from sheetal.ledger import catalogue
from tests.portal.orchestration.typed_product import TYPED

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage

LIST, ONE = "/cc/catalogue", "/cc/catalogue/covishield"
FIELD = re.compile(r'<input[^>]*\bname="(\w+)"[^>]*\bvalue="([^"]*)"')
SELECT = re.compile(r'<select id="(\w+)"(.*?)</select>', re.DOTALL)
TICKED = re.compile(r'<input type="checkbox" name="(\w+)"[^>]*\bchecked')


@pytest.fixture
def reader(seeded: Stage, client: Browser) -> Browser:
    seeded.add_person(Role.VACCINATOR)
    client.sign_in("vaccinator")
    return client


@pytest.fixture
def admin(seeded: Stage, client: Browser) -> Browser:
    seeded.add_person(Role.ADMIN)
    client.sign_in("admin")
    return client


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send back unchanged."""
    boxes = set(re.findall(r'<input type="checkbox" name="(\w+)"', page))
    typed = {name: html.unescape(value) for name, value in FIELD.findall(page) if name not in boxes}
    for name, options in SELECT.findall(page):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen is not None
        typed[name] = chosen[1]
    return typed | dict.fromkeys(TICKED.findall(page), "yes")


def test_everybody_signed_in_may_read_the_catalogue(reader: Browser) -> None:
    page = reader.get(LIST).text
    for text in (
        "Covishield",
        "Oral polio (bOPV)",
        "+2.0\u00a0°C to +8.0\u00a0°C",
        "at most \u221218.0\u00a0°C",
        "VVM2",
    ):
        assert text in page, text
    assert "29 products in force" in page
    assert "Add a product" not in page
    assert "New version" not in reader.get(ONE).text


def test_nobody_else_may(seeded: Stage, client: Browser) -> None:
    assert seeded.now_ms
    assert client.get(LIST).headers["Location"].startswith("/login")


def test_the_list_shows_what_the_programme_decided_and_what_is_not_sourced(reader: Browser) -> None:
    page = reader.get(LIST).text
    for text in (
        "above 100 doses",
        "08:00, 17:00",
        "above 30 % of the time hot, or from 5 alarms",
        "goes to the next person after 15\u00a0min",
        "medical officer in charge of the immunisation programme, 2026-11-23",
        "Ultra-low freezer, any model",
        "not sourced",
    ):
        assert text in page, text


def test_a_product_shows_each_limit_with_its_source_and_how_sure_it_is(reader: Browser) -> None:
    page = reader.get(ONE).text
    for text in (
        "Hold for cold",
        "≤\u00a0\u22120.5\u00a0°C, one run of 60\u00a0min",
        "&gt;\u00a0+8.0\u00a0°C, one run of 10\u00a0h",
        "WHO EUL and SmPC: store at 2 to 8 C, do not freeze, protect from light",
        "read in the source",
        "the programme's own rule, where the product publishes no budget",
        "4\u00a0h",
        "6\u00a0h",
        "version 2, in force from 2021-05-13",
        "first recorded",
    ):
        assert text in page, text


def test_a_product_without_a_budget_says_ask_the_manufacturer(reader: Browser) -> None:
    assert "None published: ask the manufacturer." in reader.get("/cc/catalogue/covaxin").text
    assert "None published" not in reader.get("/cc/catalogue/comirnaty-purple").text
    assert "No time is sourced." in reader.get("/cc/catalogue/zycov-d").text


def test_a_thawed_stage_and_its_cumulative_budget_are_told(reader: Browser) -> None:
    page = reader.get("/cc/catalogue/comirnaty-purple").text
    assert "&gt;\u00a0+8.0\u00a0°C, 4\u00a0h in total" in page
    assert "&lt;\u00a0+2.0\u00a0°C, 1\u00a0d in total" in page
    assert "thawed, from its thaw on" in page
    assert "31\u00a0d" in page


@pytest.mark.parametrize("path", [LIST, ONE, "/cc/catalogue/bopv"])
def test_the_pages_are_there_in_hindi(reader: Browser, path: str) -> None:
    page = reader.get(f"/hi{path}").text
    assert "सूची" in page
    assert re.search(r">\s*(Storage|Catalogue|Hold for heat|What the programme decides)\s*<", page) is None


def test_what_is_not_there_is_not_found(reader: Browser) -> None:
    assert reader.get("/cc/catalogue/nothing").status_code == 404
    assert reader.get(f"{ONE}?version=9").status_code == 404
    assert reader.get(f"{ONE}?version=x").status_code == 422


@pytest.mark.parametrize("path", ["/cc/catalogue/new", f"{ONE}/new-version"])
@pytest.mark.parametrize("role", [Role.MEDICAL_OFFICER, Role.PROGRAMME_MANAGER, Role.HANDLER])
def test_only_an_admin_may_add(seeded: Stage, client: Browser, path: str, role: Role) -> None:
    seeded.add_person(role)
    client.sign_in(role.value)
    assert client.get(path).status_code == 403
    assert client.send_form(path, seen_on=LIST, **TYPED).status_code == 403


def test_an_admin_adds_a_product(admin: Browser, seeded: Stage) -> None:
    assert "Add a product" in admin.get(LIST).text
    answer = admin.send_form("/cc/catalogue/new", seen_on="/cc/catalogue/new", **TYPED)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cc/catalogue/typhoid?version=1")
    page = admin.get(answer.headers["Location"]).text
    assert "Typhoid conjugate" in page
    assert "≥\u00a0+25.0\u00a0°C, one run of 1\u00a0d" in page
    with seeded.ledger.read() as conn:
        assert catalogue.product_version(conn, "typhoid", seeded.now_ms).version == 1


def test_an_answer_that_is_missing_is_asked_for_beside_its_field_and_nothing_typed_is_lost(admin: Browser) -> None:
    answer = admin.send_form("/cc/catalogue/new", seen_on="/cc/catalogue/new", **TYPED | {"first_citation": ""})
    assert answer.status_code == 422
    assert 'href="#first_citation"' in answer.text
    assert 'id="first_citation-error"' in answer.text
    assert fields_of(answer.text)["display_name_hindi"] == TYPED["display_name_hindi"]
    assert fields_of(answer.text)["rule_0_limit"] == "25"
    flawed = admin.send_form("/cc/catalogue/new", seen_on="/cc/catalogue/new", **TYPED | {"rule_0_limit": "5"})
    assert flawed.status_code == 422
    assert "it would hold stock that is where it belongs" in flawed.text


def test_an_admin_adds_a_version_from_the_form_as_it_opens(admin: Browser, seeded: Stage) -> None:
    form = admin.get(f"{ONE}/new-version").text
    typed = fields_of(form) | {"first_max": "7"}
    answer = admin.post(f"{ONE}/new-version", data=typed)
    assert answer.status_code == 303, answer.text
    with seeded.ledger.read() as conn:
        newest, last = (one.product for one in catalogue.versions(conn, "covishield")[:2])
    assert (newest.version, newest.ranges[0].centi_celsius_max) == (3, 700)
    assert newest.hold_rules == last.hold_rules
    assert newest.open_vials == last.open_vials
    page = admin.get(ONE).text
    assert "version 3, in force from 2026-11-23" in page
    assert "storage ranges" in page


def test_a_version_that_is_not_in_force_says_so(admin: Browser) -> None:
    typed = fields_of(admin.get(f"{ONE}/new-version").text) | {"effective_from": "2027-01-01"}
    admin.post(f"{ONE}/new-version", data=typed)
    assert "This version is not in force today." in admin.get(f"{ONE}?version=3").text
    assert "This version is not in force today." not in admin.get(ONE).text
    assert "next from 2027-01-01" in admin.get(LIST).text


def test_the_words_that_make_a_product_cannot_be_changed_by_a_form(admin: Browser, seeded: Stage) -> None:
    typed = fields_of(admin.get(f"{ONE}/new-version").text) | {"manufacturer": "another", "product": "covaxin"}
    assert admin.post(f"{ONE}/new-version", data=typed).status_code == 303
    with seeded.ledger.read() as conn:
        assert catalogue.versions(conn, "covishield")[0].product.manufacturer == "Serum Institute of India"


@pytest.mark.parametrize("name", ["covishield", "comirnaty-purple", "bopv", "sputnik-v"])
def test_every_kind_of_product_opens_in_the_form(admin: Browser, name: str) -> None:
    assert admin.get(f"/cc/catalogue/{name}/new-version").status_code == 200
    assert admin.get(f"/hi/cc/catalogue/{name}/new-version").status_code == 200
