"""Wiring of the gateway, by hand: clock, outbox, uplink, sources, local page."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, NamedTuple

from edge_agent import loop
from edge_agent.assembly import Assembly
from edge_agent.ballast import Ballast
from edge_agent.keeper import Keeper
from edge_agent.local.page import LocalPage
from edge_agent.local.view import Snapshot
from edge_agent.outbox import Outbox
from edge_agent.remote.commands import Actions
from edge_agent.remote.log_ring import LogRing
from edge_agent.remote.manager import Manager
from edge_agent.source_settings import Ds01TcpSetting
from edge_agent.timekeeper import Machine, Timekeeper
from edge_agent.uplink import Uplink
from edge_agent.watchdog import Systemd
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.sample import Recall
    from edge_agent.settings import Settings, SourceSetting
    from edge_agent.sources.port import Source
    from sheetal.contracts.clock import Clock

_log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Runs the gateway until SIGTERM or SIGINT; raises SettingProblem when it cannot start."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    ring = _remember_the_log(settings)
    outbox = Outbox(
        settings.outbox,
        clock=lambda: timekeeper.now_ms(),  # noqa: PLW0108 - it is made of what this outbox remembers
        rows_max=settings.rows_max,
        bytes_max=settings.bytes_max,
        keep_days=settings.keep_days,
    )
    timekeeper = Timekeeper(Machine(settings.clock.system_is_synchronised), outbox)
    ballast = Ballast(settings.outbox.with_name(settings.outbox.name + ".ballast"))
    actions = Actions(_identify, _identify, ring.newest, outbox.resend)
    manager = Manager(settings, outbox.boot, actions, timekeeper.now_ms, timekeeper.anchored_now_ms)
    workshop = Workshop(outbox, timekeeper, ballast, manager)
    assembly = Assembly(manager, workshop.build, timekeeper.adopt, timekeeper.now_ms)
    timekeeper.settle(assembly.parts.keeper)

    def snapshot() -> Snapshot:
        parts = assembly.parts
        connected = [source.is_connected() for source in parts.sources]
        return Snapshot(
            settings.gateway,
            timekeeper.now_ms(),
            parts.keeper.view(),
            outbox.counts(),
            parts.uplink.status(),
            connected,
        )

    page = None if settings.local_page is None else LocalPage(settings.local_page, snapshot)
    _log.info("ready")
    try:
        systemd = Systemd.of_environment(os.environ)
        loop.run(assembly.parts, stopping, timekeeper, manage=assembly.manage, systemd=systemd)
    finally:
        if page is not None:
            page.close()
        outbox.close()
        logging.getLogger().removeHandler(ring)
    return 0


class Workshop(NamedTuple):
    """Makes the parts of a gateway for the settings that it is to run under now; what outlives them is here."""

    outbox: Outbox
    timekeeper: Timekeeper
    ballast: Ballast
    manager: Manager

    def build(self, settings: Settings) -> loop.Parts:
        """Parts that are not yet started; raises SettingProblem."""
        outbox, timekeeper, ballast, manager = self
        uplink = Uplink(settings, outbox, clock=timekeeper.now_ms, remote=manager, time_keeper=timekeeper)
        keeper = Keeper(settings, outbox, uplink.wake, lambda: loop.relieve(ballast, outbox), timekeeper)
        sources = [
            make_source(settings.gateway, setting, outbox.mark, timekeeper.monotonic_ms, timekeeper.anchored_now_ms)
            for setting in settings.sources
        ]
        return loop.Parts(sources, keeper, outbox, uplink, ballast)


def _remember_the_log(settings: Settings) -> LogRing:
    ring = LogRing([settings.key.hex(), settings.broker.password or ""])
    logging.getLogger().addHandler(ring)
    return ring


def _identify() -> None:
    _log.warning("this is the gateway that is meant")


def make_source(
    gateway: str,
    setting: SourceSetting,
    recall: Recall,
    clock: Clock,
    anchored: Callable[[], int | None] | None = None,
) -> Source:
    """The source of one [[source]]; its driver is imported only here, when it is configured.

    `clock` stamps what has no time of its own; `anchored` is the same clock, but None while it cannot be trusted.
    """
    from edge_agent.sources.ds01_tcp import Ds01TcpSource  # noqa: PLC0415 - only a configured driver is loaded

    if not isinstance(setting, Ds01TcpSetting):
        raise SettingProblem(f"{type(setting).__name__}", variable="source.kind")
    return Ds01TcpSource(gateway, setting, recall, anchored or clock)  # type: ignore[arg-type] # None is "not live"
