from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ingest.reasons import Reason
from portal.identity.service import Role
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import holdings, judgements, telemetry_writes
from sheetal.ledger.telemetry_tables import dead_letter_dropped

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage

NBSP = "\u00a0"


def test_the_overview_is_whole_without_scripts(officer: Browser) -> None:
    page = officer.get("/cc").text.replace(NBSP, " ")
    for text in (
        "Cold chain now",
        "5 appliances in 2 facilities",
        "−0.9 °C",
        "41 min of 60 min",
        "Move stock to ILR-2",
        "2,580",
    ):
        assert text in page, text
    assert page.index("row-held-H-58213") < page.index("row-nodata-A-102-2") < page.index("row-freeze-A-101-1")
    assert "<td>North</td>" in page
    assert 'hx-get="/cc/live"' in page


def test_a_hold_of_the_engine_names_its_verdict_and_the_verdicts_digest(officer: Browser, seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        (known,) = judgements.verdicts_of(conn, "H-58213")[:1]
        holdings.hold(conn, "H-3", known.id, "engine", "frozen", seeded.now_ms, digest="0123456789ab" + "c" * 52)
    for language, word in (("", "Digest"), ("/hi", "सार")):
        page = officer.get(f"{language}/cc/holdings/H-3").text
        assert f"{word} <code>0123456789ab</code>" in page, page


def test_of_many_lots_and_holdings_the_page_says_how_many_are_shown(
    officer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = "/cc/lots/covishield/CS-2301"
    assert not [path for path in ("/cc/lots", lot) if "are shown" in officer.get(path).text]
    monkeypatch.setattr("portal.cold_chain.store.LOTS_MAX", 2)
    monkeypatch.setattr("portal.cold_chain.service.LOT_HOLDINGS_SHOWN", 1)
    assert "The first 2 of 6 are shown." in officer.get("/cc/lots").text
    assert "The first 1 of 2 are shown." in officer.get(lot).text


def test_the_overview_speaks_hindi(officer: Browser) -> None:
    page = officer.get("/hi/cc").text.replace(NBSP, " ")
    for text in ("शीत शृंखला अभी", "केंद्र 101", "स्टॉक ILR-2 में रखें", "19 मिनट"):
        assert text in page, text
    assert 'hx-get="/hi/cc/live"' in page


def test_the_live_part_is_that_part_alone(officer: Browser) -> None:
    part = officer.get("/cc/live?only=freeze").text
    assert part.lstrip().startswith('<div id="live"')
    assert "<html" not in part
    assert 'data-order="freeze-A-101-1 "' in part
    assert officer.get("/cc/live?only=nonsense").status_code == 422


def test_every_state_has_glyph_and_word(officer: Browser) -> None:
    page = officer.get("/cc").text
    for glyph, word in (
        ("freeze", "Freezing"),
        ("warm", "Warm"),
        ("nodata", "No data"),
        ("held", "Held"),
        ("ok", "In range"),
    ):
        assert re.search(rf'href="#g-{glyph}"/></svg><span>{word}</span>', page), glyph


def test_the_strip_is_compact_json(officer: Browser) -> None:
    found = officer.get("/hi/cc/strip.json").json()
    assert [district["letters"] for district in found["districts"]] == ["fo", "whn"]
    assert found["base"] == "/hi/cc/appliances/"
    assert found["words"]["f"] == "जम रहा है"


def test_an_appliance_shows_figures_table_and_stock(officer: Browser) -> None:
    page = officer.get("/cc/appliances/A-102-1").text.replace(NBSP, " ")
    for text in (
        "Warm for 1 h 44 min",
        "9.1 °C",
        "17 %",
        "8 h 16 min",
        "The last 24 hours as a table",
        "Corbevax",
        "CAL" if "CAL-" in page else "±0.3",
    ):
        assert text in page, text
    assert 'data-src="/cc/appliances/A-102-1/chart.json?span=24h' in page


def test_a_chart_answers_in_both_languages(officer: Browser) -> None:
    english = officer.get("/cc/appliances/A-102-1/chart.json?span=7d").json()
    hindi = officer.get("/hi/cc/appliances/A-102-1/chart.json?span=nonsense").json()
    assert english["words"]["stays"] == "Stays"
    assert hindi["words"]["stays"] == "ठहराव"
    assert hindi["until_ms"] - hindi["from_ms"] == 86_400_000


def test_a_chart_that_cannot_be_drawn_says_why(
    officer: Browser, seeded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert officer.get("/cc/appliances/A-102-1/chart.json?sensor=other").status_code == 404

    def away(*_args: object, **_kwargs: object) -> None:
        raise Unavailable("The readings store does not answer.")

    monkeypatch.setattr(seeded.readings, "read", away)
    monkeypatch.setattr(seeded.readings, "downsample", away)
    answer = officer.get("/hi/cc/appliances/A-102-1/chart.json")
    assert answer.status_code == 503
    assert answer.json()["message"] == "रीडिंग का भंडार उत्तर नहीं दे रहा।"
    page = officer.get("/cc/appliances/A-102-1")
    assert page.status_code == 200
    assert "The readings store does not answer." in page.text


def test_a_held_holding_shows_its_work(officer: Browser) -> None:
    page = officer.get("/cc/holdings/H-58213").text.replace(NBSP, " ")
    for text in (
        "Frozen: at or below −0.5 °C for 74 min, limit 60 min",
        "74 min confirmed",
        "76 min possible",
        "0 min unknown",
        "74 min ≥ 60 min → hold at once",
        "Do not use and do not discard.",
        'href="/cc/recalls/H-58213"',
        "CAL-0931",
    ):
        assert text in page, text
    assert "/quarantine" not in page


def test_anyone_may_quarantine_with_a_reason(handler: Browser) -> None:
    path = "/cc/holdings/H-3"
    empty = handler.send_form(f"{path}/quarantine", seen_on=path, reason=" ")
    assert empty.status_code == 422
    assert empty.text.count("Write why") == 2
    done = handler.send_form(f"{path}/quarantine", seen_on=path, reason="Vial found frozen")
    assert (done.status_code, done.headers["location"]) == (303, path)
    page = handler.get(path).text
    assert "Vial found frozen" in page
    assert "Person handler" in page


def test_quarantine_without_a_token_changes_nothing(handler: Browser) -> None:
    assert handler.post("/cc/holdings/H-3/quarantine", data={"reason": "x"}).status_code == 403
    assert "The gate is open." in handler.get("/cc/holdings/H-3").text


def test_alarms_are_listed_and_acknowledged(officer: Browser) -> None:
    page = officer.get("/cc/alarms").text
    alarm = re.search(r'href="(/cc/alarm\?id=[^"]+)"', page)
    assert alarm is not None
    path = alarm[1].replace("&amp;", "&")
    wanted = officer.get(path).text.split('name="id" value="')[1].split('"')[0]
    missing = officer.send_form("/cc/alarm", seen_on=path, id=wanted, cause="power_cut", comment="")
    assert missing.status_code == 422
    assert 'value="power_cut" checked' in missing.text
    done = officer.send_form("/cc/alarm", seen_on=path, id=wanted, cause="power_cut", comment="Generator on")
    assert done.headers["location"] == "/cc/alarms"
    assert "Generator on" in officer.get("/cc/alarms?show=all").text
    again = officer.send_form("/cc/alarm", seen_on="/cc", id=wanted, cause="power_cut", comment="Again")
    assert again.status_code == 409


def test_lots_lead_to_holdings(officer: Browser) -> None:
    assert 'href="/cc/lots/covishield/CS-2301"' in officer.get("/cc/lots").text
    page = officer.get("/cc/lots/covishield/CS-2301").text
    assert "H-1" in page
    assert "H-4" in page
    assert officer.get("/cc/lots/covishield/none").status_code == 404


def test_refused_messages_say_nothing_was_refused(officer: Browser) -> None:
    assert "Nothing refused" in officer.get("/cc/dead-letters").text


def test_letters_that_are_only_counted_are_told_in_both_languages(officer: Browser, seeded: Stage) -> None:
    assert "No longer kept" not in officer.get("/cc/dead-letters").text
    gone = {"gateway_id": "gw-02", "reason": "wrong_mac", "dropped": 1_234, "last_at_ms": seeded.now_ms}
    with seeded.telemetry.write() as conn:
        conn.execute(dead_letter_dropped.insert().values(**gone))
    page = officer.get("/cc/dead-letters").text
    for text in ("No longer kept", "1,234", "gw-02", "Seal does not fit"):
        assert text in page, text
    assert "अब नहीं रखे गए" in officer.get("/hi/cc/dead-letters").text


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_a_word_in_both_languages_and_a_letter_came_once(
    officer: Browser, seeded: Stage, reason: Reason
) -> None:
    with seeded.telemetry.write() as conn:
        letter = telemetry_writes.DeadLetterRow("gw-02", "cc/v1/gw-02/data", b"?", reason.value, "")
        telemetry_writes.add_dead_letters(conn, [letter], seeded.now_ms)
    page, hindi = (officer.get(f"{language}/cc/dead-letters").text for language in ("", "/hi"))
    assert 'data-label="Times">1<' in page
    (word,), (hindi_word,) = (re.findall(r'<td><span class="first">(.*?)</span>', text) for text in (page, hindi))
    assert word != reason.value
    assert hindi_word not in {word, reason.value}


WATCHERS = {
    Role.COLD_CHAIN_OFFICER,
    Role.MEDICAL_OFFICER,
    Role.PROGRAMME_MANAGER,
    Role.ADMIN,
    Role.AUDITOR,
    Role.HANDLER,
}
MATRIX = {
    "/cc": WATCHERS,
    "/cc/live": WATCHERS,
    "/cc/strip.json": WATCHERS,
    "/cc/alarms": WATCHERS,
    "/cc/facilities": WATCHERS,
    "/cc/dead-letters": WATCHERS - {Role.HANDLER},
    "/cc/lots": set(Role),
    "/cc/holdings/H-3": set(Role),
}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_what_the_matrix_says(client: Browser, seeded: Stage, role: Role) -> None:
    seeded.add_person(role, "F-101")
    client.sign_in(role.value)
    found = {path: client.get(path).status_code for path in MATRIX}
    assert found == {path: 200 if role in roles else 403 for path, roles in MATRIX.items()}


def test_nothing_is_shown_to_nobody(client: Browser, seeded: Stage) -> None:
    del seeded
    for path in [*MATRIX, "/cc/appliances/A-101-1", "/cc/appliances/A-101-1/chart.json"]:
        assert client.get(path).status_code == 303, path


@pytest.mark.parametrize(
    "path", ["/cc/appliances/A-102-1", "/cc/holdings/H-4", "/cc/lots/covishield/CS-2207", "/cc/facilities/F-102"]
)
def test_others_records_are_not_found(handler: Browser, path: str) -> None:
    answer = handler.get(path)
    assert answer.status_code == 404
    assert "Centre 102" not in answer.text
