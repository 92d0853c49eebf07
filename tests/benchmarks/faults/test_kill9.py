from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import kill9
from benchmarks.faults.line import EMBEDDED, SERVER, Line, Programs
from benchmarks.faults.scene import Scene
from tests.benchmarks.faults.tiers import plain, stack

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Scene(gateways=1, probes=8, interval_seconds=10, history_minutes=60, story_minutes=55, catch_up_seconds=20)
PLANTED = "tests.benchmarks.faults.planted_"


def test_nothing_kept_is_lost_by_kill_9() -> None:
    assert kill9.run(0, plain(kill9.FULL), EMBEDDED) == 0


@pytest.mark.stack
def test_nothing_kept_is_lost_by_kill_9_over_mosquitto() -> None:
    assert kill9.run(1_000, stack(kill9.FULL), SERVER) == 0


def test_an_ack_before_the_commit_is_caught(tmp_path: Path) -> None:
    line = Line(tmp_path, SMALL, programs=Programs(ingest=PLANTED + "ack_first"))
    report = kill9.group(line, 0, 2, ["ingest"], seconds=10)
    assert any("kept and not stored" in problem for problem in report.problems)


@pytest.mark.stack
def test_an_outbox_that_believes_the_broker_is_caught(tmp_path: Path) -> None:
    line = Line(tmp_path, SMALL, broker=SERVER, programs=Programs(gateway=PLANTED + "delete_on_puback"))
    report = kill9.group(line, 0, 1, ["broker"], seconds=4)
    assert any("true, told and not stored" in problem for problem in report.problems)


@pytest.mark.stack
def test_an_ingest_that_takes_a_repetition_twice_is_caught(tmp_path: Path) -> None:
    line = Line(tmp_path, SMALL, broker=SERVER, programs=Programs(ingest=PLANTED + "no_dedupe"))
    report = kill9.group(line, 0, 2, ["ingest at a fail-point"], seconds=10)
    assert any("stored more than once" in problem for problem in report.problems)
