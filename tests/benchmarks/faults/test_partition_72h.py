from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import partition_72h
from benchmarks.faults.line import EMBEDDED, SERVER, Line
from benchmarks.faults.partition_72h import GATEWAY, Span, Watched
from benchmarks.faults.scene import Options, Scene

if TYPE_CHECKING:
    from pathlib import Path

SHORT = Span(readings=300, interval_seconds=10, dark_seconds=2, message_age_seconds=1)
LONGER = Span(readings=1_000, interval_seconds=10, dark_seconds=10, message_age_seconds=2)


def test_what_gathered_in_the_dark_drains_behind_the_fresh() -> None:
    assert partition_72h.run(0, 1, EMBEDDED, [SHORT]) == 0


@pytest.mark.stack
def test_what_gathered_in_the_dark_drains_through_mosquitto() -> None:
    assert partition_72h.run(1, 1, SERVER, [LONGER]) == 0


def test_a_drain_faster_than_its_pace_is_caught(tmp_path: Path) -> None:
    span = SHORT._replace(dark_seconds=0, rows_per_second=100)
    scene = Scene(gateways=1, probes=partition_72h.PROBES, history_minutes=span.readings * 10 // 60 + 1)
    options = Options(uplink={"backlog_rows_per_second": 5_000})
    report = partition_72h.partition(Line(tmp_path, scene, options), span)
    assert [problem for problem in report.problems if problem.startswith("drained at")]


def test_the_99th_percentile_is_a_reading_that_was_seen() -> None:
    assert Watched(1, 1, [float(number) for number in range(200)]).p99_seconds == 198
    assert Watched(1, 1, [3.0]).p99_seconds == 3
    assert Watched(1, 1, []).p99_seconds == float("inf")
    assert GATEWAY in Scene().names
