from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from edge_agent.watchdog import STATUS_SECONDS, Systemd, Watchdog
from tests.edge_agent.kit import write_settings

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).parents[2]
STARTS_SECONDS = 20.0


class Listener:
    """What systemd is for a service: a datagram socket under a name, and nothing else."""

    def __init__(self, address: str) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(address)

    def heard(self, seconds: float = 0.0) -> list[str] | None:
        """The lines of the next datagram; None where none comes in time."""
        self._line.settimeout(seconds or 0.001)
        try:
            return self._line.recv(4_096).decode().split("\n")
        except TimeoutError:
            return None

    def hears(self, word: str, seconds: float) -> bool:
        """Whether a datagram with this line comes in time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            told = self.heard(left)
            if told and word in told:
                return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def environment(path: object, usec: str = "60000000") -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": usec}


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


def test_it_is_up_then_gets_on_then_stops_in_the_words_of_systemd(address: str) -> None:
    clock = Clock()
    with Listener(address) as systemd:
        watchdog = Watchdog(Systemd.of_environment(environment(address)), [], lambda: "all is well", clock)
        watchdog.begin()
        assert systemd.heard() == ["READY=1", "STATUS=all is well"]
        watchdog.look()
        assert systemd.heard() is None, "it has just spoken"
        clock.seconds += 20
        watchdog.look()
        assert systemd.heard() == ["WATCHDOG=1", "STATUS=all is well"]
        watchdog.end()
        assert systemd.heard() == ["STOPPING=1"]


def test_it_speaks_three_times_in_the_time_that_it_has(address: str) -> None:
    clock = Clock()
    with Listener(address) as systemd:
        watchdog = Watchdog(Systemd.of_environment(environment(address)), [], lambda: "", clock)
        watchdog.begin()
        for _ in range(60):
            clock.seconds += 1
            watchdog.look()
        words = [systemd.heard() for _ in range(5)]
    assert sum(bool(told) and told[0] == "WATCHDOG=1" for told in words if told) == 3


def test_it_is_silent_while_anything_is_stuck_and_speaks_again_at_once(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, fine = Clock(), [True, True]
    checks = [("the left one", lambda: fine[0]), ("the right one", lambda: fine[1])]
    with Listener(address) as systemd:
        watchdog = Watchdog(Systemd.of_environment(environment(address)), checks, lambda: "all is well", clock)
        watchdog.begin()
        systemd.heard()
        fine[1] = False
        for _ in range(3):
            clock.seconds += 20
            watchdog.look()
            assert systemd.heard() == ["STATUS=stuck: the right one"]
        assert caplog.messages == ["the gateway does not get on: the right one"]
        fine[1] = True
        watchdog.look()
        assert systemd.heard() == ["WATCHDOG=1", "STATUS=all is well"]
        assert caplog.messages[1:] == []


def test_an_outbox_that_fails_is_stuck(address: str) -> None:
    def fails() -> bool:
        raise sqlite3.OperationalError("database is locked")

    clock = Clock()
    with Listener(address) as systemd:
        watchdog = Watchdog(Systemd.of_environment(environment(address)), [("outbox", fails)], lambda: "", clock)
        clock.seconds += 20
        watchdog.look()
        assert systemd.heard() == ["STATUS=stuck: outbox"]


def test_without_a_watchdog_it_only_says_how_it_is_once_a_minute(address: str) -> None:
    clock = Clock()
    with Listener(address) as systemd:
        watchdog = Watchdog(Systemd.of_environment({"NOTIFY_SOCKET": address}), [], lambda: "well", clock)
        watchdog.begin()
        assert systemd.heard() == ["READY=1", "STATUS=well"]
        clock.seconds += STATUS_SECONDS - 1
        watchdog.look()
        assert systemd.heard() is None
        clock.seconds += 1
        watchdog.look()
        assert systemd.heard() == ["WATCHDOG=1", "STATUS=well"]


def test_started_by_hand_it_says_nothing_and_asks_nothing() -> None:
    def never() -> bool:
        raise AssertionError("nobody wants to know")

    clock = Clock()
    watchdog = Watchdog(Systemd.of_environment({}), [("never", never)], lambda: "", clock)
    watchdog.begin()
    clock.seconds += 1_000
    watchdog.look()
    watchdog.end()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, Systemd()),
        ({"NOTIFY_SOCKET": "/run/systemd/notify"}, Systemd("/run/systemd/notify")),
        ({"NOTIFY_SOCKET": "@abstract"}, Systemd("\0abstract")),
        ({"NOTIFY_SOCKET": "vsock:2:1234"}, Systemd()),
        (environment("/n", "30000000"), Systemd("/n", 30.0)),
        (environment("/n", "soon"), Systemd("/n")),
        (environment("/n", "0"), Systemd("/n")),
        (environment("/n") | {"WATCHDOG_PID": "1"}, Systemd("/n")),
        (environment("/n") | {"WATCHDOG_PID": str(os.getpid())}, Systemd("/n", 60.0)),
        ({"WATCHDOG_USEC": "60000000"}, Systemd()),
    ],
)
def test_what_systemd_said_is_understood(told: dict[str, str], expected: Systemd) -> None:
    assert Systemd.of_environment(told) == expected


def test_an_abstract_name_is_reached() -> None:
    name = f"sheetal-test-{os.getpid()}"
    with Listener("\0" + name) as systemd:
        Systemd.of_environment({"NOTIFY_SOCKET": "@" + name}).say("READY=1")
        assert systemd.heard() == ["READY=1"]


def test_a_systemd_that_is_gone_or_deaf_holds_nobody_up(address: str, caplog: pytest.LogCaptureFixture) -> None:
    systemd = Systemd.of_environment(environment(address))
    systemd.say("READY=1")
    assert "systemd cannot be told READY=1" in caplog.text
    with Listener(address):
        began = time.monotonic()
        for _ in range(2_000):
            systemd.say("WATCHDOG=1")
        assert time.monotonic() - began < 5


@pytest.mark.stack
def test_a_real_gateway_falls_silent_while_its_outbox_is_held_and_speaks_again(tmp_path: Path, address: str) -> None:
    settings = write_settings(tmp_path, hub_port=1)
    with Listener(address) as systemd:
        gateway = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "run", "--config", str(settings)],
            cwd=ROOT, stderr=subprocess.DEVNULL, env=os.environ | environment(address, "3000000"),
        )  # fmt: skip
        try:
            assert systemd.hears("READY=1", STARTS_SECONDS)
            assert systemd.hears("WATCHDOG=1", STARTS_SECONDS)
            holder = sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            assert systemd.hears("STATUS=stuck: the outbox cannot be written", 2 * STARTS_SECONDS)
            assert not systemd.hears("WATCHDOG=1", 8.0), "although its loop has looked again"
            holder.execute("ROLLBACK")
            holder.close()
            assert systemd.hears("WATCHDOG=1", 2 * STARTS_SECONDS)
            gateway.terminate()
            assert systemd.hears("STOPPING=1", STARTS_SECONDS)
            assert gateway.wait(STARTS_SECONDS) == 0
        finally:
            gateway.kill()
            gateway.wait()
