from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from sqlalchemy import insert

from portal.cold_chain import alarm_rules
from portal.identity.service import Role
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger import alarms, judgement_writes, judgements, stock
from sheetal.ledger.alarm_writes import Raised, raise_alarm
from sheetal.ledger.alarms import ServerRule
from sheetal.ledger.manual_checks import manual_checks
from sheetal.ledger.watch_tables import contact, delivery

if TYPE_CHECKING:
    from httpx import Response

    from tests.portal.conftest import Browser, Stage

CHECK = "/cc/appliances/A-101-2/check"


@pytest.fixture
def raised(seeded: Stage) -> str:
    """An alarm of the server, at the handler's facility."""
    new = Raised(
        rule=ServerRule.NEEDS_ATTENTION,
        facility_id="F-101",
        appliance_id="A-101-2",
        began_at_ms=seeded.now_ms - HOUR_MS,
        facts={"hot_percent": 41, "alarms": 2, "days": 30},
    )
    with seeded.ledger.write() as conn:
        raise_alarm(conn, new, seeded.now_ms)
    return new.id


def address(alarm_id: str) -> str:
    return f"/cc/alarm?id={quote(alarm_id, safe='')}"


def send(browser: Browser, alarm_id: str, path: str = "/cc/alarm", **fields: str) -> Response:
    return browser.send_form(path, seen_on=address(alarm_id), id=alarm_id, **fields)


def stored(stage: Stage, alarm_id: str) -> alarms.Alarm:
    with stage.ledger.read() as conn:
        return alarms.alarm_by_id(conn, alarm_id)


def first_id(stage: Stage, kind: str) -> str:
    with stage.ledger.read() as conn:
        return next(one.id for one in alarms.alarms(conn) if one.kind == kind)


def test_the_list_shows_both_origins_and_the_words_of_the_server(officer: Browser, raised: str) -> None:
    page = officer.get("/cc/alarms").text
    assert "says the gateway" in page
    assert "says the server" in page
    assert "New 3" in page
    assert "Open 3" in page
    assert quote(raised, safe="") in page
    hindi = officer.get("/hi/cc/alarms").text
    assert "सर्वर के अनुसार" in hindi
    assert "ध्यान चाहिए" in hindi


def test_what_reached_nobody_is_said_first(officer: Browser, seeded: Stage) -> None:
    row = {"name": "x", "address_sealed": b"x", "kinds": "urgent", "created_at_ms": 1}
    with seeded.ledger.write() as conn:
        judgement_writes.add_notice(conn, "server_alarm/x", "server_alarm", "F-101", {}, seeded.now_ms - HOUR_MS)
        notice = judgements.notices(conn)[0].id
        who = conn.execute(insert(contact).values(**row).returning(contact.c.id)).scalar_one()
        conn.execute(insert(delivery).values(notice_id=notice, contact_id=who, attempts=3, next_try_ms=1))
    page = officer.get("/cc/alarms").text
    assert "1 message has not reached its person." in page
    assert "/cc/contacts" in page


