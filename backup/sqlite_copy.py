"""A SQLite store copied while it is in use, looked through, and put back."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from backup.folder import sync
from backup.manifest import PRIVATE
from sheetal.contracts.problem import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[[str], None]

PAGES_A_STEP = 16_384
BUSY_SECONDS = 30.0
SIDES = ("-wal", "-shm", "-journal")
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


def copy(source: Path, target: Path, say: Say) -> None:
    """Copy a consistent state, by SQLite's online backup; writers are not held up and do not make it begin anew.

    A read transaction is held meanwhile, so all steps see the state of the first. Raises Refused.
    """
    try:
        with closing(_open(source, "mode=ro")) as there, closing(sqlite3.connect(target)) as here:
            there.execute("BEGIN")
            there.execute("SELECT count(*) FROM sqlite_master").fetchone()
            there.backup(here, pages=PAGES_A_STEP, progress=_telling(source.name, say))
            # The copy is one file by itself, without a log beside it.
            here.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise _refuse(f"{source} cannot be copied: {error}") from error


def counts(file: Path) -> dict[str, int]:
    """How many rows each table of a copy holds; raises Refused for a file that is no database."""
    try:
        with closing(_open(file, "mode=ro&immutable=1")) as database:
            names = [str(name) for (name,) in database.execute(_TABLES)]
            return {name: int(database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in names}  # noqa: S608 - names out of the schema
    except sqlite3.Error as error:
        raise _refuse(f"{file} cannot be read: {error}") from error


def check(file: Path) -> None:
    """Look through every page and reference of a copy; raises Refused for what SQLite finds wrong."""
    try:
        with closing(_open(file, "mode=ro&immutable=1")) as database:
            (found,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            orphan = database.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise _refuse(f"{file} cannot be read: {error}") from error
    if found != "ok":
        raise _refuse(f"{file} is damaged: {found}")
    if orphan is not None:
        raise _refuse(f"{file} has a row without its parent in {orphan[0]}")


def is_empty(target: Path) -> bool:
    """Whether nothing would be lost by putting a copy there."""
    return not target.exists() or all(number == 0 for number in counts_in_use(target).values())


def counts_in_use(file: Path) -> dict[str, int]:
    """As `counts`, of a store that may be in use."""
    try:
        with closing(_open(file, "mode=rw")) as database:
            names = [str(name) for (name,) in database.execute(_TABLES) if name != "alembic_version"]
            return {name: int(database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in names}  # noqa: S608 - names out of the schema
    except sqlite3.Error as error:
        raise _refuse(f"{file} cannot be read: {error}") from error


def put_back(file: Path, target: Path) -> None:
    """Put a copy in the place of a store that nobody uses; raises Refused when somebody does."""
    check_unused(target)
    new = target.with_name(target.name + ".restoring")
    shutil.copyfile(file, new)
    new.chmod(target.stat().st_mode & 0o777 if target.exists() else PRIVATE)
    sync(new)
    for side in SIDES:
        target.with_name(target.name + side).unlink(missing_ok=True)
    new.replace(target)
    sync(target.parent)


def check_unused(target: Path) -> None:
    """Raises Refused while any other process has the store open."""
    if not target.exists():
        return
    try:
        with closing(_open(target, "mode=rw", seconds=1.0)) as database:
            # Leaving WAL needs the file alone: any other process that has it open is found so.
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return
        raise Refused(
            f"{target} is in use: {error}", next_step="stop ingest, alerts and the portal", reason="in_use"
        ) from error


def _open(file: Path, how: str, seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    address = f"file:{quote(str(file.absolute()))}?{how}"
    return sqlite3.connect(address, uri=True, timeout=seconds, isolation_level=None)


def _telling(name: str, say: Say) -> Callable[[int, int, int], None]:
    def tell(_status: int, remaining: int, total: int) -> None:
        say(f"{name}: {100 * (total - remaining) // max(total, 1)} %")

    return tell


def _refuse(message: str) -> Refused:
    return Refused(message, next_step="look at the disk and its rights", reason="database")
