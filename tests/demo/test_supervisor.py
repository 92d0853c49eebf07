"""The supervisor with real child processes: started, watched, stopped, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from demo import supervisor
from demo.broker import ROOT
from demo.supervisor import ProcessSpec, Supervisor, python_module
from sheetal.contracts.problem import Unavailable
from tests.demo.children import FAILING, SLEEPER, STUBBORN, is_alive, python, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "logs", tmp_path)
    yield made
    made.stop()


def spec(name: str, code: str, folder: Path, **environment: str) -> ProcessSpec:
    """Ready once it has written its first line."""
    log = folder / "logs" / f"{name}.log"
    return ProcessSpec(name, python(code), environment, lambda: log.is_file() and log.stat().st_size > 0)


def test_a_ready_process_has_a_pid_and_a_log(running: Supervisor, tmp_path: Path) -> None:
    running.start(spec("one", SLEEPER, tmp_path))
    running.wait_ready(["one"])
    assert is_alive(running.pid_of("one"))
    assert running.is_running("one")
    assert running.log_tail("one") == "up"
    running.raise_if_any_died()


def test_it_runs_in_a_session_of_its_own_in_the_working_folder(running: Supervisor, tmp_path: Path) -> None:
    code = "import os, time; print(os.getcwd(), flush=True); time.sleep(600)"
    running.start(spec("one", code, tmp_path))
    running.wait_ready(["one"])
    assert os.getsid(running.pid_of("one")) == running.pid_of("one")
    assert running.log_tail("one") == str(tmp_path)


def test_it_gets_its_own_settings_and_none_of_the_shells(
    running: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHEETAL_LEDGER_URL", "of another project")
    monkeypatch.setenv("NOT_OURS", "kept")
    code = (
        "import os, time; print(*sorted(n for n in os.environ if n[:4] in ('SHEE', 'NOT_')), flush=True); time.sleep(9)"
    )
    running.start(spec("one", code, tmp_path, SHEETAL_DEMO="1"))
    running.wait_ready(["one"])
    assert running.log_tail("one") == "NOT_OURS SHEETAL_DEMO"


def test_one_that_dies_is_named_with_its_code_and_last_words(running: Supervisor, tmp_path: Path) -> None:
    running.start(ProcessSpec("broken", python(FAILING), {}, lambda: False))
    with pytest.raises(Unavailable, match="broken ended by itself with code 7") as caught:
        running.wait_ready(["broken"])
    assert "no: the disk is full" in caught.value.next_step
    assert not running.is_running("broken")
    assert (tmp_path / "logs" / "broken.log").read_text().count("\n") == 2


def test_one_that_dies_later_is_found(running: Supervisor, tmp_path: Path) -> None:
    running.start(spec("one", SLEEPER, tmp_path))
    running.wait_ready(["one"])
    os.kill(running.pid_of("one"), signal.SIGKILL)
    until(lambda: not running.is_running("one"))
    with pytest.raises(Unavailable, match="one ended by itself with code -9"):
        running.raise_if_any_died()


def test_one_that_dawdles_is_named(running: Supervisor, tmp_path: Path) -> None:
    running.start(spec("quick", SLEEPER, tmp_path))
    running.start(ProcessSpec("slow", python(SLEEPER), {}, lambda: False))
    with pytest.raises(Unavailable, match=r"slow was not ready within 1 s"):
        running.wait_ready(["quick", "slow"], 1.0)


def test_a_program_that_is_not_there_is_named(running: Supervisor) -> None:
    running.start(ProcessSpec("gone", ("/no/such/program",), {}, lambda: False))
    with pytest.raises(Unavailable, match="gone ended by itself with code 127") as caught:
        running.wait_ready(["gone"])
    assert caught.value.next_step == "/no/such/program cannot be started: No such file or directory"


def test_the_tail_of_a_long_log_is_short(running: Supervisor, tmp_path: Path) -> None:
    code = "print('\\n'.join(map(str, range(1000))), flush=True); import time; time.sleep(600)"
    running.start(spec("talker", code, tmp_path))
    running.wait_ready(["talker"])
    assert running.log_tail("talker").splitlines() == [str(number) for number in range(988, 1000)]


def test_stopping_one_asks_first_and_leaves_the_others(running: Supervisor, tmp_path: Path) -> None:
    for name in ("one", "two"):
        running.start(spec(name, SLEEPER, tmp_path))
    running.wait_ready(["one", "two"])
    first = running.pid_of("one")
    assert running.stop_one("one") == -signal.SIGTERM
    assert not is_alive(first)
    assert running.is_running("two")
    running.raise_if_any_died()


def test_one_that_ignores_being_asked_is_forced(
    running: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.4)
    running.start(spec("stubborn", STUBBORN, tmp_path))
    running.wait_ready(["stubborn"])
    assert running.stop_one("stubborn") == -signal.SIGKILL


def test_a_stopped_one_starts_again_as_before(running: Supervisor, tmp_path: Path) -> None:
    code = "import os, time; print(os.environ['WORD'], flush=True); time.sleep(600)"
    running.start(spec("one", code, tmp_path, WORD="again"))
    running.wait_ready(["one"])
    before = running.pid_of("one")
    running.stop_one("one")
    running.restart("one")
    assert running.pid_of("one") != before
    until(lambda: running.log_tail("one") == "again\nagain")


def test_all_are_stopped_the_last_started_first(
    running: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signalled: list[int] = []
    send = subprocess.Popen.send_signal

    def watched(process: subprocess.Popen[Any], number: int) -> None:
        signalled.append(process.pid)
        send(process, number)

    monkeypatch.setattr(subprocess.Popen, "send_signal", watched)
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 1.0)
    codes = {"broker": SLEEPER, "service": STUBBORN, "gateway": SLEEPER}
    for name, code in codes.items():
        running.start(spec(name, code, tmp_path))
    running.wait_ready(list(codes))
    pids = [running.pid_of(name) for name in codes]
    began = time.monotonic()
    running.stop()
    assert signalled[:3] == pids[::-1]
    assert not any(is_alive(pid) for pid in pids)
    assert time.monotonic() - began < 4
    running.stop()


def test_it_can_start_again_after_a_full_stop(running: Supervisor, tmp_path: Path) -> None:
    running.stop()
    running.start(spec("one", SLEEPER, tmp_path))
    running.wait_ready(["one"])


ORPHANING = f"""
import sys, time
from pathlib import Path
from demo.supervisor import ProcessSpec, Supervisor

