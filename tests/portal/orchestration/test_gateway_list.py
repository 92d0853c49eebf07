from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from portal.identity.service import Role, Staff
from portal.orchestration.gateway_list import MISSING_AFTER_MS, ROWS_A_PAGE, GatewayCard, GatewayList, gateway_list
from sheetal.contracts.limits import DAY_MS, MINUTE_MS
from sheetal.ledger import assets, enrolment, gateway_twins, judgement_writes, telemetry_writes
from sheetal.ledger.judgements import GatewayState
from sheetal.ledger.telemetry import SensorState
from tests.portal.given_gateways import CONFIG, report, said

if TYPE_CHECKING:
    from tests.portal.conftest import Stage

BOOT = (3 << 32) + 7
OFFICER = Staff("s-1", "Officer", Role.COLD_CHAIN_OFFICER, "F-101", "en")
HANDLER = Staff("s-2", "Handler", Role.HANDLER, "F-102", "en")


def listed(stage: Stage, staff: Staff = OFFICER, page: int = 1) -> GatewayList:
    return gateway_list(stage.ledger, stage.telemetry, staff, page, stage.now_ms)


def card(stage: Stage, gateway: str = "gw-01") -> GatewayCard:
    return next(one for one in listed(stage).cards if one.gateway.id == gateway)


def add_gateway(stage: Stage, name: str, facility: str = "F-101") -> None:
    with stage.ledger.write() as conn:
        assets.add_gateway(conn, stage.cipher, name, facility, bytes(32), stage.now_ms - DAY_MS)


def hear(stage: Stage, *, offset_ms: int, received_ms: int, sensor: str = "gw-01.a-101-1-tvc") -> None:
    state = SensorState(
        sensor_id=sensor,
        measured_at_ms=received_ms,
        centi_celsius=400,
        quality=0,
        received_at_ms=received_ms,
        clock_offset_ms=offset_ms,
    )
    with stage.telemetry.write() as conn:
        telemetry_writes.put_sensor_states(conn, [state])


def certify(stage: Stage, serial: str, expires_ms: int, issued_ms: int | None = None) -> None:
    given = enrolment.GatewayCertificate(
        serial=serial,
        gateway_id="gw-01",
        issued_at_ms=issued_ms or stage.now_ms,
        expires_at_ms=expires_ms,
    )
    with stage.ledger.write() as conn:
        enrolment.record_certificate(conn, given)


def test_those_out_of_touch_stand_first_and_the_retired_last(seeded: Stage) -> None:
    add_gateway(seeded, "gw-00")
    add_gateway(seeded, "gw-09")
    with seeded.ledger.write() as conn:
        enrolment.revoke_gateway(conn, "gw-09", "s-1", seeded.now_ms)
    found = [(one.gateway.id, one.state) for one in listed(seeded).cards]
    assert found == [("gw-00", "never"), ("gw-02", "offline"), ("gw-01", "online"), ("gw-09", "retired")]


