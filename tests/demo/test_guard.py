"""Nothing that the guard watches outlives the one who asked it to watch."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import guard
from demo.guard import Guard, left_at_the_end
from tests.demo.children import SLEEPER, STUBBORN, is_alive, python, until

if TYPE_CHECKING:
    from collections.abc import Iterator


def begin(guarding: Guard, code: str = SLEEPER) -> subprocess.Popen[bytes]:
    """A process that has announced itself and is up."""
    command, pipe = guarding.announced(python(code))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, pass_fds=(pipe,))
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    return process


def collecting(*processes: subprocess.Popen[bytes]) -> None:
    """Collect each as soon as it ends, as init does for those whose parent is gone."""
    for process in processes:
        threading.Thread(target=process.wait, daemon=True).start()


@pytest.fixture
def guarding() -> Iterator[Guard]:
    made = Guard()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ([], []),
        (["+12\n", "+13\n"], [13, 12]),
        (["+12\n", "+13\n", "-12\n"], [13]),
        (["+12\n", "-12\n", "+12\n"], [12]),
        (["-12\n"], []),
        (["+12"], [12]),
        (["+1\n", "+0\n", "+-1\n", "+x\n", "+\n", "\n", "12\n", "+²\n"], []),
    ],
)
def test_what_is_left_is_what_began_and_did_not_end(lines: list[str], left: list[int]) -> None:
    assert left_at_the_end(lines) == left


@given(st.lists(st.tuples(st.booleans(), st.integers(2, 9)), max_size=40))
def test_it_is_a_set_that_remembers_order(told: list[tuple[bool, int]]) -> None:
    left: list[int] = []
    for begins, pid in told:
        if begins and pid not in left:
            left.append(pid)
        elif not begins and pid in left:
            left.remove(pid)
    assert left_at_the_end([f"{'+' if begins else '-'}{pid}\n" for begins, pid in told]) == left[::-1]


def test_when_the_pipe_breaks_the_group_ends(guarding: Guard) -> None:
    process = begin(guarding)
    collecting(process)
    guarding.close()
    assert process.wait(5) == -signal.SIGTERM
    assert guarding.pid is None


def test_one_who_ignores_being_asked_is_forced(guarding: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "ASKED_SECONDS_MAX", 0.3)
    process = begin(guarding, STUBBORN)
    began = time.monotonic()
    guard.end([process.pid])
    assert process.wait(5) == -signal.SIGKILL
    assert time.monotonic() - began < 3


def test_who_was_forgotten_is_left_alone(guarding: Guard) -> None:
    process = begin(guarding)
    guarding.forget(process.pid)
    guarding.close()
    time.sleep(0.2)
    assert process.poll() is None
    process.kill()
    process.wait()


def test_grandchildren_go_too(guarding: Guard) -> None:
    code = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); p.wait()"
    command, pipe = guarding.announced(python(code))
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, pass_fds=(pipe,)) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        collecting(parent)
        guarding.close()
        assert parent.stdout.read() == b""


def test_those_just_being_born_are_heard_too(guarding: Guard) -> None:
    command, pipe = guarding.announced(python(SLEEPER))
    born = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True, pass_fds=(pipe,))
        for _ in range(10)
    ]
    collecting(*born)
    guarding.close()
    assert [process.wait(5) for process in born] == [-signal.SIGTERM] * 10


def test_only_groups_are_signalled_never_a_lone_pid() -> None:
    with subprocess.Popen(python(SLEEPER), stdout=subprocess.PIPE) as in_our_group:
        assert in_our_group.stdout is not None
        in_our_group.stdout.readline()
        guard.end([in_our_group.pid])
        assert in_our_group.poll() is None
        in_our_group.kill()


def test_the_command_is_itself_afterwards_and_holds_no_pipe(guarding: Guard) -> None:
    code = (
        "import os, signal, sys; print(signal.getsignal(13), sys.argv, os.path.exists('/proc/self/fd/' + sys.argv[1]))"
    )
    guarding.announced(python("pass"))
    command, pipe = guarding.announced((*python(code), "3"))
    said = subprocess.run(
        [*command[:-1], str(pipe)], capture_output=True, pass_fds=(pipe,), start_new_session=True, check=True
    ).stdout.decode()
    assert said == f"1 ['-c', '{pipe}'] False\n"


def test_a_broken_pipe_ends_a_command_as_it_would_without_a_guard(guarding: Guard) -> None:
    command, pipe = guarding.announced(("sh", "-c", "kill -PIPE $$; echo survived"))
    ended = subprocess.run(command, capture_output=True, pass_fds=(pipe,), start_new_session=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGPIPE, b"")


def test_a_program_that_is_not_there_is_one_line_and_127(guarding: Guard) -> None:
    command, pipe = guarding.announced(("/no/such/program", "x"))
    ended = subprocess.run(command, capture_output=True, pass_fds=(pipe,), start_new_session=True, check=False)
    assert ended.returncode == 127
    assert ended.stderr == b"/no/such/program cannot be started: No such file or directory\n"


def test_it_goes_on_when_somebody_kills_the_guard(guarding: Guard) -> None:
    first = begin(guarding)
    assert guarding.pid is not None
    os.kill(guarding.pid, signal.SIGKILL)
    until(lambda: not is_alive(guarding.pid or 0))
    second = begin(guarding)
    for process in (first, second):
        process.kill()
        process.wait()
        guarding.forget(process.pid)


def test_closing_twice_or_unused_is_harmless() -> None:
    unused = Guard()
    unused.close()
    unused.forget(12)
    unused.close()
    assert unused.pid is None
