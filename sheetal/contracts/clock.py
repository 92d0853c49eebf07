"""The one place that reads the wall clock; wiring hands `now_ms` down, decisions take an instant as an argument."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]


def now_ms() -> int:
    """UTC epoch milliseconds by this machine's clock."""
    return time.time_ns() // 1_000_000
