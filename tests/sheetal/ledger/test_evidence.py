from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import evidence, judgement_writes, manual_checks, telemetry_writes, vvm_readings
from sheetal.ledger.asset_tables import sensor_fault
from sheetal.ledger.evidence import KnownDay, KnownFault
from sheetal.ledger.manual_checks import ManualCheck
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import ACTOR, APPLIANCE, NOW_MS, SENSOR

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

LATER_MS = NOW_MS + HOUR_MS


def declare(ledger: Ledger, from_ms: int, until_ms: int | None, recorded_at_ms: int, sensor: str = SENSOR) -> None:
    row = {"sensor_id": sensor, "from_ms": from_ms, "until_ms": until_ms, "reason": "wet", "actor": ACTOR}
    with ledger.write() as conn:
        conn.execute(insert(sensor_fault).values(**row, recorded_at_ms=recorded_at_ms))


def test_verdicts_are_counted_by_holding(stocked: Ledger) -> None:
    with stocked.write() as conn:
        assert evidence.count_verdicts(conn, "H-1") == 0
        for _ in range(3):
            judgement_writes.append_verdict(conn, seeds.verdict(), NOW_MS)
        assert evidence.count_verdicts(conn, "H-1") == 3
        assert evidence.count_verdicts(conn, "H-none") == 0


def test_a_fault_counts_from_when_it_was_declared(stocked: Ledger) -> None:
    declare(stocked, NOW_MS - 50, None, NOW_MS)
    declare(stocked, NOW_MS - 90, NOW_MS - 80, NOW_MS)
    declare(stocked, NOW_MS - 70, NOW_MS - 60, LATER_MS)
    with stocked.read() as conn:
        then = evidence.faults_known(conn, [SENSOR], NOW_MS)
        assert then == [KnownFault(SENSOR, NOW_MS - 90, NOW_MS - 80), KnownFault(SENSOR, NOW_MS - 50, None)]
        assert len(evidence.faults_known(conn, [SENSOR], LATER_MS)) == 3
        assert evidence.faults_known(conn, [SENSOR], NOW_MS - 1) == []
        assert evidence.faults_known(conn, ["gw-01.other"], LATER_MS) == []
        assert evidence.faults_known(conn, [], LATER_MS) == []


def check(ledger: Ledger, at_ms: int, now_ms: int, value: int = 450) -> ManualCheck:
    new = ManualCheck(
        appliance_id=APPLIANCE,
        checked_at_ms=at_ms,
        centi_celsius=value,
        centi_celsius_min=None,
        centi_celsius_max=None,
        actor=ACTOR,
    )
    with ledger.write() as conn:
        manual_checks.add_manual_check(conn, new, now_ms)
    return new


def test_a_check_counts_from_when_it_was_written_down(stocked: Ledger) -> None:
    second = check(stocked, NOW_MS - 10, NOW_MS)
    first = check(stocked, NOW_MS - 20, NOW_MS)
    check(stocked, NOW_MS - 5, LATER_MS)
    with stocked.read() as conn:
        assert evidence.checks_known(conn, APPLIANCE, NOW_MS - 20, NOW_MS, NOW_MS) == [first, second]
        assert len(evidence.checks_known(conn, APPLIANCE, NOW_MS - 20, NOW_MS, LATER_MS)) == 3
        assert evidence.checks_known(conn, APPLIANCE, NOW_MS - 19, NOW_MS - 10, LATER_MS) == []
        assert evidence.checks_known(conn, "A-none", 0, LATER_MS, LATER_MS) == []


def test_a_look_at_the_vials_counts_from_when_it_was_written_down(stocked: Ledger) -> None:
    with stocked.write() as conn:
        vvm_readings.record(conn, "H-1", 1, NOW_MS - 10, ACTOR, NOW_MS)
        vvm_readings.record(conn, "H-1", 3, NOW_MS - 20, ACTOR, LATER_MS)
    with stocked.read() as conn:
        assert [one.stage for one in evidence.vvm_known(conn, "H-1", NOW_MS)] == [1]
        assert [one.stage for one in evidence.vvm_known(conn, "H-1", LATER_MS)] == [3, 1]


def test_a_loggers_day_comes_with_its_receipt(telemetry: Ledger) -> None:
    begin = NOW_MS - NOW_MS % DAY_MS
    days = [
        DaySummary(n, SENSOR, begin + n * DAY_MS, begin + (n + 1) * DAY_MS, 300, 500, -50, 60, 800, 600, 0, 0, 0)
        for n in range(3)
    ]
    with telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, days[:2], NOW_MS)
        telemetry_writes.put_day_summaries(conn, days[2:], LATER_MS)
    with telemetry.read() as conn:
        then = evidence.days_known(conn, SENSOR, begin, begin + 3 * DAY_MS, NOW_MS)
        assert then == [KnownDay(days[0], NOW_MS), KnownDay(days[1], NOW_MS)]
        assert evidence.days_known(conn, SENSOR, begin + DAY_MS, begin + 2 * DAY_MS, LATER_MS) == then[1:]
        assert evidence.days_known(conn, "gw-01.other", begin, LATER_MS, LATER_MS) == []
