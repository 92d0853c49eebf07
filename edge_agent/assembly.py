"""The running gateway's parts, made anew whenever a configuration from afar asks for it; untouched sources go on."""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

from edge_agent import loop
from edge_agent.sources.need import need_of
from edge_agent.switch import Switch
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_agent.keeper.keeper import Keeper
    from edge_agent.remote.manager import Manager
    from edge_agent.settings.file import Settings
    from edge_agent.settings.source import SourceSetting
    from edge_agent.sources.port import Source
    from sheetal.contracts.clock import Clock

_log = logging.getLogger(__name__)


class _Running(NamedTuple):
    need: SourceSetting
    source: Source


class Assembly:
    """Holds what runs now in `parts`. `build` makes parts, not yet started, or raises SettingProblem.

    It is given the running source of each of the settings' sources, or None where one is to be made. `adopt` is told
    of each keeper that takes over; `clock` is the gateway's timeline.
    """

    def __init__(
        self,
        manager: Manager,
        build: Callable[[Settings, Sequence[Source | None]], loop.Parts],
        adopt: Callable[[Keeper], None],
        clock: Clock,
    ) -> None:
        self._manager = manager
        self._build = build
        self._adopt = adopt
        self._clock = clock
        self._running: list[_Running] = []
        parts = self._built(manager.settings)
        self._switch = Switch(parts.keeper.keep)
        self.parts = parts._replace(sink=self._switch.keep)

    def manage(self, running: loop.Parts) -> loop.Parts:
        """Lets the manager decide and changes over where it says so; gives the parts that run from now on."""
        settings = self._manager.tick(running.uplink.status().acks, time.monotonic())
        if settings is not None:
            running.uplink.stop()
            before = running.sources
            self.parts = self._after(running, settings)
            fresh = [source for source in self.parts.sources if source not in before]
            loop.start(self.parts._replace(sources=fresh))
        return self.parts

    def _after(self, before: loop.Parts, settings: Settings) -> loop.Parts:
        after = self._built(settings)
        with self._switch.turned_to(after.keeper.keep):
            try:
                after.keeper.take_over(before.keeper, self._clock())
            except sqlite3.Error as error:
                _log.error("what the probes remembered cannot be kept on the disk now: %s", error)
            self._adopt(after.keeper)
        after.uplink.carry_on(before.uplink.status())
        return after._replace(sink=self._switch.keep)

    def _built(self, settings: Settings) -> loop.Parts:
        try:
            return self._built_once(settings)
        except SettingProblem as problem:
            if settings == self._manager.installed:
                raise
            return self._built_once(self._manager.cannot(problem.message))

    def _built_once(self, settings: Settings) -> loop.Parts:
        needs = [need_of(setting) for setting in settings.sources]
        parts = self._build(settings, self._going_on(needs))
        self._running = [_Running(*pair) for pair in zip(needs, parts.sources, strict=True)]
        return parts

    def _going_on(self, needs: Sequence[SourceSetting]) -> list[Source | None]:
        """The running source of each need; those that nothing needs any more are stopped when they have told all."""
        left, found = self._running, []
        for need in needs:
            one = next((one for one in left if one.need == need), None)
            left = [other for other in left if other is not one]
            found.append(one)
        for one in left:
            one.source.stop()
        self._running = [one for one in found if one is not None]
        return [one and one.source for one in found]
