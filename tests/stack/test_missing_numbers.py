"""Real gateways, broker, ingest and alerts: numbers that the store lost are found missing, asked for and sent again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.backup_line import BackedUpLine, on_files
from benchmarks.faults.line import EMBEDDED, Programs, wait_for
from benchmarks.faults.scene import Options, Scene
from benchmarks.faults.settled import settle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
FIRST, LAST = 50, 80
PATIENT_SECONDS = 180.0
BRISK = Programs(ingest="tests.benchmarks.faults.brisk_ingest")


def forget(folder: Path) -> int:
    """As if numbers 50 to 80 had never come, long ago; gives how many readings that is."""
    with closing(sqlite3.connect(folder / "readings.db")) as readings:
        gone = readings.execute("DELETE FROM reading WHERE sequence BETWEEN ? AND ?", (FIRST, LAST)).rowcount
        readings.commit()
    with closing(sqlite3.connect(folder / "telemetry.db")) as telemetry:
        ((gateway, boot, last, at_ms),) = telemetry.execute(
            "SELECT gateway_id, boot, last_sequence, settled_at_ms FROM sequence_range"
        ).fetchall()
        telemetry.execute("UPDATE sequence_range SET last_sequence = ?", (FIRST - 1,))
        hole = (gateway, boot, LAST + 1, last, LAST + 1 - FIRST, 1, at_ms)
        telemetry.execute("INSERT INTO sequence_range VALUES (?, ?, ?, ?, ?, ?, ?)", hole)
        telemetry.commit()
    return gone


def test_numbers_that_are_missing_are_asked_for_and_come(tmp_path: Path) -> None:
    scene = Scene(gateways=1, probes=2, interval_seconds=60, history_minutes=120)
    options = Options(uplink={"message_age_seconds": 1})
    with (
        on_files(tmp_path / "stores") as places,
        BackedUpLine(tmp_path, scene, options, places, EMBEDDED, BRISK) as line,
    ):
        line.start()
        line.start(line.alerts)
        assert wait_for(lambda: line.stored_count() >= 240 and line.pending() == 0, PATIENT_SECONDS)
        assert wait_for(lambda: line.telemetry_count("sequence_range") == 1, PATIENT_SECONDS)
        line.ingest.stop()
        before = line.stored_count()
        assert forget(tmp_path / "stores") > 0
        assert line.stored_count() < before
        line.start(line.ingest)
        assert wait_for(lambda: line.stored_count() >= before, PATIENT_SECONDS)
        assert wait_for(lambda: line.telemetry_count("sequence_range") == 1, PATIENT_SECONDS)
        report = settle(line)
        assert report.held, str(report)
