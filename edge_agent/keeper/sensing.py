"""Whether polled probes are still asked: one that is dead says so every time, only a source that hangs is silent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from edge_agent.keeper.keeper import ProbeView

STILL_SECONDS = 300.0
INTERVALS = 10
"""A probe that is asked more rarely may be still for as many of its intervals."""


class Sensing:
    """Remembers what each polled probe said last, and since when it is the same."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._told: dict[str, tuple[object, float]] = {}

    def gets_on(self, views: Iterable[ProbeView], polled: Collection[str], intakes_refused: int) -> bool:
        """Whether every one of them has said something lately, be it that it is dead.

        A full outbox takes nothing back to the screen, but counts what it refuses: that is getting on too.
        """
        now = self._seconds()
        still = False
        for view in views:
            if view.sensor not in polled:
                continue
            told = (view.newest, intakes_refused)
            known, since = self._told.get(view.sensor, (None, now))
            if known != told:
                self._told[view.sensor] = (told, now)
            elif now - since > max(STILL_SECONDS, INTERVALS * view.setting.interval_ms / 1_000):
                still = True
        return not still
