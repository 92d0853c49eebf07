"""The room over a real outbox and keeper: an alarm rings, a code opens, a page answers."""

from __future__ import annotations

import sys
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from edge_agent.keeper.keeper import Keeper
from edge_agent.local import duty as duty_module
from edge_agent.local.carried import Carried, CarriedProbe
from edge_agent.local.memory import OutboxMemory
from edge_agent.local.room import Around, Room, device_name, our_names
from edge_agent.local.view import ClockView, TwinView
from edge_agent.sample import Observation
from edge_agent.settings.file import load_settings
from edge_agent.settings.source import Ds01SerialSetting, Ds01TcpSetting, OneWireSetting
from edge_agent.uplink.uplink import Uplink
from tests.edge_agent.kit import SENSOR, T0_MS, sample, until, write_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.outbox.outbox import Outbox
    from edge_agent.settings.file import Settings
    from tests.edge_agent.conftest import SetClock


class Parts(NamedTuple):
    keeper: Keeper
    uplink: Uplink


@contextmanager
def opened(settings: Settings, outbox: Outbox, clock: SetClock, source: str = "rtc") -> Iterator[tuple[Room, Parts]]:
    parts = Parts(Keeper(settings, outbox, lambda: None, lambda: None), Uplink(settings, outbox, clock=clock))
    around = Around(
        outbox,
        lambda: parts,
        lambda: [("ds01_tcp 127.0.0.1:1", False)],
        clock,
        lambda: ClockView(source, None),
        lambda: TwinView("applied", 3),
        lambda: Carried([CarriedProbe("ILR-1", SENSOR), CarriedProbe("ILR-9", "gw-t.none")], [("a.csv", "why")]),
    )
    room = Room(settings, around)
    room.open()
    try:
        yield room, parts
    finally:
        room.close()


def settings_with(folder: Path, local: str) -> Settings:
    path = write_settings(folder, hub_port=1, gateway="local_page_port = 0")
    path.write_text(path.read_text().replace("[uplink]", f"[local]\n{local}\n[uplink]"))
    return load_settings(path)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duty_module, "TICK_SECONDS", 0.02)


def test_a_freezing_refrigerator_rings_with_no_network(tmp_path: Path, outbox: Outbox, clock: SetClock) -> None:
    told = tmp_path / "told"
    write = f"import os; open({str(told)!r}, 'a').write(os.environ['ALARM_STATE'] + os.environ['ALARM_CELSIUS'] + ' ')"
    settings = settings_with(tmp_path, f'alarm_command = ["{sys.executable}", "-c", "{write}"]')
    with opened(settings, outbox, clock) as (_, parts):
        parts.keeper.keep([Observation(samples=(sample(number, -90),)) for number in range(61)])
        until(lambda: told.exists() and told.read_text() == "alarm-0.90 ")
        parts.keeper.keep([Observation(samples=(sample(61, 400),))])
        until(lambda: told.read_text() == "alarm-0.90 cleared ")


def test_silence_is_judged_while_nothing_comes(
    tmp_path: Path, outbox: Outbox, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, passed = time.monotonic_ns, [0]
    monkeypatch.setattr(duty_module.time, "monotonic_ns", lambda: real() + passed[0])
    with opened(settings_with(tmp_path, "no_data_alarm_minutes = 30"), outbox, clock) as (room, _):
        until(lambda: room.snapshot().probes[0].alarms == [])
        assert outbox.next_alarms(5) == []

        def half_an_hour_on() -> object:
            passed[0] += 31 * 60 * 10**9
            clock.at_ms += 31 * 60_000
            return outbox.next_alarms(5)

        until(half_an_hour_on)
        assert outbox.next_alarms(5)[0].alarm.startswith(f"{SENSOR}/no_data/")
        assert [kind.value for kind in room.snapshot().probes[0].alarms] == ["no_data"]


def test_the_snapshot_tells_the_whole_gateway(tmp_path: Path, outbox: Outbox, clock: SetClock) -> None:
    settings = settings_with(tmp_path, 'facility_name = "PHC"\nfacility_name_hindi = "पीएचसी"')
    with opened(settings, outbox, clock) as (room, parts):
        parts.keeper.keep([Observation(samples=(sample(0, 400), sample(-1, 500)))])
        seen = room.snapshot()
        assert seen.facility == {"en": "PHC", "hi": "पीएचसी"}
        assert (seen.clock, seen.twin, seen.devices) == (
            ClockView("rtc", None),
            TwinView("applied", 3),
            [("ds01_tcp 127.0.0.1:1", False)],
        )
        clock.at_ms = T0_MS + 60_000
        assert seen.today(SENSOR) == (400, 500)
        assert seen.counts.pending == 2


def test_the_page_is_served_with_the_door_closed(tmp_path: Path, outbox: Outbox, clock: SetClock) -> None:
    (tmp_path / "gw.code").write_text("ABCD-2345")
    (tmp_path / "gw.code").chmod(0o600)
    settings = settings_with(tmp_path, 'device_code_file = "gw.code"')
    with opened(settings, outbox, clock) as (room, _):
        assert room._page is not None
        for path, fact in (("/gw", "No data"), ("/gw/setup", "Device code"), ("/gw/log", "60 days")):
            with urllib.request.urlopen(f"http://127.0.0.1:{room._page.port}{path}", timeout=5) as answer:
                assert fact in answer.read().decode()


def test_what_is_read_of_files_is_shown_with_its_newest_reading(
    tmp_path: Path, outbox: Outbox, clock: SetClock
) -> None:
    settings = settings_with(tmp_path, "")
    with opened(settings, outbox, clock) as (room, parts):
        parts.keeper.keep([Observation(samples=(sample(-2, 400), sample(-1, 500)), repeated=True)])
        told = room._carried(OutboxMemory(outbox))
    assert told.probes == [
        CarriedProbe("ILR-1", SENSOR, T0_MS - 60_000, 500),
        CarriedProbe("ILR-9", "gw-t.none", None, None),
    ]
    assert told.aside == [("a.csv", "why")]


def test_no_record_is_made_under_no_clock(tmp_path: Path, outbox: Outbox, clock: SetClock) -> None:
    with opened(settings_with(tmp_path, ""), outbox, clock, "none") as (room, _):
        assert room._trusted_now_ms() is None
    with opened(settings_with(tmp_path, ""), outbox, clock, "rtc") as (room, _):
        assert room._trusted_now_ms() == clock.at_ms


def test_a_room_without_a_page_still_does_its_duty(tmp_path: Path, outbox: Outbox, clock: SetClock) -> None:
    settings = load_settings(write_settings(tmp_path, hub_port=1))
    with opened(settings, outbox, clock) as (room, _):
        room.duty.identify()
        assert room.duty.view().shown == "identify"


def test_devices_and_names_for_people() -> None:
    assert device_name(Ds01TcpSetting(port=9101)) == "ds01_tcp 127.0.0.1:9101"
    assert device_name(Ds01SerialSetting(device="/dev/ttyUSB0")) == "ds01_serial /dev/ttyUSB0"
    assert device_name(OneWireSetting()) == "one_wire"
    names = our_names(["phc.example"])
    assert "phc.example" in names
    assert "" not in names
    assert len(names) == 3
