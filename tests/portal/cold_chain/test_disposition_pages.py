from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from portal.identity.service import Role
from sheetal.contracts.disposition import Disposition
from sheetal.ledger import catalogue, decisions, lot_holds, stock
from tests.portal.conftest import ORIGIN, PASSWORD, Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from httpx import Response

    from tests.portal.conftest import Stage

HELD = "/cc/holdings/H-58213"
LOT = "covishield/CS-2301"
LOT_PAGE = f"/cc/lots/{LOT}"
PHOTO = b"\xff\xd8\xff\xe0 a made-up picture"
NBSP = "\u00a0"


@pytest.fixture
def doctor(seeded: Stage, officer: Browser) -> Iterator[Browser]:
    """A second person beside the officer, in a browser of their own."""
    del officer
    seeded.add_person(Role.MEDICAL_OFFICER)
    with Browser(seeded.app, base_url=ORIGIN, follow_redirects=False, headers={"Origin": ORIGIN}) as made:
        made.sign_in("medical_officer")
        yield made


@pytest.fixture
def keeper(seeded: Stage, client: Browser) -> Browser:
    """Who handles the stock of F-102."""
    seeded.add_person(Role.HANDLER, "F-102")
    client.sign_in("handler")
    return client


def send(browser: Browser, step: str, *, holding: str = HELD, **fields: str) -> Response:
    return browser.send_form(f"{holding}/{step}", seen_on=holding, **{"password": PASSWORD, **fields})


def hidden(browser: Browser, name: str, page: str = HELD) -> str:
    return re.findall(rf'name="{name}" value="([^"]*)"', browser.get(page).text)[-1]


def add(browser: Browser, kind: str, content: bytes | None = PHOTO, prefix: str = "", **fields: str) -> Response:
    form = {**fields, "csrf_token": browser.form_token(HELD)}
    files = {} if content is None else {"file": ("photo.jpg", content, "image/jpeg")}
    return browser.post(f"{prefix}{HELD}/evidence/{kind}", data=form, files=files)


def reply(browser: Browser) -> None:
    answer = add(browser, "manufacturer_reply", answer="may_be_used", reference="MFR/1")
    assert answer.status_code == 303, answer.text


def decide(browser: Browser, **fields: str) -> Response:
    usual = {"target": "RELEASED", "reason": "manufacturer_allows", "comment": "the manufacturer allows it"}
    rest = {"doses": hidden(browser, "doses"), "seen": hidden(browser, "seen")}
    proofs = re.findall(r'name="proofs" value="(\d+)"', browser.get(HELD).text)
    whole = {**usual, **rest, "password": PASSWORD, **fields, "csrf_token": browser.form_token(HELD)}
    return browser.post(f"{HELD}/decide", data={**whole, "proofs": proofs})


def disposition(stage: Stage, holding: str = "H-58213") -> Disposition:
    with stage.ledger.read() as conn:
        return stock.holding_by_id(conn, holding).disposition


def plain(browser: Browser, path: str = HELD) -> str:
    return browser.get(path).text.replace(NBSP, " ")


def test_held_stock_goes_back_to_use_by_two_signatures(seeded: Stage, officer: Browser, doctor: Browser) -> None:
    assert "Open the assessment" in plain(officer)
    assert send(officer, "assess").headers["location"] == f"{HELD}#disposition"
    reply(officer)
    assert "Sign as Person cold_chain_officer (1 of 2)" in plain(officer)
    assert decide(officer).status_code == 303
    assert disposition(seeded) is Disposition.UNDER_ASSESSMENT
    own = plain(officer)
    assert "You have signed. Another person signs second." in own
    assert "releases 960 doses" in own
    fields = {"decision": hidden(doctor, "decision"), "seen": hidden(doctor, "seen")}
    assert send(doctor, "sign", **fields).status_code == 303
    assert disposition(seeded) is Disposition.RELEASED
    page = plain(doctor)
    assert "2 of 2: releases 960 doses" in page
    assert "Quarantine 960 doses" in page


