from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from edge_agent.assembly import Assembly
from edge_agent.keeper.keeper import Keeper
from edge_agent.loop import Parts
from edge_agent.remote.commands import Actions
from edge_agent.remote.managed import config_of
from edge_agent.remote.manager import Manager
from edge_agent.sample import Observation
from edge_agent.settings.file import Settings, load_settings
from edge_agent.uplink.uplink import Uplink, UplinkStatus
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.seal import seal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Desired, TwinState
from tests.edge_agent.kit import GATEWAY, KEY, MINUTE_MS, SENSOR, T0_MS, sample, write_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_agent.outbox.ballast import Ballast
    from edge_agent.outbox.outbox import Outbox
    from edge_agent.sample import Sink


class Source:
    def __init__(self, name: str, did: list[str]) -> None:
        self._name, self._did = name, did

    def start(self, _sink: Sink) -> None:
        self._did.append(f"{self._name} brings")

    def stop(self) -> None:
        self._did.append(f"{self._name} stops")

    def is_connected(self) -> bool:
        return True


class Line:
    """An uplink that goes nowhere."""

    def __init__(self, name: str, did: list[str]) -> None:
        self._name, self._did = name, did
        self.acks = 0

    def start(self) -> None:
        self._did.append(f"{self._name} sends")

    def stop(self) -> None:
        self._did.append(f"{self._name} is silent")

    def status(self) -> UplinkStatus:
        return UplinkStatus(connected=True, session=1, last_ack_at_ms=T0_MS, items_in_flight=0, acks=self.acks)

    def carry_on(self, before: UplinkStatus) -> None:
        self._did.append(f"{self._name} goes on from {before.last_ack_at_ms}")


class Gateway:
    def __init__(self, folder: Path, outbox: Outbox) -> None:
        self.installed = load_settings(write_settings(folder, hub_port=9))
        self.outbox = outbox
        self.did: list[str] = []
        self.adopted: list[Keeper] = []
        self.impossible: set[int] = set()
        actions = Actions(lambda: None, lambda: None, lambda: "", lambda *_: 0, lambda _: 0)
        self.manager = Manager(self.installed, outbox.boot, actions, lambda: T0_MS, lambda: T0_MS)
        self.assembly = Assembly(self.manager, self.build, self.adopted.append, lambda: T0_MS + 90 * MINUTE_MS)

    def build(self, settings: Settings, going_on: Sequence[Source | None]) -> Parts:
        rows = settings.uplink.message_rows
        if rows in self.impossible:
            raise SettingProblem(f"source[0].host: {rows} cannot be", variable="source[0].host")
        keeper = Keeper(settings, self.outbox, lambda: None, lambda: None)
        line = cast("Uplink", Line(f"uplink {rows}", self.did))
        sources = [source or Source(f"source {rows}", self.did) for source in going_on]
        return Parts(sources, keeper, self.outbox, line, cast("Ballast", None))

    def want(self, version: int, rows: int, port: int | None = None, **sections: object) -> None:
        config = json.loads(config_of(self.installed)) | sections
        config["uplink"]["message_rows"] = rows
        if port is not None:
            config["source"][0]["port"] = port
        raw = msgspec.Raw(msgspec.json.encode(config))
        desired = Desired(gateway=GATEWAY, version=version, issued_at_ms=T0_MS, config=raw)
        assert self.manager.hear(Channel.DESIRED, seal(Channel.DESIRED, GATEWAY, KEY, desired))


@pytest.fixture
def gateway(tmp_path: Path, outbox: Outbox) -> Gateway:
    return Gateway(tmp_path, outbox)


def test_nothing_changes_while_nobody_asks(gateway: Gateway) -> None:
    running = gateway.assembly.parts
    assert gateway.assembly.manage(running) is running
    assert gateway.did == []


def test_a_changed_source_is_away_only_while_the_new_one_is_made(gateway: Gateway) -> None:
    gateway.want(1, 3, port=10)
    after = gateway.assembly.manage(gateway.assembly.parts)
    told = f"uplink 3 goes on from {T0_MS}"
    assert gateway.did == ["uplink 10 is silent", "source 10 stops", told, "uplink 3 sends", "source 3 brings"]
    assert after is gateway.assembly.parts
    assert gateway.adopted == [after.keeper]
    cast("Line", after.uplink).acks = 1
    assert gateway.assembly.manage(after) is after
    assert gateway.manager.reported().state is TwinState.APPLIED


