"""`python -m edge_agent replay FILE…`: a logger's file through the whole way, and what it amounted to.

The rows go through the real outbox and uplink, so the same file may be sent again: what is already stored is not sent
twice. A damaged file names its lines and loses nothing that was good.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.outbox.outbox import Outbox
from edge_agent.replay.exposure_words import day_lines, report_lines
from edge_agent.replay.portal_question import ask_exposure
from edge_agent.settings.file import Settings, load_settings
from edge_agent.sources.csv_file import CsvOptions
from edge_agent.sources.logger_file import read_logger_file
from edge_agent.uplink.uplink import Uplink
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.contracts.topics import SENSOR_IDENTIFIER, sensor_of

if TYPE_CHECKING:
    from edge_agent.sample import Sample
    from edge_agent.sources.logged_file import LoggedFile

CONFIG_VARIABLE = "SHEETAL_GATEWAY_CONFIG"
CONFIG_OF_THE_DEMO = Path(".demo/gateways/gw-replay.toml")
TIME_ZONE = "Asia/Kolkata"
"""India has one zone; the facility's own is given where it differs."""
ROWS_PER_TRANSACTION = 5_000
POLL_SECONDS = 0.1
TELL_SECONDS = 5.0
BAR_CELLS = 30
CALM_CENTI_CELSIUS = (200, 800)
"""The range in which refrigerated vaccines are kept; a file does not say for what its limits are."""
PROBE_CHARACTERS = 64
"""As long as a sensor's own part of its id may be."""


class Asked(NamedTuple):
    """The command line, checked."""

    files: list[Path]
    config: Path
    sensor: str | None
    options: CsvOptions
    patience_seconds: float


class Replayed(NamedTuple):
    """One file on its way."""

    path: Path
    sensor: str
    file: LoggedFile


def main(argv: list[str]) -> int:
    """0 when everything was good; 1 when a file had problems or something got no answer; 2 for a wrong setting."""
    try:
        asked = _asked(argv)
        settings = load_settings(asked.config)
        return _replay(asked, settings, sys.stdout)
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return 2


def _asked(argv: list[str]) -> Asked:
    parser = argparse.ArgumentParser(
        prog="python -m edge_agent replay",
        description="Send logger files (Fridge-tag text, CSV) and say what they amount to.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--config", type=Path, help=f"the gateway's settings; else ${CONFIG_VARIABLE}, else the demo's")
    parser.add_argument("--sensor", help="the probe's name; else the logger's serial number, else the file's name")
    parser.add_argument("--time-zone", default=TIME_ZONE, help="of the logger's wall clock (default: %(default)s)")
    parser.add_argument("--column", help="the temperature column of a CSV")
    parser.add_argument("--fahrenheit", action="store_true", help="the CSV's temperatures are in °F")
    parser.add_argument("--patience-seconds", type=float, default=120.0, help="how long to wait without any answer")
    found = parser.parse_args(argv)
    return Asked(
        files=found.files,
        config=_config(found.config),
        sensor=found.sensor,
        options=CsvOptions(_zone(found.time_zone), found.column, found.fahrenheit),
        patience_seconds=found.patience_seconds,
    )


def _config(given: Path | None) -> Path:
    if given is not None:
        return given
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named)
    if CONFIG_OF_THE_DEMO.is_file():
        return CONFIG_OF_THE_DEMO
    raise SettingProblem(f"no settings: give --config or {CONFIG_VARIABLE}, or start the demo", variable="--config")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise SettingProblem(
            f"--time-zone {name!r} is not a zone such as {TIME_ZONE}", variable="--time-zone"
        ) from error


def _replay(asked: Asked, settings: Settings, out: TextIO) -> int:
    files = [_read(path, asked, settings, out) for path in asked.files]
    good = not any(replayed.file.problems for replayed in files)
    sendable = [replayed for replayed in files if replayed.file.rows or replayed.file.days]
    if not sendable:
        return 1
    outbox = Outbox(
        settings.outbox, rows_max=settings.rows_max, bytes_max=settings.bytes_max, keep_days=settings.keep_days
    )
    try:
        total = sum(_put(outbox, replayed) for replayed in sendable)
        settled = _send(outbox, settings, sendable, _Progress(out, total), asked.patience_seconds)
        refused = _tell_refusals(outbox, out)
    finally:
        outbox.close()
    reported = [_report(replayed, settings, asked.options.zone, out) for replayed in sendable] if settled else []
    return 0 if good and settled and not refused and all(reported) else 1


def _read(path: Path, asked: Asked, settings: Settings, out: TextIO) -> Replayed:
    file = read_logger_file(path, asked.options)
    sensor = sensor_of(settings.gateway, asked.sensor or probe_name(path, file))
    if not SENSOR_IDENTIFIER.fullmatch(sensor):
        raise SettingProblem(f"--sensor: {sensor!r} is not a sensor's id", variable="--sensor")
    out.write(f"{path.name}: rows {len(file.rows):,}, day summaries {len(file.days)}, sensor {sensor}\n")
    if file.kind != "unknown":
        out.write(f"  local times are read as {asked.options.zone.key}\n")
    out.writelines(f"  note: {f'line {note.line}: ' if note.line else ''}{note.text}\n" for note in file.notes)
    out.writelines(f"  problem: {problem.message}\n" for problem in file.problems)
    return Replayed(path, sensor, file)


