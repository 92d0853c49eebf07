from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, update

from portal.identity.service import Role
from portal.orchestration.gateway_pages import KEEPERS
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import CommandKind, Outcome, TwinState
from sheetal.ledger import audit, downlink, enrolment, gateway_twins, telemetry_writes
from sheetal.ledger.telemetry_holes import TIMES_MAX
from sheetal.ledger.telemetry_tables import resend_request
from tests.portal.given_gateways import BROKER_URL, CONFIG, authority, report, said

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    from tests.portal.conftest import Browser, Stage

LIST, ONE = "/cc/gateways", "/cc/gateways/gw-01"
PROBE = f"{ONE}/probes/a-101-1-tvc"
CODE = re.compile(r'class="label-code">.*?</span> ([A-Z2-9]{5}) ([A-Z2-9]{5})<', re.DOTALL)
AT_MS_MAX = 253_402_214_400_000
READERS = (Role.MEDICAL_OFFICER, Role.AUDITOR, Role.HANDLER)


@pytest.fixture
def opened(seeded: Stage, tmp_path: Path) -> Stage:
    seeded.app.state.gateway_authority = authority(tmp_path / "ca", seeded.now_ms)
    seeded.app.state.settings = seeded.settings.model_copy(update={"gateway_broker_url": BROKER_URL})
    report(seeded.ledger, seeded.now_ms)
    return seeded


@pytest.fixture
def officer(opened: Stage, client: Browser) -> Browser:
    opened.add_person(Role.COLD_CHAIN_OFFICER)
    client.sign_in("cold_chain_officer")
    return client


def sent(stage: Stage, channel: Channel) -> list[downlink.Downlink]:
    with stage.ledger.read() as conn:
        return downlink.sent(conn, "gw-01", channel)


def probe_fields(page: str) -> dict[str, str]:
    return dict(
        re.findall(r'<input[^>]*\bname="(\w+)"[^>]*\bvalue="([^"]*)"', page.rsplit("sheet-body", maxsplit=1)[-1])
    )


def test_the_list_tells_state_clock_configuration_and_certificate_in_both_languages(officer: Browser) -> None:
    page = officer.get(LIST).text
    for text in ("gw-01", "gw-02", "online", "offline", "Centre 102", "software 0.1.0", "network time", "as installed"):
        assert text in page, text
    assert page.index("gw-02") < page.index("gw-01"), "out of touch first"
    hindi = officer.get(f"/hi{LIST}").text
    for text in ("गेटवे", "ऑनलाइन", "नेटवर्क का समय", "केंद्र 101"):
        assert text in hindi, text


def test_a_page_tells_all_that_is_known(officer: Browser) -> None:
    page = officer.get(ONE).text
    for text in ("a-101-1-tvc", "ILR-101-1", "1\u00a0min", "2.0 to 8.0\u00a0°C", "≤ −0.5\u00a0°C", "as installed"):
        assert text in page, text
    assert officer.get("/cc/gateways/gw-77").status_code == 404
    assert 'id="gateway-live"' in officer.get(f"{ONE}/live").text
    assert "<html" not in officer.get(f"{ONE}/live").text


def test_what_is_missing_is_told_by_word_and_shape_in_both_languages(officer: Browser, opened: Stage) -> None:
    assert "nothing missing" in officer.get(ONE).text
    boot, since_ms = (3 << 32) + 7, opened.now_ms - DAY_MS
    with opened.telemetry.write() as conn:
        telemetry_writes.settle_ranges(conn, {("gw-01", boot): [(1, 3), (1_206, 1_300), (1_302, 1_302)]}, since_ms)
        asked = {"gateway_id": "gw-01", "boot": boot, "first_sequence": 4, "last_sequence": 1_205}
        conn.execute(insert(resend_request).values(**asked, asked_at_ms=since_ms + 60_000, times=2))
    page = officer.get(ONE).text
    for text in ("1202 readings missing", "1 reading missing", "start 3, numbers 4 to 1,205", "start 3, number 1,301"):
        assert text in page, text
    assert page.index("asked again at") < page.index("2 times") < page.index("not asked again yet")
    assert re.search(r'class="chip nodata"><svg.{0,160}#g-nodata.{0,40}<span>1202 readings missing', page)
    assert "1203 readings missing" in officer.get(LIST).text
    hindi = officer.get(f"/hi{ONE}").text
    for text in ("1202 रीडिंग नहीं पहुँचीं", "शुरुआत 3, क्रमांक 4 से 1,205", "फिर माँगी गईं", "अभी फिर नहीं माँगी गईं"):
        assert text in hindi, text
    assert "lost, unless it comes all the same" not in page
    with opened.telemetry.write() as conn:
        conn.execute(update(resend_request).values(times=TIMES_MAX))
    assert "lost, unless it comes all the same" in officer.get(ONE).text
    assert "खोई मानी गईं" in officer.get(f"/hi{ONE}").text
    with opened.telemetry.write() as conn:
        telemetry_writes.settle_ranges(conn, {("gw-01", boot): [(1, 1_302)]}, opened.now_ms)
    assert "nothing missing" in officer.get(ONE).text
    assert "missing" not in officer.get(LIST).text


