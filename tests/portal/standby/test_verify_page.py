"""The verifier in a real browser: it must agree with `portal.certificate.verify`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings

from portal.certificate.advisory import Level
from portal.certificate.mirror import Mirror
from portal.certificate.renderings import hcert
from portal.certificate.status_list import sign_list
from portal.certificate.verify import verify_hcert
from sheetal.contracts.problem import Refused, WireProblem
from tests.portal.given_certificates import (
    DAY_MS,
    NAME,
    NOW_MS,
    RECORD,
    container,
    demo_keys,
    packed,
    parts,
    records,
    unpacked,
)
from tests.portal.standby.site import standing_by
from tests.portal.standby.test_certificate_page import has_no_sideways_scroll, opened, picture

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from portal.certificate.keys import SigningKeys
    from sheetal.contracts.dose_record import DoseRecord
    from tests.portal.given_certificates import Books

pytestmark = pytest.mark.browser
INDEX = 4242
MUTANTS = 600
VERIFY = """async (texts) => {
  const { verifyHcert } = await import("/static/hcert.js");
  const { loadTrust } = await import("/static/trust.js");
  const trust = await loadTrust();
  const results = [];
  for (const text of texts) results.push(await verifyHcert(text, trust, Date.now()));
  return results;
}"""


def text_of(keys: SigningKeys, record: DoseRecord = RECORD) -> str:
    return hcert.render(record, keys, INDEX, NOW_MS)


def check(page: Page, text: str) -> str:
    """Paste and check; gives the outcome shown."""
    if page.locator("#text").count() == 0:
        page.click(".acts .primary")
        page.wait_for_selector("#text")
    page.fill("#text", text)
    page.click("form button")
    page.wait_for_selector("[data-outcome]")
    return str(page.get_attribute("[data-outcome]", "data-outcome"))


def publish_levels(site: Books, level: Level, at_ms: int = NOW_MS) -> None:
    Mirror(site.mirror).write_status_list(sign_list({INDEX: level}, site.keys, at_ms))


def test_authentic_at_three_levels_of_detail(site: Books, phone: BrowserContext) -> None:
    publish_levels(site, Level.REVACCINATION_ADVISED)
    address = f"{site.keys.standby_url}/verify"
    with opened(phone, address, "#text") as page:
        picture(page, "verify-form-en")
        assert check(page, text_of(site.keys)) == "authentic"
        travel = page.inner_text("main")
        assert "Not fraud" in travel
        assert "CS-2301" not in travel
        picture(page, "verify-travel-en")
        page.click("text=Venue")
        venue = page.inner_text("main")
        assert NAME in venue
        assert "Compare the name" in venue
        assert page.locator(".strip").count() == 0
        assert "Covishield" not in venue
        picture(page, "verify-venue-en")
        page.click("text=Health")
        assert "CS-2301" in page.inner_text(".facts")
        assert "F-101" in page.inner_text(".facts")
        picture(page, "verify-health-en")
    with opened(phone, address, "#text") as page:
        assert page.inner_text("[aria-pressed=true]") == "Health"


@pytest.mark.parametrize("language", ["en", "hi"])
def test_every_outcome_is_told_in_both_languages(
    site: Books, phone: BrowserContext, tmp_path: Path, language: str
) -> None:
    foreign = text_of(demo_keys(tmp_path / "foreign"))
    fields = parts(text_of(site.keys))
    claims = cbor2.loads(fields[2])  # type: ignore[arg-type]  # bytes
    claims[-260][3]["name"] = "Somebody Else"
    forged = container([fields[0], fields[1], cbor2.dumps(claims), fields[3]])
    publish_levels(site, Level.OK, NOW_MS - 19 * DAY_MS)
    prefix = "/hi" if language == "hi" else ""
    with opened(phone, f"{site.keys.standby_url}{prefix}/verify", "#text") as page:
        assert check(page, text_of(site.keys)) == "authentic"
        assert page.locator("[data-strip=stale]").count() == 1
        picture(page, f"verify-unknown-{language}")
        assert check(page, forged) == "not_authentic"
        assert "Somebody" not in page.inner_text("main")
        picture(page, f"verify-not-authentic-{language}")
        assert check(page, foreign) == "cannot_tell"
        picture(page, f"verify-cannot-tell-{language}")
        page.reload()
        page.wait_for_selector("#text")
        assert check(page, "HC1:not a certificate") == "cannot_tell"
        page.set_viewport_size({"width": 320, "height": 568})
        assert has_no_sideways_scroll(page)


def test_an_empty_form_is_told_what_to_paste(site: Books, phone: BrowserContext) -> None:
    with opened(phone, f"{site.keys.standby_url}/verify", "#text") as page:
        page.click("form button")
        assert "begins with HC1:" in page.inner_text("[role=alert]")


def test_an_expired_certificate_is_authentic_and_old(site: Books, phone: BrowserContext) -> None:
    publish_levels(site, Level.OK)
    old = hcert.render(RECORD, site.keys, INDEX, NOW_MS - 800 * DAY_MS)
    with opened(phone, f"{site.keys.standby_url}/verify", "#text") as page:
        assert check(page, old) == "authentic"
        assert "Signature valid to" in page.inner_text("[data-strip=stale]")


def mutants(text: str) -> list[str]:
    """Half of them with a changed byte in header, payload or signature, half with any bytes of the message changed."""
    chance, made = random.Random(11), []
    for number in range(MUTANTS):
        if number % 2:
            fields = parts(text)
            place = chance.choice((0, 2, 3))
            field = bytearray(fields[place])  # type: ignore[call-overload]
            field[chance.randrange(len(field))] ^= chance.randrange(1, 256)
            fields[place] = bytes(field)
            made.append(container(fields))
        else:
            signed = bytearray(unpacked(text))
            signed[chance.randrange(len(signed))] = chance.randrange(256)
            made.append(packed(bytes(signed)))
    return made


def is_authentic_in_python(text: str, keys: SigningKeys) -> bool:
    try:
        verify_hcert(text, keys.trust, NOW_MS)
    except (WireProblem, Refused):
        return False
    return True


def test_mutants_are_refused_and_both_verifiers_agree(site: Books, phone: BrowserContext) -> None:
    texts = mutants(text_of(site.keys))
    with opened(phone, f"{site.keys.standby_url}/verify", "#text") as page:
        results = page.evaluate(VERIFY, texts)
    names = {result.get("name") for result in results if result["outcome"] == "authentic"}
    assert names <= {NAME}
    assert [one["outcome"] for one in results].count("authentic") < MUTANTS // 100
    believed = [result["outcome"] == "authentic" for result in results]
    assert believed == [is_authentic_in_python(text, site.keys) for text in texts]


def test_any_record_reads_the_same_in_the_browser(site: Books, phone: BrowserContext) -> None:
    with opened(phone, f"{site.keys.standby_url}/verify", "#text") as page:

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        @given(record=records)
        def reads_the_same(record: DoseRecord) -> None:
            result = page.evaluate(VERIFY, [text_of(site.keys, record)])[0]
            assert (result["outcome"], result["name"]) == ("authentic", record.person_name)
            assert result["dose"]["lot"] == record.batch
            assert result["status"]["index"] == INDEX

        reads_the_same()


def test_it_still_works_when_the_site_is_gone(books: Books, phone: BrowserContext) -> None:
    Mirror(books.mirror).write_trust(books.keys, NOW_MS)
    publish_levels(books, Level.UNDER_INVESTIGATION)
    address = f"{books.keys.standby_url}/verify"
    with standing_by(books), opened(phone, address, "#text") as page:
        page.wait_for_selector("#offline:not(:empty)")
        page.reload()
        page.wait_for_selector("#text")
    with opened(phone, address, "#text") as page:
        assert check(page, text_of(books.keys)) == "authentic"
        assert page.locator("[data-strip=adv]").count() == 1
