from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from sheetal.ledger import bulk
from sheetal.ledger.bulk import Into, put, take_out
from sheetal.ledger.judgement_tables import lease
from sheetal.ledger.telemetry_letters import DeadLetterRow, add_dead_letters
from sheetal.ledger.telemetry_tables import aux_value, dead_letter, dirty_hour, sensor_state

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

MARK = Into(dirty_hour, ("sensor_id", "hour_ms", "marked"), ("sensor_id", "hour_ms"), "marked = excluded.marked")
MISSING = MARK._replace(changes=bulk.KEEP)


def marked(telemetry: Ledger) -> dict[tuple[str, int], int]:
    with telemetry.read() as conn:
        return {(one.sensor_id, one.hour_ms): one.marked for one in conn.execute(select(dirty_hour))}


def test_nothing_to_do_is_nothing_done(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        assert put(conn, MARK, []) == 0


@pytest.mark.parametrize("rows", [1, 7, 8, 63, 64, 330, 511, 512, 513, 5_001])
def test_any_number_of_rows_goes_in_once(telemetry: Ledger, rows: int) -> None:
    offered = [(f"gw.{number:05d}", number, number + 1) for number in range(rows)]
    with telemetry.write() as conn:
        assert put(conn, MARK, offered) == rows
        assert put(conn, MISSING, offered) == 0
        assert conn.execute(select(func.count(), func.sum(dirty_hour.c.marked))).one() == (rows, rows * (rows + 1) // 2)


def test_what_stands_is_changed_or_left(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        put(conn, MARK, [("a", 1, 5), ("b", 1, 5)])
        assert put(conn, MISSING, [("a", 1, 6), ("c", 1, 6)]) == 1
        assert put(conn, MARK, [("b", 1, 7)]) == 1
    assert marked(telemetry) == {("a", 1): 5, ("b", 1): 7, ("c", 1): 6}


def test_a_change_may_look_at_both_and_be_guarded(telemetry: Ledger) -> None:
    changes = "marked = GREATEST(stands.marked, excluded.marked) + LEAST(stands.marked, excluded.marked)"
    grown = MARK._replace(changes=f"{changes} WHERE excluded.marked > 1")
    with telemetry.write() as conn:
        put(conn, MARK, [("a", 1, 5), ("b", 1, 5)])
        assert put(conn, grown, [("a", 1, 1), ("b", 1, 2), ("c", 1, 1)]) == 2
    assert marked(telemetry) == {("a", 1): 5, ("b", 1): 7, ("c", 1): 1}


def test_numbers_texts_and_nothing_keep_their_kind(telemetry: Ledger) -> None:
    aux = Into(aux_value, tuple(aux_value.columns.keys()), ("gateway_id", "source", "field", "measured_at_ms"))
    state = Into(sensor_state, tuple(sensor_state.columns.keys()), ("sensor_id",))
    value = ("gw", "ilr1", "TAMB", 2**42, 31.25, 2**62, 2**63 - 1, 1)
    whole = ("gw", "ilr1", "DORV", 2**42, 1.0, 2**62, 2**63 - 1, 1)
    faulty, sound = ("gw.a", 1, None, 2, 1, -5, 1), ("gw.b", 1, -450, 0, 1, 0, 1)
    with telemetry.write() as conn:
        put(conn, aux, [value, whole])
        put(conn, state, [faulty, sound])
        assert sorted(map(tuple, conn.execute(select(aux_value)))) == [whole, value]
        assert sorted(map(tuple, conn.execute(select(sensor_state)))) == [faulty, sound]


def test_a_table_outside_the_telemetry_schema_works_too(ledger: Ledger) -> None:
    into = Into(lease, ("name", "holder", "until_ms"), ("name",), "until_ms = excluded.until_ms")
    with ledger.write() as conn:
        assert put(conn, into, [("a", "h", 1)]) == put(conn, into, [("a", "i", 2)]) == 1
        assert tuple(conn.execute(select(lease)).one()) == ("a", "h", 2)


def test_rows_are_taken_out_by_number_and_told(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        add_dead_letters(conn, [DeadLetterRow("gw-01", "t", bytes([number]), "bad_json", "") for number in range(9)], 5)
        numbers = list(conn.execute(select(dead_letter.c.id).order_by(dead_letter.c.id)).scalars())
        assert take_out(conn, dead_letter, [], ("reason",)) == []
        taken = take_out(conn, dead_letter, [*numbers[:4], 10**9], ("id", "gateway_id", "last_at_ms"))
        assert sorted(taken) == [(number, "gw-01", 5) for number in numbers[:4]]
        assert set(conn.execute(select(dead_letter.c.id)).scalars()) == set(numbers[4:])


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.dictionaries(st.integers(0, 40), st.integers(0, 99), max_size=40), max_size=5))
def test_the_last_to_come_stands(telemetry: Ledger, batches: list[dict[int, int]]) -> None:
    expected: dict[tuple[str, int], int] = {}
    with telemetry.write() as conn:
        conn.execute(delete(dirty_hour))
        for batch in batches:
            assert put(conn, MARK, [("s", hour, mark) for hour, mark in batch.items()]) == len(batch)
            expected |= {("s", hour): mark for hour, mark in batch.items()}
    assert marked(telemetry) == expected
