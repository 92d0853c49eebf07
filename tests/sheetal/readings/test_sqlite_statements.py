from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.reading import Reading
from sheetal.readings import sqlite_statements as sql

WINDOW_MS = sql.WINDOW_MS


def rows(size: int) -> list[Reading]:
    return [Reading("s", 10 * WINDOW_MS + number, 450, 0, 1, number) for number in range(size)]


@pytest.mark.parametrize(("size", "prepared"), [(1, 1), (2, 2), (3, 4), (5, 8), (1_000, 1_024), (4_097, 5_000)])
def test_few_statements_serve_every_size(size: int, prepared: int) -> None:
    assert sql.rows_prepared(size, 5_000) == prepared


@given(st.integers(1, 5_000))
def test_a_statement_holds_its_rows_and_wastes_less_than_half(size: int) -> None:
    prepared = sql.rows_prepared(size, 5_000)
    assert size <= prepared < 2 * size or prepared == size == 1
    values = sql.insert_values(rows(size), prepared)
    assert len(values) == prepared * sql.COLUMNS == sql.insert(prepared).count("?")


def test_an_insert_finds_the_window_and_fills_up_with_what_changes_nothing() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(sql.SCHEMA)
        connection.execute(sql.insert(4), sql.insert_values(rows(3), 4))
        found = connection.execute("SELECT * FROM reading").fetchall()
    assert found == [(10, *row) for row in rows(3)]


def test_a_span_is_cut_to_the_windows_that_hold_rows() -> None:
    assert sql.span_values((10, 12), 1, 99 * WINDOW_MS) == {
        "first": 10,
        "last": 12,
        "start": 1,
        "end": 99 * WINDOW_MS,
    }
    assert sql.span_values((10, 12), 11 * WINDOW_MS, 12 * WINDOW_MS)["last"] == 11


def test_spans_are_cut_into_windows() -> None:
    spans = [("a", 10 * WINDOW_MS + 5, 11 * WINDOW_MS + 1), ("b", 1, 2), ("c", 12 * WINDOW_MS, 99 * WINDOW_MS)]
    assert sql.pieces_of((10, 12), spans) == [
        (10, "a", 10 * WINDOW_MS + 5, 11 * WINDOW_MS + 1),
        (11, "a", 10 * WINDOW_MS + 5, 11 * WINDOW_MS + 1),
        (12, "c", 12 * WINDOW_MS, 99 * WINDOW_MS),
    ]
    assert sql.pieces_of((1, 0), spans) == []


def test_lists_are_bound_as_json() -> None:
    assert json.loads(sql.as_json([(10, "it's é", 1, 2)])) == [[10, "it's é", 1, 2]]
