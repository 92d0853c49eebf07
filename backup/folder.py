"""A folder that is there whole or not at all: it grows under another name and is renamed when all of it is on disk."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backup import manifest
from sheetal.contracts.problem import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backup.manifest import Kind

GROWING = ".partial"
MARK = "growing-backup"


@contextmanager
def growing(folder: Path, kind: Kind) -> Iterator[Path]:
    """A private folder to fill; at a normal exit it is synced and takes its name, else nothing of it is left.

    Raises Refused where something stands already, and where data and keys would come to lie in one folder.
    """
    _check(folder, kind)
    partial = folder.with_name(folder.name + GROWING)
    if (partial / MARK).exists():
        shutil.rmtree(partial)
    try:
        partial.mkdir(parents=True, mode=0o700)
    except FileExistsError as error:
        raise _refuse(f"{partial} is in the way", "move it away") from error
    (partial / MARK).touch()
    try:
        yield partial
        (partial / MARK).unlink()
        sync_all(partial)
        partial.rename(folder)
        sync(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def sync_all(folder: Path) -> None:
    """Put every file of a folder on disk, and the folder."""
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Put a file or a folder's names on disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _check(folder: Path, kind: Kind) -> None:
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise _refuse(f"{folder} is not empty", "name a new folder")
    if folder.exists():
        folder.rmdir()
    for around in folder.parents:
        if (around / manifest.NAME).exists() or (around / MARK).exists():
            raise _refuse(
                f"{folder} lies inside another backup, {around}",
                f"keep {kind.value} in a folder of their own, best on another machine",
            )


def _refuse(message: str, next_step: str) -> Refused:
    return Refused(message, next_step=next_step, reason="folder")
