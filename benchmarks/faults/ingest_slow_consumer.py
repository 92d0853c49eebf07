"""The way of the acks is slow: the broker hardly reads what ingest says, or the gateways hardly read what it answers.

Ingest's memory stays bounded and it lives on; the gateways send again what they hear nothing of; when the way is quick
again all drains, each row once.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.faults.fleet import Fleet
from benchmarks.faults.fleet_line import DRAIN_SECONDS_MAX, FleetLine, Parts
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import brokers
from benchmarks.faults.link import Link
from benchmarks.faults.outage import watch
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.faults.fleet_count import Count

FULL = 4
HOW = (
    "the link from ingest to Mosquitto, or from Mosquitto to the gateways' acks, held to 2 kB/s for 2 min under "
    "300 messages/s of 1,000 gateways that re-send: memory grows ≤ 64 MiB and not in the second half, same process; "
    "then truth = store, each row once"
)
SLOW_SECONDS = 120.0
SLOW_BYTES_PER_SECOND = 2_000.0
"""About ten acks."""
HISTORY_HOURS = 22
FLOW_MESSAGES = 100
BROKER, GATEWAYS = "the broker reads slowly", "the gateways read slowly"
WAYS = (BROKER, GATEWAYS)


def run(first: int, count: int, ways: Sequence[str] = WAYS, seconds: float = SLOW_SECONDS, broker: str = "") -> int:
    """Tries number `first` and on, each slow for so many seconds; how many broke a promise."""
    failed = 0
    for seed in range(first, first + count):
        begins_ms = now_ms() - HISTORY_HOURS * HOUR_MS
        plan = Plan(
            begins_ms, gateways=1_000, messages_per_second=300, resend_seconds=2, resend_seconds_max=8, seed=seed
        )
        way = ways[seed % len(ways)]
        with tempfile.TemporaryDirectory(prefix="sheetal-slow-consumer-") as folder:
            line = FleetLine(Path(folder), plan, Parts(broker or brokers()[0]))
            found = slow_down(line, way, seconds)
            print(f"  seed {seed}: {way} for {seconds:.0f} s: {found}", flush=True)
        failed += not found.held
    return failed


def slow_down(line: FleetLine, way: str, seconds: float) -> Count:
    """One slow way under load and its end."""
    line.broker.start().wait_until_ready()
    with Link(line.broker_port) as link:
        if way == BROKER:
            line.ingest_broker = link.url
        else:
            line.fleet = Fleet(line.plan, line.broker_port, ack_port=link.port)
        with line:
            return _play(line, link, way, seconds)


def _play(line: FleetLine, link: Link, way: str, seconds: float) -> Count:
    line.fleet.make()
    flowed = line.flows(FLOW_MESSAGES)
    pid = line.ingest.pid
    if way == BROKER:
        link.to_broker_bytes_per_second = SLOW_BYTES_PER_SECOND
    else:
        link.to_client_bytes_per_second = SLOW_BYTES_PER_SECOND
    watched = watch(line, seconds, is_dead=False)
    link.to_broker_bytes_per_second = link.to_client_bytes_per_second = None
    print(f"    {watched}; {line.fleet.outboxes.pending:,} messages waited", flush=True)
    began = time.monotonic()
    found = line.settle(DRAIN_SECONDS_MAX)
    print(f"    drained in {time.monotonic() - began:.0f} s", flush=True)
    problems = {"no load came up": not flowed, f"ingest ended:\n{line.ingest.log_tail()}": line.ingest.pid != pid}
    found.problems.extend([*watched.problems(is_dead=False), *(what for what, stands in problems.items() if stands)])
    return found
