from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.ledger import deliveries, holdings, judgement_writes, manual_checks, reports
from sheetal.ledger.manual_checks import ManualCheck
from tests.sheetal.ledger.alarm_rows import FIRED
from tests.sheetal.ledger.contact_rows import add_contact, add_notice
from tests.sheetal.ledger.seeds import ACTOR, APPLIANCE, FACILITY, NOW_MS, OTHER_FACILITY, hold, receive, verdict

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def check(ledger: Ledger, at_ms: int) -> None:
    one = ManualCheck(
        appliance_id=APPLIANCE,
        checked_at_ms=at_ms,
        centi_celsius=450,
        centi_celsius_min=None,
        centi_celsius_max=None,
        actor=ACTOR,
    )
    with ledger.write() as conn:
        manual_checks.add_manual_check(conn, one, NOW_MS)


def test_a_report_is_made_once(house: Ledger) -> None:
    with house.write() as conn:
        assert reports.claim(conn, "digest", FACILITY, "2026-11-23", NOW_MS)
        assert not reports.claim(conn, "digest", FACILITY, "2026-11-23", NOW_MS + 1)
        assert reports.claim(conn, "digest", FACILITY, "2026-11-24", NOW_MS)
        assert reports.claim(conn, "monthly", FACILITY, "2026-11-23", NOW_MS)
        assert reports.made(conn, "digest", "2026-11-23") == {FACILITY}
        assert reports.made(conn, "digest", "2026-11-25") == set()


def test_a_quiet_facility_stands_at_nothing(house: Ledger) -> None:
    with house.read() as conn:
        found = reports.standing(conn, FACILITY, NOW_MS)
    assert (found.alarms_open, found.holdings_held, found.checks, found.undelivered, found.doses_usable) == (0,) * 5


def test_a_facility_stands_as_its_alarms_holdings_checks_and_messages_do(house: Ledger) -> None:
    receive(house, "H-1", 10)
    receive(house, "H-2", 7)
    hold(house, "H-1")
    for at_ms in (NOW_MS - HOUR_MS, NOW_MS - DAY_MS - 1):
        check(house, at_ms)
    with house.write() as conn:
        judgement_writes.put_alarm(conn, FIRED, APPLIANCE, NOW_MS)
        holdings.open_gap(conn, "H-2", NOW_MS - HOUR_MS, ACTOR, NOW_MS)
        number = add_notice(conn, "a", NOW_MS - 5 * MINUTE_MS)
        deliveries.address(conn, number, {add_contact(conn): NOW_MS}, NOW_MS)
    with house.read() as conn:
        found = reports.standing(conn, FACILITY, NOW_MS)
        other = reports.standing(conn, OTHER_FACILITY, NOW_MS)
    assert (found.alarms_open, found.alarms_unacknowledged) == (1, 1)
    assert (found.holdings_held, found.holdings_gap, found.doses_usable) == (1, 1, 7)
    assert (found.checks, found.undelivered) == (1, 1)
    assert (other.alarms_open, other.holdings_held, other.checks, other.undelivered) == (0, 0, 0, 0)


def test_a_month_counts_what_fell_into_it(house: Ledger) -> None:
    receive(house, "H-1")
    check(house, NOW_MS - HOUR_MS)
    with house.write() as conn:
        judgement_writes.put_alarm(conn, FIRED, APPLIANCE, NOW_MS)
        judgement_writes.append_verdict(conn, verdict(), NOW_MS)
        judgement_writes.append_verdict(conn, verdict(), NOW_MS + 1)
    with house.read() as conn:
        found = reports.month_counts(conn, FACILITY, NOW_MS - DAY_MS, NOW_MS + DAY_MS)
        assert found.alarms == {(APPLIANCE, "freeze"): 1}
        assert (found.holds, found.checks) == (1, {APPLIANCE: 1})
        for facility, span in ((FACILITY, (NOW_MS + 2, NOW_MS + DAY_MS)), (OTHER_FACILITY, (0, NOW_MS + DAY_MS))):
            empty = reports.month_counts(conn, facility, *span)
            assert (empty.alarms, empty.holds, empty.checks) == ({}, 0, {})
