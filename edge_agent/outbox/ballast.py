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
BALLAST_BYTES_MIN = 64 * 1024
FREE_SHARE = 4
"""At most a quarter of what is free: of a fixed size, a small disk would never have room for it again."""


class Ballast:
    """The file; `lay` is harmless to repeat."""

    def __init__(self, path: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def lay(self) -> bool:
        """Puts the file there, really allocated; False where the disk has no room for a smaller one either."""
        if self._path.exists():
            return True
        try:
            space = os.statvfs(self._path.parent)
            size_bytes = min(self._size_bytes, space.f_bavail * space.f_frsize // FREE_SHARE)
            if size_bytes < min(self._size_bytes, BALLAST_BYTES_MIN):
                return False
            self._path.write_bytes(b"\0" * size_bytes)
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
