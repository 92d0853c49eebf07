from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.fleet import Fleet
from benchmarks.faults.fleet_count import count, in_influx, in_sqlite, unmarked_hours
from benchmarks.faults.fleet_plan import Plan
from sheetal.contracts.batch import Ack, RefusedRange
from sheetal.contracts.limits import HOUR_MS
from sheetal.readings.connect import open_readings
from tests.stack.servers import influxd_server

if TYPE_CHECKING:
    from pathlib import Path

    from sheetal.contracts.reading import Reading

PLAN = Plan(1_795_000_000_000, gateways=4, rows=5, seed=3)


def settled_fleet(messages: int = 8) -> Fleet:
    """It never connects: its outboxes are told what they would hear."""
    fleet = Fleet(PLAN, 1)
    fleet.outboxes.make(messages)
    while fleet.outboxes.take(0) is not None:
        pass
    for gateway in range(PLAN.gateways):
        last = fleet.outboxes.messages(gateway) * PLAN.rows
        fleet.outboxes.settle(gateway, Ack(gateway="", boot=PLAN.boot(gateway), stored=[(1, last)]), 1)
    return fleet


def rows(messages: int = 2) -> list[Reading]:
    return [
        PLAN.reading(gateway, sequence)
        for gateway in range(PLAN.gateways)
        for sequence in range(1, messages * PLAN.rows + 1)
    ]


def test_exactly_once_is_found_whole() -> None:
    shuffled = rows()
    random.Random(1).shuffle(shuffled)
    found = count(settled_fleet(), shuffled)
    assert found.held, found.problems
    assert (found.sent, found.settled, found.stored) == (40, 40, 40)


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (rows()[1:], "acknowledged and not stored"),
        ([*rows(), rows()[7]], "stored more than once"),
        ([*rows()[1:], rows()[0]._replace(centi_celsius=1)], "stored otherwise"),
        ([*rows()[1:], rows()[0]._replace(measured_at_ms=7)], "stored otherwise"),
        ([*rows()[1:], rows()[0]._replace(boot=7)], "stored otherwise"),
        ([*rows(), PLAN.reading(0, 11)], "never sent"),
        ([*rows(), rows()[0]._replace(sensor="gw-01.p0")], "never sent"),
        ([], "acknowledged and not stored"),
    ],
)
def test_every_way_of_being_wrong_is_found(stored: list[Reading], words: str) -> None:
    found = count(settled_fleet(), stored)
    assert not found.held
    assert any(words in problem for problem in found.problems), found.problems


def test_what_was_never_settled_may_be_stored_or_not_but_is_told() -> None:
    fleet = settled_fleet()
    fleet.outboxes.make(1)
    for stored in (rows(), [*rows(), *(PLAN.reading(0, sequence) for sequence in range(11, 16))]):
        found = count(fleet, stored)
        assert found.problems == ["1 messages were never settled"]
        assert "1 messages were never settled" in str(found)


def test_refused_forged_strange_and_broken_are_told() -> None:
    fleet = settled_fleet()
    fleet.outboxes.make(1)
    fleet.outboxes.take(0)
    refused = [RefusedRange(11, 11, "no")]
    fleet.outboxes.settle(0, Ack(gateway="", boot=PLAN.boot(0), refused=refused, stored=[(99, 99)]), 1)
    fleet.forged, fleet.problem = 2, ValueError("broke")
    found = count(fleet, rows())
    assert [problem.split(",")[0] for problem in found.problems] == [
        "1 messages were refused",
        "acks for what was never sent",
        "2 acks with a wrong seal",
        "the fleet broke down: ValueError('broke')",
    ]


def test_the_embedded_store_s_file_is_read_whole(tmp_path: Path) -> None:
    assert list(in_sqlite(tmp_path / "none.db")) == []
    with closing(open_readings(f"sqlite:///{tmp_path}/readings.db")) as store:
        store.write(rows())
    assert sorted(in_sqlite(tmp_path / "readings.db")) == sorted(rows())


@pytest.mark.stack
def test_influxdb_is_read_whole(tmp_path: Path) -> None:
    fault = rows()[0]._replace(centi_celsius=None, quality=2, measured_at_ms=9_000)
    many = [rows()[0]._replace(measured_at_ms=10_000 + number) for number in range(25_000)]
    with influxd_server(tmp_path) as url, closing(open_readings(url)) as store:
        for some in (rows(), [fault], many):
            store.write(some)
        assert sorted(in_influx(url), key=str) == sorted([*rows(), fault, *many], key=str)


def test_an_hour_that_is_not_marked_is_found(tmp_path: Path) -> None:
    file = tmp_path / "telemetry.db"
    hours = sorted({(row.sensor, row.measured_at_ms // HOUR_MS * HOUR_MS) for row in rows()})
    with closing(sqlite3.connect(file)) as telemetry, telemetry:
        telemetry.execute("CREATE TABLE dirty_hour (sensor_id, hour_ms, marked)")
        telemetry.executemany("INSERT INTO dirty_hour VALUES (?, ?, 1)", hours[1:])
    assert unmarked_hours(file, rows()) == {hours[0]}
