"""Wiring of the gateway's local duty, by hand: alarm command, record, pages."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple, Protocol

from edge_agent.local.access import Access
from edge_agent.local.bell import Standing
from edge_agent.local.carried import Carried
from edge_agent.local.desk import Desk, DeskParts
from edge_agent.local.duty import Duty
from edge_agent.local.export_desk import ExportDesk, ExportParts
from edge_agent.local.log_desk import LogDesk, LogDeskParts, rule_of
from edge_agent.local.memory import OutboxMemory
from edge_agent.local.page import LocalPage
from edge_agent.local.pairing import pairing_text
from edge_agent.local.record import Record
from edge_agent.local.view import ClockView, Snapshot, TwinView

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_agent.keeper.keeper import Keeper, ProbeView
    from edge_agent.outbox.outbox import Outbox
    from edge_agent.settings.file import Settings
    from edge_agent.settings.source import SourceSetting
    from edge_agent.uplink.uplink import Uplink


class Running(Protocol):
    """Keeper and uplink, which a configuration from afar may replace."""

    @property
    def keeper(self) -> Keeper:
        """Who judges what the sources say."""

    @property
    def uplink(self) -> Uplink:
        """The way out."""


class Around(NamedTuple):
    """What the room sees of the rest of the gateway; all of it may be asked from any thread.

    `devices` are names and whether they answer, `clock` what the clock is worth, `twin` what became of the newest
    configuration from afar, `carried` what is read of files, still without readings; `parts` are those that run just
    then.
    """

    outbox: Outbox
    parts: Callable[[], Running]
    devices: Callable[[], Sequence[tuple[str, bool]]]
    now_ms: Callable[[], int]
    clock: Callable[[], ClockView] = ClockView
    twin: Callable[[], TwinView | None] = lambda: None
    carried: Callable[[], Carried] = Carried


class Room:
    """The local duty of one gateway; raises SettingProblem when the page's port is taken."""

    def __init__(self, settings: Settings, around: Around) -> None:
        self._settings = settings
        self._around = around
        local = settings.local
        memory = OutboxMemory(around.outbox)
        self._record = Record(
            memory,
            memory,
            lambda: {probe.sensor: rule_of(probe.setting) for probe in self._probes()},
            local.record_hours,
            local.zone,
            self._trusted_now_ms,
        )
        self.duty = Duty(local.alarm_command, self._standing, (self._judge_silence, self._record.work))
        self._log = LogDesk(
            LogDeskParts(memory, self._record, self._probes, around.now_ms, local.zone, local.record_hours)
        )
        page = settings.local_page
        self._page = None if page is None else LocalPage(page, self._desk(memory).answer)

    def open(self) -> None:
        """Begins the duty."""
        self.duty.start()

    def close(self) -> None:
        """Ends duty and pages; to be done before the outbox closes."""
        if self._page is not None:
            self._page.close()
        self.duty.stop()

    def snapshot(self) -> Snapshot:
        """Everything the pages show, now."""
        around, local = self._around, self._settings.local
        return Snapshot(
            gateway=self._settings.gateway,
            at_ms=around.now_ms(),
            probes=self._probes(),
            counts=around.outbox.counts(),
            uplink=around.parts().uplink.status(),
            devices=around.devices(),
            facility={"en": local.facility_name, "hi": local.facility_name_hindi},
            clock=around.clock(),
            duty=self.duty.view(),
            twin=around.twin(),
            today=self._log.today,
        )

    def _desk(self, memory: OutboxMemory) -> Desk:
        settings, around, local = self._settings, self._around, self._settings.local
        return Desk(
            DeskParts(
                access=Access(local.code_digest, memory, around.now_ms),
                duty=self.duty,
                snapshot=self.snapshot,
                log=self._log,
                export=ExportDesk(
                    ExportParts(
                        settings.gateway,
                        memory,
                        self._record,
                        lambda: [probe.sensor for probe in self._probes()],
                        around.now_ms,
                        local.zone,
                        local.export_folders,
                    )
                ),
                refused=around.outbox.refused_ranges,
                names=our_names(local.host_names),
                pairing=pairing_text(settings.gateway, settings.portal_url),
                has_command=bool(local.alarm_command),
                carried=lambda: self._carried(memory),
            )
        )

    def _carried(self, memory: OutboxMemory) -> Carried:
        told = self._around.carried()
        newest = [memory.history(probe.sensor, 0, self._around.now_ms(), 1) for probe in told.probes]
        pairs = zip(told.probes, newest, strict=True)
        return told._replace(
            probes=[
                probe._replace(newest_at_ms=one[0].measured_at_ms, centi_celsius=one[0].centi_celsius) if one else probe
                for probe, one in pairs
            ]
        )

    def _probes(self) -> Sequence[ProbeView]:
        return self._around.parts().keeper.view()

    def _standing(self) -> list[Standing]:
        return [
            Standing(kind, probe.sensor, probe.newest.centi_celsius if probe.newest else None)
            for probe in self._probes()
            for kind in probe.alarms
        ]

    def _judge_silence(self, monotonic_ms: int) -> None:
        self._around.parts().keeper.judge_silence(self._around.now_ms(), monotonic_ms)

    def _trusted_now_ms(self) -> int | None:
        """No record is made under a clock that is not worth one."""
        return None if self._around.clock().source == "none" else self._around.now_ms()


def device_name(setting: SourceSetting) -> str:
    """What a person knows a source by: its kind and where it stands."""
    kind = str(setting.__struct_config__.tag)
    places = [getattr(setting, name, None) for name in ("host", "port", "device", "folder")]
    return f"{kind} {':'.join(str(place) for place in places if place)}".strip()


def our_names(configured: Sequence[str]) -> frozenset[str]:
    """The names, beside addresses, by which a browser may call this machine."""
    own = socket.gethostname().lower()
    return frozenset({*configured, own, f"{own}.local"} - {""})
