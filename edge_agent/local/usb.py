"""Sticks and how a folder is written to one: whole or not at all, and what went wrong in a word."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

STICKS_MAX = 8
ENTRIES_MAX = 200
DEPTH = 2
"""/media/STICK and /media/USER/STICK."""
ROOM_BYTES_MIN = 1024 * 1024
COPIES_MAX = 1_000

FULL, READ_ONLY, GONE, FAILED = "full", "read_only", "gone", "failed"
_WORDS = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: FULL,
    errno.EROFS: READ_ONLY,
    errno.EACCES: READ_ONLY,
    errno.EPERM: READ_ONLY,
    errno.ENOENT: GONE,
    errno.EIO: GONE,
    errno.ENODEV: GONE,
    errno.ENXIO: GONE,
    errno.ENOTCONN: GONE,
    errno.ESTALE: GONE,
}


class Stick(NamedTuple):
    """A mounted folder; `id` names it in forms, so that no path comes from a browser."""

    id: str
    path: Path
    device: int
    free_bytes: int

    @property
    def label(self) -> str:
        """Its name for people; what is no text in it is told by signs of its own."""
        return os.fsencode(self.path.name).decode("utf-8", "replace")

    @property
    def place(self) -> str:
        """Where it is mounted, for people."""
        return os.fsencode(self.path).decode("utf-8", "replace")


class StickProblem(Exception):
    """It cannot be written; `word` is full, read_only, gone or failed."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def find_sticks(roots: Sequence[Path], is_mount: Callable[[Path], bool] = os.path.ismount) -> list[Stick]:
    """What is mounted below the roots, in order; never through a link."""
    found: list[Stick] = []
    folders = [(root, 0) for root in roots]
    while folders and len(found) < STICKS_MAX:
        folder, depth = folders.pop(0)
        for entry in _folders_in(folder):
            if is_mount(entry):
                found += _stick(entry)
            elif depth + 1 < DEPTH:
                folders.append((entry, depth + 1))
    return found[:STICKS_MAX]


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(ENTRIES_MAX), strict=False) if _is_folder(entry)]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _stick(path: Path) -> list[Stick]:
    try:
        space = os.statvfs(path)
        device = path.stat().st_dev
    except OSError:
        return []
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return [Stick(name, path, device, space.f_bavail * space.f_frsize)]


def write_folder(stick: Stick, name: str, files: Mapping[str, Iterable[str]]) -> str:
    """Writes the files and their SHA-256 sums into a new folder of the stick, and gives it its name at the very end.

    Returns the name it got. Raises StickProblem; what was begun is taken away again as far as the stick still allows.
    """
    if stick.free_bytes < ROOM_BYTES_MIN:
        raise StickProblem(FULL)
    part = stick.path / f".{name}.part"
    try:
        _must_be_there(stick)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        sums = "".join(f"{_write(part / file, lines)}  {file}\n" for file, lines in files.items())
        _write(part / "SHA256SUMS", [sums])
        _sync(part)
        _must_be_there(stick)
        final = _free_name(stick.path, name)
        part.rename(stick.path / final)
        _sync(stick.path)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise StickProblem(_WORDS.get(error.errno or 0, FAILED)) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return final


def _must_be_there(stick: Stick) -> None:
    """A stick that was pulled out leaves an empty folder of our own disk behind, which must not be filled."""
    if stick.path.is_symlink() or stick.path.stat().st_dev != stick.device:
        raise StickProblem(GONE)


def _free_name(folder: Path, name: str) -> str:
    for number in range(1, COPIES_MAX):
        tried = name if number == 1 else f"{name}-{number}"
        if not (folder / tried).exists():
            return tried
    raise StickProblem(FULL)


def _write(path: Path, lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for line in lines:
            data = line.encode()
            digest.update(data)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    except OSError as error:
        # Some file systems of sticks cannot sync a folder; its files are synced all the same.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(number)
