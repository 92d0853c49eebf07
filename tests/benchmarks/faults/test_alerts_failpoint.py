from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.faults.alerts_failpoint import PLACES, POINTS
from benchmarks.record import ROOT

ARMED = """
from benchmarks.faults.alerts_failpoint import PLACES, arm
place = PLACES[{point!r}]
setattr(place.owner, place.step, lambda *_: print("done", flush=True))
arm({point!r}, "H-7")
step = getattr(place.owner, place.step)
if place.is_named:
    step("H-8")
step("H-7")
print("alive", flush=True)
"""


def ended(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("point", POINTS)
def test_the_process_is_gone_at_its_point(point: str) -> None:
    place = PLACES[point]
    found = ended(ARMED.format(point=point))
    others, own = int(place.is_named), int(not place.is_before)
    assert (found.returncode, found.stdout) == (-9, "done\n" * (others + own)), found.stderr


def test_every_step_is_there() -> None:
    assert [point for point, place in PLACES.items() if not callable(getattr(place.owner, place.step))] == []


def test_an_unknown_point_is_refused() -> None:
    found = ended("from benchmarks.faults.alerts_failpoint import arm; arm('somewhere', '')")
    assert "a fail-point is one of" in found.stderr
    assert found.returncode == 1
