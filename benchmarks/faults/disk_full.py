"""A gateway whose disk has no room left: it lives on, loses nothing that it kept, and recovers by itself.

Four ways: a tiny disk that the outbox fills by itself while no link takes anything away; a foreign file that takes all
that is free, without a link and with one; a limit on the size of its files (what can be tried without being root).
Watched from outside: the process stays the same, takes up its loggers' readings again within 30 s of there being room,
and in the end every reading outside its limits is in the store; of the others each is there or stands in a span that
says how many it tells of.
"""

from __future__ import annotations

import os
import random
import resource
import sqlite3
import subprocess
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults.line import EMBEDDED, Line, brokers, wait_for
from benchmarks.faults.link import Link
from benchmarks.faults.reconcile import Report, Witnesses, reconcile
from benchmarks.faults.scene import Options, Scene
from benchmarks.faults.settled import true_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.faults.reconcile import Key

FULL = 8
HOW = (
    "outbox on a tmpfs of 2 to 8 MiB filled by itself or by a foreign file, dark and with a link, or its files limited "
    "in size: same process throughout, readings taken again ≤ 30 s after there is room, database intact, out-of-limit "
    "readings all in the store, others there or in counted spans"
)
GATEWAY = "gw-00"
SCENE = Scene(
    gateways=1,
    probes=8,
    freezing=1,
    interval_seconds=60,
    history_minutes=2_400,
    story_minutes=600,
    catch_up_seconds=60,
)
LIMITS_CENTI_CELSIUS = (200, 800)
RECOVERY_SECONDS_MAX = 30.0
FILL_SECONDS_MAX = 60.0
FULL_SECONDS = 6.0
"""How long the gateway has to live with a full disk; its loggers go on telling."""
DRAIN_SECONDS_MAX = 120.0
FILE_BYTES_MAX = 900_000
CHUNK_BYTES = 64 * 1024


class Stage(NamedTuple):
    """The running line, the link in our hands, the folder of the outbox and its seeded chance."""

    line: Line
    link: Link
    disk: Path
    chance: random.Random

    @property
    def taken(self) -> int:
        """How many items the gateway has ever taken in: grows with each that it commits."""
        rows = self.line.ask(GATEWAY, "SELECT sum(last) FROM (SELECT max(sequence) AS last FROM item GROUP BY boot)")
        return int(str(rows[0][0] or 0)) if rows else 0


class Way(NamedTuple):
    """How the disk gets full: its size in MiB (None: no disk of its own) and what happens on it."""

    mebibytes: int | None
    play: Callable[[Stage], list[str]]


def run(first: int, count: int, broker: str = "", ways: Sequence[str] = ()) -> int:
    """Full disks number `first` and on; how many broke a promise. All but the size limit need root, to mount a disk."""
    failed = 0
    for seed in range(first, first + count):
        name = (ways or list(WAYS))[seed % len(ways or WAYS)]
        with tempfile.TemporaryDirectory(prefix="sheetal-full-") as folder:
            kind = broker or (brokers()[0] if seed // len(WAYS) % 2 else EMBEDDED)
            report = fill(Path(folder), seed, name, kind)
            print(f"  seed {seed}: {name}: {report}", flush=True)
        failed += not report.held
    return failed


def fill(folder: Path, seed: int, way: str, broker: str) -> Report:
    """One full disk and its end."""
    mebibytes, play = WAYS[way]
    disk = folder / "disk"
    disk.mkdir()
    with ExitStack() as stack:
        if mebibytes is not None:
            stack.enter_context(mounted(disk, mebibytes))
        options = Options(outbox=disk / "outbox.db", uplink={"backlog_rows_per_second": 0})
        line = stack.enter_context(Line(folder, SCENE._replace(seed=seed + 1), options, broker=broker))
        link = stack.enter_context(Link(line.broker_port))
        line.gateway_broker = link.url
        stage = Stage(line, link, disk, random.Random(f"disk full {seed}"))
        line.start(line.broker, line.ingest, line.simulator)
        line.start(line.gateways[GATEWAY])
        pid = line.gateways[GATEWAY].pid
        problems = play(stage)
        report = _compare(line)
        if not (line.gateways[GATEWAY].is_running and line.gateways[GATEWAY].pid == pid):
            problems.append(f"the gateway ended:\n{line.gateways[GATEWAY].log_tail()}")
        line.stop()
        report.problems.extend([*problems, *_not_intact(disk / "outbox.db")])
    return report


# The ways


def _fills_itself(stage: Stage) -> list[str]:
    """No link takes anything away, and the loggers tell more than the disk holds."""
    stage.link.go_dark()
    if not _is_full(stage):
        return ["the disk did not get full"]
    time.sleep(FULL_SECONDS)
    stage.link.heal()
    return _recovers(stage)


def _foreign_file(stage: Stage) -> list[str]:
    """Somebody else takes all that is free while there is no link; then that goes, and only then the link is back."""
    stage.link.go_dark()
    stranger = stage.disk / "foreign"
    problems = [] if _hog(stage, stranger) else ["the disk did not get full"]
    time.sleep(FULL_SECONDS)
    stranger.unlink()
    problems += _recovers(stage)
    stage.link.heal()
    return problems


def _foreign_file_with_link(stage: Stage) -> list[str]:
    """The same while the link takes away what was kept: delivered items may give their room."""
    wait_for(lambda: stage.line.stored_count() > 0, FILL_SECONDS_MAX)
    stranger = stage.disk / "foreign"
    _hog(stage, stranger)
    time.sleep(FULL_SECONDS)
    stranger.unlink()
    return _recovers(stage)


def _limited_files(stage: Stage) -> list[str]:
    """The system refuses every byte beyond a size, as for a quota; later it allows them again."""
    stage.link.go_dark()
    pid = stage.line.gateways[GATEWAY].pid
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, hard))
    problems = [] if _is_full(stage) else ["the files did not reach their limit"]
    time.sleep(FULL_SECONDS)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    problems += _recovers(stage)
    stage.link.heal()
    return problems


