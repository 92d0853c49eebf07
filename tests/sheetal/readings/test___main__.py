from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SHEETAL_READINGS_URL": url}
    environment.pop("SHEETAL_READINGS_TOKEN", None)
    command = [sys.executable, "-m", "sheetal.readings", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def test_a_fit_store_ends_with_0(tmp_path: Path) -> None:
    ended = run(f"sqlite:///{tmp_path}/readings.db", "check")
    assert ended.returncode == 0, ended.stderr
    assert [line[:9] for line in ended.stdout.splitlines()] == ["ok       "] * 3
    assert ended.stderr == ""


def test_an_unfit_store_ends_with_1() -> None:
    ended = run("memory:", "check")
    assert ended.returncode == 1
    assert ended.stdout.startswith("problem  ")
    assert " → " in ended.stdout


@pytest.mark.parametrize(
    ("url", "arguments"), [("", ["check"]), ("nonsense", ["check"]), ("memory:", []), ("memory:", ["x"])]
)
def test_a_wrong_setting_or_call_ends_with_2_and_one_line(url: str, arguments: list[str]) -> None:
    ended = run(url, *arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "SHEETAL_READINGS_URL" in ended.stderr