def test_more_gaps_than_are_listed_are_told_by_their_sum(officer: Browser, opened: Stage) -> None:
    with opened.telemetry.write() as conn:
        settled = [(number, number) for number in range(1, 3_000, 100)]
        telemetry_writes.settle_ranges(conn, {("gw-01", 3 << 32): settled}, opened.now_ms - DAY_MS)
    assert "2,871 in all" in officer.get(ONE).text
    assert "कुल 2,871" in officer.get(f"/hi{ONE}").text


def test_a_code_is_shown_once_with_a_label_and_is_good(officer: Browser, opened: Stage) -> None:
    answer = officer.send_form(f"{LIST}/codes", seen_on=LIST, gateway_id=" gw-new ", facility_id="F-101")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    found = CODE.search(answer.text)
    assert found is not None
    code = found[1] + found[2]
    assert 'src="data:image/svg+xml' in answer.text
    assert "python -m edge_agent enrol" in answer.text
    later = officer.get(LIST).text
    assert "waits for its code" in later
    assert code not in later
    with opened.ledger.write() as conn:
        assert enrolment.redeem(conn, opened.cipher, "gw-new", code, opened.now_ms) is not None


def test_the_code_is_in_no_log(officer: Browser, opened: Stage, logged: list[MutableMapping[str, Any]]) -> None:
    answer = officer.send_form(f"{LIST}/codes", seen_on=LIST, gateway_id="gw-new", facility_id="F-101")
    found = CODE.search(answer.text)
    assert found is not None
    assert found[1] not in repr(logged)
    with opened.ledger.read() as conn:
        assert found[1] not in repr(audit.entries(conn, "F-101", 100))


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"gateway_id": "a b", "facility_id": "F-101"}, "gateway_id"), ({"gateway_id": "gw-x"}, "facility_id")],
)
def test_a_wrong_field_is_named_and_what_was_typed_stays(officer: Browser, fields: dict[str, str], field: str) -> None:
    answer = officer.send_form(f"{LIST}/codes", seen_on=LIST, **fields)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert f'value="{fields["gateway_id"]}"' in answer.text


def test_a_probe_is_changed_by_its_form(officer: Browser, opened: Stage) -> None:
    page = officer.get(PROBE).text
    fields = probe_fields(page)
    assert (fields["interval_ms"], fields["freeze_alarm_centi_celsius"], fields["built_on"]) == ("60", "−0.5", "0")
    fields.pop("csrf_token", None)
    answer = officer.send_form(PROBE, seen_on=PROBE, **fields | {"interval_ms": "30"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ONE}#configuration")
    assert '"interval_ms":30000' in sent(opened, Channel.DESIRED)[0].body
    after = officer.get(ONE).text
    assert "Version 1 has not been taken yet." in after
    assert "version 1 is on its way" in after
    again = officer.send_form(PROBE, seen_on=PROBE, **fields | {"interval_ms": "20"})
    assert again.status_code == 409
    assert "Somebody else has changed this gateway meanwhile." in again.text


def test_a_wrong_value_is_asked_again_in_place(officer: Browser, opened: Stage) -> None:
    fields = probe_fields(officer.get(PROBE).text) | {"range_max_centi_celsius": "1.0"}
    fields.pop("csrf_token", None)
    answer = officer.send_form(PROBE, seen_on=PROBE, **fields)
    assert answer.status_code == 422
    assert 'id="range_max_centi_celsius-error"' in answer.text
    assert 'value="1.0"' in answer.text
    assert sent(opened, Channel.DESIRED) == []
    for wrong in ("", "x", "9" * 40):
        assert officer.send_form(PROBE, seen_on=PROBE, built_on=wrong, interval_ms="30").status_code in {409, 422}
    assert officer.get(f"{ONE}/probes/none").status_code == 404


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (TwinState.TRIAL, "Version 1 is on trial."),
        (TwinState.APPLIED, "Version 1 is in force."),
        (TwinState.REFUSED, "Version 1 was refused."),
        (TwinState.ROLLED_BACK, "Version 1 was rolled back."),
    ],
)
def test_what_became_of_a_configuration_is_shown_with_the_reason(
    officer: Browser, opened: Stage, state: TwinState, shown: str
) -> None:
    with opened.ledger.write() as conn:
        gateway_twins.send_desired(conn, "gw-01", CONFIG, 0, "s-1", opened.now_ms)
    told = said(at_ms=opened.now_ms + 1, version=1, state=state, problem="no ack in 120 s <b>")
    report(opened.ledger, opened.now_ms + 1, told)
    page = officer.get(ONE).text
    assert shown in page
    if state in {TwinState.REFUSED, TwinState.ROLLED_BACK}:
        assert "no ack in 120 s &lt;b&gt;" in page


