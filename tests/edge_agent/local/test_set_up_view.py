from __future__ import annotations

from html import escape

import pytest

from edge_agent.local.access import Door
from edge_agent.local.pairing import square
from edge_agent.local.set_up_view import RANGES_SHOWN_MAX, SetUp, Speech, door_page, form, set_up_page, sheet
from edge_agent.local.set_up_words import SET_UP_WORDS
from edge_agent.local.view import TwinView
from edge_agent.local.words import WORDS
from edge_agent.outbox.history import RefusedSpan
from tests.edge_agent.local.kit import counts, probe, setting, snapshot, uplink, well_formed

EN = Speech(WORDS["en"], SET_UP_WORDS["en"])
HI = Speech(WORDS["hi"], SET_UP_WORDS["hi"])


def set_up(
    *refused: RefusedSpan, done: str = "", has_command: bool = True, pairing: str = "sheetal-gateway gw-t"
) -> SetUp:
    return SetUp("form-token", 840, has_command, pairing, square(pairing), refused, done)


def test_the_door_names_its_field_and_what_went_wrong() -> None:
    told = door_page(
        EN,
        Door(has_code=True, tries_left=3, locked_seconds=0),
        "t",
        "This is not the code on the label. Tries left: 3.",
    )
    tags = well_formed(told)
    [field] = [one for tag, one in tags if tag == "input" and one.get("type") == "password"]
    assert field["aria-describedby"] == "hint said"
    assert {one.get("id") for _, one in tags} >= {"hint", "said", "code"}
    assert 'role="alert"' in told
    assert "autofocus" not in told
    first = door_page(EN, Door(has_code=True, tries_left=5, locked_seconds=0), "t")
    assert 'aria-describedby="hint"' in first
    assert "Tries left: 5" in first


def test_a_locked_door_has_no_field() -> None:
    told = door_page(EN, Door(has_code=True, tries_left=0, locked_seconds=61), "t")
    assert "Wait 2 min" in told
    assert "<form" not in told


def test_a_gateway_without_a_code_says_what_to_do() -> None:
    told = door_page(EN, Door(has_code=False, tries_left=5, locked_seconds=0), "t")
    assert "local.device_code_file" in told
    assert "<form" not in told


def test_every_probe_is_checked_in_words() -> None:
    shown = snapshot(probe(460), probe(None, setting("b", "ILR-2"), quality=2), probe(900, setting("c", "ILR-3")))
    told = set_up_page(EN, shown, set_up(), "")
    for fact in ("4.6 °C", "12 s ago", "Good", "Open circuit", "In range", "No data", "Warm", "gw-t.b", "ILR-2"):
        assert fact in told
    assert "ds01_tcp 127.0.0.1:9101: connected" in told
    assert "modbus_tcp 10.0.0.2:502: no answer" in told


def test_the_buffer_tells_its_whole_story() -> None:
    numbers = counts(2_140, alarms_pending=3, delivered=50_000, refused=7, thinned=11, dropped=13, intakes_refused=17)
    told = set_up_page(EN, snapshot(probe(460))._replace(counts=numbers), set_up(), "")
    for label, number in (
        ("Waiting to send", "2,140"),
        ("Alarms waiting", "3"),
        ("Received by the portal, kept here", "50,000"),
        ("Refused by the portal", "7"),
        ("Thinned", "11"),
        ("Dropped", "13"),
        ("Not kept for lack of room", "17"),
    ):
        assert f"<dt>{label}</dt><dd>{number}</dd>" in told


def test_refused_ranges_are_shown_bounded_with_their_reason() -> None:
    spans = [RefusedSpan(9, number, number + 4, "<implausible>", 0, 1, 5) for number in range(50)]
    told = set_up_page(EN, snapshot(), set_up(*spans), "")
    assert told.count("5 readings: &lt;implausible&gt;") == RANGES_SHOWN_MAX
    assert "49–53" in told
    assert "None." in set_up_page(EN, snapshot(), set_up(), "")


@pytest.mark.parametrize(
    ("twin", "facts"),
    [
        (TwinView("as_installed", 0), ("As installed", "version 0")),
        (TwinView("rolled_back", 4, "no <link>"), ("Rolled back", "version 4", "no &lt;link&gt;")),
        (TwinView("odd", 1), ("odd",)),
    ],
)
def test_the_configuration_from_afar_says_what_became_of_it(twin: TwinView, facts: tuple[str, ...]) -> None:
    told = set_up_page(EN, snapshot(twin=twin), set_up(), "")
    assert all(fact in told for fact in facts)
    assert "Configuration from the portal" not in set_up_page(EN, snapshot(), set_up(), "")


def test_the_pairing_square_has_its_words() -> None:
    told = set_up_page(EN, snapshot(), set_up(), "")
    assert 'role="img" aria-label="sheetal-gateway gw-t"' in told
    without = set_up_page(EN, snapshot(), set_up()._replace(square=None), "")
    assert "The QR maker is not installed" in without
    assert "<code>sheetal-gateway gw-t</code>" in without


def test_what_was_done_is_said_and_nothing_else_can_be() -> None:
    assert "The test alarm was sounded." in set_up_page(EN, snapshot(), set_up(done="test"), "")
    assert "evil" not in set_up_page(EN, snapshot(), set_up(done="evil"), "")


def test_it_says_when_the_session_ends_and_how_to_end_it() -> None:
    told = set_up_page(EN, snapshot(), set_up(), "")
    assert "You are logged out in 14 min." in told
    assert 'action="/gw/setup/logout?lang=en"' in told


def test_without_a_buzzer_the_test_says_so() -> None:
    assert "No buzzer is set up" in set_up_page(EN, snapshot(), set_up(has_command=False), "")


def test_one_button_leads() -> None:
    told = set_up_page(EN, snapshot(), set_up(), "")
    assert told.count('class="primary"') == 1
    assert 'class="primary"' in form(EN.words, "test", "x", "t", primary=True)


@pytest.mark.parametrize("speech", [EN, HI])
def test_the_pages_are_in_order_in_both_languages(speech: Speech) -> None:
    odd = probe(None, setting("b", "<script>alert(1)</script>"))
    told = set_up_page(speech, snapshot(odd, twin=TwinView("trial", 2, "<p>")), set_up(done="silence"), "")
    assert "<script>alert" not in told
    well_formed(told)
    well_formed(door_page(speech, Door(has_code=True, tries_left=5, locked_seconds=0), "t", "said"))
    assert f'<html lang="{speech.words.language}">' in told
    assert 'href="/gw/log?lang=' in sheet(speech.words, "t", "")


def test_what_stands_between_gateway_and_portal_is_told_in_full() -> None:
    problem = "the broker's certificate is for another name: use the name in it in gateway.broker_url <b>"
    away = snapshot(probe(460), status=uplink(connected=False, problem=problem))
    for speech in (EN, HI):
        told = set_up_page(speech, away, set_up(), "")
        well_formed(told)
        assert f'<p class="error" lang="en">{escape(problem)}</p>' in told
        assert speech.words.away in told
        assert speech.more.link in told
    well = set_up_page(EN, snapshot(probe(460)), set_up(), "")
    assert 'class="error"' not in well
    assert "Link to the portal" in well
    long = snapshot(probe(460), status=uplink(connected=False, problem="x" * 5_000))
    assert "x" * 999 + "…" in set_up_page(EN, long, set_up(), "")
