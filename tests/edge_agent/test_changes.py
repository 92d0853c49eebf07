"""Configurations come and go while devices speak that keep nothing: nothing they said is lost."""

from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from edge_agent import loop
from edge_agent.app import Workshop
from edge_agent.assembly import Assembly
from edge_agent.outbox.ballast import Ballast
from edge_agent.outbox.outbox import Outbox
from edge_agent.remote.commands import Actions
from edge_agent.remote.managed import config_of
from edge_agent.remote.manager import Manager
from edge_agent.settings.file import load_settings
from edge_agent.settings.uplink import RemoteSetting
from edge_agent.timekeeper import Machine, Timekeeper
from sheetal.contracts.clock import now_ms
from sheetal.contracts.seal import seal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Desired, TwinState
from tests.edge_agent.kit import GATEWAY, KEY, MINUTE_MS, SENSOR, T0_MS, Hub, record, until, write_settings
from tests.edge_agent.test_assembly import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from edge_agent.settings.file import Settings
    from edge_agent.sources.port import Source
    from edge_agent.uplink.uplink import Uplink

CHANGES = 24
INTERVAL_MS = 100
POLLED = f"{GATEWAY}.wire"
DEVICE = "28-0000072431ac"
SCRATCHPAD = "50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=4500\n"


class NoUplink(Workshop):
    """The real parts, but a way out that goes nowhere; the next one answers as it is told."""

    acks = 0

    def build(self, settings: Settings, going_on: Sequence[Source | None]) -> loop.Parts:
        line = Line("line", [])
        line.acks = self.acks
        return super().build(settings, going_on)._replace(uplink=cast("Uplink", line))


class Site:
    """A hub that never tells anything twice, a 1-Wire probe, and the gateway's loop in a thread."""

    def __init__(self, folder: Path, hub: Hub, outbox: Outbox) -> None:
        config = write_settings(folder, hub_port=hub.port)
        device = folder / "w1" / DEVICE
        device.mkdir(parents=True)
        (device / "w1_slave").write_text(SCRATCHPAD)
        with config.open("a") as file:
            file.write(f'\n[[source]]\nkind = "one_wire"\nroot = "{folder / "w1"}"\n[[source.probe]]\n')
            file.write(f'probe = "wire"\ndevice = "{DEVICE}"\ninterval_ms = {INTERVAL_MS}\n')
        self.settings = load_settings(config)._replace(remote=RemoteSetting(trial_seconds=0.05))
        timekeeper = Timekeeper(Machine("always"), outbox)
        actions = Actions(lambda: None, lambda: None, lambda: "", lambda *_: 0, lambda _: 0)
        self.manager = Manager(self.settings, outbox.boot, actions, now_ms, now_ms)
        self.workshop = NoUplink(outbox, timekeeper, Ballast(folder / "ballast", 4_096), self.manager)
        self.assembly = Assembly(self.manager, self.workshop.build, timekeeper.adopt, timekeeper.now_ms)
        timekeeper.settle(self.assembly.parts.keeper)
        self.stopping = threading.Event()
        self.thread = threading.Thread(
            target=loop.run, args=(self.assembly.parts, self.stopping, timekeeper, self.assembly.manage)
        )
        self.thread.start()
        until(lambda: hub.calls == 1)

    def change(self, version: int, config: object, *, holds: bool) -> None:
        NoUplink.acks = int(holds)
        raw = msgspec.Raw(msgspec.json.encode(config))
        desired = Desired(gateway=GATEWAY, version=version, issued_at_ms=T0_MS, config=raw)
        assert self.manager.hear(Channel.DESIRED, seal(Channel.DESIRED, GATEWAY, KEY, desired))
        state = TwinState.APPLIED if holds else TwinState.ROLLED_BACK
        until(lambda: (self.manager.reported().version, self.manager.reported().state) == (version, state))

    def close(self) -> None:
        self.stopping.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(retells=False) as hub:
        yield hub


@pytest.fixture
def site(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(loop, "TICK_SECONDS", 0.02)
    with closing(Outbox(tmp_path / "outbox.db", clock=now_ms)) as outbox, closing(Site(tmp_path, hub, outbox)) as site:
        yield site


class Speaker:
    """Makes the hub say a new record every few milliseconds."""

    def __init__(self, hub: Hub) -> None:
        self.said: list[int] = []
        self._hub = hub
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._speak)
        self._thread.start()

    def _speak(self) -> None:
        while not self._stopping.wait(0.003):
            at_ms = T0_MS + len(self.said) * MINUTE_MS
            self._hub.say(record(at_ms))
            self.said.append(at_ms)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()


def until_called(hub: Hub, times: int) -> None:
    until(lambda: hub.calls == times)


def stamps(outbox: Outbox, sensor: str) -> list[int]:
    return [row.measured_at_ms for row in outbox.history(sensor, 0, 2**60, 100_000)]


def test_devices_that_keep_nothing_lose_nothing_over_changes_that_do_not_touch_them(site: Site, hub: Hub) -> None:
    config = json.loads(config_of(site.settings))
    sources = site.assembly.parts.sources
    speaker = Speaker(hub)
    until(lambda: speaker.said)
    for version in range(1, CHANGES + 1):
        if version % 3:
            config["uplink"]["message_rows"] = version
        else:
            config["source"][0]["probe"][0] |= {
                "range_max_centi_celsius": 700 + version,
                "interval_ms": 1_000 * version,
            }
            config["source"][1]["probe"][0] |= {"heat_alarm_minutes": version}
        site.change(version, config, holds=version % 2 == 1)
        time.sleep(0.05)
    speaker.stop()
    outbox = site.assembly.parts.outbox
    until(lambda: len(stamps(outbox, SENSOR)) >= len(speaker.said))
    assert stamps(outbox, SENSOR) == speaker.said
    assert hub.calls == 1
    assert site.assembly.parts.sources == sources
    site.assembly.parts.keeper.commit()
    measured = stamps(outbox, POLLED)
    wanted = 1 + (measured[-1] - measured[0]) // INTERVAL_MS
    assert wanted > 10
    assert 0.8 * wanted <= len(measured) <= wanted + 1, "a slow machine may leave one out, none comes twice"
    late = sorted((at_ms - measured[0] + INTERVAL_MS // 4) % INTERVAL_MS - INTERVAL_MS // 4 for at_ms in measured)
    assert late[len(late) // 2] < INTERVAL_MS // 2, "the grid is the one they began with"


def test_a_source_that_is_changed_hands_over_what_it_has_read(site: Site, hub: Hub) -> None:
    config = json.loads(config_of(site.settings))
    said: list[int] = []
    for version in range(1, 9):
        for _ in range(20):
            said.append(T0_MS + len(said) * MINUTE_MS)
            hub.say(record(said[-1]))
        until(lambda: hub.sent == len(said))
        config["source"][0]["aux_fields"] = ["TAMB", "DORV", "SVA"][: 1 + version % 2]
        site.change(version, config, holds=True)
        until_called(hub, version + 1)
    until(lambda: len(stamps(site.assembly.parts.outbox, SENSOR)) == len(said))
    assert stamps(site.assembly.parts.outbox, SENSOR) == said
