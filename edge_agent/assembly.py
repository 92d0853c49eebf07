"""The running gateway's parts, made anew whenever a configuration from afar asks for it."""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING

from edge_agent import loop
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.keeper import Keeper
    from edge_agent.remote.manager import Manager
    from edge_agent.settings import Settings
    from sheetal.contracts.clock import Clock

_log = logging.getLogger(__name__)


class Assembly:
    """Holds what runs now in `parts`. `build` makes parts, not yet started, or raises SettingProblem.

    `adopt` is told of each keeper that takes over; `clock` is the gateway's timeline.
    """

    def __init__(
        self,
        manager: Manager,
        build: Callable[[Settings], loop.Parts],
        adopt: Callable[[Keeper], None],
        clock: Clock,
    ) -> None:
        self._manager = manager
        self._build = build
        self._adopt = adopt
        self._clock = clock
        self.parts = self._built(manager.settings)

    def manage(self, running: loop.Parts) -> loop.Parts:
        """Lets the manager decide and changes over where it says so; gives the parts that run from now on."""
        settings = self._manager.tick(running.uplink.status().acks, time.monotonic())
        if settings is not None:
            loop.stop(running)
            self.parts = self._after(running, settings)
            loop.start(self.parts)
        return self.parts

    def _after(self, before: loop.Parts, settings: Settings) -> loop.Parts:
        after = self._built(settings)
        try:
            after.keeper.take_over(before.keeper, self._clock())
        except sqlite3.Error as error:
            _log.error("what the probes remembered cannot be kept on the disk now: %s", error)
        after.uplink.carry_on(before.uplink.status())
        self._adopt(after.keeper)
        return after

    def _built(self, settings: Settings) -> loop.Parts:
        try:
            return self._build(settings)
        except SettingProblem as problem:
            if settings == self._manager.installed:
                raise
            return self._build(self._manager.cannot(problem.message))
