from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from edge_agent.local.hook import run_hook
from tests.edge_agent.kit import until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_it_runs_without_a_shell_with_little_but_its_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_THING", "x")
    told = tmp_path / "told"
    write = f"import os; open({str(told)!r}, 'w').write(repr(sorted(os.environ)) + os.environ['ALARM_KIND'])"
    assert run_hook([sys.executable, "-c", write, "; touch $HOME"], {"ALARM_KIND": "$(reboot)"}) == ""
    assert "SECRET_THING" not in told.read_text()
    assert told.read_text().endswith("$(reboot)")


def test_a_missing_program_and_a_bad_end_are_told(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    assert run_hook([missing], {}) == f"{missing}: No such file or directory"
    assert run_hook([sys.executable, "-c", "raise SystemExit(3)"], {}) == f"{sys.executable}: ended with 3"
    assert "null byte" in run_hook(["a\0b"], {})


def test_a_hanging_program_is_killed_with_its_children(tmp_path: Path) -> None:
    number = tmp_path / "child"
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(number)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    began = time.monotonic()
    assert run_hook([sys.executable, "-c", program], {}, 1.0) == f"{sys.executable}: stopped after 1 s"
    assert time.monotonic() - began < 5
    child = int(number.read_text())
    until(lambda: not is_running(child))


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat", encoding="ascii") as file:  # noqa: PTH123 - a line of the kernel's
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"