def test_a_source_that_nothing_changed_goes_on(gateway: Gateway) -> None:
    [source] = gateway.assembly.parts.sources
    config = json.loads(config_of(gateway.installed))
    config["source"][0]["probe"][0] |= {"range_max_centi_celsius": 700, "heat_alarm_minutes": 5, "interval_ms": 30_000}
    gateway.want(1, 3, source=config["source"])
    after = gateway.assembly.manage(gateway.assembly.parts)
    assert gateway.did == ["uplink 10 is silent", f"uplink 3 goes on from {T0_MS}", "uplink 3 sends"]
    assert after.sources == [source]
    [probe] = after.keeper.view()
    assert probe.setting.range_max_centi_celsius == 700
    assert after.sink is not None
    after.sink([Observation(samples=(sample(0, 750),))])
    assert after.keeper.view()[0].newest == sample(0, 750), "it brings to the keeper that judges now"


def test_what_is_taken_away_stops_and_what_is_added_starts(gateway: Gateway) -> None:
    [source] = gateway.assembly.parts.sources
    config = json.loads(config_of(gateway.installed))
    added = config["source"][0] | {"port": 11, "probe": [{"probe": "second"}]}
    gateway.want(1, 3, source=[added, *config["source"]])
    after = gateway.assembly.manage(gateway.assembly.parts)
    assert (after.sources[1], gateway.did[-1]) == (source, "source 3 brings")
    cast("Line", after.uplink).acks = 1
    gateway.assembly.manage(after)
    gateway.did.clear()
    gateway.want(2, 4, source=config["source"])
    assert gateway.assembly.manage(after).sources == [source]
    assert [did for did in gateway.did if "source" in did] == ["source 3 stops"]


def test_the_probes_memory_is_taken_over_and_lost_alarms_end(gateway: Gateway) -> None:
    freezing = [Observation(samples=(sample(minute, -60),)) for minute in range(61)]
    gateway.assembly.parts.keeper.keep(freezing)
    gateway.want(1, 3)
    after = gateway.assembly.manage(gateway.assembly.parts)
    [probe] = after.keeper.view()
    assert (probe.alarms, probe.newest) == ([AlarmKind.FREEZE], sample(60, -60)._replace(notable=False))
    cast("Line", after.uplink).acks = 1
    gateway.assembly.manage(after)
    gateway.want(2, 4, source=[])
    gateway.assembly.manage(after)
    fired, cleared = gateway.outbox.next_alarms(9)
    assert cleared.alarm == fired.alarm
    assert cleared.cleared_at_ms == T0_MS + 90 * MINUTE_MS


def test_what_cannot_be_built_is_rolled_back_at_once(gateway: Gateway) -> None:
    gateway.impossible = {3}
    gateway.want(1, 3)
    gateway.assembly.manage(gateway.assembly.parts)
    assert [did for did in gateway.did if "from" not in did] == ["uplink 10 is silent", "uplink 10 sends"]
    told = gateway.manager.reported()
    assert (told.state, told.problem) == (TwinState.ROLLED_BACK, "source[0].host: 3 cannot be")


def test_a_failing_disk_does_not_stop_the_change(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    gateway.outbox._connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON meta BEGIN SELECT RAISE(FAIL, 'full'); END"
    )
    gateway.want(1, 3)
    gateway.assembly.manage(gateway.assembly.parts)
    assert gateway.did[-1] == "uplink 3 sends"
    assert "cannot be kept on the disk" in caplog.text
    gateway.outbox._connection.execute("DROP TRIGGER full")
    gateway.assembly.parts.keeper.commit()
    assert gateway.outbox.mark(f"watch/{SENSOR}") is not None, "it was held back"


def test_a_proved_configuration_that_can_no_longer_be_built_gives_way_to_the_file(gateway: Gateway) -> None:
    gateway.want(1, 3)
    cast("Line", gateway.assembly.manage(gateway.assembly.parts).uplink).acks = 1
    gateway.assembly.manage(gateway.assembly.parts)
    assert gateway.manager.reported().state is TwinState.APPLIED
    gateway.impossible = {3}
    after = Assembly(gateway.manager, gateway.build, gateway.adopted.append, lambda: T0_MS)
    assert gateway.manager.settings == gateway.installed
    assert gateway.manager.reported().state is TwinState.ROLLED_BACK
    assert after.parts.sources


def test_a_settings_file_that_cannot_be_built_stops_the_start(gateway: Gateway) -> None:
    gateway.impossible = {10}
    with pytest.raises(SettingProblem, match="10 cannot be"):
        Assembly(gateway.manager, gateway.build, gateway.adopted.append, lambda: T0_MS)
    assert gateway.manager.reported().state is TwinState.AS_INSTALLED
