"""The command line: what it answers, how it ends, and that nothing of it stays."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from demo import app, screen, story
from demo.app import Interrupts, main
from demo.broker import ROOT
from demo.plan import Plan, Ports, free_ports
from demo.story import Played, Step
from sheetal.contracts.problem import SettingProblem, Unavailable
from tests.demo.children import is_alive, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

DEMO = [sys.executable, "-m", "demo", "--ports", "free", "--broker", "embedded", "--readings", "embedded"]


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """The command line takes SIGTERM over; the next test has it back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class QuickDistrict:
    """Stands where the district stands, for what the command line makes of its end."""

    entered = 0

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.supervisor = self

    def __enter__(self) -> Self:
        QuickDistrict.entered += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        QuickDistrict.entered -= 1

    def raise_if_any_died(self) -> None:
        """Never."""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Runs the command line with these outcomes of the story's steps."""

    def run(*outcomes: str, arguments: tuple[str, ...] = ()) -> int:
        monkeypatch.setattr(app, "District", QuickDistrict)
        monkeypatch.setattr(screen, "first_screen", lambda _district: "the screen")
        monkeypatch.setattr(story, "STEPS", tuple(Step(str(n), lambda *_: "", 1) for n in range(len(outcomes))))
        played = [Played(str(n), ok=word == "ok", detail="", seconds=0) for n, word in enumerate(outcomes)]
        monkeypatch.setattr(story, "play", lambda _district, tell: [tell(one) for one in played] and played)
        return main(["--ports", "free", "--folder", str(tmp_path), *arguments])

    return run


def test_a_story_that_came_true_is_0(quick: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert quick("ok", "ok", "ok") == 0
    told = capsys.readouterr().out
    assert told.count(" ok ") == 3
    assert "3 of 3 steps ok" in told
    assert QuickDistrict.entered == 0


@pytest.mark.parametrize("outcomes", [("failed",), ("ok", "failed")])
def test_a_step_that_failed_is_1(quick: Callable[..., int], outcomes: tuple[str, ...]) -> None:
    assert quick(*outcomes) == 1


def test_a_problem_on_the_way_is_1_and_told_with_its_next_step(
    quick: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def died(_self: QuickDistrict) -> None:
        raise Unavailable("ingest ended by itself with code 7", next_step="no: the disk is full")

    monkeypatch.setattr(QuickDistrict, "__enter__", died)
    assert quick("ok") == 1
    assert capsys.readouterr().err == "ingest ended by itself with code 7\nno: the disk is full\n"


def test_ctrl_c_before_the_end_is_not_a_success(quick: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_self: QuickDistrict) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(QuickDistrict, "__enter__", interrupted)
    assert quick("ok") == 1


def test_in_a_terminal_it_stays_until_ctrl_c_and_the_story_decides(
    quick: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(_seconds: float) -> None:
        raise KeyboardInterrupt

    master, slave = pty.openpty()
    with os.fdopen(slave) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(time, "sleep", pressed)
        assert quick("ok") == 0
        assert quick("ok", "failed") == 1
    os.close(master)
    assert "The district stays up" in capsys.readouterr().out


def test_in_a_terminal_a_process_that_dies_is_told(
    quick: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def died(_self: QuickDistrict) -> None:
        raise Unavailable("alerts ended by itself with code -9")

    master, slave = pty.openpty()
    with os.fdopen(slave) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)
        monkeypatch.setattr(QuickDistrict, "raise_if_any_died", died)
        assert quick("ok") == 1
    os.close(master)
    assert "alerts ended by itself" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [("--broker", "rabbitmq"), ("--readings", "nowhere")])
def test_a_wrong_setting_is_2_and_one_line(
    wrong: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--ports", "free", "--folder", str(tmp_path), *wrong]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"{wrong[0]} {wrong[1]}")


def test_a_taken_port_is_2_and_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ports = free_ports()
    monkeypatch.setattr(app, "free_ports", lambda: ports)
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.standby))
        other.listen()
        assert main(["--ports", "free", "--folder", str(tmp_path)]) == 2
    expected = f"port {ports.standby} (standby) is taken by another program: stop it, or start with --ports free\n"
    assert capsys.readouterr().err == expected


def test_without_a_word_the_well_known_ports_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Ports] = []

    def refuse(ports: Ports) -> None:
        asked.append(ports)
        raise SettingProblem("taken")

    monkeypatch.setattr(app, "refuse_taken", refuse)
    assert main([]) == 2
    assert asked == [Ports()]


def test_an_earlier_demos_leavings_are_emptied_and_nothing_else(quick: Callable[..., int], tmp_path: Path) -> None:
    for name in ("data", "logs", "soak"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").touch()
    assert quick("ok") == 0
    assert (tmp_path / "soak" / "old").exists()
    assert not (tmp_path / "data" / "old").exists()
    assert not (tmp_path / "logs" / "old").exists()


def pids_in(folder: Path) -> set[int]:
    """Every living process that was started with this folder in its command or, where that can be seen, environment."""
    shown = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True).stdout
    found = {int(line.split()[0]) for line in shown.splitlines() if str(folder) in line}
    return {pid for pid in found if is_alive(pid)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_the_demo_outlives_it(tmp_path: Path, number: signal.Signals) -> None:
    command = [*DEMO, "--folder", str(tmp_path / "demo")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        until(lambda: len(pids_in(tmp_path)) >= 5, seconds=60)
        process.send_signal(number)
        told = process.communicate(timeout=60)[0].decode()
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 1), told
    until(lambda: pids_in(tmp_path) == set(), seconds=10)


def test_a_service_that_refuses_to_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    command = [*DEMO, "--folder", str(tmp_path / "demo"), "--readings", "nonsense://x"]
    ended = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "ended by itself with code 2" in ended.stderr
    assert "SHEETAL_READINGS_URL" in ended.stderr
    assert pids_in(tmp_path) == set()


def test_an_interrupt_that_was_lost_is_raised_at_the_next_step() -> None:
    interrupts = Interrupts()
    interrupts.raise_if_any_came()
    with contextlib.suppress(KeyboardInterrupt):
        interrupts(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        interrupts.raise_if_any_came()
