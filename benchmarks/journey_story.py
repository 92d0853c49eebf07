"""The whole story in a row: each try starts every process afresh, plays all steps and stops all."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from benchmarks.record import ROOT

HOW = "every process started afresh, all steps of the story played over HTTP, all stopped"
SECONDS_MAX = 300


def attempt(number: int) -> bool:
    """One story without a terminal; the demo's exit code is 0 only when every step came true, and in time."""
    del number
    with tempfile.TemporaryDirectory(prefix="sheetal-story-") as folder:
        command = [sys.executable, "-m", "demo", "--ports", "free", "--folder", folder]
        try:
            ended = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired:
            # The demo was killed; its guard ends whatever it had started.
            return False
    return ended.returncode == 0
