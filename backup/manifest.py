"""What a backup says of itself: its parts with sizes, digests and counts, when it was made and by what.

The file ends with the SHA-256 of what stands before it, and is written last: a folder without a whole one is no backup.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from sheetal.contracts.problem import Refused
from sheetal.contracts.seal import UNREADABLE

if TYPE_CHECKING:
    from pathlib import Path

NAME = "manifest.json"
FORMAT = 1
CHUNK_BYTES = 1024 * 1024
MANIFEST_BYTES_MAX = 16 * 1024 * 1024
PRIVATE = 0o600
DIGEST_LETTERS = 64


class Kind(StrEnum):
    """What a backup holds: data, or the keys without which sealed data say nothing; never both."""

    DATA = "data"
    KEYS = "keys"


class PartKind(StrEnum):
    """How a part is read."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    READINGS = "readings"
    KEY = "key"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup; `stores` names what it holds, `rows` counts by table (`readings`: all samples)."""

    name: str
    kind: PartKind
    stores: list[str]
    bytes: int
    sha256: str
    rows: dict[str, int] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a backup; everything acknowledged to a gateway before `began_at_ms` is in it.

    `began_at` is the same instant as `began_at_ms`, in UTC, for people.
    """

    kind: Kind
    program: str
    revision: str
    began_at_ms: int
    ended_at_ms: int
    began_at: str
    parts: list[Part]
    format: int = FORMAT

    def part(self, store: str) -> Part:
        """The part that holds a store; raises Refused where none does."""
        for part in self.parts:
            if store in part.stores:
                return part
        raise Refused(f"the backup holds no {store}", next_step="use another backup", reason="no_part", store=store)


def digest_of(file: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file, read a MiB at a time."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def part_of(file: Path, kind: PartKind, stores: list[str], rows: dict[str, int]) -> Part:
    """The part that a finished file is; it can be read by its owner alone from now on."""
    file.chmod(PRIVATE)
    size, sha256 = digest_of(file)
    return Part(name=file.name, kind=kind, stores=stores, bytes=size, sha256=sha256, rows=rows)


def instant(at_ms: int) -> str:
    """An instant for people, in UTC."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="seconds")


def write(folder: Path, manifest: Manifest) -> None:
    """Put the manifest beside its parts."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    whole = text + hashlib.sha256(text).hexdigest().encode() + b"\n"
    with open(folder / NAME, "wb", opener=lambda path, flags: os.open(path, flags, PRIVATE)) as file:
        file.write(whole)


def read(folder: Path) -> Manifest:
    """The manifest of a backup; raises Refused for a folder that is none, or no whole one."""
    try:
        with (folder / NAME).open("rb") as file:
            whole = file.read(MANIFEST_BYTES_MAX)
    except OSError as error:
        raise _no_backup(folder, "has no manifest: it is no backup, or one that was cut off") from error
    text, said = whole[: -DIGEST_LETTERS - 1], whole[-DIGEST_LETTERS - 1 :].strip()
    if hashlib.sha256(text).hexdigest().encode() != said:
        raise _no_backup(folder, "has a damaged manifest")
    try:
        found = msgspec.json.decode(text, type=Manifest)
    except UNREADABLE as error:
        raise _no_backup(folder, "was made by another release") from error
    if found.format != FORMAT:
        raise _no_backup(folder, f"is of format {found.format}, this program reads {FORMAT}")
    return found


def check_parts(folder: Path, manifest: Manifest) -> None:
    """Compare every part's size and digest; raises Refused that names the first that differs."""
    for part in manifest.parts:
        try:
            size, sha256 = digest_of(folder / part.name)
        except OSError as error:
            raise _no_backup(folder, f"lacks {part.name}") from error
        if (size, sha256) != (part.bytes, part.sha256):
            raise _no_backup(folder, f"has a damaged {part.name}")


def _no_backup(folder: Path, what: str) -> Refused:
    return Refused(f"{folder} {what}", next_step="use another backup", reason="damaged")
