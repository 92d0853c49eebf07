from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.alerts_stage import AlertsStage
from benchmarks.faults.line import wait_for
from benchmarks.faults.nursery import Nursery

if TYPE_CHECKING:
    from pathlib import Path


def test_children_are_real_processes_one_after_the_other(tmp_path: Path) -> None:
    with AlertsStage(tmp_path) as stage, Nursery(stage.log, stage.environment) as nursery:
        first = nursery.start()
        assert wait_for(lambda: stage.log.exists() and '"ready"' in stage.log.read_text(), 30)
        os.kill(first, signal.SIGTERM)
        assert nursery.wait(20) == 0
        second = nursery.start()
        assert second != first
        assert nursery.ended() is None
        nursery.kill()
        with pytest.raises(ProcessLookupError):
            os.kill(second, 0)


def test_a_child_that_cannot_start_says_so(tmp_path: Path) -> None:
    with Nursery(tmp_path / "alerts.log", {}) as nursery:
        nursery.start()
        assert nursery.wait(20) == 1
        with pytest.raises(RuntimeError, match="no child was started"):
            Nursery(tmp_path / "x.log", {}).ended()
