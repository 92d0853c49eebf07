"""The owner's page in a real browser."""

from __future__ import annotations

import base64
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zxingcpp

from portal.certificate.advisory import Level
from portal.certificate.mirror import Mirror
from portal.certificate.status_list import sign_list
from portal.certificate.verify import verify_hcert
from tests.portal.given_certificates import DAY_MS, NAME, NOW_MS, PENTAVALENT, RECORD, another, demo_keys
from tests.portal.standby.site import publish, set_level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

    from tests.portal.given_certificates import Books

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("SHEETAL_TEST_PICTURES")


@contextmanager
def opened(phone: BrowserContext, address: str, waits_for: str) -> Iterator[Page]:
    """The page, once it shows what it should; fails on any error or blocked content."""
    page, errors = phone.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    page.goto(address)
    page.wait_for_selector(waits_for, timeout=10_000)
    yield page
    assert errors == []
    page.close()


def in_hindi(link: str) -> str:
    return link.replace("/c/", "/hi/c/")


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def has_no_sideways_scroll(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_it_shows_authentic_and_later_the_advisory_beside_it(site: Books, phone: BrowserContext) -> None:
    link = site.issue(RECORD).link
    publish(site, NOW_MS)
    with opened(phone, link, ".authentic") as page:
        text = page.inner_text("main")
        assert page.inner_text("h1") == NAME
        assert "Signed by Sample Health Department." in text
        assert "Covishield · dose 2 of 2" in text
        assert page.locator(".strip").count() == 0
        assert "No advisory" in text
        assert page.evaluate("document.querySelector('.qr img').naturalWidth") > 0
        picture(page, "certificate-en")
        set_level(site, RECORD.dose, Level.UNDER_INVESTIGATION, NOW_MS + 60_000)
        page.reload()
        page.wait_for_selector("[data-strip=adv]")
        assert page.inner_text(".authentic h2") == "Authentic"
        strip = page.inner_text("[data-strip=adv]")
        assert "Dose 2 is being checked" in strip
        assert "Status list of 23\u00a0Nov\u00a02026, 14:51, 1 min old." in strip
        picture(page, "certificate-advisory-en")


def pixels_of(phone: BrowserContext, png: bytes) -> np.ndarray:
    """A PNG as grey pixels, decoded by the browser."""
    page = phone.new_page()
    width, height, grey = page.evaluate(
        """async (address) => {
          const picture = await createImageBitmap(await (await fetch(address)).blob());
          const canvas = new OffscreenCanvas(picture.width, picture.height);
          const context = canvas.getContext("2d");
          context.drawImage(picture, 0, 0);
          const data = context.getImageData(0, 0, picture.width, picture.height).data;
          return [picture.width, picture.height, Array.from(data.filter((_, at) => at % 4 === 0))];
        }""",
        "data:image/png;base64," + base64.b64encode(png).decode(),
    )
    page.close()
    return np.array(grey, np.uint8).reshape(height, width)


def test_the_code_on_the_screen_can_be_scanned(site: Books, phone: BrowserContext) -> None:
    link = site.issue(RECORD).link
    publish(site, NOW_MS)
    with opened(phone, link, ".qr img") as page:
        seen = pixels_of(phone, page.locator(".qr img").screenshot())
    found = zxingcpp.read_barcodes(seen)
    assert verify_hcert(found[0].text, site.keys.trust, NOW_MS).subclaims[3]["name"] == NAME


def test_it_speaks_hindi(site: Books, phone: BrowserContext) -> None:
    link = site.issue(another(PENTAVALENT, dose="hindi", person_name="आशा नमूना")).link
    set_level(site, "hindi", Level.REVACCINATION_ADVISED, NOW_MS)
    with opened(phone, in_hindi(link), "[data-strip=adv]") as page:
        assert page.evaluate("document.documentElement.lang") == "hi"
        assert page.inner_text(".authentic h2") == "असली प्रमाणपत्र"
        assert "दोबारा लेने की सलाह" in page.inner_text("[data-strip=adv]")
        assert "23\u00a0नव॰\u00a02026" in page.inner_text(".doses")
        assert has_no_sideways_scroll(page)
        picture(page, "certificate-advisory-hi")
        page.click("#top a[lang=en]")
        page.wait_for_selector(".authentic")
        assert page.inner_text(".authentic h2") == "Authentic"


def test_the_secret_is_never_sent(site: Books, phone: BrowserContext) -> None:
    issued = site.issue(RECORD)
    publish(site, NOW_MS)
    sent: list[str] = []
    phone.on("request", lambda request: sent.append(f"{request.url} {request.all_headers()} {request.post_data}"))
    with opened(phone, issued.link, ".authentic"):
        pass
    assert len(sent) > 5
    # The navigation's own record keeps the fragment inside the browser; no other address or header may name it.
    assert [line for line in sent if issued.link_secret in line.replace(issued.link, "")] == []


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        (lambda link: link.split("#")[0], "link_incomplete"),
        (lambda link: link[:-3], "link_incomplete"),
        (lambda link: link.split("#")[0] + "#" + "A" * 22, "link_wrong"),
        (
            lambda link: link.replace("/c/", "/c/0000000000000000")[: len(link.split("#")[0])] + "#" + "A" * 22,
            "not_here",
        ),
    ],
)
def test_a_damaged_link_is_told_plainly(site: Books, phone: BrowserContext, change: object, trouble: str) -> None:
    link = site.issue(RECORD).link
    publish(site, NOW_MS)
    with opened(phone, change(link), f"[data-trouble={trouble}]") as page:  # type: ignore[operator]  # a function
        assert NAME not in page.inner_text("main")


