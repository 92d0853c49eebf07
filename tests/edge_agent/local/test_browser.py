"""The gateway's pages in a real browser: on its own screen, on phones and on a desk, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from edge_agent.local.access import TRIES_MAX
from edge_agent.local.carried import Carried, CarriedProbe
from edge_agent.local.days import instant
from edge_agent.local.duty import DutyView
from edge_agent.local.page import LocalPage
from edge_agent.local.set_up_view import SetUp, Speech, set_up_page
from edge_agent.local.set_up_words import SET_UP_WORDS
from edge_agent.local.view import ClockView, page
from edge_agent.local.words import WORDS
from sheetal.contracts.device_alarm import AlarmKind
from tests.edge_agent.kit import MINUTE_MS, T0_MS
from tests.edge_agent.local.kit import CODE, FREEZER, INDIA, Stage, counts, probe, setting, snapshot, stage, uplink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from edge_agent.local.view import Snapshot

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
SIZES = [(800, 480), (360, 740), (320, 568), (1280, 800)]
SENSOR = "gw-t.ilr1-tvc"
MILLIMETRE_PX = 800 / 152.4
"""A 7 inch panel of 800 x 480 is 152.4 mm wide."""
FREEZING = probe(-90, minutes_left=19)
OTHER = probe(510, setting("b", "ILR-2"))
LONG = "Walk-in cooler of the district vaccine store, second floor"
TROUBLE = "the broker's certificate has expired: renew it there; if it is new, set this machine's clock"
SCENES: dict[str, Snapshot] = {
    "in_range": snapshot(probe(460), OTHER),
    "freezing": snapshot(
        FREEZING,
        OTHER,
        pending=2_140,
        status=uplink(connected=False, last_ack_at_ms=T0_MS - 36 * MINUTE_MS),
        clock=ClockView("ack", 400),
    ),
    "warm": snapshot(
        probe(1_240, minutes_left=340), OTHER, probe(-2_010, FREEZER), probe(None, setting("c", "ILR-3"), quality=2)
    ),
    "alarm": snapshot(probe(-120, alarms=[AlarmKind.FREEZE]), clock=ClockView("none", None)),
    "freezer": snapshot(probe(-1_850, FREEZER), OTHER, probe(511, setting("c")), probe(512, setting("d"))),
    "freezer_warm": snapshot(probe(-1_250, FREEZER, minutes_left=50), OTHER),
    "fault": snapshot(probe(None, quality=5), OTHER, probe(520, setting("c"))),
    "silent": snapshot(probe(None, quality=5, alarms=[AlarmKind.NO_DATA], age_ms=3_600_000), OTHER),
    "stale": snapshot(probe(460, age_ms=3_600_000)),
    "many": snapshot(*(probe(450 + number, setting(f"p{number}", f"{LONG} {number}")) for number in range(24))),
    "many_in_trouble": snapshot(*(probe(900, setting(f"p{number}", f"{LONG} {number}")) for number in range(24))),
    "widest": snapshot(probe(-888, alarms=[AlarmKind.FREEZE]), OTHER),
    "hottest": snapshot(probe(8_888, minutes_left=600), OTHER),
    "coldest": snapshot(probe(-8_888, FREEZER, minutes_left=600), OTHER),
    "test": snapshot(probe(460), OTHER, duty=DutyView(0, "test", "")),
    "none": snapshot(),
    "away": snapshot(probe(460), OTHER, status=uplink(connected=False, problem=TROUBLE)),
    "far_away": snapshot(FREEZING, OTHER, pending=511_200, status=uplink(connected=False, problem="ENDLESS" * 200)),
}
BEYOND = "document.documentElement.scrollWidth - innerWidth"
BELOW = "document.documentElement.scrollHeight - innerHeight"
# The height of a digit's ink: its share of the font's size, which the browser itself measures.
DIGIT_PX = """() => {
  const figure = document.querySelector(".figure");
  const style = getComputedStyle(figure);
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  const ink = pen.measureText("0");
  return ink.actualBoundingBoxAscent + ink.actualBoundingBoxDescent;
}"""
OUTSIDE = """() => [...document.querySelectorAll("main *, header *, footer *")]
  .filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && (box.right > innerWidth + 1 || box.left < -1);
  })
  .map((one) => one.outerHTML.slice(0, 80))"""
CLIPPED = """() => [...document.querySelectorAll("h1 span, dt, dd, nav a, .figure")]
  .filter((one) => one.scrollHeight > one.clientHeight + 8 && getComputedStyle(one).overflow !== "visible")
  .map((one) => one.outerHTML.slice(0, 80))"""
# The unit takes no room of its own, so it must be seen that it stands on nothing else.
UNIT_ON = """() => {
  const unit = document.querySelector(".figure small");
  if (!unit) return [];
  const range = document.createRange();
  range.selectNodeContents(unit);
  const box = range.getBoundingClientRect();
  const hit = (one) => {
    const other = one.getBoundingClientRect();
    return box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom;
  };
  const struck = [...document.querySelectorAll(".side .fact, header, nav")].filter(hit).map((one) => one.className);
  return box.right > innerWidth ? [...struck, "edge"] : struck;
}"""
# A word of a table or a list of figures that stands on two lines.
BROKEN_WORDS = """() => [...document.querySelectorAll("th, td, dt, dd")].flatMap((one) => {
  const walk = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
  const broken = [];
  for (let text = walk.nextNode(); text; text = walk.nextNode())
    for (const word of text.data.matchAll(/[^\\s-]+/g)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (word[0].length <= 16 && new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1)
        broken.push(word[0]);
    }
  return broken;
})"""
FOCUSED = """() => {
  const one = document.activeElement;
  return [one.tagName + (one.href || one.name || one.innerText), getComputedStyle(one).outlineStyle];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def here(tmp_path: Path) -> Stage:
    (tmp_path / "STICK-1").mkdir()
    probes = [probe(460), probe(None, setting("b", "ILR-2"), quality=2), probe(-1_850, FREEZER)]
    made = stage(tmp_path, probes)
    noon_ms = instant(made.export._days()[-1], 12, INDIA)
    for number in range(0, 3_000, 5):
        made.memory.put(SENSOR, noon_ms - number * 15 * MINUTE_MS // 5, 450 + (number % 97) * 4)
    for minute in range(120):
        made.memory.put(SENSOR, noon_ms + minute * MINUTE_MS + 1, 300 + minute * 5)
    return made


@pytest.fixture
def address(here: Stage) -> Iterator[str]:
    served = LocalPage(("127.0.0.1", 0), here.desk.answer)
    yield f"http://127.0.0.1:{served.port}"
    served.close()


def opened(browser: Browser, width: int, height: int, **more: object) -> Page:
    return browser.new_context(viewport={"width": width, "height": height}, **more).new_page()  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("language", ["en", "hi"])
@pytest.mark.parametrize("scene", SCENES)
def test_the_screen_fits_every_size_and_is_read_at_two_metres(browser: Browser, scene: str, language: str) -> None:
    tab = opened(browser, *SIZES[0])
    tab.set_content(page(SCENES[scene], WORDS[language]))
    for width, height in SIZES:
        tab.set_viewport_size({"width": width, "height": height})
        assert tab.evaluate(BEYOND) <= 0, (width, "scrolls sideways")
        assert tab.evaluate(OUTSIDE) == [], width
        assert tab.evaluate(UNIT_ON) == [], width
        if width >= 800:
            assert tab.evaluate(BELOW) <= 0, (width, "scrolls")
        if (width, height) == (800, 480):
            assert tab.evaluate(CLIPPED) == []
            if scene != "none":
                assert tab.evaluate(DIGIT_PX) / MILLIMETRE_PX >= 31.5
            state = tab.locator("h1").bounding_box()
            assert state is not None
            assert tab.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)") >= 56
            for part, lowest, highest in (("header", 92, 92), ("footer", 84, 84)):
                box = tab.locator(part).bounding_box()
                assert box is not None
                assert lowest <= box["height"] <= highest, part
    tab.context.close()


@pytest.mark.parametrize("language", ["en", "hi"])
def test_the_other_pages_fit_every_size_within_the_policy(
    browser: Browser, here: Stage, address: str, language: str
) -> None:
    day = here.export._days()[-1]
    complaints: list[str] = []
    for width, height in SIZES:
        tab = opened(browser, width, height)
        tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        enter(tab, address, language)
        for path in ("/gw", "/gw/setup", "/gw/log", f"/gw/log/day?day={day}", "/gw/log/day?day=2020-01-01"):
            tab.goto(f"{address}{path}{'&' if '?' in path else '?'}lang={language}")
            assert tab.evaluate(BEYOND) <= 0, (path, width)
            assert tab.evaluate("document.documentElement.lang") == language
        tab.context.close()
    assert [text for text in complaints if "404" not in text] == []


@pytest.mark.parametrize("language", ["en", "hi"])
def test_no_word_and_no_number_of_the_set_up_page_is_broken(browser: Browser, language: str) -> None:
    numbers = counts(pending=511_200, delivered=1_511_200, refused=3)
    shown = SCENES["far_away"]._replace(counts=numbers)
    speech = Speech(WORDS[language], SET_UP_WORDS[language])
    read = CarriedProbe("Walk-in cooler", "gw-t.fridge_tag", T0_MS - 90 * MINUTE_MS, -1_850)
    carried = Carried([read, CarriedProbe("ILR-9", "gw-t.none")], [("ENDLESS" * 9, "belongs to no probe")])
    tab = opened(browser, *SIZES[0])
    set_up = SetUp("t", 840, has_command=True, pairing="gw-t", square=None, refused=(), carried=carried)
    tab.set_content(set_up_page(speech, shown, set_up, ""))
    for width, height in SIZES:
        tab.set_viewport_size({"width": width, "height": height})
        assert tab.evaluate(BEYOND) <= 0, width
        assert tab.evaluate(BROKEN_WORDS) == [], width
    assert "ENDLESS" in tab.inner_text("main")
    tab.context.close()


def enter(tab: Page, address: str, language: str = "en") -> None:
    tab.goto(f"{address}/gw/setup?lang={language}")
    tab.fill("#code", CODE)
    tab.keyboard.press("Enter")
    tab.wait_for_selector("main table")


def test_the_whole_way_without_any_script(browser: Browser, here: Stage, address: str, tmp_path: Path) -> None:
    tab = opened(browser, 360, 740, java_script_enabled=False)
    enter(tab, address)
    tab.click("text=Sound the test alarm")
    assert "The test alarm was sounded." in tab.inner_text("body")
    tab.goto(f"{address}/gw")
    assert "Test alarm. Nothing is wrong." in tab.inner_text("body")
    tab.goto(f"{address}/gw/setup")
    tab.click("text=Save to STICK-1")
    tab.wait_for_selector("#export [role=status]")
    for _ in range(100):
        tab.goto(f"{address}/gw/setup")
        if "Saved as" in tab.inner_text("body"):
            break
        tab.wait_for_timeout(50)
    [folder] = list((tmp_path / "STICK-1").iterdir())
    assert (folder / "SHA256SUMS").is_file()
    with tab.expect_download() as waiting:
        tab.click("text=Download as CSV")
    assert waiting.value.path().read_bytes().count(b"\n") > 600
    tab.click("text=Log out")
    assert tab.locator("#code").is_visible()
    tab.context.close()
    assert here.duty.view().shown == "test"


def test_a_wrong_code_is_told_beside_its_field(browser: Browser, address: str) -> None:
    tab = opened(browser, 360, 740)
    tab.goto(f"{address}/gw/setup")
    tab.fill("#code", "WRONG-CODE")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#said")
    assert "Tries left: 4" in tab.inner_text("#said")
    assert tab.locator("[role=alert]").count() >= 1
    tab.context.close()


def test_the_screen_keeps_itself_up_to_date_and_says_when_it_cannot(
    browser: Browser, here: Stage, address: str
) -> None:
    tab = opened(browser, 800, 480)
    tab.clock.install()
    tab.goto(f"{address}/gw")
    assert "Test alarm" not in tab.inner_text("body")
    here.duty.sound_test_alarm()
    with tab.expect_response("**/gw"):
        tab.clock.run_for(5_100)
    tab.wait_for_selector("text=Test alarm. Nothing is wrong.")
    tab.route("**/gw", lambda route: route.abort())
    for _ in range(4):
        tab.clock.run_for(5_100)
        tab.wait_for_timeout(50)
    tab.wait_for_selector("#away:not([hidden])")
    assert "What you see is old" in tab.inner_text("#away")
    tab.unroute("**/gw")
    with tab.expect_response("**/gw"):
        tab.clock.run_for(5_100)
    tab.wait_for_selector("#away", state="hidden")
    tab.context.close()


@pytest.mark.parametrize("path", ["/gw", "/gw/log", "/gw/setup"])
def test_every_control_is_reached_by_the_tab_key_with_a_visible_ring(browser: Browser, address: str, path: str) -> None:
    tab = opened(browser, 800, 480)
    if path == "/gw/setup":
        enter(tab, address)
    tab.goto(f"{address}{path}")
    wanted = tab.locator("a[href]:visible, button:visible, input:visible:not([type=hidden])").count()
    reached = set()
    for _ in range(wanted + 8):
        tab.keyboard.press("Tab")
        seen = tab.evaluate(FOCUSED)
        if not seen[0].startswith("BODY"):
            assert seen[1] != "none", seen[0]
            reached.add(seen[0])
    assert len(reached) >= min(wanted, 4)
    tab.context.close()


@pytest.mark.parametrize("scene", ["in_range", "freezing", "fault"])
def test_large_text_breaks_nothing(browser: Browser, scene: str) -> None:
    tab = opened(browser, 360, 740)
    tab.set_content(page(SCENES[scene], WORDS["hi"]).replace("<style>", "<style>html{font-size:200%}", 1))
    assert tab.evaluate(BEYOND) <= 0
    zoomed = opened(browser, 400, 240)
    zoomed.set_content(page(SCENES[scene], WORDS["hi"]))
    assert zoomed.evaluate(BEYOND) <= 0
    tab.context.close()
    zoomed.context.close()


@pytest.mark.parametrize("scene", ["in_range", "freezing", "warm"])
def test_forced_colours_leave_sign_and_word(browser: Browser, scene: str) -> None:
    tab = opened(browser, 800, 480, forced_colors="active", reduced_motion="reduce")
    tab.set_content(page(SCENES[scene], WORDS["en"]))
    assert tab.locator("h1 svg").is_visible()
    assert tab.locator("h1 span").is_visible()
    tab.context.close()


def test_a_locked_door_is_told_on_the_narrowest_phone(browser: Browser, here: Stage, address: str) -> None:
    for _ in range(TRIES_MAX):
        here.log_in("WRONG-CODE")
    tab = opened(browser, 320, 568)
    tab.goto(f"{address}/gw/setup")
    assert "Wait 15 min" in tab.inner_text("body")
    assert tab.locator("#code").count() == 0
    tab.context.close()