made = Supervisor(Path(sys.argv[1]), Path.cwd())
for name, code in (("asked", {SLEEPER!r}), ("forced", {STUBBORN!r})):
    made.start(ProcessSpec(name, (sys.executable, "-c", code)))
print(made.pid_of("asked"), made.pid_of("forced"), flush=True)
time.sleep(600)
"""


def test_nothing_lives_on_when_the_supervisor_itself_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORPHANING, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        until(lambda: all("up" in (tmp_path / f"{name}.log").read_text() for name in ("asked", "forced")))
        parent.kill()
        assert parent.wait(5) == -signal.SIGKILL
    assert len(children) == 2
    until(lambda: not any(is_alive(pid) for pid in children), seconds=8)


def test_one_interrupted_between_birth_and_entry_is_ended_too(
    running: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    born: list[subprocess.Popen[bytes]] = []
    begin = subprocess.Popen.__init__

    def interrupted(process: subprocess.Popen[bytes], *words: Any, **options: Any) -> None:  # noqa: ANN401 - Popen's own
        begin(process, *words, **options)
        if "pass_fds" in options:
            born.append(process)
            threading.Thread(target=process.wait, daemon=True).start()
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "__init__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        running.start(spec("one", SLEEPER, tmp_path))
    running.stop()
    assert born[0].wait(5) == -signal.SIGTERM


def test_our_own_modules_run_under_this_interpreter() -> None:
    assert python_module("ingest", "--x") == (sys.executable, "-m", "ingest", "--x")
