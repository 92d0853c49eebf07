from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, update

from sheetal.contracts.disposition import EvidenceKind
from sheetal.ledger import assets, watching
from sheetal.ledger.asset_tables import sensor_fault
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check
from sheetal.ledger.stock_tables import holding
from sheetal.ledger.watching import Hung
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import ACTOR, APPLIANCE, NOW_MS, SECOND_APPLIANCE, SENSOR

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def hung(ledger: Ledger, now_ms: int = NOW_MS) -> list[Hung]:
    with ledger.read() as conn:
        return watching.hung_now(conn, now_ms)


def test_a_sensor_hangs_where_it_was_last_put(house: Ledger) -> None:
    assert hung(house) == []
    with house.write() as conn:
        assets.assign_sensor(conn, SENSOR, APPLIANCE, "coldest", NOW_MS - 100, NOW_MS)
        assets.assign_sensor(conn, SENSOR, SECOND_APPLIANCE, "coldest", NOW_MS - 50, NOW_MS)
    assert hung(house) == [Hung(SENSOR, SECOND_APPLIANCE, NOW_MS - 50, 60_000)]


def test_a_faulty_sensor_watches_nothing_while_it_is_faulty(house: Ledger) -> None:
    row = {"sensor_id": SENSOR, "reason": "torn", "actor": ACTOR, "recorded_at_ms": NOW_MS}
    with house.write() as conn:
        assets.assign_sensor(conn, SENSOR, APPLIANCE, "coldest", NOW_MS - 100, NOW_MS)
        conn.execute(insert(sensor_fault).values(**row, from_ms=NOW_MS - 10, until_ms=NOW_MS + 10))
    assert hung(house) == []
    assert len(hung(house, NOW_MS + 10)) == len(hung(house, NOW_MS - 11)) == 1
    with house.write() as conn:
        conn.execute(insert(sensor_fault).values(**row, from_ms=NOW_MS + 20))
    assert hung(house, NOW_MS + 10**9) == []


def test_the_kinds_of_evidence_are_told_by_appliance(house: Ledger) -> None:
    seeds.receive(house, "H-1")
    with house.write() as conn:
        conn.exec_driver_sql("UPDATE stay SET evidence_kind = 'twice_daily'")
    seeds.receive(house, "H-2")
    with house.read() as conn:
        assert watching.evidence_inside(conn) == {
            APPLIANCE: {EvidenceKind.TELEMETRY.value, EvidenceKind.TWICE_DAILY.value}
        }
    with house.write() as conn:
        conn.execute(update(holding).values(doses_left=0))
        assert watching.evidence_inside(conn) == {}


def test_the_newest_check_of_each_appliance_counts(house: Ledger) -> None:
    for at_ms in (NOW_MS - 30, NOW_MS - 10, NOW_MS - 20):
        check = ManualCheck(
            appliance_id=APPLIANCE,
            checked_at_ms=at_ms,
            centi_celsius=450,
            centi_celsius_min=None,
            centi_celsius_max=None,
            actor=ACTOR,
        )
        with house.write() as conn:
            add_manual_check(conn, check, NOW_MS)
    with house.read() as conn:
        assert watching.last_checks(conn, NOW_MS - 100) == {APPLIANCE: NOW_MS - 10}
        assert watching.last_checks(conn, NOW_MS - 9) == {}
