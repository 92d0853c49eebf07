"""Waits until a line has come to rest after a fault, then lets its witnesses be compared."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.faults.line import wait_for
from benchmarks.faults.reconcile import Report, Witnesses, missing_numbers, reconcile

if TYPE_CHECKING:
    from benchmarks.faults.line import Line
    from benchmarks.faults.reconcile import Key

DRAIN_SECONDS_MAX = 90.0


def true_rows(line: Line) -> dict[Key, int | None]:
    """The truth log by sensor and instant."""
    return {(line.scene.sensor_of_truth(told), told.at_ms): told.reported_centi_celsius for told in line.truth()}


def settle(line: Line, seconds: float = DRAIN_SECONDS_MAX) -> Report:
    """Everything runs again: lets the gateways hear all, ends the simulator, lets the outboxes drain, compares.

    What does not come to rest in so many seconds is a problem in the report.
    """
    due = true_rows(line)
    began = time.monotonic()
    heard = wait_for(lambda: due.keys() <= {(row.sensor, row.measured_at_ms) for row in line.kept()}, seconds, 0.3)
    line.simulator.stop()
    drained = wait_for(lambda: line.pending() == 0, max(1.0, seconds - (time.monotonic() - began)), 0.2)
    report = compare(line, due)
    report.problems.extend(
        [
            *(["the gateways did not hear all that the loggers told"] if not heard else []),
            *([f"{line.pending()} items were not drained in {seconds:.0f} s"] if not drained else []),
        ]
    )
    return report


def compare(line: Line, due: dict[Key, int | None]) -> Report:
    """The line's witnesses as they stand now, and what its other records say."""
    report = reconcile(Witnesses(true_rows(line), line.kept(), line.stored(), due.keys()))
    names = [
        (int(str(boot)), int(str(sequence)))
        for gateway in line.scene.names
        for boot, sequence in line.ask(gateway, "SELECT boot, sequence FROM item")
    ]
    report.problems.extend(missing_numbers(names))
    counted = {table: line.telemetry_count(table) for table in ("conflict", "dead_letter")}
    report.problems.extend(f"{count} rows of {table}" for table, count in counted.items() if count)
    if line.stored_count() != len(line.stored()):
        report.problems.append(f"{line.stored_count()} rows in the store, some of no known sensor")
    return report