def test_a_state_without_power_is_counted_whole_and_shown_in_part(officer: Browser, seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        for number in range(210):
            new = Raised(
                rule=ServerRule.NO_DATA,
                facility_id="F-102",
                appliance_id="A-102-1",
                began_at_ms=seeded.now_ms - number,
            )
            raise_alarm(conn, new, seeded.now_ms)
    page = officer.get("/cc/alarms").text
    assert "Open 212" in page
    assert "The first 200 of 212 are shown." in page


@pytest.mark.parametrize("show", ["new", "open", "all"])
def test_each_view_of_the_list_opens(officer: Browser, show: str) -> None:
    assert officer.get(f"/cc/alarms?show={show}").status_code == 200
    assert officer.get("/cc/alarms?show=other").status_code == 422


def test_an_alarm_of_the_server_says_what_it_rests_on(officer: Browser, raised: str) -> None:
    page = officer.get(address(raised)).text
    assert "ILR-2 needs attention" in page
    assert "Hot for 41 percent of the last 30 days; alarms in that time: 2." in page


def test_a_missing_comment_keeps_what_was_chosen(officer: Browser, seeded: Stage, raised: str) -> None:
    answer = send(officer, raised, cause="thermostat", comment=" ", stock="hold")
    assert answer.status_code == 422
    assert 'value="thermostat" checked' in answer.text
    assert 'value="hold" checked' in answer.text
    assert 'href="#comment"' in answer.text
    assert stored(seeded, raised).acknowledged_at_ms is None


def test_stock_inside_is_held_where_that_is_chosen(officer: Browser, seeded: Stage) -> None:
    heat = first_id(seeded, "heat")
    assert "Keep in use" in officer.get(address(heat)).text
    done = send(officer, heat, cause="power_cut", comment="moved", stock="hold")
    assert done.status_code == 303
    with seeded.ledger.read() as conn:
        assert stock.holding_by_id(conn, "H-4").disposition is Disposition.QUARANTINED
    assert "only a release opens it" not in officer.get(address(heat)).text


def test_what_the_engine_holds_is_shown_and_cannot_be_opened_here(officer: Browser, seeded: Stage) -> None:
    new = Raised(
        rule=ServerRule.NO_DATA, facility_id="F-102", appliance_id="A-102-3", began_at_ms=seeded.now_ms - HOUR_MS
    )
    with seeded.ledger.write() as conn:
        raise_alarm(conn, new, seeded.now_ms)
    page = officer.get(address(new.id)).text
    assert "only a release opens it" in page
    assert "Keep in use" not in page


def test_an_alarm_is_ended_on_a_named_persons_word(officer: Browser, seeded: Stage, raised: str) -> None:
    missing = send(officer, raised, "/cc/alarm/end", ended_as="sensor_fault", end_comment="")
    assert missing.status_code == 422
    assert re.search(r"<details[^>]* open>", missing.text)
    done = send(officer, raised, "/cc/alarm/end", ended_as="sensor_fault", end_comment="Thermometer says 4 °C")
    assert done.status_code == 303
    assert done.headers["location"] == address(raised)
    ended = stored(seeded, raised)
    assert (ended.ended_as, ended.comment) == ("sensor_fault", "Thermometer says 4 °C")
    page = officer.get(address(raised)).text
    assert "Person cold_chain_officer" in page
    assert "It cannot be fixed" not in page
    assert send(officer, raised, "/cc/alarm/end", ended_as="lost_contact", end_comment="x").status_code == 409


def test_an_alarm_is_given_to_somebody(officer: Browser, seeded: Stage, raised: str) -> None:
    assert send(officer, raised, "/cc/alarm/assign", assigned_to="Technician <K>").status_code == 303
    assert stored(seeded, raised).assigned_to == "Technician <K>"
    assert "with Technician &lt;K&gt;" in officer.get("/cc/alarms").text


def window(stage: Stage, **changes: str) -> dict[str, str]:
    times = {"from": stage.now_ms, "until": stage.now_ms + HOUR_MS}
    fields = {name: alarm_rules.written(ms, "Asia/Kolkata") for name, ms in times.items()}
    return fields | {"facility": "F-101", "appliance": "", "kind": "", "reason": "Defrosting"} | changes


def test_a_window_is_opened_shown_and_ended(handler: Browser, seeded: Stage) -> None:
    opened = handler.send_form("/cc/mutes", seen_on="/cc/mutes", **window(seeded))
    assert opened.status_code == 303
    page = handler.get("/cc/mutes").text
    assert "Defrosting" in page
    assert "Every appliance" in page
    assert "muted until" in handler.get("/cc/alarms").text
    number = re.search(r"/cc/mutes/(\d+)/end", page)
    assert number is not None
    assert handler.send_form(number[0], seen_on="/cc/mutes").status_code == 303
    assert "muted until" not in handler.get("/cc/alarms").text
    assert "Over" in handler.get("/cc/mutes").text


@pytest.mark.parametrize("number", ["0", "-1", str(2**63), "9" * 40])
def test_a_window_that_nothing_has_is_answered(handler: Browser, number: str) -> None:
    assert handler.send_form(f"/cc/mutes/{number}/end", seen_on="/cc/mutes").status_code in {404, 422}


def test_a_check_at_no_instant_is_asked_for_again(handler: Browser, seeded: Stage) -> None:
    bad = handler.send_form(CHECK, seen_on=CHECK, **(check(seeded) | {"at": "0001-01-01T00:00"}))
    assert bad.status_code == 422
    assert "Write day and time" in bad.text


def test_windows_do_not_pile_up(handler: Browser, seeded: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sheetal.ledger.mutes.STANDING_MAX", 1)
    assert handler.send_form("/cc/mutes", seen_on="/cc/mutes", **window(seeded)).status_code == 303
    for prefix, said in (("", "Too many windows stand here already"), ("/hi", "बहुत सारी अवधियाँ")):
        answer = handler.send_form(f"{prefix}/cc/mutes", seen_on="/cc/mutes", **window(seeded))
        assert (answer.status_code, said in answer.text) == (422, True)


def test_a_window_without_a_reason_is_asked_for_again(officer: Browser, seeded: Stage) -> None:
    bad = officer.send_form("/cc/mutes", seen_on="/cc/mutes", **window(seeded, reason=" ", facility="F-102"))
    assert bad.status_code == 422
    assert "Write why nobody is to be told" in bad.text
    assert "Open a window: Centre 102" in bad.text


def test_a_handler_cannot_mute_another_facility(handler: Browser, seeded: Stage) -> None:
    assert handler.send_form("/cc/mutes", seen_on="/cc/mutes", **window(seeded, facility="F-102")).status_code == 404
    assert handler.get("/cc/mutes?facility=F-102").status_code == 404


def check(stage: Stage, **changes: str) -> dict[str, str]:
    at = alarm_rules.written(stage.now_ms, "Asia/Kolkata")
    return {"at": at, "now": "4.4", "low": "3.4", "high": "5.2", "initials": "RK"} | changes


def test_a_check_is_filled_in_confirmed_and_kept(handler: Browser, seeded: Stage) -> None:
    page = handler.get(CHECK).text
    assert 'name="low" type="text" value="3.4"' in page
    assert "is missing" in page
    done = handler.send_form(CHECK, seen_on=CHECK, **check(seeded))
    assert done.headers["location"] == f"{CHECK}?done=1"
    after = handler.get(f"{CHECK}?done=1").text
    assert "The check is kept." in after
    assert "RK" in after
    with seeded.ledger.read() as conn:
        (kept,) = manual_checks(conn, "A-101-2", 0, seeded.now_ms + 1)
    assert (kept.centi_celsius, kept.centi_celsius_min, kept.initials) == (440, 340, "RK")


def test_a_bad_check_keeps_what_was_written(handler: Browser, seeded: Stage) -> None:
    bad = handler.send_form(CHECK, seen_on=CHECK, **check(seeded, now="warm", low="3.1"))
    assert bad.status_code == 422
    assert 'value="warm"' in bad.text
    assert 'value="3.1"' in bad.text
    assert "Write the temperature in °C" in unescape(bad.text)


def test_a_second_check_of_one_minute_keeps_what_was_written(handler: Browser, seeded: Stage) -> None:
    assert handler.send_form(CHECK, seen_on=CHECK, **check(seeded)).status_code == 303
    for prefix, said in (("", "Write another time."), ("/hi", "दूसरा समय लिखें।")):
        again = handler.send_form(f"{prefix}{CHECK}", seen_on=CHECK, **check(seeded, now="4.3"))
        assert again.status_code == 422
        assert said in again.text
        assert 'value="4.3"' in again.text
        assert 'id="at-error"' in again.text


def test_a_missing_cause_is_tied_to_its_choices(officer: Browser, raised: str) -> None:
    bad = officer.send_form("/cc/alarm", seen_on=address(raised), id=raised, comment="door shut")
    assert bad.status_code == 422
    assert 'id="cause" aria-describedby="cause-error"' in bad.text
    bad = officer.send_form("/cc/alarm", seen_on=address(raised), id=raised, cause="door_open")
    ids = set(re.findall(r' id="([^"]+)"', bad.text))
    named = {one for text in re.findall(r'aria-describedby="([^"]+)"', bad.text) for one in text.split()}
    assert named <= ids


def test_the_appliance_leads_to_its_check_and_says_that_it_needs_attention(officer: Browser, raised: str) -> None:
    del raised
    page = officer.get("/cc/appliances/A-101-2").text
    assert CHECK in page
    drawn = officer.get("/cc/appliances/A-101-2/chart.json").json()["alarms"]
    assert drawn == []
    assert len(officer.get("/cc/appliances/A-101-1/chart.json").json()["alarms"]) == 1
    assert "Needs attention" in page
    assert "Needs attention" not in officer.get("/cc/appliances/A-101-1").text


def test_a_vaccinator_may_check_and_an_auditor_only_look(client: Browser, seeded: Stage, raised: str) -> None:
    seeded.add_person(Role.VACCINATOR, "F-101")
    client.sign_in("vaccinator")
    assert client.send_form(CHECK, seen_on=CHECK, **check(seeded)).status_code == 303
    assert client.get("/cc/mutes").status_code == client.get(address(raised)).status_code == 403
    client.cookies.clear()
    seeded.add_person(Role.AUDITOR)
    client.sign_in("auditor")
    seen = client.get(address(raised))
    assert seen.status_code == client.get("/cc/mutes").status_code == 200
    assert "<textarea" not in seen.text
    token = {"csrf_token": client.form_token(address(raised))}
    for path in ("/cc/alarm", "/cc/alarm/end", "/cc/alarm/assign", "/cc/mutes", CHECK):
        fields = {"id": raised, "facility": "F-101", "cause": "test", "comment": "x"} | token
        assert client.post(path, data=fields).status_code == 403, path
    assert stored(seeded, raised).acknowledged_at_ms is None


@pytest.mark.parametrize("path", [address("nothing"), "/cc/appliances/A-102-1/check", "/cc/appliances/none/check"])
def test_what_is_not_there_or_not_theirs_is_not_found(handler: Browser, path: str) -> None:
    assert handler.get(path).status_code == 404
