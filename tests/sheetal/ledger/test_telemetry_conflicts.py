from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sheetal.ledger import telemetry as reads
from sheetal.ledger import telemetry_writes as writes
from sheetal.ledger.telemetry_conflicts import CHECKED_EVERY, add_conflicts
from sheetal.ledger.telemetry_tables import conflict
from tests.sheetal.ledger.telemetry_rows import CONFLICT

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

MOST = 3 * CHECKED_EVERY


def test_conflicts_are_kept_once(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        assert writes.add_conflicts(conn, []) == 0
        assert writes.add_conflicts(conn, [CONFLICT, replace(CONFLICT, sequence=8)]) == 2
        assert writes.add_conflicts(conn, [CONFLICT, replace(CONFLICT, sequence=9)]) == 1
        assert [one.sequence for one in reads.conflicts(conn, 10)] == [9, 8, 7]
        assert reads.conflicts(conn, 10)[-1] == CONFLICT


def test_faults_and_values_contradict_one_row_side_by_side(telemetry: Ledger) -> None:
    offered = [None, 460, None, 470]
    found = [replace(CONFLICT, offered_centi_celsius=value, sequence=9 - n) for n, value in enumerate(offered)]
    with telemetry.write() as conn:
        assert add_conflicts(conn, found) == 4
        assert [one.offered_centi_celsius for one in reads.conflicts(conn, 9)] == offered


def test_a_mad_gateway_fills_no_more_than_the_bound_and_pushes_out_nobody(telemetry: Ledger) -> None:
    quiet = [
        replace(CONFLICT, sensor_id=f"gw-{name:02d}.a", sequence=number) for name in range(2, 7) for number in range(9)
    ]
    with telemetry.write() as conn:
        add_conflicts(conn, quiet, MOST)
        for load in range(12):
            first = 700 * load
            loud = [replace(CONFLICT, sequence=first + number, received_at_ms=load) for number in range(700)]
            assert add_conflicts(conn, loud, MOST) == 700
            assert conn.execute(select(func.count()).select_from(conflict)).scalar_one() <= MOST
        kept = reads.conflicts(conn, 5_000)
        ((gateway, reason, gone, last_ms),) = reads.dropped_letters(conn)
    assert (gateway, reason) == ("gw-01", "conflict")
    assert last_ms <= 11
    assert len([one for one in kept if one.sensor_id != "gw-01.a"]) == len(quiet)
    loud_kept = sorted(one.sequence for one in kept if one.sensor_id == "gw-01.a")
    assert len(loud_kept) + gone == 12 * 700
    assert loud_kept[-1] == 12 * 700 - 1
