"""The reconnect storm: a broker is killed, stays away, comes back, and a whole state's gateways with it.

`python -m benchmarks.faults.storm [GATEWAYS] [SECONDS AWAY]`: real Mosquitto with the shipped limits, the real ingest,
real MQTT 5 connections on loopback. What is not real: no TLS, no access rules, and all of it on one machine whose
processors the gateways share. A gateway leaves once it is answered, and no more are connected at a time than three
quarters of the files that one process may open; who is turned away comes again.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from benchmarks.faults.child import Child
from benchmarks.faults.crew import Crew
from benchmarks.faults.fleet_line import ALL_EMBEDDED, Parts
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import SERVER
from benchmarks.faults.storm_gateways import SETTING, Order, Outcome, joined
from benchmarks.record import ROOT
from demo.broker import free_port
from sheetal.contracts.clock import now_ms
from tests.stack.servers import MOSQUITTO, port_answers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sheetal.contracts.reading import Reading

FULL = 2
GATEWAYS = 30_000
AWAY_SECONDS = (3.0, 45.0)
"""A restart, after which all come with their first tries; and an outage, after which each ends its wait first."""
HOW = (
    "30,000 gateways, each with a real MQTT 5 connection and one message of ten readings, lose Mosquitto (killed) in "
    "one moment and find it again after 3 s or 45 s; one ingest worker answers; all served, each reading stored once"
)
GATEWAYS_A_PROCESS = 8_000
START_SECONDS = 6.0
SECONDS_MAX = 600.0
FULL_SHARE = 0.75
"""Of the files that a process may open: a Mosquitto that runs out of them answers nobody any more (docs/brokers.md)."""
SAMPLE_SECONDS = 0.2
SHIPPED = ROOT / "deploy" / "mosquitto" / "mosquitto.conf"
OF_ACCESS = ("allow_anonymous", "password_file", "acl_file", "per_listener")
MEBIBYTE = 1 << 20


class Report(NamedTuple):
    """What a storm was like; seconds count from the broker's return."""

    gateways: int
    outcome: Outcome
    away_seconds: float
    ingest_bytes: int
    broker_bytes: int
    problems: list[str]

    @property
    def held(self) -> bool:
        """Whether all were served and the store holds exactly what they sent."""
        return not self.problems

    def served_seconds(self, share: float) -> float:
        """When this share of the served had their answer."""
        served = self.outcome.served
        return served[min(len(served) - 1, int(share * len(served)))] - self.away_seconds if served else 0.0

    def __str__(self) -> str:
        seen = self.outcome
        half, most, last = (f"{self.served_seconds(share):.1f} s" for share in (0.5, 0.99, 1.0))
        tried, let_in = (max(seconds.values(), default=0) for seconds in (seen.tries, seen.connected))
        served = f"{len(seen.served):,} of {self.gateways:,} served after {self.away_seconds:.0f} s away"
        ends = f"{seen.turned_away:,} turned away, {seen.refused:,} refused, {seen.timed_out:,} late, {seen.cut:,} cut"
        ingest, broker = (f"{taken / MEBIBYTE:.0f} MB" for taken in (self.ingest_bytes, self.broker_bytes))
        lines = [
            f"{served}: half in {half}, 99 % in {most}, all in {last}",
            f"{sum(seen.tries.values()):,} connects, at most {tried:,}/s tried and {let_in:,}/s let in; {ends}",
            f"{seen.sent:,} messages sent; ingest at most {ingest}, broker {broker}",
            *self.problems,
        ]
        return "\n  ".join(lines)


class Coast(Crew):
    """A broker with the shipped limits, ingest and its stores, but no fleet: the gateways are processes beside it.

    `gateway_port` is theirs; as in production ingest has a listener of its own, so that none of them is in its way.
    """

    def __init__(self, folder: Path, plan: Plan, parts: Parts = ALL_EMBEDDED, *, workers: int = 1) -> None:
        super().__init__(folder, plan, parts, workers=workers)
        self.gateway_port = self.broker_port
        if parts.broker == SERVER:
            self.gateway_port = free_port()
            self.broker = shipped_broker(folder, self.broker_port, self.gateway_port)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        for child in (*self.workers, self.broker, *([self.store] if self.store else [])):
            child.kill()


class Peak:
    """The most memory that each of some processes took, looked at while this is open."""

    def __init__(self, *children: Child) -> None:
        self._children = children
        self.bytes = [0] * len(children)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.bytes = [max(most, _memory(child)) for most, child in zip(self.bytes, self._children, strict=True)]


