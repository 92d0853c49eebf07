from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from portal.errors import FieldProblem, TooMany
from portal.identity.service import Role, Staff, check_tries, count_wrong_try
from portal.orchestration import gateways
from portal.orchestration.enrol import GATEWAY as TRIED_GATEWAY
from sheetal.contracts.enrolment import CODE_TRIES_MAX
from sheetal.contracts.problem import NotFound, Refused
from sheetal.contracts.twin import CommandKind, Outcome, TwinState
from sheetal.ledger import assets, audit, downlink, enrolment, gateway_twins, telemetry_writes
from tests.portal.given_gateways import CONFIG, report, said

if TYPE_CHECKING:
    from portal.orchestration.gateways import GatewayPage
    from tests.portal.conftest import Stage

OFFICER = Staff("s-1", "Officer", Role.COLD_CHAIN_OFFICER, "F-101", "en")
ELSEWHERE = Staff("s-2", "Handler", Role.HANDLER, "F-102", "en")
PROBE = "a-101-1-tvc"


def page(stage: Stage, staff: Staff = OFFICER, gateway: str = "gw-01") -> GatewayPage:
    return gateways.gateway_page(stage.ledger, stage.telemetry, staff, gateway, stage.now_ms)


def change(stage: Stage, built_on: int = 0, staff: Staff = OFFICER, **typed: str) -> int:
    found, _ = gateways.probe_form(stage.ledger, OFFICER, "gw-01", PROBE)
    whole = found.typed() | typed
    return gateways.change_probe(stage.ledger, staff, ("gw-01", PROBE), whole, built_on, stage.now_ms)


def order(stage: Stage, kind: CommandKind = CommandKind.IDENTIFY, staff: Staff = OFFICER) -> str:
    span = (1, 2) if kind is CommandKind.RESEND else None
    return gateways.order(stage.ledger, staff, "gw-01", kind, stage.now_ms, span).id


def newest_interval(stage: Stage) -> int:
    with stage.ledger.read() as conn:
        sent = gateway_twins.newest_desired(conn, "gw-01")
    assert sent is not None
    return int(msgspec.json.decode(sent.config)["source"][0]["probe"][0]["interval_ms"])


def test_a_page_gathers_probes_with_their_newest_readings(seeded: Stage) -> None:
    assert page(seeded).probes == []
    report(seeded.ledger, seeded.now_ms)
    first, second = page(seeded).probes
    assert (first.probe.name, second.probe.name) == (PROBE, "a-101-2-tvc")
    assert first.newest is not None
    assert first.newest.sensor_id == f"gw-01.{PROBE}"


def test_a_page_names_the_numbers_that_are_missing_the_longest_first(seeded: Stage) -> None:
    boot = (3 << 32) + 7
    for at_ms, numbers in ((1_000, (5, 6)), (2_000, (9, 9)), (seeded.now_ms, (12, 12))):
        with seeded.telemetry.write() as conn:
            telemetry_writes.settle_ranges(conn, {("gw-01", boot): [numbers], ("gw-02", boot): [(4, 4)]}, at_ms)
    found = page(seeded)
    assert [(one.first_sequence, one.last_sequence, one.since_ms) for one in found.gaps] == [
        (1, 4, 1_000),
        (7, 8, 2_000),
    ]
    assert found.card.missing == 6


def test_a_probe_that_was_never_heard_has_no_reading(seeded: Stage) -> None:
    config = {"source": [{"kind": "x", "probe": [{"probe": "new"}]}]}
    report(seeded.ledger, seeded.now_ms, said(config=config))
    (line,) = page(seeded).probes
    assert line.newest is None


def test_other_peoples_and_unknown_gateways_are_not_found(seeded: Stage) -> None:
    report(seeded.ledger, seeded.now_ms)
    for staff, gateway in ((OFFICER, "gw-77"), (ELSEWHERE, "gw-01")):
        with pytest.raises(NotFound):
            page(seeded, staff, gateway)
        with pytest.raises(NotFound):
            gateways.probe_form(seeded.ledger, staff, gateway, PROBE)
        with pytest.raises(NotFound):
            gateways.order(seeded.ledger, staff, gateway, CommandKind.IDENTIFY, seeded.now_ms)
        with pytest.raises(NotFound):
            gateways.retire(seeded.ledger, staff, gateway, seeded.now_ms)
    with pytest.raises(NotFound):
        change(seeded, staff=ELSEWHERE, interval_ms="30")