def test_a_certificate_on_its_way_says_so(site: Books, phone: BrowserContext) -> None:
    with opened(phone, site.issue(RECORD).link, "[data-trouble=not_here]") as page:
        publish(site, NOW_MS)
        page.click(".primary")
        page.wait_for_selector(".authentic")


@pytest.mark.parametrize("trouble", ["missing", "forged", "stale"])
def test_without_a_good_list_the_quality_is_unknown_and_nothing_is_red(
    site: Books, phone: BrowserContext, tmp_path: Path, trouble: str
) -> None:
    link = site.issue(RECORD).link
    publish(site, NOW_MS)
    mirror = Mirror(site.mirror)
    if trouble == "missing":
        (site.mirror / "status" / "doses.json").unlink()
    elif trouble == "forged":
        mirror.write_status_list(sign_list({}, demo_keys(tmp_path / "foreign"), NOW_MS))
    else:
        mirror.write_status_list(sign_list({}, site.keys, NOW_MS - 19 * DAY_MS))
    with opened(phone, link, "[data-strip=stale]") as page:
        assert "Dose quality unknown" in page.inner_text("[data-strip]")
        assert page.locator(".authentic").count() == 1
        assert page.locator(".not-authentic, .cannot-tell").count() == 0
        if trouble == "stale":
            assert "is 19 days old; it counts for 14 days" in page.inner_text("[data-strip]")


def test_without_a_known_key_it_cannot_tell(site: Books, phone: BrowserContext, tmp_path: Path) -> None:
    link = site.issue(RECORD).link
    publish(site, NOW_MS)
    Mirror(site.mirror).write_trust(demo_keys(tmp_path / "foreign"), NOW_MS)
    with opened(phone, link, ".cannot-tell") as page:
        assert "key is not on this phone" in page.inner_text("main")
        assert page.locator(".authentic").count() == 0


def test_save_gives_one_file_without_scripts(site: Books, phone: BrowserContext, tmp_path: Path) -> None:
    link = site.issue(RECORD).link
    publish(site, NOW_MS)
    with opened(phone, link, ".authentic") as page:
        with page.expect_download() as download:
            page.click("text=Save on this phone")
        download.value.save_as(tmp_path / "saved.html")
    saved = (tmp_path / "saved.html").read_text()
    assert NAME in saved
    assert "HC1:" in saved
    assert "<svg" in saved
    assert "<script" not in saved
    page = phone.new_page()
    page.goto((tmp_path / "saved.html").as_uri())
    assert "Scan the code at" in page.inner_text("body")
    picture(page, "saved-en")


def test_an_insecure_address_is_told_plainly(site: Books, phone: BrowserContext) -> None:
    link = site.issue(RECORD).link.replace("127.0.0.1", "insecure.test")
    publish(site, NOW_MS)
    with opened(phone, link, "[data-trouble=insecure]") as page:
        assert "https" in page.inner_text("main")


def test_without_scripts_the_page_says_what_it_needs(site: Books, phone: BrowserContext) -> None:
    context = phone.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]  # launched by us
    page = context.new_page()
    page.goto(site.issue(RECORD).link)
    page.wait_for_selector(".needs-script p >> visible=true", timeout=5_000)
    assert "JavaScript" in page.inner_text("main")
    context.close()


@pytest.mark.parametrize("language", ["en", "hi"])
def test_it_fits_a_small_phone_and_works_by_keyboard(site: Books, phone: BrowserContext, language: str) -> None:
    long_name = "Venkatanarasimharajuvaripeta " * 3
    link = site.issue(another(person_name=long_name, batch="LOT-" + "9" * 30)).link
    publish(site, NOW_MS)
    with opened(phone, in_hindi(link) if language == "hi" else link, ".authentic") as page:
        page.set_viewport_size({"width": 320, "height": 568})
        assert has_no_sideways_scroll(page)
        for _ in range(3):
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "button primary"
