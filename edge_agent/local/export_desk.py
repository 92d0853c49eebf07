"""Gives the readings away: to a stick in a thread of its own, one at a time, or to the browser."""

from __future__ import annotations

import logging
import sqlite3
import threading
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.local.csv_text import READINGS_HEAD, RECORD_HEAD, reading_lines, record_lines
from edge_agent.local.days import bounds, local_day
from edge_agent.local.export_words import EXPORT_WORDS
from edge_agent.local.request import Request, Response, redirect
from edge_agent.local.set_up_view import form
from edge_agent.local.usb import Stick, StickProblem, find_sticks, write_folder
from edge_agent.local.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from datetime import date, tzinfo
    from pathlib import Path

    from edge_agent.local.memory import Memory
    from edge_agent.local.record import Record

_log = logging.getLogger(__name__)

DAYS = 60
ROWS_A_DAY_MAX = 100_000
DOWNLOADS_MAX = 2
CHUNK_LINES = 500


class ExportParts(NamedTuple):
    """What is exported and where to; `find` lists the sticks."""

    gateway: str
    memory: Memory
    record: Record
    sensors: Callable[[], Sequence[str]]
    clock: Callable[[], int]
    zone: tzinfo
    roots: Sequence[Path]
    find: Callable[[Sequence[Path]], list[Stick]] = find_sticks


class Progress(NamedTuple):
    """How a save stands: `running`, `done` with the folder's name, or a problem's word."""

    state: str = ""
    days: int = 0
    of: int = 0
    name: str = ""


class ExportDesk:
    """One save at a time; called from several threads."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._progress = Progress()
        self._downloads = threading.BoundedSemaphore(DOWNLOADS_MAX)

    @property
    def progress(self) -> Progress:
        """How the newest save stands."""
        with self._lock:
            return self._progress

    def section(self, asked: Request, form_token: str) -> str:
        """This part of the set-up page."""
        words, more = WORDS[asked.language], EXPORT_WORDS[asked.language]
        progress = self.progress
        forms = "".join(
            form(
                words,
                "export",
                escape(more.save.format(stick.label)),
                form_token,
                inner=f'<input type="hidden" name="stick" value="{stick.id}"><span class="second">'
                f"{escape(more.stick.format(stick.place, f'{stick.free_bytes / 1e6:,.0f}'))}</span>",
            )
            for stick in self._parts.find(self._parts.roots)
        )
        link = f'<p><a href="/gw/setup/readings.csv?lang={asked.language}" download>{more.download}</a></p>'
        told = _told(progress, asked.language)
        return (
            f'<section id="export"><h2>{more.title}</h2><p class="second">{more.hint}</p>{told}'
            f"{forms or f'<p>{more.none}</p>'}{link}</section>"
        )

    def begin(self, asked: Request) -> Response:
        """Starts to save to the stick of the form, and leads back to the page that shows the progress."""
        wanted = asked.form.get("stick", "")
        stick = next((one for one in self._parts.find(self._parts.roots) if one.id == wanted), None)
        with self._lock:
            if self._progress.state != "running":
                days = DAYS * len(self._parts.sensors())
                self._progress = Progress("running", 0, days) if stick else Progress("gone")
                if stick:
                    threading.Thread(target=self._save, args=(stick,), name="export", daemon=True).start()
        return redirect(f"/gw/setup?lang={asked.language}#export")

    def download(self, _asked: Request) -> Response:
        """All readings as one CSV; a browser that is slow holds one of few places."""
        if not self._downloads.acquire(blocking=False):
            return Response(503, headers=(("Retry-After", "30"),))
        name = f"sheetal-{self._parts.gateway}-{self._stamp()}.csv"
        disposition = ("Content-Disposition", f'attachment; filename="{name}"')
        chunks = self._chunks()
        # The first is asked for at once: a generator that never began would never give its place back.
        first = next(chunks)
        return Response(200, first, "text/csv; charset=utf-8", (disposition,), chunks)

    def _chunks(self) -> Generator[bytes]:
        try:
            yield READINGS_HEAD.encode()
            for sensor in self._parts.sensors():
                lines: list[str] = []
                for line in self._lines(sensor):
                    lines.append(line)
                    if len(lines) == CHUNK_LINES:
                        yield "".join(lines).encode()
                        lines.clear()
                yield "".join(lines).encode()
        finally:
            self._downloads.release()

    def _save(self, stick: Stick) -> None:
        name = f"sheetal-{self._parts.gateway}-{self._stamp()}"
        try:
            files: dict[str, Iterator[str]] = {
                f"{sensor}.csv": self._counted(sensor) for sensor in self._parts.sensors()
            }
            files["record.csv"] = self._record()
            result = Progress("done", name=write_folder(stick, name, files))
        except StickProblem as problem:
            result = Progress(problem.word)
        except sqlite3.Error:
            _log.exception("the readings cannot be exported now")
            result = Progress("memory")
        except Exception:  # noqa: BLE001 - whatever happens, the page must not say "running" for ever
            _log.exception("the export failed")
            result = Progress("failed")
        with self._lock:
            self._progress = result

    def _days(self) -> list[date]:
        today = local_day(self._parts.clock(), self._parts.zone)
        return [today - timedelta(days=number) for number in reversed(range(DAYS))]

    def _lines(self, sensor: str, on_day: Callable[[], None] | None = None) -> Iterator[str]:
        for day in self._days():
            span = bounds(day, self._parts.zone)
            rows = self._parts.memory.history(sensor, *span, ROWS_A_DAY_MAX)
            missing = self._parts.memory.not_delivered(sensor, *span)
            yield from reading_lines(sensor, rows, missing, self._parts.zone)
            if on_day:
                on_day()

    def _counted(self, sensor: str) -> Iterator[str]:
        yield READINGS_HEAD
        yield from self._lines(sensor, self._count_day)

    def _count_day(self) -> None:
        with self._lock:
            self._progress = self._progress._replace(days=self._progress.days + 1)

    def _record(self) -> Iterator[str]:
        yield RECORD_HEAD
        for sensor in self._parts.sensors():
            yield from record_lines(sensor, self._parts.record.entries(sensor), self._parts.zone)

    def _stamp(self) -> str:
        at = datetime.fromtimestamp(self._parts.clock() // 1_000, self._parts.zone)
        return at.strftime("%Y%m%d-%H%M")


def _told(progress: Progress, language: str) -> str:
    more = EXPORT_WORDS[language]
    if progress.state == "running":
        said = more.running.format(progress.days, progress.of)
        bar = f'<progress max="{progress.of}" value="{progress.days}">{said}</progress>'
        return f'<p class="bar" role="status">{said}</p>{bar}'
    if progress.state == "done":
        return f'<p class="bar" role="status">{escape(more.done.format(progress.name))}</p>'
    if progress.state:
        return f'<p class="error" role="alert">{more.problems[progress.state]}</p>'
    return ""
