"""Logs of every server process: one JSON object a line on standard error, a fixed sentence and fields.

    {"service": "ingest", "worker": "ingest-5f", "event": "Subscribed", "level": "info", "timestamp": "2026-…Z", …}

An error is told by its type and by where it came from, never by its own words: those may quote what was sent to us. The
same holds for what libraries log: their fixed words are told, not what they filled into them. Nobody reading standard
error any more is no reason to stop.
"""

from __future__ import annotations

import io
import logging
import os
import socket
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, TextIO, cast

import structlog

if TYPE_CHECKING:
    from types import TracebackType

    from structlog.typing import EventDict, WrappedLogger

FRAMES_MAX = 12
CAUSES_MAX = 4
LIBRARY_CHARACTERS_MAX = 200

_lines: Counter[str] = Counter()


class LastingStderr(io.TextIOBase):
    """Standard error that nobody may be reading any more: a lost log line must not end the service."""

    def write(self, text: str) -> int:
        """Writes if it can."""
        with suppress(OSError, ValueError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes if it can."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def set_up_logs(service: str, worker: str | None = None) -> None:
    """Lets this process log as this service; `worker` tells it from others of its kind, by default host and process."""
    who = {"service": service, "worker": worker or worker_name(service)}

    def name_it(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**who, **event}

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _count,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            tell_error,
            name_it,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", LastingStderr())),
        cache_logger_on_first_use=False,
    )
    _listen_to_libraries()


def worker_name(service: str) -> str:
    """A name that no other process of this service has."""
    return f"{service}-{socket.gethostname()[:24]}-{os.getpid()}"


def lines_by_level() -> list[tuple[str, int]]:
    """How many lines this process has logged so far."""
    return sorted(_lines.items())


def tell_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Puts an error's type and way in the place of `exc_info`; its words may quote personal data and stay out."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["error"] = _types(error)
        event["trace"] = _way(error.__traceback__)
    return event


class FromLibraries(logging.Handler):
    """Warnings of libraries, as lines of ours: their fixed words and who said it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Logs one record."""
        log = structlog.get_logger()
        said = str(record.msg).partition("\n")[0][:LIBRARY_CHARACTERS_MAX]
        level = record.levelno if record.levelno in {logging.WARNING, logging.ERROR} else logging.ERROR
        log.log(level, "A library says", library=record.name, said=said, exc_info=record.exc_info)


def _listen_to_libraries() -> None:
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not _is_ours(handler)]
    root.addHandler(FromLibraries(logging.WARNING))
    root.setLevel(logging.WARNING)


def _is_ours(handler: logging.Handler) -> bool:
    return isinstance(handler, FromLibraries)


def _count(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    _lines[str(event.get("level"))] += 1
    return event


def _types(error: BaseException) -> list[str]:
    """The error's type and those of what led to it, the outermost first."""
    named: list[str] = []
    following: BaseException | None = error
    while following is not None and len(named) < CAUSES_MAX:
        named.append(type(following).__name__)
        following = following.__cause__ or following.__context__
    return named


def _way(traceback: TracebackType | None) -> list[str]:
    """The innermost frames, as file, line and function."""
    frames = [
        f"{Path(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}" for frame, line in walk_tb(traceback)
    ]
    return frames[-FRAMES_MAX:]
