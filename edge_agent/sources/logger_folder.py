"""A folder into which logger files are carried, such as where a USB stick is mounted; each is taken in once.

A file that was taken in is known by the SHA-256 of its content, so a copy under another name is no news; under other
settings all are read anew, since one may hold what another probe is waiting for. One that cannot be read, or belongs to
no probe of the settings, stays where it is and is named in the report.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.sample import Observation
from edge_agent.sources.csv_file import CsvOptions
from edge_agent.sources.handing import hand_over
from edge_agent.sources.logger_file import parse_logger_file
from edge_agent.sources.need import need_of
from edge_agent.sources.worker import Worker
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.topics import sensor_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.sample import DaySummaryDraft, Recall, Sink
    from edge_agent.settings.source import LoggerFolderSetting, LoggerProbe
    from edge_agent.sources.logged_file import LoggedFile

_log = logging.getLogger(__name__)

SUFFIXES = frozenset({".txt", ".csv"})
FILE_BYTES_MAX = 2 * 1024 * 1024
"""Eight weeks of one reading a minute as CSV, which take 40 MB to read of the 128 that the systemd unit allows.
`replay` takes larger ones."""
DEPTH_MAX = 3
FILES_MAX = 1_000
TAKEN_MAX = 500
"""Marks of files kept; one told again after so many others costs work, no reading: the outbox knows its rows."""
REPORT_MAX = 50
ROWS_AT_ONCE = 1_000
REASON_CHARACTERS_MAX = 200


class FileReport(NamedTuple):
    """A file that was put aside, or was not all good: its name and why."""

    name: str
    why: str


class _Seen(NamedTuple):
    """A file as the folder lists it; what did not change between two looks is written to its end."""

    size: int
    modified_ns: int


class LoggerFolderSource:
    """One folder, looked through now and then in a thread of its own."""

    def __init__(self, gateway: str, setting: LoggerFolderSetting, recall: Recall) -> None:
        self._gateway = gateway
        self._setting = setting
        self._root = Path(setting.folder)
        self._zone = ZoneInfo(setting.time_zone)
        self._mark = f"logger_folder/{setting.folder}"
        self._reads = hashlib.sha256(msgspec.json.encode(need_of(setting))).hexdigest()
        self._taken = _taken(recall(self._mark), self._reads)
        self._seen: dict[Path, _Seen] = {}
        self._done: dict[Path, _Seen] = {}
        self._reports: dict[str, FileReport] = {}
        self._there = threading.Event()
        self._worker: Worker | None = None

    def start(self, sink: Sink) -> None:
        """Begins to look; returns at once."""
        self._worker = Worker(f"folder {self._root}", lambda stopping: self._run(stopping, sink))
        self._worker.start()

    def stop(self) -> None:
        """Ends the thread."""
        if self._worker is not None:
            self._worker.stop()

    def is_connected(self) -> bool:
        """Whether the folder is there now."""
        return self._there.is_set()

    def report(self) -> list[FileReport]:
        """The files that were put aside or were not all good, the newest last."""
        return list(self._reports.values())

    def _run(self, stopping: threading.Event, sink: Sink) -> None:
        while not stopping.is_set():
            for path in self._ripe():
                if stopping.is_set():
                    break
                self._take(path, sink, stopping)
            stopping.wait(self._setting.interval_seconds)
        self._there.clear()

    def _ripe(self) -> list[Path]:
        """The files that are new or changed, and did not change since the last look."""
        if not self._root.is_dir():
            self._there.clear()
            self._seen.clear()
            self._done.clear()
            return []
        self._there.set()
        found = dict(_files(self._root))
        ripe = [path for path, seen in found.items() if self._seen.get(path) == seen and self._done.get(path) != seen]
        self._seen = found
        self._done = {path: seen for path, seen in self._done.items() if path in found}
        return ripe

    def _take(self, path: Path, sink: Sink, stopping: threading.Event) -> None:
        seen = self._seen[path]
        try:
            data = _content(path)
        except OSError as error:
            self._put_aside(path, f"cannot be read: {error.strerror}")
            return
        if data is None:
            self._put_aside(path, f"larger than {FILE_BYTES_MAX // 1024 // 1024} MiB: use replay")
            self._done[path] = seen
            return
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 in self._taken or self._hand_over(path, data, sha256, (sink, stopping)):
            self._done[path] = seen

    def _hand_over(self, path: Path, data: bytes, sha256: str, way: tuple[Sink, threading.Event]) -> bool:
        """Whether the file is done with: kept, or found useless; False where the gateway stops before."""
        given: Observation | None = None
        rows = days = 0
        for chunk in (chunk for probe in self._setting.probe for chunk in self._chunks(path, data, probe)):
            if given is not None and not _give(given, *way):
                return False
            given = chunk
            rows, days = rows + len(chunk.samples), days + len(chunk.days)
        if given is None:
            if _name(path) not in self._reports:
                self._put_aside(path, "belongs to no probe of the settings")
            return True
        # The last piece brings the file's mark: it is known when all of it is kept.
        taken = [*self._taken, sha256][-TAKEN_MAX:]
        if not _give(given._replace(marks={self._mark: msgspec.json.encode([self._reads, *taken]).decode()}), *way):
            return False
        self._taken = taken
        _log.info("%s: %d readings and %d days taken in", _name(path), rows, days)
        return True

    def _chunks(self, path: Path, data: bytes, probe: LoggerProbe) -> Iterator[Observation]:
        """What the file says of one probe, in bounded pieces."""
        if not fnmatch(path.name, probe.file):
            return
        try:
            file = parse_logger_file(data, CsvOptions(self._zone, probe.column, probe.fahrenheit))
        except SettingProblem as problem:
            self._put_aside(path, problem.message)
            return
        if probe.serial and file.serial != probe.serial:
            return
        if file.problems:
            more = f" (and {len(file.problems) - 1} more)" if len(file.problems) > 1 else ""
            self._put_aside(path, f"{file.problems[0].message}{more}")
        yield from _pieces(file, sensor_of(self._gateway, probe.probe))

    def _put_aside(self, path: Path, why: str) -> None:
        told = FileReport(_name(path), why[:REASON_CHARACTERS_MAX])
        if self._reports.get(told.name) == told:
            return
        self._reports.pop(told.name, None)
        self._reports[told.name] = told
        while len(self._reports) > REPORT_MAX:
            del self._reports[next(iter(self._reports))]
        _log.warning("%s: %s", *told)


def _give(chunk: Observation, sink: Sink, stopping: threading.Event) -> bool:
    """Whether the sink has it; False where the gateway stops before."""
    return not stopping.is_set() and hand_over([chunk], sink, stopping)


def _pieces(file: LoggedFile, sensor: str) -> Iterator[Observation]:
    """What the file says as the sink takes it: `repeated`, since it is history that no alarm of now may come from."""
    days: list[DaySummaryDraft] = file.drafts(sensor)
    for first in range(0, len(file.rows), ROWS_AT_ONCE):
        part = msgspec.structs.replace(file, rows=file.rows[first : first + ROWS_AT_ONCE])
        yield Observation(samples=tuple(part.samples(sensor)), repeated=True)
    for first in range(0, len(days), ROWS_AT_ONCE):
        yield Observation(days=tuple(days[first : first + ROWS_AT_ONCE]), repeated=True)


def _files(root: Path) -> Iterator[tuple[Path, _Seen]]:
    """The logger files below a folder, bounded in number and depth; links are not followed."""
    count = 0
    for folder, below, names in os.walk(root):
        if len(Path(folder).relative_to(root).parts) >= DEPTH_MAX:
            below.clear()
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix.lower() not in SUFFIXES or name.startswith("."):
                continue
            count += 1
            if count > FILES_MAX:
                return
            try:
                state = path.lstat()
            except OSError:
                continue
            yield path, _Seen(state.st_size, state.st_mtime_ns)


def _content(path: Path) -> bytes | None:
    """The whole file, None where it is too large; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    return data if len(data) <= FILE_BYTES_MAX else None


def _taken(text: str | None, reads: str) -> list[str]:
    """The files that were taken in by a source that read them as this one does."""
    try:
        before, *taken = msgspec.json.decode(text or '[""]', type=list[str])
    except (msgspec.DecodeError, ValueError):
        return []
    return taken if before == reads else []


def _name(path: Path) -> str:
    """A file's name for people; what is no text in it is told by signs of its own."""
    return os.fsencode(path.name).decode("utf-8", "replace")
