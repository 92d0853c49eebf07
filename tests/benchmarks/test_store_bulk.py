from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from benchmarks import store_bulk
from sheetal.readings.connect import open_readings
from sheetal.readings.port import YEAR_2100_MS

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fleet_reads_each_sensor_every_five_minutes_at_a_phase_of_its_own() -> None:
    rows = store_bulk.fleet_rows(300, sensors=100)
    assert len({row.sensor for row in rows}) == 100
    assert len({row[:2] for row in rows}) == 300
    assert [row.measured_at_ms for row in rows] == sorted(row.measured_at_ms for row in rows)
    first, second, third = (row.measured_at_ms for row in rows if row.sensor == rows[7].sensor)
    assert second - first == third - second == store_bulk.INTERVAL_MS


def test_every_row_of_a_bulk_write_is_in_the_store(tmp_path: Path) -> None:
    rows = store_bulk.fleet_rows(6_000, sensors=10)
    with closing(open_readings(f"sqlite:///{tmp_path}/readings.db")) as store:
        bulk = store_bulk.measured_bulk(store, rows)
        assert sum(store.count(sensor, 1, YEAR_2100_MS) for sensor in {row.sensor for row in rows}) == 6_000
    assert bulk.rows_per_second > 0
    assert bulk.thread_microseconds_a_row > 0


def test_a_refused_row_stops_the_measurement() -> None:
    rows = [store_bulk.fleet_rows(1)[0]._replace(sensor="")]
    with pytest.raises(RuntimeError, match="bad_sensor_name"):
        store_bulk.bulk_rows_per_second(open_readings("memory:"), rows)


def test_both_ways_of_reading_back_find_every_row() -> None:
    store = open_readings("memory:")
    rows = store_bulk.fleet_rows(2_000, sensors=1_000)
    store.write(rows)
    assert all(seconds > 0 for seconds in store_bulk.read_back_seconds(store, rows))
    with pytest.raises(RuntimeError, match="999 rows were read one by one"):
        store_bulk.read_back_seconds(store, [*rows[:-1], rows[-1]._replace(sensor="gone")])


def test_the_busy_thread_ends_with_its_block() -> None:
    before = threading.active_count()
    with store_bulk.busy_thread():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_every_adapter_of_this_machine_is_measured(tmp_path: Path) -> None:
    with ExitStack() as stack:
        names = [name for name, _ in store_bulk.stores(stack, tmp_path)]
    assert names[:2] == ["memory", "sqlite"]
    assert ("influxdb1" in names) == store_bulk.INFLUXD.exists()