def test_a_code_is_issued_and_told_once(seeded: Stage) -> None:
    issued = gateways.issue_code(seeded.ledger, OFFICER, "gw-new", "F-102", seeded.now_ms)
    assert issued.grouped.replace(" ", "") == issued.code
    assert issued.code not in repr(issued)
    assert issued.facility.id == "F-102"
    with seeded.ledger.write() as conn:
        found = enrolment.redeem(conn, seeded.cipher, "gw-new", issued.grouped, seeded.now_ms)
    assert found is not None
    assert found.facility_id == "F-102"


def test_a_new_code_lets_its_gateway_try_anew(seeded: Stage) -> None:
    whose = {TRIED_GATEWAY: "gw-new"}
    for _ in range(CODE_TRIES_MAX):
        count_wrong_try(seeded.ledger, whose, seeded.now_ms)
    with pytest.raises(TooMany):
        check_tries(seeded.ledger, whose, seeded.now_ms)
    gateways.issue_code(seeded.ledger, OFFICER, "gw-new", "F-101", seeded.now_ms)
    check_tries(seeded.ledger, whose, seeded.now_ms)


@pytest.mark.parametrize(
    ("gateway", "facility", "field"),
    [
        ("", "F-101", "gateway_id"),
        ("a b", "F-101", "gateway_id"),
        ("ingest", "F-101", "gateway_id"),
        ("gw-01", "F-102", "facility_id"),
        ("gw-new", "F-999", "facility_id"),
        ("gw-new", "", "facility_id"),
    ],
)
def test_a_code_that_cannot_be_issued_names_the_field(seeded: Stage, gateway: str, facility: str, field: str) -> None:
    with pytest.raises(FieldProblem) as problem:
        gateways.issue_code(seeded.ledger, OFFICER, gateway, facility, seeded.now_ms)
    assert problem.value.field == field


def test_nobody_issues_a_code_for_anothers_facility(seeded: Stage) -> None:
    with pytest.raises(FieldProblem):
        gateways.issue_code(seeded.ledger, ELSEWHERE, "gw-new", "F-101", seeded.now_ms)
    with seeded.ledger.read() as conn:
        assert enrolment.open_codes(conn, seeded.now_ms) == []


def test_a_change_goes_down_as_the_next_version_with_its_author(seeded: Stage) -> None:
    report(seeded.ledger, seeded.now_ms)
    assert change(seeded, interval_ms="30", range_max_centi_celsius="7.5") == 1
    assert newest_interval(seeded) == 30_000
    found = page(seeded)
    assert found.card.twin is not None
    assert found.card.twin.is_pending
    assert [(one.number, one.published_at_ms) for one in found.versions] == [(1, None)]
    with seeded.ledger.read() as conn:
        (entry,) = audit.entries(conn, "F-101", 1)
    assert (entry.act, entry.actor) == ("sent_desired", "s-1")


def test_a_second_change_keeps_the_first_that_is_still_on_its_way(seeded: Stage) -> None:
    report(seeded.ledger, seeded.now_ms)
    change(seeded, interval_ms="30")
    found, built_on = gateways.probe_form(seeded.ledger, OFFICER, "gw-01", PROBE)
    assert (found.values["interval_ms"], built_on) == (30_000, 1)
    change(seeded, 1, range_max_centi_celsius="7.5")
    assert newest_interval(seeded) == 30_000


@pytest.mark.parametrize("state", [TwinState.REFUSED, TwinState.ROLLED_BACK])
def test_a_change_after_a_refusal_builds_on_what_the_gateway_is(seeded: Stage, state: TwinState) -> None:
    report(seeded.ledger, seeded.now_ms)
    change(seeded, interval_ms="30")
    report(seeded.ledger, seeded.now_ms + 1, said(at_ms=seeded.now_ms + 1, version=1, state=state, problem="no ack"))
    found, built_on = gateways.probe_form(seeded.ledger, OFFICER, "gw-01", PROBE)
    assert (found.values["interval_ms"], built_on) == (60_000, 1)


