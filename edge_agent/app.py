"""Wiring of the gateway, by hand: clock, outbox, uplink, sources, local page."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING

from edge_agent import loop
from edge_agent.ballast import Ballast
from edge_agent.clock import Timeline
from edge_agent.keeper import Keeper
from edge_agent.local.page import LocalPage
from edge_agent.local.view import Snapshot
from edge_agent.outbox import Outbox
from edge_agent.source_settings import Ds01TcpSetting
from edge_agent.uplink import Uplink
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
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
    timeline = Timeline(now_ms(), _monotonic_ms())

    def clock() -> int:
        return timeline.now_ms(_monotonic_ms())

    outbox = Outbox(settings.outbox, clock=clock, rows_max=settings.rows_max, keep_days=settings.keep_days)
    uplink = Uplink(settings, outbox, clock=clock)
    ballast = Ballast(settings.outbox.with_name(settings.outbox.name + ".ballast"))
    keeper = Keeper(settings, outbox, uplink.wake, lambda: loop.relieve(ballast, outbox))
    sources = [make_source(settings.gateway, setting, outbox.mark, clock) for setting in settings.sources]

    def snapshot() -> Snapshot:
        connected = [source.is_connected() for source in sources]
        return Snapshot(settings.gateway, clock(), keeper.view(), outbox.counts(), uplink.status(), connected)

    page = None if settings.local_page is None else LocalPage(settings.local_page, snapshot)
    _log.info("ready")
    try:
        parts = loop.Parts(sources, keeper, outbox, uplink, ballast)
        loop.run(parts, stopping, lambda: timeline.anchor(now_ms(), _monotonic_ms()))
    finally:
        if page is not None:
            page.close()
        outbox.close()
    return 0


def make_source(gateway: str, setting: SourceSetting, recall: Recall, clock: Clock) -> Source:
    """The source of one [[source]]; its driver is imported only here, when it is configured."""
    from edge_agent.sources.ds01_tcp import Ds01TcpSource  # noqa: PLC0415 - only a configured driver is loaded

    if not isinstance(setting, Ds01TcpSetting):
        raise SettingProblem(f"{type(setting).__name__}", variable="source.kind")
    return Ds01TcpSource(gateway, setting, recall, clock)


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
