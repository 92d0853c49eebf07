"""Wiring: plays a scenario, gives each hub its voice, writes the truth beside it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from firmware_sim.clock_plan import plan_clock
from firmware_sim.fleet import Fleet
from firmware_sim.scenario import Hub, HubProtocol, Scenario
from firmware_sim.truth import TruthLog
from firmware_sim.voices import Spot, voice_of
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem

TICK_SECONDS = 0.1
PORT_MAX = 65_535
PORT_PROTOCOLS = {HubProtocol.DS01, HubProtocol.MODBUS}
_log = logging.getLogger("firmware_sim")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says; `folder` is where serial lines and 1-Wire buses appear."""

    scenario: Scenario
    ports_from: int
    host: str
    seed: int
    truth: Path | None
    folder: Path | None = None


class Simulator:
    """The fleet with the voices of its hubs; started at one instant of the wall clock."""

    def __init__(self, settings: Settings, started_ms: int, truth: TruthLog | None) -> None:
        scenario = settings.scenario
        self._settings = settings
        self._plan = plan_clock(
            started_ms,
            scenario.history_minutes,
            scenario.story_minutes,
            scenario.catch_up_seconds,
        )
        self._fleet = Fleet(scenario, self._plan, settings.seed)
        self._truth = truth
        self._voices = [
            voice_of(scenario, hub, Spot(settings.host, settings.ports_from + number, _below(settings.folder, hub)))
            for number, hub in enumerate(scenario.hubs)
        ]

    def play(self, wall_ms: int) -> None:
        """Produces every record that is due at a wall instant and lets each hub speak of its own."""
        touched = set()
        hubs = self._settings.scenario.hubs
        for number, spec, sample in self._fleet.produce_until(self._plan.simulated_ms(wall_ms)):
            self._voices[number].tell(spec, sample)
            touched.add(number)
            if self._truth:
                self._truth.write(hubs[number], spec, sample)
        if self._truth and touched:
            self._truth.flush()
        for number in touched:
            self._voices[number].announce()

    async def open(self) -> None:
        """Opens every voice; raises SettingProblem naming the hub and what it cannot have."""
        for number, (hub, voice) in enumerate(zip(self._settings.scenario.hubs, self._voices, strict=True)):
            try:
                where = await voice.open()
            except OSError as error:
                raise self._cannot_open(hub, number, error) from error
            if hub.protocol is not HubProtocol.DS01:
                _log.info("%s speaks %s at %s", hub.gateway, hub.protocol, where)

    def _cannot_open(self, hub: Hub, number: int, error: OSError) -> SettingProblem:
        reason = os.strerror(error.errno or 0)
        if hub.protocol in PORT_PROTOCOLS:
            port = self._settings.ports_from + number
            message = f"port {port} on {self._settings.host} cannot be opened: {reason}"
            return SettingProblem(message, variable="--ports-from")
        return SettingProblem(f"hub {hub.gateway} cannot speak {hub.protocol}: {reason}", variable="--folder")

    async def close(self) -> None:
        """Closes every voice."""
        for voice in self._voices:
            await voice.close()


def _below(folder: Path | None, hub: Hub) -> Path | None:
    return folder / hub.gateway if folder else None


def run(settings: Settings) -> None:
    """Plays until SIGTERM or SIGINT; raises SettingProblem when it cannot start."""
    if not 0 < settings.ports_from <= PORT_MAX + 1 - len(settings.scenario.hubs):
        raise SettingProblem(f"--ports-from {settings.ports_from} leaves no room for all hubs", variable="--ports-from")
    with ExitStack() as stack:
        truth = stack.enter_context(TruthLog(settings.truth)) if settings.truth else None
        asyncio.run(_play(settings, truth))


async def _play(settings: Settings, truth: TruthLog | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    started_ms, started = now_ms(), time.monotonic()
    simulator = Simulator(settings, started_ms, truth)
    try:
        await simulator.open()
        simulator.play(started_ms)
        _log.info("ready")
        while not stopped.is_set():
            # The monotonic clock carries the plan: a corrected wall clock must not tear the story.
            simulator.play(started_ms + round((time.monotonic() - started) * 1_000))
            try:
                await asyncio.wait_for(stopped.wait(), TICK_SECONDS)
            except TimeoutError:
                continue
    finally:
        await simulator.close()