def probe_name(path: Path, file: LoggedFile) -> str:
    """The logger's serial number, else the file's name; each of several columns is a probe of its own."""
    named = file.serial or (f"{path.stem}-{file.column}" if file.column else path.stem)
    return re.sub(r"[^A-Za-z0-9_-]", "-", named).lstrip("-_")[:PROBE_CHARACTERS] or "file"


def _put(outbox: Outbox, replayed: Replayed) -> int:
    """Keeps rows and days on the disk; returns how many there are, known or new.

    What could be outside some product's limits is never thinned, also where the outbox is full.
    """
    samples = [one._replace(notable=_is_notable(one)) for one in replayed.file.samples(replayed.sensor)]
    for first in range(0, len(samples), ROWS_PER_TRANSACTION):
        outbox.add_rows(samples[first : first + ROWS_PER_TRANSACTION])
    days = replayed.file.drafts(replayed.sensor)
    outbox.add_days(days)
    return len(samples) + len(days)


def _is_notable(sample: Sample) -> bool:
    value = sample.centi_celsius
    return value is None or not CALM_CENTI_CELSIUS[0] <= value <= CALM_CENTI_CELSIUS[1]


def _send(
    outbox: Outbox,
    settings: Settings,
    sendable: list[Replayed],
    progress: _Progress,
    patience_seconds: float,
) -> bool:
    """Waits until ingest has acknowledged everything; False when it has been silent for too long."""
    unpaced = settings._replace(uplink=msgspec.structs.replace(settings.uplink, backlog_rows_per_second=0))
    uplink = Uplink(unpaced, outbox, sensors=sorted({replayed.sensor for replayed in sendable}))
    uplink.start()
    uplink.wake()
    try:
        pending = outbox.pending_count()
        heard = time.monotonic()
        while pending:
            progress.show(pending)
            time.sleep(POLL_SECONDS)
            left = outbox.pending_count()
            heard = time.monotonic() if left != pending else heard
            pending = left
            if time.monotonic() - heard > patience_seconds:
                progress.give_up(pending, patience_seconds)
                return False
    finally:
        uplink.stop()
    progress.done()
    return True


class _Progress:
    """A bar on a terminal, plain lines now and then elsewhere."""

    def __init__(self, out: TextIO, total: int) -> None:
        self._out = out
        self._total = total
        self._lively = out.isatty()
        self._told = 0.0

    def show(self, pending: int) -> None:
        """So many are still without an answer; an outbox may hold some of an earlier run."""
        total = max(self._total, pending)
        text = f"{total - pending:,} / {total:,} acknowledged"
        if self._lively:
            filled = BAR_CELLS * (total - pending) // total
            self._out.write(f"\r  [{'#' * filled}{'.' * (BAR_CELLS - filled)}] {text} ")
        elif time.monotonic() - self._told >= TELL_SECONDS:
            self._told = time.monotonic()
            self._out.write(f"  {text}\n")
        self._out.flush()

    def done(self) -> None:
        """All of them."""
        self.show(0)
        self._out.write("\n" if self._lively else "")
        self._out.write(f"  all {self._total:,} are stored and acknowledged by ingest\n")

    def give_up(self, pending: int, seconds: float) -> None:
        """No answer came; the outbox keeps what is left."""
        self._out.write("\n" if self._lively else "")
        self._out.write(
            f"  no answer for {seconds:.0f} s: {pending:,} stay in the outbox and go with the next replay; "
            "are broker and ingest running?\n",
        )


def _tell_refusals(outbox: Outbox, out: TextIO) -> bool:
    """Whether ingest refused any of this run's items."""
    reasons = Counter(reason for item, reason in outbox.refusals(ROWS_PER_TRANSACTION) if item.boot == outbox.boot)
    out.writelines(f"  problem: ingest refused {count:,}: {reason}\n" for reason, count in sorted(reasons.items()))
    return bool(reasons)


def _report(replayed: Replayed, settings: Settings, zone: ZoneInfo, out: TextIO) -> bool:
    """Prints what the file amounts to; False when the portal gave no answer."""
    out.write(f"\n{replayed.path.name} ({replayed.sensor}; times in {zone.key})\n")
    out.writelines(f"{line}\n" for line in day_lines(replayed.file.days, zone))
    if settings.portal_url is None:
        out.write("  no portal_url in the settings: nobody to ask for the exposure\n")
        return True
    starts = [row.measured_at_ms for row in replayed.file.rows] + [day.starts_at_ms for day in replayed.file.days]
    ends = [row.measured_at_ms + 1 for row in replayed.file.rows] + [day.ends_at_ms for day in replayed.file.days]
    try:
        report = ask_exposure(settings, replayed.sensor, min(starts), max(ends), now_ms())
    except Unavailable as problem:
        out.write(f"  everything is stored, but there is no report: {problem.message}\n")
        return False
    out.writelines(f"{line}\n" for line in report_lines(report, zone))
    return True