WAYS = {
    "filled by itself": Way(2, _fills_itself),
    "foreign file in the dark": Way(8, _foreign_file),
    "foreign file with a link": Way(8, _foreign_file_with_link),
    "limited files": Way(None, _limited_files),
}
WITHOUT_ROOT = ("limited files",)


def _hog(stage: Stage, stranger: Path) -> bool:
    """Takes whatever is free, again and again, until the gateway says that its disk is full."""

    def grown() -> bool:
        with stranger.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(CHUNK_BYTES)):
                pass
        return _says_full(stage)

    return wait_for(grown, FILL_SECONDS_MAX, 0.3)


def _is_full(stage: Stage) -> bool:
    return wait_for(lambda: _says_full(stage), FILL_SECONDS_MAX, 0.3)


def _says_full(stage: Stage) -> bool:
    """Whether the gateway's log tells of a commit that failed or of thinning."""
    log = stage.line.gateways[GATEWAY].log.read_text(errors="replace")
    return "cannot be written" in log or "is full" in log


def _recovers(stage: Stage) -> list[str]:
    """There is room: whether the gateway takes readings again in time."""
    before, began = stage.taken, time.monotonic()
    if wait_for(lambda: stage.taken > before, RECOVERY_SECONDS_MAX, 0.2):
        print(f"    takes readings again after {time.monotonic() - began:.1f} s", flush=True)
        return []
    return [f"took no reading within {RECOVERY_SECONDS_MAX:.0f} s of having room"]


# The end


class Told(NamedTuple):
    """What ingest keeps of a stretch that was thinned; both ends included."""

    sensor: str
    starts_at_ms: int
    ends_at_ms: int
    rows: int


def _compare(line: Line) -> Report:
    """Lets everything drain, then holds store and spans against the truth log."""
    due = true_rows(line)
    wait_for(lambda: not _untold(line, due), DRAIN_SECONDS_MAX, 0.5)
    line.simulator.stop()
    drained = wait_for(lambda: line.pending() == 0, DRAIN_SECONDS_MAX, 0.3)
    untold, thinned = _untold(line, due), sum(span.rows for span in _spans(line))
    spared = {key: value for key, value in due.items() if not _is_outside(value)}
    away = len(spared.keys() - _stored_keys(line))
    outside = [key for key in due if key not in spared]
    report = reconcile(Witnesses(true_rows(line), line.kept(), line.stored(), outside))
    problems = {
        f"{len(untold)} readings neither stored nor told by a span, as {sorted(untold)[:3]}": bool(untold),
        f"{line.pending()} items were not drained": not drained,
        f"{away} readings are not in the store, but spans tell of only {thinned}": away > thinned,
        "no reading lay outside its limits": not outside,
    }
    report.problems.extend(problem for problem, stands in problems.items() if stands)
    counted = line.ask(GATEWAY, "SELECT name, value FROM meta WHERE name IN ('thinned', 'dropped')")
    print(
        f"    {len(outside)} readings outside limits; {away} told by spans of {thinned}; counted {counted}", flush=True
    )
    return report


def _untold(line: Line, due: dict[Key, int | None]) -> set[Key]:
    """True readings that neither the store nor a span tells of; one outside its limits must be in the store."""
    spans: dict[str, list[Told]] = {sensor: [] for sensor in line.scene.sensors}
    for span in _spans(line):
        spans[span.sensor].append(span)
    return {
        (sensor, at_ms)
        for sensor, at_ms in due.keys() - _stored_keys(line)
        if _is_outside(due[sensor, at_ms])
        or not any(span.starts_at_ms <= at_ms <= span.ends_at_ms for span in spans[sensor])
    }


def _stored_keys(line: Line) -> set[Key]:
    return {(reading.sensor, reading.measured_at_ms) for reading in line.stored()}


def _spans(line: Line) -> list[Told]:
    with closing(sqlite3.connect(f"file:{line.telemetry_file}?mode=ro", uri=True, timeout=10)) as telemetry:
        query = "SELECT sensor_id, starts_at_ms, ends_at_ms, rows FROM thinned_span"
        return [Told(*row) for row in telemetry.execute(query)]


def _is_outside(centi_celsius: int | None) -> bool:
    low, high = LIMITS_CENTI_CELSIUS
    return centi_celsius is None or not low <= centi_celsius <= high


def _not_intact(outbox: Path) -> list[str]:
    with closing(sqlite3.connect(outbox)) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchall()
    return [] if verdict == [("ok",)] else [f"the outbox is corrupt: {verdict[:3]}"]


@contextmanager
def mounted(folder: Path, mebibytes: int) -> Iterator[None]:
    """A disk of its own, in memory, as long as it is needed; raises PermissionError for anybody but root."""
    if os.geteuid() != 0:
        raise PermissionError("only root may mount a disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