def test_who_may_not_decide_reads_who_may(seeded: Stage, keeper: Browser) -> None:
    page = plain(keeper)
    assert 'aria-disabled="true"' in page
    assert "A cold-chain officer, a medical officer or the programme manager may do this." in page
    assert send(keeper, "assess").status_code == 403
    assert disposition(seeded) is Disposition.QUARANTINED


def test_the_panel_speaks_hindi(officer: Browser) -> None:
    send(officer, "assess")
    page = plain(officer, f"/hi{HELD}")
    for text in ("100 खुराक से ऊपर दो लोग हस्ताक्षर करते हैं", "निर्माता का उत्तर", "के रूप में हस्ताक्षर करें (2 में से 1)"):
        assert text in page, text


@pytest.mark.parametrize(
    ("fields", "text", "field"),
    [
        ({"target": ""}, "Choose what is decided.", "target"),
        ({"target": "AVAILABLE"}, "Choose what is decided.", "target"),
        ({"reason": "because"}, "Choose the reason.", "reason-code"),
        ({"reason": "frozen"}, "This is no reason for this decision.", "reason-code"),
        ({"comment": " "}, "Write the reason in your words.", "comment"),
        ({"doses": "959"}, "The number of doses has changed.", "decision"),
        ({"seen": ""}, "A newer verdict holds this holding.", "decision"),
        ({"reason": "vvm_usable"}, "A release rests on evidence.", "decision"),
    ],
)
def test_what_needs_another_answer_is_said_and_what_was_typed_stays(
    seeded: Stage, officer: Browser, fields: dict[str, str], text: str, field: str
) -> None:
    send(officer, "assess")
    reply(officer)
    answer = decide(officer, **fields)
    assert answer.status_code == 422
    assert text in answer.text
    assert f'href="#{field}"' in answer.text
    assert f'id="{field}"' in answer.text
    if "comment" not in fields:
        assert "the manufacturer allows it</textarea>" in answer.text
    assert disposition(seeded) is Disposition.UNDER_ASSESSMENT


def test_stock_is_condemned_and_destroyed_before_a_witness(seeded: Stage, officer: Browser, doctor: Browser) -> None:
    send(officer, "assess")
    decide(officer, target="CONDEMNED", reason="frozen", comment="frozen solid")
    send(doctor, "sign", decision=hidden(doctor, "decision"), seen=hidden(doctor, "seen"))
    assert disposition(seeded) is Disposition.CONDEMNED
    page = plain(officer)
    assert "960 doses destroyed: sign (1 of 2)" in page
    form = page.partition('action="/cc/holdings/H-58213/decide"')[2].partition("</form>")[0]
    rest = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    assert rest["target"] == "DESTROYED"
    assert rest["seen"] == hidden(doctor, "seen"), "what the officer saw is what the witness sees"
    assert send(officer, "decide", reason="incinerated", comment="burnt at the store", **rest).status_code == 303
    assert "I saw it: sign as Person medical_officer (2 of 2)" in plain(doctor)
    witnessed = send(doctor, "sign", decision=hidden(doctor, "decision"), seen=hidden(doctor, "seen"))
    assert witnessed.status_code == 303, witnessed.text
    assert disposition(seeded) is Disposition.DESTROYED
    after = plain(doctor)
    assert "witnesses the destruction of 960 doses" in after
    assert "<em>Destroyed.</em>" in after
    assert "It is condemned." not in after


def test_what_waits_is_withdrawn_with_a_reason(seeded: Stage, officer: Browser) -> None:
    send(officer, "assess")
    reply(officer)
    decide(officer)
    number = hidden(officer, "decision")
    refused = send(officer, "withdraw", decision=number, comment=" ")
    assert (refused.status_code, "Write the reason in your words." in refused.text) == (422, True)
    assert send(officer, "withdraw", decision=number, comment="wrong box").status_code == 303
    with seeded.ledger.read() as conn:
        assert decisions.open_decision(conn, "H-58213") is None
    assert "Decision withdrawn" in plain(officer)


