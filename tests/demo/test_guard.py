"""Nothing that the guard watches outlives the one who asked it to watch."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import guard
from demo.guard import Guard, watched_at_the_end
from tests.demo.children import SLEEPER, STUBBORN, is_alive, python, until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def group() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a group of its own, and is up."""
    with subprocess.Popen(python(SLEEPER), stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


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
    assert watched_at_the_end(lines) == left


@given(st.lists(st.tuples(st.booleans(), st.integers(2, 9)), max_size=40))
def test_it_is_a_set_that_remembers_order(told: list[tuple[bool, int]]) -> None:
    left: list[int] = []
    for begins, pid in told:
        if begins and pid not in left:
            left.append(pid)
        elif not begins and pid in left:
            left.remove(pid)
    assert watched_at_the_end([f"{'+' if begins else '-'}{pid}\n" for begins, pid in told]) == left[::-1]


def test_a_broken_pipe_ends_the_group(group: subprocess.Popen[bytes]) -> None:
    watching = Guard()
    watching.watch(group.pid)
    watching.close()
    assert group.wait(5) == -signal.SIGTERM
    assert watching.pid is None


def test_one_who_ignores_being_asked_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "ASKED_SECONDS_MAX", 0.3)
    with subprocess.Popen(python(STUBBORN), stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        guard.end([process.pid])
        assert process.wait(5) == -signal.SIGKILL
        assert time.monotonic() - began < 3


def test_who_was_forgotten_is_left_alone(group: subprocess.Popen[bytes]) -> None:
    watching = Guard()
    watching.watch(group.pid)
    watching.forget(group.pid)
    watching.close()
    time.sleep(0.2)
    assert group.poll() is None


def test_only_groups_are_signalled_never_a_lone_pid() -> None:
    with subprocess.Popen(python(SLEEPER), stdout=subprocess.PIPE) as in_our_group:
        assert in_our_group.stdout is not None
        in_our_group.stdout.readline()
        guard.end([in_our_group.pid])
        assert in_our_group.poll() is None
        in_our_group.kill()


def test_it_goes_on_when_somebody_kills_the_guard(group: subprocess.Popen[bytes]) -> None:
    watching = Guard()
    watching.watch(group.pid)
    assert watching.pid is not None
    os.kill(watching.pid, signal.SIGKILL)
    until(lambda: not is_alive(watching.pid or 0))
    watching.watch(group.pid)
    watching.forget(group.pid)
    watching.close()


def test_closing_twice_or_unused_is_harmless() -> None:
    watching = Guard()
    watching.close()
    watching.forget(12)
    watching.close()
    assert watching.pid is None
