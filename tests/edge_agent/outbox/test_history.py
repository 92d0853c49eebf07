from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from edge_agent.outbox.history import RefusedSpan, extremes, history, not_delivered, refused_ranges
from edge_agent.outbox.parcel import THINNED, Span
from edge_agent.outbox.schema import open_file
from edge_agent.sample import Sample
from sheetal.contracts.batch import Ack, RefusedRange
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, SENSOR, T0_MS, sample

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from edge_agent.outbox.outbox import Outbox

FOREVER_MS = T0_MS + 10**12
HOUR_MS = 60 * MINUTE_MS


def stamp(number: int) -> int:
    return T0_MS + number * MINUTE_MS


def put_span(connection: sqlite3.Connection, at_ms: int, lowest: int, highest: int) -> None:
    body = msgspec.json.encode(Span(at_ms + 600_000, lowest, highest, lowest, 9, 1, [(1, 9)]))
    connection.execute(
        "INSERT INTO item (boot, sequence, kind, source, field, measured_at_ms, value, quality, body, notable,"
        " added_at_ms) VALUES (99, ?, ?, ?, ?, ?, NULL, 0, ?, 1, 0)",
        (at_ms, THINNED, SENSOR, THINNED, at_ms, body),
    )


def test_the_newest_readings_of_a_span_come_oldest_first(outbox: Outbox) -> None:
    outbox.add_rows([sample(number, 400 + number) for number in (3, 1, 0, 2, 4)])
    outbox.add_rows([sample(1, 700, sensor=f"{GATEWAY}.other"), sample(5, None)])
    told = outbox.history(SENSOR, stamp(1), stamp(4), 10)
    assert [row[:3] for row in told] == [(stamp(1), 401, 0), (stamp(2), 402, 0), (stamp(3), 403, 0)]
    assert {row.boot for row in told} == {outbox.boot}
    assert len({row.sequence for row in told}) == 3
    newest = outbox.history(SENSOR, T0_MS, FOREVER_MS, 2)
    assert [row[:3] for row in newest] == [(stamp(4), 404, 0), (stamp(5), None, 1)]
    assert outbox.history("gw-t.nobody", T0_MS, FOREVER_MS, 2) == []


def test_delivered_readings_are_remembered_too(outbox: Outbox) -> None:
    outbox.add_rows([sample(0), sample(1), sample(2), sample(1, sensor=f"{GATEWAY}.other")])
    outbox.apply_ack(Ack(gateway=GATEWAY, boot=outbox.boot, stored=[(1, 1)], refused=[RefusedRange(2, 2, "odd")]))
    told = outbox.history(SENSOR, T0_MS, FOREVER_MS, 9)
    assert [row.sequence for row in told] == [1, 2, 3]
    assert not_delivered(outbox._connection, SENSOR, T0_MS, FOREVER_MS) == {(outbox.boot, 2), (outbox.boot, 3)}
    assert not_delivered(outbox._connection, SENSOR, T0_MS, stamp(2)) == {(outbox.boot, 2)}
    assert not_delivered(outbox._connection, "gw-t.nobody", T0_MS, FOREVER_MS) == set()
    outbox.add_rows([sample(3)._replace(local=True, monotonic_ms=77)])
    assert outbox.history(SENSOR, T0_MS, FOREVER_MS, 9)[-1].measured_at_ms == stamp(3)
    assert len(not_delivered(outbox._connection, SENSOR, T0_MS, FOREVER_MS)) == 3


def test_extremes_are_those_of_temperatures_in_the_half_open_span(outbox: Outbox) -> None:
    assert outbox.extremes(SENSOR, T0_MS, FOREVER_MS) is None
    outbox.add_rows([sample(0, None)])
    assert outbox.extremes(SENSOR, T0_MS, FOREVER_MS) is None
    outbox.add_rows([sample(1, -60), sample(2, 900), sample(3, 450), sample(4, 1_000)])
    assert outbox.extremes(SENSOR, T0_MS, stamp(4)) == (-60, 900)
    assert outbox.extremes(SENSOR, stamp(3), stamp(4)) == (450, 450)


def test_a_thinned_span_still_tells_its_extremes(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection:
        put_span(connection, T0_MS, 210, 790)
        put_span(connection, T0_MS + HOUR_MS, 205, 300)
        assert extremes(connection, SENSOR, T0_MS, T0_MS + HOUR_MS) == (210, 790)
        assert extremes(connection, SENSOR, T0_MS, FOREVER_MS) == (205, 790)
        assert history(connection, SENSOR, T0_MS, FOREVER_MS, 10) == []


def test_refused_items_are_grouped_by_boot_unbroken_numbers_and_reason(outbox: Outbox) -> None:
    outbox.add_rows([sample(number) for number in (0, 1, 2, 3, 4, 9, 8)])
    refused = [RefusedRange(1, 3, "implausible"), RefusedRange(4, 4, "future_stamp"), RefusedRange(6, 7, "implausible")]
    outbox.apply_ack(Ack(gateway=GATEWAY, boot=outbox.boot, refused=refused))
    boot = outbox.boot
    assert outbox.refused_ranges() == [
        RefusedSpan(boot, 1, 3, "implausible", stamp(0), stamp(2), 3),
        RefusedSpan(boot, 4, 4, "future_stamp", stamp(3), stamp(3), 1),
        RefusedSpan(boot, 6, 7, "implausible", stamp(8), stamp(9), 2),
    ]


def test_nothing_refused_is_no_range(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection:
        assert refused_ranges(connection) == []


def test_looking_walks_an_index_and_no_table(outbox: Outbox) -> None:
    outbox.add_rows([Sample(SENSOR, T0_MS, 450, 0)])
    asked: list[str] = []
    outbox._connection.set_trace_callback(asked.append)
    outbox.history(SENSOR, T0_MS, FOREVER_MS, 5)
    outbox.extremes(SENSOR, T0_MS, FOREVER_MS)
    outbox._connection.set_trace_callback(None)
    plans = [outbox._connection.execute(f"EXPLAIN QUERY PLAN {one}").fetchall() for one in asked]
    told = [step[3] for plan in plans for step in plan]
    assert told
    assert all(one.startswith("SEARCH item USING COVERING INDEX item_by_source") for one in told), told


def test_a_day_of_one_probe_among_many_is_found_at_once(outbox: Outbox) -> None:
    with outbox._transaction() as connection:
        connection.executemany(
            "INSERT INTO item (boot, sequence, kind, source, field, measured_at_ms, value, quality, notable,"
            " added_at_ms, state) VALUES (1, ?, 'row', ?, '', ?, 450, 0, 0, 0, 1)",
            ((n, f"{GATEWAY}.s{n % 20}", T0_MS + n // 20 * MINUTE_MS) for n in range(200_000)),
        )
    began = time.perf_counter()
    assert outbox.extremes(f"{GATEWAY}.s7", T0_MS, T0_MS + 24 * HOUR_MS) == (450, 450)
    assert len(outbox.history(f"{GATEWAY}.s7", T0_MS, T0_MS + 24 * HOUR_MS, 2_000)) == 1_440
    assert time.perf_counter() - began < 0.5
