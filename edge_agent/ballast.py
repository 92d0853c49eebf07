"""A file of nothing beside the outbox: on a full disk even a delete fails, so there must be something to throw away.

Measured in trust.md section 1: SQLite on a full disk can neither delete nor checkpoint; with the ballast gone it can.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

BALLAST_BYTES = 4 * 1024 * 1024


class Ballast:
    """The file; `lay` is harmless to repeat."""

    def __init__(self, path: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def lay(self) -> bool:
        """Puts the file there in full, really allocated; False where the disk has no room twice over."""
        if self._path.exists():
            return True
        try:
            space = os.statvfs(self._path.parent)
            if space.f_bavail * space.f_frsize < 2 * self._size_bytes:
                return False
            self._path.write_bytes(b"\0" * self._size_bytes)
        except OSError:
            self.drop()
            return False
        return True

    def drop(self) -> bool:
        """Throws the file away; True if it was there."""
        try:
            self._path.unlink()
        except OSError:
            return False
        _log.error("the disk is full: threw the ballast file away to go on")
        return True
