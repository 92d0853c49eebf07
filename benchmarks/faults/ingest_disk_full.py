"""The disk below ingest's store, or below its own file, without room: it stops acknowledging, says so, and lives on.

A foreign file takes all that is free on a small disk in memory (needs root), or the system refuses every byte beyond a
size to ingest's files. When there is room again all drains, each row once.
"""

from __future__ import annotations

import resource
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.disk_full import CHUNK_BYTES, mounted
from benchmarks.faults.fleet_line import DRAIN_SECONDS_MAX, INFLUXD, FleetLine, Parts
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import EMBEDDED, wait_for
from benchmarks.faults.outage import watch
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.faults.fleet_count import Count

FULL = 4
HOW = (
    "the embedded store's disk, ingest's own, or InfluxDB's filled by a foreign file, or all of ingest's files limited "
    "in size, for 60 s under 200 messages/s: nothing acknowledged meanwhile, the health page says why, memory grows "
    "≤ 64 MiB, same process; then truth = store, each row once"
)
FULL_SECONDS = 60.0
HISTORY_HOURS = 22
DISK_MEBIBYTES = 48
FILL_SECONDS_MAX = 60.0
FLOW_MESSAGES = 200
FILE_BYTES_MAX = 64 * 1024


class Way(NamedTuple):
    """How there comes to be no room while the context is open, and which parts stand on the small disk."""

    away: Callable[[FleetLine, Path], AbstractContextManager[None]]
    parts: Callable[[Path], Parts]
    needs_disk: bool = True


def run(first: int, count: int, ways: Sequence[str] = (), seconds: float = FULL_SECONDS, broker: str = EMBEDDED) -> int:
    """Full disks number `first` and on, for so many seconds; how many broke a promise."""
    failed = 0
    for seed in range(first, first + count):
        name = (ways or list(WAYS))[seed % len(ways or WAYS)]
        with tempfile.TemporaryDirectory(prefix="sheetal-ingest-full-") as folder:
            found = fill(Path(folder), seed, WAYS[name], seconds, broker)
            print(f"  seed {seed}: {name}: {found}", flush=True)
        failed += not found.held
    return failed


def fill(folder: Path, seed: int, way: Way, seconds: float, broker: str) -> Count:
    """One full disk under load and its end."""
    begins_ms = now_ms() - HISTORY_HOURS * HOUR_MS
    plan = Plan(begins_ms, gateways=500, messages_per_second=200, resend_seconds=2, resend_seconds_max=8, seed=seed)
    disk = folder / "disk"
    disk.mkdir()
    with ExitStack() as stack:
        if way.needs_disk:
            stack.enter_context(mounted(disk, DISK_MEBIBYTES))
        line = stack.enter_context(FleetLine(folder, plan, way.parts(disk)._replace(broker=broker)))
        line.fleet.make()
        flowed = line.flows(FLOW_MESSAGES)
        pid = line.ingest.pid
        with way.away(line, disk):
            watched = watch(line, seconds)
        print(f"    {watched}; {line.fleet.outboxes.pending:,} messages waited", flush=True)
        found = line.settle(DRAIN_SECONDS_MAX)
        problems = {"no load came up": not flowed, f"ingest ended:\n{line.ingest.log_tail()}": line.ingest.pid != pid}
        found.problems.extend([*watched.problems(), *(problem for problem, stands in problems.items() if stands)])
    return found


# The ways


@contextmanager
def _foreign_file(line: FleetLine, disk: Path) -> Iterator[None]:
    """Somebody else takes whatever is free, again and again, until ingest says that it cannot go on."""
    stranger = disk / "foreign"

    def grown() -> bool:
        with stranger.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(CHUNK_BYTES)):
                pass
        return bool(line.health().get("problem"))

    wait_for(grown, FILL_SECONDS_MAX, 0.3)
    try:
        yield
    finally:
        stranger.unlink()


@contextmanager
def _foreign_file_and_restart(line: FleetLine, disk: Path) -> Iterator[None]:
    """The same, and then the server is killed and started again, without which InfluxDB 1.6.7 stays in its error.

    Its queries show what it could not write to its log, so that a row which was only read back is gone then.
    """
    with _foreign_file(line, disk):
        yield
    if line.store is not None:
        line.store.kill()
        line.store.start().wait_until_ready()


@contextmanager
def _limited_files(line: FleetLine, _disk: Path) -> Iterator[None]:
    """The system refuses every byte beyond a size, as for a quota."""
    pid = line.ingest.pid
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


WAYS = {
    "the readings' disk": Way(_foreign_file, lambda disk: Parts(readings_folder=disk)),
    "ingest's own disk": Way(_foreign_file, lambda disk: Parts(telemetry_folder=disk)),
    "InfluxDB's disk": Way(_foreign_file_and_restart, lambda disk: Parts(store=INFLUXD, readings_folder=disk)),
    "limited files": Way(_limited_files, lambda _: Parts(), needs_disk=False),
}
WITHOUT_ROOT = ("limited files",)
