from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.faults.child import Child

if TYPE_CHECKING:
    from pathlib import Path


def child(folder: Path, program: str, **environment: str) -> Child:
    log = folder / "log"
    return Child([sys.executable, "-c", program], log, lambda: "up" in log.read_text(), environment)


def test_it_is_killed_and_started_again_on_the_same_log(tmp_path: Path) -> None:
    one = child(tmp_path, "import time; print('up', flush=True); time.sleep(60)")
    first = one.start().wait_until_ready().pid
    assert one.start().pid == first
    one.kill()
    assert not one.is_running
    assert one.start().pid != first
    one.kill()
    one.kill()
    assert one.log.read_text().startswith("up")


def test_a_stop_is_polite_and_a_wait_is_bounded(tmp_path: Path) -> None:
    program = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(print('bye', flush=True)));"
    one = child(tmp_path, program + "print('up', flush=True); time.sleep(60)").start().wait_until_ready()
    assert not one.wait(0.05)
    one.stop()
    assert one.log_tail().endswith("bye\n")
    assert one.wait(0)


def test_what_does_not_come_up_is_told_with_its_log(tmp_path: Path) -> None:
    one = child(tmp_path, "import sys; sys.exit('no such disk')").start()
    with pytest.raises(RuntimeError, match="no such disk"):
        one.wait_until_ready()
    with pytest.raises(RuntimeError, match="was not started"):
        _ = child(tmp_path, "").pid


def test_it_sees_its_own_environment_and_none_of_our_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHEETAL_DEMO", "1")
    one = child(tmp_path, "import os; print('up', os.environ.get('SHEETAL_DEMO'), os.environ['OWN'])", OWN="x").start()
    assert one.wait(10)
    assert one.log.read_text() == "up None x\n"
