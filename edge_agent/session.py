"""The number of a connection: it grows for ever, also when the disk that counted it is replaced (pure).

Without a believed clock it is counted by the outbox's file; with one it is at least the seconds since 2026, so that a
gateway whose file began anew is still newer than all it ever said.
"""

from __future__ import annotations

EPOCH_MS = 1_767_225_600_000
"""2026-01-01."""
SESSIONS_A_SECOND = 2**20
SESSIONS_A_BOOT = 2**20
BOOT_SHIFT = 32
CLOCKED_MIN = 2**24 * SESSIONS_A_SECOND
"""July 2026 in seconds; no file counts so many boots."""


def next_session(last: int, boot: int, anchored_ms: int | None) -> int:
    """The number after `last` for a connection of this boot; `anchored_ms` is the clock, None while not believed."""
    counted = (boot >> BOOT_SHIFT) * SESSIONS_A_BOOT + 1
    clocked = 0 if anchored_ms is None else (anchored_ms - EPOCH_MS) // 1_000 * SESSIONS_A_SECOND
    return max(last + 1, counted, clocked)


def is_clocked(session: int) -> bool:
    """Whether a believed clock stands behind the number or one before it."""
    return session >= CLOCKED_MIN
