from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from sheetal.ledger.judgement_tables import lease
from sheetal.ledger.telemetry_tables import dead_letter
from sheetal.ledger.upsert import insert_missing, replacing, upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger


def row(name: str, holder: str = "h", until_ms: int = 1) -> dict[str, object]:
    return {"name": name, "holder": holder, "until_ms": until_ms}


def all_rows(conn: Connection) -> dict[str, int]:
    return {one.name: one.until_ms for one in conn.execute(select(lease))}


def test_nothing_to_do_is_nothing_done(ledger: Ledger) -> None:
    with ledger.write() as conn:
        assert upsert(conn, lease, [], changes=replacing("holder")) == 0
        assert insert_missing(conn, lease, []) == 0


def test_new_rows_come_in_and_old_ones_change(ledger: Ledger) -> None:
    with ledger.write() as conn:
        assert upsert(conn, lease, [row("a"), row("b")], changes=replacing("until_ms")) == 2
        assert upsert(conn, lease, [row("b", until_ms=5), row("c")], changes=replacing("until_ms")) == 2
        assert all_rows(conn) == {"a": 1, "b": 5, "c": 1}


def test_a_guard_keeps_what_stands(ledger: Ledger) -> None:
    def put(conn: Connection, until_ms: int) -> int:
        return upsert(
            conn,
            lease,
            [row("a", until_ms=until_ms)],
            changes=replacing("until_ms"),
            guard=lambda excluded: excluded.until_ms > lease.c.until_ms,
        )

    with ledger.write() as conn:
        assert [put(conn, until_ms) for until_ms in (5, 4, 5, 6)] == [1, 0, 0, 1]
        assert all_rows(conn) == {"a": 6}


def test_a_change_may_count_up(ledger: Ledger) -> None:
    with ledger.write() as conn:
        for _ in range(3):
            upsert(conn, lease, [row("a")], changes=lambda new: {"until_ms": lease.c.until_ms + new.until_ms})
        assert all_rows(conn) == {"a": 3}


def test_one_call_may_name_a_row_twice(ledger: Ledger) -> None:
    with ledger.write() as conn:
        upsert(conn, lease, [row("a"), row("a", until_ms=9)], changes=replacing("until_ms"))
        assert all_rows(conn) == {"a": 9}


def test_another_unique_key_may_decide(telemetry: Ledger) -> None:
    letter = {
        "topic": "t",
        "reason": "bad_json",
        "detail": "",
        "sha256": "0" * 64,
        "size_bytes": 1,
        "head": b"x",
        "repeats": 0,
        "first_at_ms": 1,
        "last_at_ms": 1,
    }
    with telemetry.write() as conn:
        for at_ms in (1, 2):
            upsert(
                conn,
                dead_letter,
                [{**letter, "last_at_ms": at_ms}],
                key=(dead_letter.c.sha256, dead_letter.c.reason),
                changes=replacing("last_at_ms"),
            )
        assert [one.last_at_ms for one in conn.execute(select(dead_letter))] == [2]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.sampled_from("abcdef"), max_size=5), max_size=6))
def test_missing_rows_are_counted_once(ledger: Ledger, batches: list[list[str]]) -> None:
    with ledger.write() as conn:
        conn.execute(delete(lease))
        new = sum(insert_missing(conn, lease, [row(name) for name in batch]) for batch in batches)
        assert new == len(all_rows(conn)) == len({name for batch in batches for name in batch})
