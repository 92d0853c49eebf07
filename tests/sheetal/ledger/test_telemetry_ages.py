from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from sheetal.contracts.batch import AuxRow, UnplacedRow
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import telemetry as reads
from sheetal.ledger import telemetry_ages as ages
from sheetal.ledger import telemetry_writes as writes
from sheetal.ledger.telemetry_tables import aux_value, conflict, coverage, dead_letter_dropped, sequence_range
from tests.sheetal.ledger.telemetry_rows import CONFLICT, COVERAGE

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from sheetal.ledger.connect import Ledger

NOW_MS = 2_000 * DAY_MS


def count(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def boots(conn: Connection) -> list[tuple[str, int]]:
    table = sequence_range.c
    return sorted({(one.gateway_id, one.boot) for one in conn.execute(select(table.gateway_id, table.boot))})


def test_values_go_by_when_they_came_a_portion_at_a_time(telemetry: Ledger) -> None:
    rows = [("gw-01", 7, AuxRow(number, number, "ilr1", "TAMB", 1.0)) for number in range(25)]
    with telemetry.write() as conn:
        writes.add_aux_values(conn, rows[:20], 100)
        writes.add_aux_values(conn, rows[20:], 200)
        went = [ages.forget_values(conn, 200, 8, NOW_MS) for _ in range(4)]
        assert went == [8, 8, 4, 0]
        assert conn.execute(select(func.min(aux_value.c.received_at_ms))).scalar_one() == 200


def test_rows_without_an_instant_go_by_when_they_came(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        for number in range(4):
            writes.add_unplaced_rows(conn, [(1, UnplacedRow(number, 5, "gw-01.a", 450, 0))], 100 * number)
        assert ages.forget_unplaced(conn, 200, 99, NOW_MS) == 2
        assert [one.sequence for one in reads.unplaced_rows(conn, "gw-01.a", 9)] == [2, 3]


def test_conflicts_go_the_first_first(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        for number in range(10):
            writes.add_conflicts(conn, [replace(CONFLICT, sequence=number, received_at_ms=number)])
        assert [ages.forget_conflicts(conn, 5, 3, NOW_MS) for _ in range(3)] == [3, 2, 0]
        assert sorted(conn.execute(select(conflict.c.sequence)).scalars()) == [5, 6, 7, 8, 9]


def test_letters_go_by_when_they_came_last_and_are_counted(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        for at_ms, payload in ((1, b"a"), (2, b"b"), (3, b"a"), (9, b"c")):
            writes.add_dead_letters(conn, [writes.DeadLetterRow("gw-01", "t", payload, "bad_json", "")], at_ms)
        assert ages.forget_letters(conn, 3, 99, NOW_MS) == 1
        assert ages.forget_letters(conn, 4, 99, NOW_MS) == 1
        assert [one.head for one in reads.dead_letters(conn, 9)] == [b"c"]
        assert reads.dropped_letters(conn) == [("gw-01", "bad_json", 3, NOW_MS)]


def test_counts_go_when_nothing_was_added_for_long(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        for gateway, at_ms in (("gw-01", 5), ("gw-02", 9)):
            row = {"gateway_id": gateway, "reason": "bad_json", "dropped": 7, "last_at_ms": at_ms}
            conn.execute(dead_letter_dropped.insert().values(**row))
        assert ages.forget_counts(conn, 9, 99, NOW_MS) == 1
        assert [one.gateway_id for one in reads.dropped_letters(conn)] == ["gw-02"]


def test_boots_long_gone_go_but_the_last_of_each_gateway_stays(telemetry: Ledger) -> None:
    settled = [
        ("gw-01", 1, 10),
        ("gw-01", 2, 20),
        ("gw-01", 3, 300),
        ("gw-02", 5, 10),
        ("gw-02", 4, 20),
        ("gw-03", 1, 1),
    ]
    with telemetry.write() as conn:
        for gateway, boot, at_ms in settled:
            writes.add_coverage(conn, [replace(COVERAGE, gateway_id=gateway, boot=boot)])
            writes.settle_ranges(conn, {(gateway, boot): [(3, 5), (9, 9)]}, at_ms)
        assert ages.forget_boots(conn, 200, 1, NOW_MS) == 1
        assert ages.forget_boots(conn, 200, 99, NOW_MS) == 1
        assert ages.forget_boots(conn, 200, 99, NOW_MS) == 0
        assert boots(conn) == [("gw-01", 2), ("gw-01", 3), ("gw-02", 4), ("gw-03", 1)]
        assert count(conn, coverage) == 4


def test_a_gateway_that_comes_back_after_long_finds_no_false_gap(telemetry: Ledger) -> None:
    """Fresh rows of its new boot first, then a sweep, then what was left of the old one."""
    with telemetry.write() as conn:
        writes.settle_ranges(conn, {("gw-01", 1): [(1, 90)]}, 10)
        writes.settle_ranges(conn, {("gw-01", 2): [(1, 1)]}, 500)
        ages.forget_boots(conn, 200, 99, NOW_MS)
        writes.settle_ranges(conn, {("gw-01", 1): [(91, 99)]}, 501)
        assert reads.gaps(conn) == []


def test_every_age_outlives_what_a_gateway_remembers() -> None:
    assert all(age.kept_ms > 60 * DAY_MS for age in ages.AGES)
    assert len({age.name for age in ages.AGES}) == len(ages.AGES)