def test_a_second_signature_of_the_same_person_is_refused(officer: Browser) -> None:
    send(officer, "assess")
    reply(officer)
    seen = hidden(officer, "seen")
    decide(officer)
    answer = send(officer, "sign", decision=hidden(officer, "decision"), seen=seen)
    assert (answer.status_code, "The same person cannot sign twice." in answer.text) == (422, True)


def test_an_assessment_is_opened_once(officer: Browser) -> None:
    send(officer, "assess")
    answer = send(officer, "assess")
    assert (answer.status_code, "This step does not follow" in answer.text) == (422, True)


def test_evidence_is_added_with_its_picture_and_shown_again(officer: Browser) -> None:
    reply(officer)
    page = plain(officer)
    assert "MFR/1" in page
    assert "May be used" in page
    path = re.findall(r'href="(/cc/holdings/H-58213/files/\d+)"', page)[0]
    file = officer.get(path)
    assert (file.content, file.headers["content-type"]) == (PHOTO, "image/jpeg")
    assert "sandbox" in file.headers["content-security-policy"]
    assert officer.get(f"{HELD}/files/999").status_code == 404


@pytest.mark.parametrize(
    ("content", "fields", "text"),
    [
        (None, {"answer": "may_be_used", "reference": "MFR/1"}, "This evidence needs a picture."),
        (b"<svg>", {"answer": "may_be_used", "reference": "MFR/1"}, "A file is a JPEG, a PNG or a PDF."),
        (PHOTO.ljust(2_200_000), {"answer": "may_be_used", "reference": "MFR/1"}, "A file may have two megabytes."),
        (PHOTO, {"answer": "may_be_used"}, "Write the reference of the letter."),
        (PHOTO, {"reference": "MFR/1"}, "Choose what the manufacturer answered."),
    ],
)
def test_evidence_that_says_too_little_is_asked_again(
    officer: Browser, content: bytes | None, fields: dict[str, str], text: str
) -> None:
    answer = add(officer, "manufacturer_reply", content, **fields)
    assert answer.status_code == 422
    assert text in answer.text
    if "reference" in fields:
        assert 'value="MFR/1"' in answer.text


def test_a_form_beyond_the_bound_is_not_read(officer: Browser) -> None:
    assert add(officer, "manufacturer_reply", PHOTO.ljust(4_000_000), answer="may_be_used").status_code == 413


@pytest.mark.parametrize("kind", ["vvm_stage", "shake_test"])
def test_evidence_that_says_nothing_of_a_vaccine_has_no_form(officer: Browser, kind: str) -> None:
    """Covishield in India carries no monitor and has no aluminium."""
    assert officer.get(f"{HELD}/evidence/{kind}").status_code == 404
    assert officer.get(f"{HELD}/evidence/nonsense").status_code == 422


def test_a_vaccine_with_monitor_and_aluminium_has_all_forms(seeded: Stage, officer: Browser) -> None:
    with seeded.ledger.write() as conn:
        now = catalogue.product_version(conn, "covishield", seeded.now_ms)
        words = {"version": now.version + 1, "aluminium_adsorbed": True, "vvm_type": "VVM14"}
        catalogue.record_products(conn, [type(now)(**{**struct(now), **words})], seeded.now_ms)
    assert "A vial monitor tells heat, never freezing." in plain(officer, f"{HELD}/evidence/vvm_stage")
    form = plain(officer, f"{HELD}/evidence/shake_test")
    assert "Must be CS-2207." in form
    fields = {"result": "passed", "vials": "3", "control_batch": "CS-9", "control_frozen_solid": "yes"}
    refused = add(officer, "shake_test", None, **fields)
    assert (refused.status_code, "A shake test needs a control vial of the same lot" in refused.text) == (422, True)
    assert add(officer, "shake_test", None, **{**fields, "control_batch": "CS-2207"}).status_code == 303
    assert add(officer, "vvm_stage", stage="1", vials="10").status_code == 303
    page = plain(officer)
    assert "Shake test, 3 vials, control same lot" in page
    assert "VVM stage, 10 vials looked at" in page


