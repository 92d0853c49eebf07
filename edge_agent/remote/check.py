"""`python -m edge_agent check --config FILE`: the whole way from settings to ingest, tried and told line by line.

It connects under the gateway's own id, so a gateway that runs meanwhile is disconnected for a moment.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from edge_agent.outbox.outbox import Outbox
from edge_agent.settings import certificate
from edge_agent.settings.broker import tls_context
from edge_agent.settings.file import Settings, load_settings
from edge_agent.timekeeper import Machine, Timekeeper
from edge_agent.uplink.broker_trouble import words_of
from edge_agent.uplink.uplink import CONNECT_SECONDS_MAX, Question
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

ANSWER_SECONDS_MAX = 20.0
OBJECTION_SECONDS = 1.0
FAILED = "FAILED"


class Finding(NamedTuple):
    """One line: what was looked at, whether it holds, and what was found."""

    what: str
    holds: bool
    found: str

    def __str__(self) -> str:
        return f"{'ok' if self.holds else FAILED:<7}{self.what}: {self.found}"


def main(arguments: Sequence[str], out: TextIO = sys.stdout) -> int:
    """The command line: 0 when all holds, 1 when something does not, 2 for settings that cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m edge_agent check", description="Tries a gateway's whole way.")
    parser.add_argument("--config", type=Path, required=True, help="the gateway's settings file")
    parser.add_argument("--seconds", type=float, default=ANSWER_SECONDS_MAX, help="how long to wait for ingest")
    asked = parser.parse_args(arguments)
    try:
        settings = load_settings(asked.config)
    except SettingProblem as problem:
        out.write(f"{Finding('settings', holds=False, found=problem.message)}\n")
        return 2
    all_hold = True
    for finding in findings(settings, asked.seconds):
        out.write(f"{finding}\n")
        out.flush()
        all_hold = all_hold and finding.holds
    return 0 if all_hold else 1


def findings(settings: Settings, seconds: float) -> Iterator[Finding]:
    """Each thing that was tried, in the order of the way; what stands on a failed one is not tried."""
    sensors = ", ".join(settings.sensors) or "no source yet"
    yield Finding("settings", holds=True, found=f"gateway {settings.gateway}, {sensors}")
    yield Finding("sealing key", holds=True, found=f"{len(settings.key)} bytes")
    yield _certificate(settings, now_ms())
    reached = _reach(settings)
    yield reached
    if reached.holds:
        yield _answer(settings, seconds)


def _certificate(settings: Settings, at_ms: int) -> Finding:
    path = settings.broker.certificate_file
    if path is None:
        return Finding("certificate", holds=True, found="none; the broker may want one")
    life = certificate.life_of(path)
    if life is None:
        return Finding("certificate", holds=False, found=f"{path} holds none: enrol the gateway again")
    days = certificate.days_left(life.ends_at_ms, at_ms)
    until = time.strftime("%Y-%m-%d", time.gmtime(life.ends_at_ms // 1_000))
    if days < 0:
        return Finding("certificate", holds=False, found=f"ended on {until} (or this clock is wrong): enrol it again")
    return Finding("certificate", holds=True, found=f"until {until}, {days} days left")


def _reach(settings: Settings) -> Finding:
    broker = settings.broker
    try:
        with socket.create_connection((broker.host, broker.port), CONNECT_SECONDS_MAX) as plain:
            if not broker.tls:
                return Finding("broker", holds=True, found=f"{broker.host}:{broker.port} answers, in the clear")
            with tls_context(broker, now_ms()).wrap_socket(plain, server_hostname=broker.host) as spoken:
                _hear_an_objection(spoken)
                found = f"{broker.host}:{broker.port}, {spoken.version()}, name proved"
                return Finding("broker", holds=True, found=found)
    except (OSError, ValueError) as error:
        return Finding("broker", holds=False, found=words_of(error))


def _hear_an_objection(spoken: ssl.SSLSocket) -> None:
    """Under TLS 1.3 a broker says what is wrong with our certificate only after the handshake; raises OSError then.

    A broker that is content says nothing, for it waits for our first word.
    """
    spoken.settimeout(OBJECTION_SECONDS)
    try:
        if spoken.recv(1) == b"":
            raise ConnectionError("it hung up after the handshake")
    except TimeoutError:
        return


def _answer(settings: Settings, seconds: float) -> Finding:
    """A sealed question to ingest, through the broker, and its sealed answer; the gateway's outbox stays as it is."""
    with tempfile.TemporaryDirectory(prefix="sheetal-check-") as folder:
        outbox = Outbox(Path(folder) / "check.outbox")
        timekeeper = Timekeeper(Machine(settings.clock.system_is_synchronised), outbox)
        uplink = Question(settings, outbox, clock=timekeeper.now_ms, time_keeper=timekeeper)
        began_seconds = time.monotonic()
        uplink.start()
        try:
            _wait(lambda: uplink.status().acks > 0, seconds)
            status = uplink.status()
        finally:
            uplink.stop()
            outbox.close()
    taken_seconds = time.monotonic() - began_seconds
    if status.acks:
        offset = "unknown" if timekeeper.offset_ms is None else f"{timekeeper.offset_ms} ms"
        return Finding("ingest", holds=True, found=f"answered after {taken_seconds:.1f} s, clock off by {offset}")
    if not status.connected:
        return Finding("ingest", holds=False, found=status.problem or "the broker did not let this gateway in")
    return Finding(
        "ingest", holds=False, found=f"no answer within {seconds:g} s: is it running, and does it know this gateway?"
    )


def _wait(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not true() and time.monotonic() < deadline:
        pause.wait(0.05)
