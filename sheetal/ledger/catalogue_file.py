"""Reads one TOML file of the catalogue; every complaint names file and key."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sheetal.contracts.problem import FileProblem

if TYPE_CHECKING:
    from pathlib import Path

    from sheetal.contracts.limits import Source

CONFIDENCES = ("high", "medium", "low")
T = TypeVar("T")


def decode(path: Path, kind: type[T]) -> T:
    """The file as this type; raises FileProblem."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except msgspec.ValidationError as error:
        what, _, key = str(error).partition(" - at ")
        raise problem(path, key.strip("`$.") or "the file", what) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise problem(path, "the file", f"is not TOML: {error}") from error
    except OSError as error:
        raise problem(path, "the file", "cannot be read") from error


def problem(path: Path, key: str, what: str) -> FileProblem:
    """The complaint about one key of a file."""
    return FileProblem(f"{path.name}: {key}: {what}", next_step="correct the file", line=0, file=str(path), key=key)


def source_flaw(source: Source) -> tuple[str, str] | None:
    """What is wrong with a source, as (key, complaint)."""
    if not source.citation.strip():
        return "citation", "is empty: no limit without a source"
    if source.confidence not in CONFIDENCES:
        return "confidence", "is not high, medium or low"
    return None


def check_source(path: Path, key: str, source: Source) -> None:
    """Raise FileProblem for a source that cites nothing, or with an unknown confidence."""
    flaw = source_flaw(source)
    if flaw is not None:
        raise problem(path, f"{key}.source.{flaw[0]}", flaw[1])


def is_day(text: str | None) -> bool:
    """Whether this is a day YYYY-MM-DD, or no day at all."""
    try:
        return text is None or dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