def struct(product: object) -> dict[str, object]:
    return {name: getattr(product, name) for name in product.__struct_fields__}  # type: ignore[attr-defined]


def hold_lot(browser: Browser, **fields: str) -> Response:
    usual = {"lot": LOT, "authority": "State drug controller", "reference": "SDC/1", "reason": "particles"}
    usual |= {"password": PASSWORD}
    return browser.send_form("/cc/lot-holds", seen_on=LOT_PAGE, **{**usual, **fields})


def test_a_whole_lot_is_held_and_let_go_by_order(seeded: Stage, officer: Browser) -> None:
    assert "Hold all 2 holdings of this lot" in plain(officer, LOT_PAGE)
    assert hold_lot(officer).headers["location"] == LOT_PAGE
    assert {disposition(seeded, one) for one in ("H-1", "H-4")} == {Disposition.QUARANTINED}
    page = plain(officer, LOT_PAGE)
    assert "An authority's order holds this whole lot." in page.replace("&#39;", "'")
    assert "signed by Person cold_chain_officer" in page
    assert "The whole lot is held: State drug controller, SDC/1." in plain(officer, "/cc/holdings/H-1")
    number = hidden(officer, "order", LOT_PAGE)
    lift = {"lot": LOT, "order": number, "password": PASSWORD}
    refused = officer.send_form("/cc/lot-holds/lift", seen_on=LOT_PAGE, reference=" ", **lift)
    assert (refused.status_code, f'id="lift-{number}"' in refused.text) == (422, True)
    done = officer.send_form("/cc/lot-holds/lift", seen_on=LOT_PAGE, reference="SDC/9", **lift)
    assert done.headers["location"] == LOT_PAGE
    assert "Each holding waits for its own signed release." in plain(officer, LOT_PAGE)
    assert disposition(seeded, "H-1") is Disposition.QUARANTINED


def test_an_order_without_its_reference_is_asked_again(seeded: Stage, officer: Browser) -> None:
    answer = hold_lot(officer, reference="")
    assert answer.status_code == 422
    assert "Write who ordered it, the reference of the letter, and why." in answer.text
    assert disposition(seeded, "H-1") is Disposition.AVAILABLE


def test_an_order_is_placed_once(officer: Browser) -> None:
    hold_lot(officer)
    assert "This order holds the lot already." in hold_lot(officer).text


def test_who_handles_stock_holds_no_lot(seeded: Stage, handler: Browser) -> None:
    page = plain(handler, LOT_PAGE)
    assert "Hold the whole lot" not in page
    assert "No order was ever placed on this lot." in page
    fields = {"lot": LOT, "authority": "x", "reference": "y", "reason": "z"}
    assert handler.send_form("/cc/lot-holds", seen_on="/cc/holdings/H-1", **fields).status_code == 403
    with seeded.ledger.read() as conn:
        assert lot_holds.standing(conn, LOT) == []


def test_an_order_is_lifted_on_its_own_lot(officer: Browser) -> None:
    hold_lot(officer)
    number = hidden(officer, "order", LOT_PAGE)
    fields = {"lot": "covishield/CS-2302", "order": number, "reference": "SDC/9"}
    assert officer.send_form("/cc/lot-holds/lift", seen_on=LOT_PAGE, **fields).status_code == 404


@pytest.mark.parametrize("step", ["assess", "decide", "sign", "withdraw", "evidence/other"])
def test_nothing_is_done_without_the_forms_token(officer: Browser, step: str) -> None:
    fields = {"doses": "960", "decision": "1", "text": "x"}
    assert officer.post(f"{HELD}/{step}", data=fields).status_code == 403


def test_nobody_decides_without_signing_in(seeded: Stage, client: Browser) -> None:
    answer = client.send_form(f"{HELD}/assess")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert disposition(seeded) is Disposition.QUARANTINED