def test_staff_of_a_facility_see_its_gateways_and_codes(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        enrolment.issue_code(conn, "gw-a", "F-101", "s-1", seeded.now_ms)
        enrolment.issue_code(conn, "gw-b", "F-102", "s-1", seeded.now_ms)
    own = listed(seeded, HANDLER)
    assert [one.gateway.id for one in own.cards] == ["gw-02"]
    assert [code.gateway_id for code, _ in own.waiting] == ["gw-b"]
    assert [one.id for one in own.facilities] == ["F-102"]
    assert [code.gateway_id for code, _ in listed(seeded).waiting] == ["gw-a", "gw-b"]


def test_a_known_gateway_that_gets_a_new_code_is_not_expected_twice(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        enrolment.issue_code(conn, "gw-01", "F-101", "s-1", seeded.now_ms)
    assert listed(seeded).waiting == []
    assert card(seeded).code is not None


def test_fifty_stand_on_a_page(seeded: Stage) -> None:
    for number in range(ROWS_A_PAGE):
        add_gateway(seeded, f"gw-x{number:03}")
    first, second = listed(seeded), listed(seeded, page=2)
    assert (len(first.cards), len(second.cards), first.pages) == (ROWS_A_PAGE, 2, 2)
    assert listed(seeded, page=99).page == 2
    assert {one.gateway.id for one in first.cards} & {one.gateway.id for one in second.cards} == set()


def settle(stage: Stage, ranges: list[tuple[int, int]], at_ms: int, gateway: str = "gw-01") -> None:
    with stage.telemetry.write() as conn:
        telemetry_writes.settle_ranges(conn, {(gateway, BOOT): ranges}, at_ms)


def test_what_is_missing_for_a_while_is_counted_until_it_comes(seeded: Stage) -> None:
    settle(seeded, [(1, 4), (9, 9)], seeded.now_ms - MISSING_AFTER_MS)
    assert card(seeded).missing == 0, "fresh rows overtake others"
    settle(seeded, [(3, 3)], seeded.now_ms - 3 * MISSING_AFTER_MS, "gw-02")
    assert (card(seeded).missing, card(seeded, "gw-02").missing) == (0, 2)
    settle(seeded, [(1, 2)], seeded.now_ms, "gw-02")
    assert card(seeded, "gw-02").missing == 0


def test_an_empty_house_has_one_empty_page(stage: Stage) -> None:
    found = listed(stage)
    assert (found.cards, found.waiting, found.page, found.pages) == ([], [], 1, 1)


def test_what_came_last_says_when_it_was_heard(seeded: Stage) -> None:
    hear(seeded, offset_ms=0, received_ms=seeded.now_ms - 20_000)
    assert card(seeded).heard_at_ms == seeded.now_ms - 20_000
    report(seeded.ledger, seeded.now_ms - 3_000)
    assert card(seeded).heard_at_ms == seeded.now_ms - 3_000
    add_gateway(seeded, "gw-03")
    assert card(seeded, "gw-03").heard_at_ms is None


@pytest.mark.parametrize(
    ("offset_ms", "skew_ms"),
    [(5 * MINUTE_MS, None), (5 * MINUTE_MS + 1, 5 * MINUTE_MS + 1), (-6 * MINUTE_MS, -6 * MINUTE_MS), (0, None)],
)
def test_a_clock_more_than_five_minutes_off_is_flagged(seeded: Stage, offset_ms: int, skew_ms: int | None) -> None:
    hear(seeded, offset_ms=offset_ms, received_ms=seeded.now_ms)
    assert card(seeded).skew_ms == skew_ms


def test_the_newest_row_decides_on_the_clock(seeded: Stage) -> None:
    hear(seeded, offset_ms=10**7, received_ms=seeded.now_ms - 1_000)
    hear(seeded, offset_ms=0, received_ms=seeded.now_ms, sensor="gw-01.a-101-2-tvc")
    assert card(seeded).skew_ms is None


def test_the_newest_certificate_that_stands_is_shown(seeded: Stage) -> None:
    certify(seeded, "a1", seeded.now_ms + 10 * DAY_MS, seeded.now_ms - 5)
    certify(seeded, "b2", seeded.now_ms + 397 * DAY_MS)
    found = card(seeded).certificate
    assert found is not None
    assert found.serial == "b2"
    assert not card(seeded).ends_soon(seeded.now_ms)
    assert card(seeded).ends_soon(seeded.now_ms + 367 * DAY_MS + 1)
    with seeded.ledger.write() as conn:
        enrolment.revoke_gateway(conn, "gw-01", "s-1", seeded.now_ms)
    assert card(seeded).certificate is None
    assert not card(seeded).ends_soon(seeded.now_ms)


def test_both_sides_of_the_twin_are_there(seeded: Stage) -> None:
    assert card(seeded).twin is None
    report(seeded.ledger, seeded.now_ms, said(version=2, at_ms=5))
    with seeded.ledger.write() as conn:
        gateway_twins.send_desired(conn, "gw-01", CONFIG, 0, "s-1", seeded.now_ms)
    found = card(seeded).twin
    assert found is not None
    assert found.reported is not None
    assert (found.reported.version, found.desired_version, found.is_pending) == (2, 3, True)


def test_a_gateway_that_is_back_is_online_again(seeded: Stage) -> None:
    state = GatewayState(
        gateway_id="gw-02",
        session=2,
        online=True,
        boot=2,
        software="0.2.0",
        clock_source="rtc",
        changed_at_ms=seeded.now_ms,
    )
    with seeded.ledger.write() as conn:
        judgement_writes.put_gateway_state(conn, state)
    assert card(seeded, "gw-02").state == "online"
    with seeded.ledger.write() as conn:
        judgement_writes.put_gateway_state(conn, replace(state, online=False))
    assert card(seeded, "gw-02").state == "offline"
