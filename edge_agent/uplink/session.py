"""The number of a connection: it grows for ever, also when the disk that counted it is replaced (pure).

Without a believed clock it is counted by the outbox's file; with one it is at least the seconds since 2026, so that a
gateway whose file began anew is still newer than all it ever said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH_MS = 1_767_225_600_000
"""2026-01-01."""
SESSIONS_A_SECOND = 2**20
SESSIONS_A_BOOT = 2**20
BOOT_SHIFT = 32
CLOCKED_MIN = 2**24 * SESSIONS_A_SECOND
"""July 2026 in seconds; no file counts so many boots."""
RESERVED = 1_000
"""So many numbers are kept on the disk at once: a broker that is away for days must not cost a commit a minute."""


class Sessions:
    """Gives each connection its number. `kept` is the highest that an earlier process may have used.

    `keep` puts a new highest one on the disk before any number up to it is told.
    """

    def __init__(self, kept: int, boot: int, keep: Callable[[int], None]) -> None:
        self._kept = kept
        self._boot = boot
        self._keep = keep
        self.number = kept

    def begin(self, anchored_ms: int | None) -> int:
        """The next connection's number; `anchored_ms` is the clock, None while it is not believed."""
        needs_clock = anchored_ms is not None and not is_clocked(self.number)
        if self.number < self._kept and not needs_clock:
            self.number += 1
            return self.number
        self.number = next_session(self.number, self._boot, anchored_ms)
        self._kept = self.number + RESERVED
        self._keep(self._kept)
        return self.number


def next_session(last: int, boot: int, anchored_ms: int | None) -> int:
    """The number after `last` for a connection of this boot; `anchored_ms` is the clock, None while not believed."""
    counted = (boot >> BOOT_SHIFT) * SESSIONS_A_BOOT + 1
    clocked = 0 if anchored_ms is None else (anchored_ms - EPOCH_MS) // 1_000 * SESSIONS_A_SECOND
    return max(last + 1, counted, clocked)


def is_clocked(session: int) -> bool:
    """Whether a believed clock stands behind the number or one before it."""
    return session >= CLOCKED_MIN