def test_nothing_is_signed_without_the_signers_own_password(seeded: Stage, officer: Browser, doctor: Browser) -> None:
    send(officer, "assess")
    reply(officer)
    refused = decide(officer, password="another long password")
    assert refused.status_code == 422
    assert "Your password does not fit. Nothing was signed." in refused.text
    assert "the manufacturer allows it</textarea>" in refused.text
    assert "another long password" not in refused.text
    decide(officer)
    fields = {"decision": hidden(doctor, "decision"), "seen": hidden(doctor, "seen")}
    assert send(doctor, "sign", **fields, password="").status_code == 422
    assert disposition(seeded) is Disposition.UNDER_ASSESSMENT
    assert hold_lot(officer, password="").status_code == 422
    assert disposition(seeded, "H-1") is Disposition.AVAILABLE


def test_no_order_is_lifted_without_the_password(seeded: Stage, officer: Browser) -> None:
    hold_lot(officer)
    number = hidden(officer, "order", LOT_PAGE)
    fields = {"lot": LOT, "order": number, "reference": "SDC/9", "password": "wrong"}
    answer = officer.send_form("/cc/lot-holds/lift", seen_on=LOT_PAGE, **fields)
    assert (answer.status_code, "Nothing was signed." in answer.text) == (422, True)
    assert f'href="#lift-password-{number}"' in answer.text
    assert 'aria-describedby="lift-password-error"' in answer.text
    assert 'value="SDC/9"' in answer.text, "the reference typed is kept"
    with seeded.ledger.read() as conn:
        assert len(lot_holds.standing(conn, LOT)) == 1


def test_an_order_not_signed_keeps_what_was_typed(officer: Browser) -> None:
    answer = hold_lot(
        officer, password="wrong", authority='State "drug" controller', reference="SDC/7", reason="a <b> doubt"
    )
    assert answer.status_code == 422
    for kept in ('value="State &#34;drug&#34; controller"', 'value="SDC/7"', 'value="a &lt;b&gt; doubt"'):
        assert kept in answer.text, kept
    assert 'id="password-error"' in answer.text
    assert 'maxlength="120"' in answer.text


def test_a_file_far_too_large_is_told_with_the_next_step(officer: Browser) -> None:
    for prefix, said in (("", "Choose a smaller file."), ("/hi", "छोटी फ़ाइल चुनें।")):
        answer = add(officer, "manufacturer_reply", PHOTO.ljust(4_000_000), prefix, answer="may_be_used")
        assert answer.status_code == 413
        assert said in answer.text


def test_a_form_of_evidence_names_the_vaccine_in_words(officer: Browser) -> None:
    assert "Covishield, lot" in plain(officer, f"{HELD}/evidence/other")
    assert "कोविशील्ड, लॉट" in plain(officer, f"/hi{HELD}/evidence/other")


def test_stock_that_people_hold_says_so_beside_its_verdict(seeded: Stage, officer: Browser) -> None:
    assert "By people" not in plain(officer)
    answer = officer.send_form("/cc/holdings/H-1/quarantine", seen_on="/cc/holdings/H-1", reason="a doubt")
    assert answer.status_code == 303
    assert disposition(seeded, "H-1") is Disposition.QUARANTINED
    assert "By people, not by its readings" in plain(officer, "/cc/holdings/H-1")


@pytest.mark.parametrize("step", ["assess", "decide"])
def test_a_field_refers_to_an_error_only_where_one_is(officer: Browser, step: str) -> None:
    if step == "decide":
        assert send(officer, "assess").status_code == 303
    for answer in (officer.get(HELD), send(officer, step, doses="960")):
        pages = answer if answer.status_code != 303 else officer.get(HELD)
        ids = set(re.findall(r' id="([^"]+)"', pages.text))
        named = {one for text in re.findall(r'aria-describedby="([^"]+)"', pages.text) for one in text.split()}
        assert named <= ids, named - ids
