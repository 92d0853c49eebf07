"""Wiring: plays a scenario, serves each hub on its own port, writes the truth beside it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from firmware_sim.backlog import Backlog, backlog_lines
from firmware_sim.clock_plan import plan_clock
from firmware_sim.fleet import Fleet
from firmware_sim.protocols.ds01 import HubServer, encode
from firmware_sim.scenario import Scenario
from firmware_sim.truth import TruthLog
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem

TICK_SECONDS = 0.1
PORT_MAX = 65_535
_log = logging.getLogger("firmware_sim")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says."""

    scenario: Scenario
    ports_from: int
    host: str
    seed: int
    truth: Path | None


class Simulator:
    """The fleet with its backlogs and servers; started at one instant of the wall clock."""

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
        self._backlogs = [
            Backlog(backlog_lines(len(hub.appliances), scenario.interval_seconds)) for hub in scenario.hubs
        ]
        self._servers = [HubServer(backlog) for backlog in self._backlogs]

    def play(self, wall_ms: int) -> None:
        """Produces every record that is due at a wall instant and wakes the clients of its hub."""
        touched = set()
        for produced in self._fleet.produce_until(self._plan.simulated_ms(wall_ms)):
            line = encode(produced.spec.serial, produced.spec.field, produced.sample, self._plan.first_ms)
            self._backlogs[produced.hub].append(line)
            touched.add(produced.hub)
            if self._truth:
                self._truth.write(produced.spec.serial, produced.sample)
        if self._truth and touched:
            self._truth.flush()
        for hub in touched:
            self._servers[hub].announce()

    async def listen(self) -> None:
        """Opens one port per hub; raises SettingProblem naming the port that is taken."""
        for number, server in enumerate(self._servers):
            port = self._settings.ports_from + number
            try:
                await server.listen(self._settings.host, port)
            except OSError as error:
                raise SettingProblem(
                    f"port {port} on {self._settings.host} cannot be opened: {os.strerror(error.errno or 0)}",
                    variable="--ports-from",
                ) from error

    async def close(self) -> None:
        """Closes every port and connection."""
        for server in self._servers:
            await server.close()


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
        await simulator.listen()
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