@pytest.mark.parametrize("kind", list(CommandKind))
def test_an_order_is_queued_and_stands_in_the_list(officer: Browser, opened: Stage, kind: CommandKind) -> None:
    span = {"span_from": "2026-11-23T10:00", "span_until": "2026-11-23T11:00"} if kind is CommandKind.RESEND else {}
    answer = officer.send_form(f"{ONE}/orders", seen_on=ONE, kind=kind.value, **span)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ONE}#orders")
    (order,) = sent(opened, Channel.COMMAND)
    assert f'"kind":"{kind.value}"' in order.body
    assert "waits" in officer.get(ONE).text


def test_a_span_that_cannot_be_meant_is_asked_again(officer: Browser, opened: Stage) -> None:
    fields = {"kind": "resend", "span_from": "2026-11-23T11:00", "span_until": "2026-11-23T10:00"}
    answer = officer.send_form(f"{ONE}/orders", seen_on=ONE, **fields)
    assert answer.status_code == 422
    assert 'id="span_until-error"' in answer.text
    assert 'value="2026-11-23T11:00"' in answer.text
    assert officer.send_form(f"{ONE}/orders", seen_on=ONE, kind="explode").status_code == 422
    assert sent(opened, Channel.COMMAND) == []


def test_a_log_is_read_on_a_page_of_its_own(officer: Browser, opened: Stage) -> None:
    with opened.ledger.write() as conn:
        order = gateway_twins.send_command(conn, "gw-01", CommandKind.SEND_LOG, "s-1", opened.now_ms)
    outcome = Outcome(id=order.id, kind=order.kind, at_ms=opened.now_ms, done=True, detail="line 1\nline 2 <script>")
    report(opened.ledger, opened.now_ms + 1, said(at_ms=opened.now_ms + 1, outcomes=[outcome]))
    assert f"{ONE}/log/{order.id}" in officer.get(ONE).text
    page = officer.get(f"{ONE}/log/{order.id}").text
    assert "line 1\nline 2 &lt;script&gt;" in page
    assert officer.get(f"{ONE}/log/none").status_code == 404


