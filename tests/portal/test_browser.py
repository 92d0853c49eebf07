"""The officer's pages in a real browser: scripts within the policy, narrow screens, keys, rows that hold still."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from portal.identity.service import Role
from portal.serve import listen
from portal.static_files import StaticNames
from sheetal.contracts.twin import TwinState
from sheetal.ledger import holdings
from tests.portal import district, given_gateways

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.portal.conftest import Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(StaticNames().vendor("uplot.js") is None, reason="python -m portal.vendor has not run"),
]
CHROMIUM = "/usr/bin/chromium"
FOCUSED = """() => {
  const e = document.activeElement;
  return [e.tagName + (e.href || e.name || e.innerText), getComputedStyle(e).outlineStyle];
}"""
PATHS = (
    "/",
    "/login",
    "/cc",
    "/cc/appliances/A-102-1",
    "/cc/holdings/H-58213",
    "/cc/verdicts/7",
    "/cc/verdicts/3",
    "/cc/alarms",
    "/cc/mutes",
    "/cc/contacts",
    "/cc/reports",
    "/cc/appliances/A-101-2/check",
    "/cc/holdings/H-58213/evidence/manufacturer_reply",
    "/cc/lots",
    "/cc/lots/covishield/CS-2301",
    "/cc/lot-recalls/covishield/CS-2301",
    "/cc/audit?facility=F-101",
    "/cc/catalogue",
    "/cc/catalogue/comirnaty-purple",
    "/cc/facilities",
    "/cc/gateways",
    "/cc/gateways/gw-01",
    "/cc/gateways/gw-01/probes/a-101-1-tvc",
    "/cc/gateways/gw-01/retire",
)


@pytest.fixture
def address(stage: Stage) -> Iterator[str]:
    district.seed(district.Stores(stage.ledger, stage.telemetry, stage.readings, stage.cipher), stage.now_ms)
    given_gateways.report(stage.ledger, stage.now_ms)
    stage.add_person(Role.COLD_CHAIN_OFFICER)
    listening = listen("127.0.0.1", 0, "SHEETAL_PORTAL_PORT")
    config = uvicorn.Config(stage.app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined, method-assign]  # a thread has no signals
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


def open_page(browser: Browser, address: str, complaints: list[str], width: int = 1280) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/login")
    page.fill("#user_name", "cold_chain_officer")
    page.fill("#password", "a long enough password")
    page.click("button.primary")
    return page


@pytest.mark.parametrize("prefix", ["", "/hi"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_breaks_the_policy_or_the_width(
    browser: Browser, address: str, complaints: list[str], width: int, prefix: str
) -> None:
    page = open_page(browser, address, complaints, width)
    for path in PATHS:
        page.goto(f"{address}{prefix}{path}".rstrip("/"), wait_until="networkidle" if "appliances" in path else "load")
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, (path, beyond)
    assert complaints == []
    page.context.close()


def test_the_chart_is_drawn_and_speaks_at_the_pointer(browser: Browser, address: str, complaints: list[str]) -> None:
    page = open_page(browser, address, complaints)
    page.goto(f"{address}/cc/appliances/A-102-1")
    page.wait_for_selector(".uplot canvas")
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2)
    assert "23 Nov" in page.locator("[data-tip]").inner_text()
    assert "+9.1" in page.locator("[data-tip]").inner_text()
    assert complaints == []
    page.context.close()


def test_the_strip_is_walked_by_keys_and_opens_an_appliance(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    page = open_page(browser, address, complaints)
    page.wait_for_selector(".strip-canvas:not([hidden])")
    assert page.locator(".district-counts").is_hidden()
    page.focus(".strip-canvas")
    page.keyboard.press("ArrowRight")
    assert page.locator(".strip [data-live]").inner_text() == "ILR-1, North: Freezing"
    page.keyboard.press("ArrowDown")
    assert "South: Warm" in page.locator(".strip [data-live]").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/cc/appliances/A-102-1")
    assert complaints == []
    page.context.close()


def order(page: Page) -> str:
    return str(page.locator("#live").get_attribute("data-order"))


def hold(stage: Stage) -> None:
    with stage.ledger.write() as conn:
        holdings.hold(conn, "H-3", None, "s-1", "seen frozen", stage.now_ms)


def test_rows_move_by_themselves_while_nobody_touches_them(
    browser: Browser, address: str, stage: Stage, complaints: list[str]
) -> None:
    page = open_page(browser, address, complaints)
    page.wait_for_load_state()
    page.mouse.move(5, 5)
    hold(stage)
    page.wait_for_selector("#row-held-H-3", timeout=8_000)
    assert complaints == []
    page.context.close()


def test_rows_hold_still_under_the_pointer_and_offer_the_new_order(
    browser: Browser, address: str, stage: Stage, complaints: list[str]
) -> None:
    page = open_page(browser, address, complaints)
    page.hover("#row-freeze-A-101-1")
    before = order(page)
    hold(stage)
    page.wait_for_selector("[data-order-changed]:not([hidden])", timeout=8_000)
    assert order(page) == before
    page.click("[data-show-order]")
    page.wait_for_selector("#row-held-H-3")
    assert order(page) != before
    assert complaints == []
    page.context.close()


def test_an_ended_session_leads_a_live_page_to_the_sign_in(
    browser: Browser, address: str, complaints: list[str]
) -> None:
    page = open_page(browser, address, complaints)
    page.wait_for_selector("#live")
    page.context.clear_cookies()
    page.wait_for_url("**/login", timeout=8_000)
    page.context.close()


def test_a_gateways_page_tells_news_by_itself_and_keeps_the_focus(
    browser: Browser, address: str, stage: Stage, complaints: list[str]
) -> None:
    page = open_page(browser, address, complaints)
    page.goto(f"{address}/cc/gateways/gw-01")
    page.focus("button[value=identify]")
    told = given_gateways.said(at_ms=stage.now_ms + 1, version=7, state=TwinState.APPLIED)
    given_gateways.report(stage.ledger, stage.now_ms + 1, told)
    page.wait_for_selector("text=Version 7 is in force.", timeout=12_000)
    assert page.evaluate("document.activeElement.value") == "identify"
    assert complaints == []
    page.context.close()


@pytest.mark.parametrize(
    "path",
    ["/cc/holdings/H-3", "/cc/gateways/gw-01", "/cc/gateways/gw-01/probes/a-101-1-tvc", "/cc/contacts", "/cc/reports"],
)
def test_every_control_is_reached_by_the_tab_key_with_a_visible_ring(
    browser: Browser, address: str, complaints: list[str], path: str
) -> None:
    page = open_page(browser, address, complaints)
    page.goto(f"{address}{path}")
    wanted = page.locator("a[href]:visible, button:visible, textarea:visible, input:visible").count()
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        seen = page.evaluate(FOCUSED)
        if not seen[0].startswith("BODY"):
            assert seen[1] != "none", seen[0]
            reached.add(seen[0])
    assert len(reached) >= 10
    assert complaints == []
    page.context.close()
