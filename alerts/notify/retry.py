"""How long to wait before another try: ever longer, up to an hour (pure)."""

from __future__ import annotations

PAUSE_MS_MIN = 5_000
PAUSE_MS_MAX = 3_600_000
DOUBLINGS_MAX = 20


def pause_ms(attempts: int) -> int:
    """The pause after so many tries in vain, 1 or more."""
    return int(min(PAUSE_MS_MIN * 2 ** min(attempts - 1, DOUBLINGS_MAX), PAUSE_MS_MAX))