def test_two_officers_do_not_undo_each_other_unseen(seeded: Stage) -> None:
    report(seeded.ledger, seeded.now_ms)
    change(seeded, interval_ms="30")
    with pytest.raises(Refused) as problem:
        change(seeded, 0, range_max_centi_celsius="7.5")
    assert problem.value.facts["reason"] == "changed_meanwhile"


def test_a_change_of_nothing_and_of_nonsense_sends_nothing(seeded: Stage) -> None:
    report(seeded.ledger, seeded.now_ms)
    with pytest.raises(FieldProblem, match=r"Nothing was changed\."):
        change(seeded)
    with pytest.raises(FieldProblem):
        change(seeded, interval_ms="often")
    with seeded.ledger.read() as conn:
        assert downlink.unpublished(conn) == []


def test_a_gateway_that_told_nothing_cannot_be_changed(seeded: Stage) -> None:
    with pytest.raises(NotFound, match="has not told"):
        gateways.probe_form(seeded.ledger, OFFICER, "gw-01", PROBE)


def test_orders_are_shown_with_what_came_of_them(seeded: Stage) -> None:
    ids = [order(seeded, kind) for kind in CommandKind]
    with seeded.ledger.write() as conn:
        for one in downlink.unpublished(conn)[1:]:
            downlink.mark_published(conn, one.id, seeded.now_ms)
    outcomes = [
        Outcome(id=ids[1], kind=CommandKind.TEST_ALARM, at_ms=1, done=False, detail="no hook"),
        Outcome(id=ids[2], kind=CommandKind.SEND_LOG, at_ms=1, done=True, detail="a line"),
    ]
    report(seeded.ledger, seeded.now_ms, said(outcomes=outcomes))
    found = {one.command.id: one for one in page(seeded).orders}
    assert [found[one].state(seeded.now_ms) for one in ids] == ["waiting", "failed", "done", "sent"]
    assert [found[one].state(seeded.now_ms + 25 * 3_600_000) for one in ids[::3]] == ["no_answer", "no_answer"]
    assert [found[one].has_log for one in ids] == [False, False, True, False]
    log = gateways.order_with_log(seeded.ledger, OFFICER, "gw-01", ids[2])
    assert log.outcome is not None
    assert log.outcome.detail == "a line"
    for missing in (ids[0], "none"):
        with pytest.raises(NotFound):
            gateways.order_with_log(seeded.ledger, OFFICER, "gw-01", missing)
    with pytest.raises(NotFound):
        gateways.order_with_log(seeded.ledger, ELSEWHERE, "gw-01", ids[2])


def test_orders_that_pile_up_are_refused_in_words(seeded: Stage) -> None:
    for _ in range(gateway_twins.WAITING_COMMANDS_MAX):
        order(seeded)
    with pytest.raises(Refused, match="Too many orders"):
        order(seeded)


def test_retiring_ends_it_all_and_is_traced(seeded: Stage) -> None:
    gateways.retire(seeded.ledger, OFFICER, "gw-01", seeded.now_ms)
    assert page(seeded).card.state == "retired"
    with seeded.ledger.read() as conn:
        assert assets.gateway_key(conn, seeded.cipher, "gw-01") is None
        (entry,) = audit.entries(conn, "F-101", 1)
    assert (entry.act, entry.actor) == ("gateway_revoked", "s-1")
    with pytest.raises(NotFound):
        gateways.retire(seeded.ledger, OFFICER, "gw-01", seeded.now_ms)
    with pytest.raises(NotFound):
        order(seeded)


def test_the_configuration_that_is_sent_is_whole(seeded: Stage) -> None:
    report(seeded.ledger, seeded.now_ms)
    change(seeded, interval_ms="30")
    with seeded.ledger.read() as conn:
        sent = gateway_twins.newest_desired(conn, "gw-01")
    assert sent is not None
    whole = msgspec.json.decode(sent.config)
    assert whole["uplink"] == CONFIG["uplink"]
    assert whole["source"][0]["probe"][1] == CONFIG["source"][0]["probe"][1]
    assert whole["source"][0]["port"] == 7100
