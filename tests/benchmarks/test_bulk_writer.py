from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks.bulk_writer import ROWS_A_BATCH, Slice, bulk_writer, write
from benchmarks.ingest_rig import Fleet
from sheetal.readings.connect import open_readings
from sheetal.readings.memory import MemoryReadings
from sheetal.readings.port import YEAR_2100_MS, WriteResult

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sheetal.contracts.reading import Reading

FLEET = Fleet(10, 4, 60, start_ms=1_763_856_000_000)
"""Of another hour than this process, so that a process which goes by its own hour is found out."""


def test_every_row_of_its_slice_is_stored_and_each_batch_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/readings.db"
    part = Slice(FLEET, 5, 200)
    with bulk_writer(url, part) as writer:
        assert list(writer.begin()) == [1, 2, 3]
        assert writer.seconds > 0
    with closing(open_readings(url)) as store:
        stored = [row for sensor in FLEET.sensors for row in store.read(sensor, 0, YEAR_2100_MS)]
    assert len(stored) == part.rows == 12_000
    assert set(stored) == set(FLEET.readings(200, 5))


def test_nothing_is_written_before_it_is_told_to_begin(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/readings.db"
    with bulk_writer(url, Slice(FLEET, 0, 5)):
        pass
    with closing(open_readings(url)) as store:
        assert store.read(FLEET.sensors[0], 0, YEAR_2100_MS) == []


def test_a_refused_row_ends_the_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    class Refusing(MemoryReadings):
        def write(self, batch: Sequence[Reading]) -> WriteResult:
            return WriteResult(len(batch) - 1, [(0, "no room")])

    with pytest.raises(RuntimeError, match="refused rows"):
        write(Refusing(), FLEET.readings(1))
    assert capsys.readouterr().out == ""


def test_batches_are_as_large_as_the_stores_take() -> None:
    assert MemoryReadings().capabilities.rows_per_request_max >= ROWS_A_BATCH
