"""The machine's clocks: its wall clock and whether that is synchronised, the time since its boot, that boot's name."""

from __future__ import annotations

import ctypes
import time
from typing import TYPE_CHECKING

from edge_agent.clock.timeline import Wall
from sheetal.contracts.clock import now_ms

if TYPE_CHECKING:
    from edge_agent.settings.clock import Synchronised

STA_UNSYNC = 0x0040
"""timex.h: the kernel's clock is not synchronised."""
TIME_ERROR = 5
_SPARE_BYTES = 512
"""More than any kernel's `struct timex` has behind its status."""

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Unlike CLOCK_MONOTONIC it counts on while the machine sleeps."""


class _Timex(ctypes.Structure):
    """The beginning of `struct timex` (timex.h); `modes` 0 only asks."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * _SPARE_BYTES),
    ]


def monotonic_ms() -> int:
    """Ms since the operating system booted; no process's end and no setting of the wall clock touches it."""
    return time.clock_gettime_ns(_BOOT_CLOCK) // 1_000_000


def wall(synchronised: Synchronised = "auto") -> Wall:
    """The wall clock now; `synchronised` is the setting that may overrule the kernel."""
    is_synchronised = kernel_is_synchronised() if synchronised == "auto" else synchronised == "always"
    return Wall(now_ms(), is_synchronised)


def kernel_is_synchronised() -> bool:
    """What adjtimex(2) says; False on a system without it or where it may not be asked."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return False
    asked = _Timex(modes=0)
    state = int(adjtimex(ctypes.byref(asked)))
    return 0 <= state < TIME_ERROR and not asked.status & STA_UNSYNC