def test_what_a_gateway_says_is_shown_as_text_and_breaks_no_page(officer: Browser, opened: Stage) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[31m\u202e"
    probe = {"probe": "a", "appliance": evil, "field": evil, "interval_ms": -(2**31), "heat_alarm_centi_celsius": 2**62}
    with opened.ledger.write() as conn:
        orders = [
            gateway_twins.send_command(conn, "gw-01", kind, "s-1", opened.now_ms, span=(1, 2)) for kind in CommandKind
        ]
    outcomes = [
        Outcome(id=one.id, kind=one.kind, at_ms=AT_MS_MAX, done=one.kind is not CommandKind.IDENTIFY, detail=evil)
        for one in orders
    ]
    config = {"uplink": {}, "source": [{"kind": evil, "probe": [probe, {"probe": evil}, {"probe": "../../x"}]}]}
    told = said(config=config, at_ms=opened.now_ms, state=TwinState.REFUSED, problem=evil, outcomes=outcomes)
    report(opened.ledger, opened.now_ms, told)
    log = next(one.id for one in orders if one.kind is CommandKind.SEND_LOG)
    for path in (LIST, ONE, f"{ONE}/live", f"{ONE}/probes/a", f"{ONE}/log/{log}", f"{ONE}/retire", f"/hi{ONE}"):
        answer = officer.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
        assert "<img src=x" not in answer.text, path
        assert "../../x" not in answer.text, path


def test_retiring_needs_the_id_typed(officer: Browser) -> None:
    assert officer.send_form(f"{ONE}/retire", seen_on=f"{ONE}/retire", typed="gw-1").status_code == 422
    assert officer.get(ONE).text.count("Retire this gateway") == 1
    answer = officer.send_form(f"{ONE}/retire", seen_on=f"{ONE}/retire", typed=" gw-01 ")
    assert answer.status_code == 303
    page = officer.get(ONE).text
    assert "retired" in page
    for gone in ("Retire this gateway", "Send readings again", "/probes/", 'value="identify"'):
        assert gone not in page, gone
    assert "Issue a new code" in page


def test_certificates_are_shown_as_they_stand(officer: Browser, opened: Stage) -> None:
    for serial, expires_ms in (("a1", opened.now_ms + 400 * DAY_MS), ("b2", opened.now_ms + 9 * DAY_MS)):
        given = enrolment.GatewayCertificate(
            serial=serial, gateway_id="gw-01", issued_at_ms=opened.now_ms, expires_at_ms=expires_ms
        )
        with opened.ledger.write() as conn:
            enrolment.record_certificate(conn, given)
    page = officer.get(ONE).text
    assert page.count(">valid<") == 2
    opened.now_ms += 10 * 3_600_000
    with opened.ledger.write() as conn:
        enrolment.revoke_gateway(conn, "gw-01", "s-1", opened.now_ms)
    opened.add_person(Role.ADMIN)
    officer.sign_in("admin")
    assert officer.get(ONE).text.count(">revoked<") == 2


@pytest.mark.parametrize("role", READERS)
def test_those_who_only_read_are_offered_no_act_and_can_do_none(client: Browser, opened: Stage, role: Role) -> None:
    opened.add_person(role)
    client.sign_in(role.value)
    page = client.get(ONE).text
    for act in ("/probes/", 'value="identify"', "Issue a new code", "/retire", "Send readings again"):
        assert act not in page, act
    assert "Take a gateway in" not in client.get(LIST).text
    for path in (f"{LIST}/codes", PROBE, f"{ONE}/orders", f"{ONE}/retire"):
        answer = client.send_form(path, seen_on=ONE, kind="identify", typed="gw-01", gateway_id="gw-x")
        assert answer.status_code == 403, path
    assert client.get(PROBE).status_code == 403
    with opened.ledger.read() as conn:
        assert downlink.unpublished(conn) == []


@pytest.mark.parametrize("role", KEEPERS)
def test_each_keeper_may_act(client: Browser, opened: Stage, role: Role) -> None:
    opened.add_person(role)
    client.sign_in(role.value)
    assert client.send_form(f"{ONE}/orders", seen_on=ONE, kind="identify").status_code == 303


def test_a_vaccinator_has_no_business_here(client: Browser, opened: Stage) -> None:
    opened.add_person(Role.VACCINATOR)
    client.sign_in("vaccinator")
    assert client.get(LIST).status_code == 403
    assert f'href="{LIST}"' not in client.get("/cc/lots").text
    assert client.get(ONE).status_code == 403


def test_a_handler_does_not_see_another_facilitys_gateway(client: Browser, opened: Stage) -> None:
    opened.add_person(Role.HANDLER, "F-102")
    client.sign_in("handler")
    for path in (ONE, f"{ONE}/live"):
        assert client.get(path).status_code == 404
    assert "gw-01" not in client.get(LIST).text


def test_a_form_without_its_token_changes_nothing(officer: Browser, opened: Stage) -> None:
    for path in (f"{LIST}/codes", PROBE, f"{ONE}/orders", f"{ONE}/retire"):
        answer = officer.post(path, data={"kind": "identify", "typed": "gw-01", "interval_ms": "30"})
        assert answer.status_code == 403, path
    assert sent(opened, Channel.COMMAND) == []


def test_a_portal_without_an_authority_says_what_to_set(client: Browser, seeded: Stage, tmp_path: Path) -> None:
    seeded.add_person(Role.ADMIN)
    client.sign_in("admin")
    page = client.get(LIST).text
    assert "SHEETAL_GATEWAY_CA_FOLDER" in page
    assert "Take a gateway in" not in page
    seeded.app.state.gateway_authority = authority(tmp_path / "ca", seeded.now_ms)
    assert "SHEETAL_GATEWAY_BROKER_URL" in client.get(LIST).text
    assert "SHEETAL_GATEWAY_BROKER_URL" in client.get(ONE).text


def test_a_facilitys_page_leads_to_its_gateways(officer: Browser) -> None:
    assert f'href="{ONE}"' in officer.get("/cc/facilities/F-101").text


def test_an_empty_house_says_so(client: Browser, stage: Stage) -> None:
    stage.add_person(Role.ADMIN)
    client.sign_in("admin")
    assert "No gateway has been taken in yet." in client.get(LIST).text
