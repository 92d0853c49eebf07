"""A day-old backup: everything on the servers' side is lost, restored, and what gateways still hold comes again.

The gateways tell a long history. Early in it a backup is made, while one of them rests and the others go on. The rest
arrives, is acknowledged and judged; people act. Then broker, ingest, alerts, stores and keys are gone. The backup is
put back elsewhere, the services are started, and nothing else is done: afterwards every reading is there once, verdicts
are what they were, and the lost acts are told.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.backup_line import BackedUpLine, on_files, on_servers
from benchmarks.faults.line import EMBEDDED, REAL, Programs, brokers, wait_for
from benchmarks.faults.scene import Options, Scene
from benchmarks.faults.settled import settle
from tests.stack.servers import INFLUXD, POSTGRESQL_PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.faults.backup_line import Found, Places
    from benchmarks.faults.child import Child
    from benchmarks.faults.reconcile import Report

FULL = 4
HOW = (
    "backup made while a history of 26 h from 2 gateways arrives, the rest delivered and judged, then broker, ingest, "
    "alerts, stores and keys destroyed (kill -9, files removed; every other try PostgreSQL and InfluxDB), restored "
    "elsewhere: every reading once, verdicts and audit chain as before, lost acts of people told by the seal"
)


class Day(NamedTuple):
    """How much history there is, how fast it goes, how much is stored when the backup is made, and who ingests."""

    history_minutes: int = 26 * 60
    rows_per_second: int = 250
    part_before: float = 0.25
    seconds_max: float = 300.0
    programs: Programs = REAL


IN_FULL = Day()
SERVERS = "servers"
FILES = "files"
PROBES = 3


def run(first: int, count: int, kind: str = "", broker: str = "", day: Day = IN_FULL) -> int:
    """Restores number `first` and on; how many lost, doubled or forgot something."""
    failed = 0
    for seed in range(first, first + count):
        stores = kind or (SERVERS if seed % 2 and has_servers() else FILES)
        with tempfile.TemporaryDirectory(prefix="sheetal-restore-") as folder:
            report = attempt(Path(folder), seed, stores, broker or (brokers()[0] if seed % 2 else EMBEDDED), day)
        print(f"  seed {seed} ({stores}): {report}", flush=True)
        failed += not report.held
    return failed


def has_servers() -> bool:
    """Whether PostgreSQL and InfluxDB are installed."""
    return POSTGRESQL_PROGRAMS.exists() and INFLUXD.exists()


def attempt(folder: Path, seed: int, stores: str, broker: str, day: Day = IN_FULL) -> Report:
    """One loss and its restore; everything that was promised and not kept."""
    scene = Scene(
        gateways=2,
        probes=PROBES,
        interval_seconds=60,
        history_minutes=day.history_minutes,
        freezing=1,
        seed=seed + 1,
    )
    options = Options(uplink={"backlog_rows_per_second": day.rows_per_second, "message_age_seconds": 1})
    place = on_servers if stores == SERVERS else on_files
    with ExitStack() as stack:
        with place(folder / "lost") as lost:
            line = stack.enter_context(BackedUpLine(folder, scene, options, lost, broker, day.programs))
            before = _day(line, day)
            _destroy(line, folder)
        shutil.rmtree(folder / "lost", ignore_errors=True)
        return _restored(line, stack.enter_context(place(folder / "new")), before, day)


class Before(NamedTuple):
    """What was known right before the loss, and what went wrong until then."""

    stored: int
    in_backup: int
    verdicts: Found
    problems: list[str]


def _day(line: BackedUpLine, day: Day) -> Before:
    """From the first reading to the last act before the loss."""
    wanted = day.history_minutes * PROBES * len(line.scene.names)
    line.start()
    early = wait_for(lambda: line.stored_count() >= wanted * day.part_before, day.seconds_max, 0.2)
    with _resting(line.gateways[line.scene.names[0]]):
        line.back_up("make", str(line.folder / "data"))
    line.back_up("make-keys", str(line.folder / "keys"))
    verified = line.back_up("verify", str(line.folder / "data"))
    line.start(line.alerts)
    whole = wait_for(lambda: line.stored_count() >= wanted and line.pending() == 0, day.seconds_max, 0.5)
    judged = wait_for(lambda: _is_judged(line, line.scene.sensors), day.seconds_max, 0.5)
    line.receive("H-late", f"A-{line.scene.sensors[0]}")
    line.seal(line.folder / "seal.json")
    in_backup = int(_word_before(verified, "rows of 1 tables").replace(",", ""))
    problems = {
        "the history did not begin to arrive": not early,
        "the history did not arrive": not whole,
        "it was not judged": not judged,
        "the backup already held all": in_backup >= wanted,
    }
    return Before(
        line.stored_count(), in_backup, line.verdicts(), [what for what, stands in problems.items() if stands]
    )


@contextmanager
def _resting(child: Child) -> Iterator[None]:
    """The process stands still meanwhile, so that on a busy machine too something is left to come afterwards."""
    os.kill(child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(child.pid, signal.SIGCONT)


def _destroy(line: BackedUpLine, folder: Path) -> None:
    for child in (line.ingest, line.alerts, line.broker):
        child.kill()
    (folder / "field.key").unlink()


def _restored(line: BackedUpLine, new: Places, before: Before, day: Day) -> Report:
    """The restore and all that must follow by itself."""
    line.use(new)
    line.back_up("restore-keys", str(line.folder / "keys"))
    said = line.back_up("restore", str(line.folder / "data"), "--seal", str(line.folder / "seal.json"))
    lost = before.stored - line.stored_count()
    line.start(line.broker, line.ingest, line.alerts)
    asked = wait_for(lambda: line.wishes() == 0, day.seconds_max, 0.5)
    back = wait_for(lambda: line.pending() == 0 and line.stored_count() >= before.stored, day.seconds_max, 0.5)
    report = settle(line, day.seconds_max)
    known = [sensor for sensor in line.scene.sensors if f"H-{sensor}" in before.verdicts]
    judged = wait_for(lambda: _is_judged(line, known), day.seconds_max, 0.5)
    verdicts = line.verdicts()
    differ = [name for name, found in before.verdicts.items() if name != "H-late" and verdicts.get(name) != found]
    problems = {
        **dict.fromkeys(before.problems, True),
        "nothing was lost, so nothing was tried": lost <= 0,
        "not every gateway was asked": not asked,
        "what was lost did not come again": not back,
        "not all was judged again": not judged,
        f"verdicts differ: {differ}": bool(differ),
        "no verdict held anything": not any(found == "hold" for found, _ in verdicts.values()),
        "the lost acts were not told": "are not in this ledger" not in said,
        "the audit chain is broken": not line.chain_is_whole(),
    }
    report.problems.extend(what for what, stands in problems.items() if stands)
    print(
        f"  {before.in_backup:,} of {before.stored:,} readings in the backup, {lost:,} lost and asked for", flush=True
    )
    return report


def _is_judged(line: BackedUpLine, sensors: list[str]) -> bool:
    """Whether no hour waits, and each of these sensors' holdings has a verdict."""
    found = line.verdicts()
    return line.telemetry_count("dirty_hour") == 0 and all(f"H-{sensor}" in found for sensor in sensors)


def _word_before(text: str, phrase: str) -> str:
    return text.partition(phrase)[0].split()[-1]
