from __future__ import annotations

from contextlib import closing
from itertools import pairwise

import pytest

from benchmarks import embedded_size
from benchmarks.__main__ import BENCHES
from benchmarks.embedded_size import MINUTE_MS, Shape, fill, fleet, main, measure_last_day, measure_rate
from benchmarks.store_bulk import INTERVAL_MS, START_MS
from sheetal.readings.connect import open_readings

TINY = Shape(rows=60_000, sensors=200, minute_sensors=2, part_rows=20_000, last_rows=10_000, reads=20)


def test_the_fleet_measures_in_the_order_of_time_and_no_key_twice() -> None:
    rows = list(fleet(Shape(rows=1_000, sensors=100, minute_sensors=3)))
    assert len(rows) == 10 * (100 + 3 * 5) == len({row[:2] for row in rows})
    ticks = [(row.measured_at_ms - START_MS) // INTERVAL_MS for row in rows]
    assert ticks == sorted(ticks)
    for sensor, spacing_ms in (("gw-00042.ilr1-tvc", INTERVAL_MS), ("gw-m0002.ilr1-tvc", MINUTE_MS)):
        instants = [row.measured_at_ms for row in rows if row.sensor == sensor]
        assert {later - earlier for earlier, later in pairwise(instants)} == {spacing_ms}


def test_both_figures_come_of_one_filling(monkeypatch: pytest.MonkeyPatch) -> None:
    fill.cache_clear()
    rate, last_day = measure_rate(TINY), measure_last_day(TINY)
    assert fill.cache_info().misses == 1
    assert (rate.goal, rate.better) == (50_000, "higher")
    assert len(rate.runs) == 3
    assert rate.limit_value == pytest.approx(rate.runs[0], abs=1)
    assert (last_day.goal, last_day.better, len(last_day.runs)) == (2.0, "lower", 2)
    assert 0 < last_day.value < 1_000
    assert "1,440 rows" in last_day.unit
    monkeypatch.setattr(embedded_size, "FULL", TINY)
    assert main([]) == 0


def test_the_rates_are_of_full_parts_and_the_last_of_the_last_batches() -> None:
    batches = [(5, 1.0), (5, 1.0), (5, 2.0), (5, 2.0), (1, 9.0)]
    assert embedded_size._rates(batches, 10) == [5.0, 2.5]
    assert embedded_size._rate(embedded_size._last(batches, 6)) == 6 / 11.0


def test_a_sensor_of_which_nothing_is_found_stops_the_measurement() -> None:
    with closing(open_readings("memory:")) as store, pytest.raises(RuntimeError, match=r"gw-00000\.ilr1-tvc"):
        embedded_size._reads(store, TINY, 1, "gw-{:05d}.ilr1-tvc")


def test_the_figures_are_run_with_the_others() -> None:
    assert BENCHES["readings.embedded_rows_per_s_at_10m"] is measure_rate
    assert BENCHES["readings.last_24h_ms"] is measure_last_day