def run(first: int, count: int, gateways: int = GATEWAYS, parts: Parts | None = None) -> int:
    """Storms number `first` and on, each after another time away; how many failed."""
    failed = 0
    for number in range(first, first + count):
        report = storm(gateways, AWAY_SECONDS[number % len(AWAY_SECONDS)], parts or Parts(SERVER), seed=number)
        print(f"  storm {number}: {report}", flush=True)
        failed += not report.held
    return failed


def storm(
    gateways: int,
    away_seconds: float,
    parts: Parts,
    *,
    seed: int = 1,
    workers: int = 1,
    resend_seconds: float = SETTING.resend_seconds,
) -> Report:
    """One storm over fresh files; gateways send again after `resend_seconds`, by default as shipped."""
    plan = Plan(now_ms() - 3_600_000, gateways=gateways, seed=seed, prefix="st")
    with (
        tempfile.TemporaryDirectory(prefix="sheetal-storm-") as name,
        Coast(Path(name), plan, parts, workers=workers) as coast,
    ):
        began = time.monotonic() + START_SECONDS
        with ExitStack() as stack:
            order = Order(plan, 0, 0, coast.gateway_port, began, SECONDS_MAX, resend_seconds, seed)
            crowds = [stack.enter_context(_crowd(one)) for one in shares(order)]
            for crowd in crowds:
                stack.callback(crowd.kill)
            time.sleep(max(0.0, began - time.monotonic()))
            coast.broker.kill()
            time.sleep(away_seconds)
            coast.broker.start().wait_until_ready()
            peak = stack.enter_context(Peak(coast.ingest, coast.broker))
            outcome = joined([msgspec.json.decode(crowd.communicate()[0], type=Outcome) for crowd in crowds])
        return Report(gateways, outcome, away_seconds, *peak.bytes, problems_of(plan, outcome, coast.stored()))


def shares(order: Order) -> list[Order]:
    """The order cut into as many as there must be processes, so that none opens more than it may."""
    firsts = range(0, order.plan.gateways, GATEWAYS_A_PROCESS)
    counts = [min(GATEWAYS_A_PROCESS, order.plan.gateways - first) for first in firsts]
    return [
        msgspec.structs.replace(order, first=first, count=count) for first, count in zip(firsts, counts, strict=True)
    ]


def problems_of(plan: Plan, outcome: Outcome, stored: Iterable[Reading]) -> list[str]:
    """What is missing, doubled or changed: all gateways were served, so the store holds each row of each once."""
    wanted = {(number, sequence) for number in range(plan.gateways) for sequence in range(1, plan.rows + 1)}
    doubled = strange = 0
    for reading in stored:
        number = plan.number(reading.sensor)
        if number is None or reading != plan.reading(number, reading.sequence):
            strange += 1
        elif (number, reading.sequence) in wanted:
            wanted.discard((number, reading.sequence))
        else:
            doubled += 1
    unserved = plan.gateways - len(outcome.served)
    counted = {
        "gateways were never answered": unserved,
        "rows are not in the store": len(wanted) if not unserved else 0,
        "rows are there more than once": doubled,
        "rows are not as they were sent": strange,
    }
    return [f"{number:,} {what}" for what, number in counted.items() if number]


def shipped_broker(folder: Path, inner: int, outer: int) -> Child:
    """Mosquitto with the shipped file's limits on two open listeners; the one for gateways leaves room for ingest."""
    common, _, _ = SHIPPED.read_text().partition("\nlistener")
    lines = [line for line in common.splitlines() if not line.startswith(OF_ACCESS)]
    text = "\n".join(lines).replace("/mosquitto/data/", f"{folder}/")
    text += f"\nallow_anonymous true\nlistener {inner} 127.0.0.1\n"
    text += f"listener {outer} 127.0.0.1\nmax_connections {connections_max()}\n"
    conf = folder / "shipped.conf"
    conf.write_text(("user root\n" if os.geteuid() == 0 else "") + text)
    command = [str(MOSQUITTO), "-c", str(conf)]
    return Child(command, folder / "shipped.log", lambda: port_answers(outer), {"PORT": str(inner)})


def connections_max() -> int:
    """How many gateways may be connected to one broker at a time here."""
    return int(resource.getrlimit(resource.RLIMIT_NOFILE)[0] * FULL_SHARE)


def _crowd(order: Order) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.faults.storm_gateways", msgspec.json.encode(order).decode()]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def _memory(child: Child) -> int:
    try:
        pages = Path(f"/proc/{child.pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def main(arguments: list[str]) -> int:
    """One storm as the arguments say, or one for each time away."""
    gateways = int(arguments[0]) if arguments else GATEWAYS
    for away_seconds in [float(one) for one in arguments[1:]] or AWAY_SECONDS:
        report = storm(gateways, away_seconds, Parts(SERVER))
        print(report, flush=True)
        if not report.held:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
