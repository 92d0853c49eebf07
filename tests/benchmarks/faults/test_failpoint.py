from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.faults.failpoint import POINTS
from benchmarks.record import ROOT

ARMED = """
from ingest import pipeline, writer
from sheetal.ledger import telemetry_writes
writer.Writer.write = pipeline.Pipeline._count = lambda *_: print("done", flush=True)
pipeline.record = telemetry_writes.mark_dirty = lambda *_: print("done", flush=True)
from benchmarks.faults.failpoint import arm
arm({point!r}, 2)
for _ in range(5):
    {step}
"""
STEPS = {
    "stored": "writer.Writer.write(None, [], 0)",
    "marked": "telemetry_writes.mark_dirty(None, [])",
    "recorded": "pipeline.record(None)",
    "answered": "pipeline.Pipeline._count(None, None, None)",
}


@pytest.mark.parametrize("point", POINTS)
def test_the_process_is_gone_after_the_nth_time(point: str) -> None:
    program = ARMED.format(point=point, step=STEPS[point])
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-9, "done\ndone\n"), ended.stderr


def test_an_unknown_point_is_refused() -> None:
    program = "from benchmarks.faults.failpoint import arm; arm('somewhere', 1)"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "FAULT_POINT" in ended.stderr
    assert ended.returncode == 1
