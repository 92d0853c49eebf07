"""The outbox's open file: one connection, one lock, whole transactions, and a new start after the disk failed."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from edge_agent.outbox import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DISTRUSTED = frozenset({
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
})  # fmt: skip
"""After these a connection may never work again, although the disk does."""


class OutboxFile:
    """The file, and the boot that began with opening it.

    Whoever reads or writes holds `lock`, which its holder may take again.
    `learn` is called with each later connection, since the last commit before it may or may not be on the disk.
    Raises SettingProblem when the file cannot be an outbox, sqlite3.Error when only its disk fails now.
    """

    def __init__(self, path: Path, learn: Callable[[sqlite3.Connection], None]) -> None:
        self._path = path
        self._learn = learn
        self._distrusted = False
        self.lock = threading.RLock()
        self.connection = schema.open_file(path)
        try:
            self.boot = schema.begin_boot(self.connection)
        except sqlite3.Error:
            self.connection.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        with self.lock:
            self.connection.close()

    @contextmanager
    def transaction(self, *, synced: bool = True) -> Iterator[sqlite3.Connection]:
        """Commits what is done inside, or nothing of it; raises sqlite3.Error. The caller holds the lock.

        One that is not `synced` may be undone by a power cut, whole, together with nothing that is synced; the next
        synced one makes it last. That is enough for what is only sent again, and spares the flash a third of its syncs.
        """
        if self._distrusted:
            self._open_again()
        connection = self.connection
        try:
            if not synced:
                connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            self._distrusted = schema.primary_code(error) in DISTRUSTED
            # A full disk has already rolled back by itself.
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        finally:
            if not synced:
                connection.execute("PRAGMA synchronous = FULL")

    def checkpoint(self) -> None:
        """Folds the log into the file, so that it begins anew; raises sqlite3.Error. The caller holds the lock."""
        self.connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def free_bytes(self) -> int:
        """What its disk has free; raises OSError."""
        space = os.statvfs(self._path.parent)
        return space.f_bavail * space.f_frsize

    def _open_again(self) -> None:
        """A new connection; raises sqlite3.Error while the disk still fails, and the old one stays."""
        fresh = schema.connect(self._path)
        try:
            self._learn(fresh)
        except sqlite3.Error:
            fresh.close()
            raise
        with suppress(sqlite3.Error):
            self.connection.close()
        self.connection = fresh
        self._distrusted = False
