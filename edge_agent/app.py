"""Wiring of the gateway, by hand: clock, outbox, uplink, sources, local page."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, NamedTuple, cast

from edge_agent import loop
from edge_agent.assembly import Assembly
from edge_agent.keeper.keeper import Keeper
from edge_agent.local.carried import Carried, CarriedProbe
from edge_agent.local.room import Around, Room, device_name
from edge_agent.local.view import ClockView, TwinView
from edge_agent.outbox.ballast import Ballast
from edge_agent.outbox.outbox import Outbox
from edge_agent.remote.commands import Actions
from edge_agent.remote.log_ring import LogRing
from edge_agent.remote.manager import Manager
from edge_agent.settings.source import LoggerFolderSetting
from edge_agent.sources.connect import make_source
from edge_agent.timekeeper import Machine, Timekeeper
from edge_agent.uplink.uplink import Uplink
from edge_agent.watchdog import Systemd
from sheetal.contracts.topics import sensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.settings.file import Settings
    from edge_agent.sources.logger_folder import LoggerFolderSource
    from edge_agent.sources.port import Source
    from sheetal.contracts.clock import Clock

_log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Runs the gateway until SIGTERM or SIGINT; raises SettingProblem when it cannot start."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    ring = _remember_the_log(settings)
    ballast = Ballast(settings.outbox.with_name(settings.outbox.name + ".ballast"))
    outbox = loop.open_patiently(lambda: _outbox(settings, lambda: timekeeper.now_ms()), ballast, stopping)  # noqa: PLW0108 - it is made of what this outbox remembers
    if outbox is None:
        return 0
    timekeeper = Timekeeper(Machine(settings.clock.system_is_synchronised), outbox)
    actions = Actions(
        lambda: room.duty.identify(),  # noqa: PLW0108 - the room is made of what the manager runs
        lambda: room.duty.sound_test_alarm(),  # noqa: PLW0108 - as above
        ring.newest,
        outbox.resend,
        outbox.resend_ranges,
    )
    manager = Manager(settings, outbox.boot, actions, timekeeper.now_ms, timekeeper.anchored_now_ms)
    workshop = Workshop(outbox, timekeeper, ballast, manager)
    assembly = Assembly(manager, workshop.build, timekeeper.adopt, timekeeper.now_ms)
    timekeeper.settle(assembly.parts.keeper)

    room = Room(settings, _around(outbox, timekeeper, assembly, manager))
    room.open()
    _log.info("ready")
    try:
        systemd = Systemd.of_environment(os.environ)
        loop.run(assembly.parts, stopping, timekeeper, manage=assembly.manage, systemd=systemd)
    finally:
        room.close()
        outbox.close()
        logging.getLogger().removeHandler(ring)
    return 0


class Workshop(NamedTuple):
    """Makes the parts of a gateway for the settings that it is to run under now; what outlives them is here."""

    outbox: Outbox
    timekeeper: Timekeeper
    ballast: Ballast
    manager: Manager

    def build(self, settings: Settings, going_on: Sequence[Source | None]) -> loop.Parts:
        """Parts that are not yet started, but for those sources that go on; raises SettingProblem."""
        outbox, timekeeper, ballast, manager = self
        uplink = Uplink(settings, outbox, clock=timekeeper.now_ms, remote=manager, time_keeper=timekeeper)
        keeper = Keeper(settings, outbox, uplink.wake, lambda: loop.relieve(ballast, outbox), timekeeper)
        sources = [
            source
            or make_source(settings.gateway, setting, outbox.mark, timekeeper.monotonic_ms, timekeeper.anchored_now_ms)
            for setting, source in zip(settings.sources, going_on, strict=True)
        ]
        return loop.Parts(sources, keeper, outbox, uplink, ballast)


def _outbox(settings: Settings, clock: Clock) -> Outbox:
    return Outbox(
        settings.outbox,
        clock=clock,
        rows_max=settings.rows_max,
        bytes_max=settings.bytes_max,
        keep_days=settings.keep_days,
    )


def _remember_the_log(settings: Settings) -> LogRing:
    ring = LogRing([settings.key.hex(), settings.broker.password or ""])
    logging.getLogger().addHandler(ring)
    return ring


def _around(outbox: Outbox, timekeeper: Timekeeper, assembly: Assembly, manager: Manager) -> Around:
    """What those who stand in front of the gateway see of it, whatever parts run just then."""

    def devices() -> list[tuple[str, bool]]:
        pairs = zip(manager.settings.sources, assembly.parts.sources, strict=False)
        return [(device_name(setting), source.is_connected()) for setting, source in pairs]

    def twin() -> TwinView:
        reported = manager.reported()
        return TwinView(reported.state, reported.version, reported.problem)

    return Around(
        outbox=outbox,
        parts=lambda: assembly.parts,
        devices=devices,
        now_ms=timekeeper.now_ms,
        clock=lambda: ClockView(timekeeper.source.word, timekeeper.offset_ms),
        twin=twin,
        carried=lambda: carried_by(manager.settings, assembly.parts.sources),
    )


def carried_by(settings: Settings, sources: Sequence[Source]) -> Carried:
    """The probes that are read of files, and the files that were put aside."""
    pairs = [pair for pair in zip(settings.sources, sources, strict=False) if isinstance(pair[0], LoggerFolderSetting)]
    return Carried(
        [
            CarriedProbe(probe.appliance or probe.probe, sensor_of(settings.gateway, probe.probe))
            for setting, _ in pairs
            for probe in setting.probe
        ],
        [told for _, source in pairs for told in cast("LoggerFolderSource", source).report()],
    )
