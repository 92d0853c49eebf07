"""A logger's file, whatever kind it is: told apart by what is in it, never by its name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edge_agent.sources.csv_file import CsvOptions, parse_csv
from edge_agent.sources.fridge_tag import is_fridge_tag, parse_fridge_tag
from edge_agent.sources.logged_file import LoggedFile, problem

if TYPE_CHECKING:
    from pathlib import Path

FILE_BYTES_MAX = 64 * 1024 * 1024
"""A year of one reading a minute is 16 MB as CSV."""

_HEAD_BYTES = 4_096


def read_logger_file(path: Path, options: CsvOptions) -> LoggedFile:
    """Reads and parses a file; raises SettingProblem when an option is missing, and never for what the file holds."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            return _unread(f"larger than {FILE_BYTES_MAX // 1024 // 1024} MiB", path.name.encode())
        data = path.read_bytes()
    except OSError as error:
        return _unread(f"cannot be read: {error.strerror}", path.name.encode())
    return parse_logger_file(data, options)


def parse_logger_file(data: bytes, options: CsvOptions) -> LoggedFile:
    """Parses the bytes of a file of any known kind."""
    if not data.strip():
        return _unread("the file is empty", data)
    if b"\x00" in data[:_HEAD_BYTES]:
        return _unread("not a text file: neither a Fridge-tag export nor CSV", data)
    if is_fridge_tag(data[:_HEAD_BYTES].decode("utf-8-sig", errors="replace")):
        return parse_fridge_tag(data, options.zone)
    return parse_csv(data, options)


def _unread(why: str, data: bytes) -> LoggedFile:
    sha256 = hashlib.sha256(data).hexdigest()
    return LoggedFile(kind="unknown", sha256=sha256, problems=[problem(0, why)])
