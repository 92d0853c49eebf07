"""Answers that released services sent settle what they name in the outbox of today's gateway."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from edge_agent.outbox.outbox import Intake, Outbox
from edge_agent.remote.commands import Actions
from edge_agent.remote.manager import Manager
from edge_agent.settings.file import UplinkSetting, load_settings
from edge_agent.uplink.courier import Courier, Identity
from sheetal.contracts.batch import Ack
from sheetal.contracts.device_alarm import AlarmAck, AlarmKind, DeviceAlarm
from sheetal.contracts.seal import open_envelope, unseal
from sheetal.contracts.topics import Channel
from tests.edge_agent.kit import sample, write_settings
from tests.sheetal.contracts.recordings import Recording, name_of, recordings

if TYPE_CHECKING:
    from pathlib import Path

BUS = """
[[source]]
kind = "one_wire"
root = "/run/sheetal/w1/devices"
[[source.probe]]
probe = "probe-1"
device = "28-0000072431ac"
"""
ACKS = [one for one in recordings(Channel.ACK) if b'"stored"' in one.payload]


def courier_of(recording: Recording, outbox: Outbox) -> Courier:
    gateway = open_envelope(recording.payload).gateway
    return Courier(Identity(gateway, recording.key), outbox, UplinkSetting())


def outbox_with(path: Path, boot: int, first: int, last: int) -> Outbox:
    """As if a gateway of this boot had sent exactly these numbers."""
    made = Outbox(path)
    made.add_rows([sample(number) for number in range(first, last + 1)])
    made.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE item SET boot = ?, sequence = sequence + ?", (boot, first - 1))
    return Outbox(path)


@pytest.mark.parametrize("recording", ACKS, ids=name_of)
def test_a_recorded_ack_settles_the_numbers_that_it_names(recording: Recording, tmp_path: Path) -> None:
    sealed = open_envelope(recording.payload)
    ack = unseal(sealed, Channel.ACK, sealed.gateway, recording.key, msgspec.json.Decoder(Ack))
    first, last = ack.stored[0]
    with closing(outbox_with(tmp_path / "outbox", ack.boot, first, last)) as outbox:
        assert outbox.pending_count() == last - first + 1
        assert courier_of(recording, outbox).receive(Channel.ACK, recording.payload)
        assert outbox.pending_count() == 0


@pytest.mark.parametrize("recording", recordings(Channel.ALARM_ACK), ids=name_of)
def test_a_recorded_alarm_ack_settles_its_alarm(recording: Recording, tmp_path: Path) -> None:
    sealed = open_envelope(recording.payload)
    ack = unseal(sealed, Channel.ALARM_ACK, sealed.gateway, recording.key, msgspec.json.Decoder(AlarmAck))
    told = [
        DeviceAlarm(
            alarm=alarm,
            gateway=sealed.gateway,
            boot=1,
            sensor=alarm.split("/")[0],
            kind=AlarmKind.FREEZE,
            began_at_ms=1,
            fired_at_ms=2,
            cleared_at_ms=3 if cleared else None,
            extreme_centi_celsius=-100,
            limit_centi_celsius=-50,
            limit_minutes=60,
        )
        for alarm, cleared in ack.alarms
    ]
    with closing(Outbox(tmp_path / "outbox")) as outbox:
        outbox.add(Intake(alarms=told))
        assert outbox.counts().alarms_pending == len(told) > 0
        assert courier_of(recording, outbox).receive(Channel.ALARM_ACK, recording.payload)
        assert outbox.counts().alarms_pending == 0


@pytest.mark.parametrize("recording", ACKS[:1], ids=name_of)
def test_an_ack_under_another_key_settles_nothing(recording: Recording, tmp_path: Path) -> None:
    """The control: what these tests call believed can be refused."""
    with closing(Outbox(tmp_path / "outbox")) as outbox:
        stranger = courier_of(recording._replace(key=bytes(32)), outbox)
        assert not stranger.receive(Channel.ACK, recording.payload)


class Told:
    """A gateway that only hears; `did` is what it was made to do."""

    def __init__(self, recording: Recording, folder: Path) -> None:
        gateway = open_envelope(recording.payload).gateway
        path = write_settings(folder, hub_port=9)
        path.write_text(path.read_text() + BUS)
        installed = load_settings(path)._replace(gateway=gateway, key=recording.key)
        self.did: list[str] = []
        actions = Actions(
            lambda: self.did.append("identify"),
            lambda: self.did.append("test_alarm"),
            lambda: "log",
            lambda _from, _until, _settled: self.did.append("resend") or 3,  # type: ignore[func-returns-value]
            lambda _ranges: self.did.append("resend") or 3,  # type: ignore[func-returns-value]
        )
        issued_at_ms = msgspec.json.decode(open_envelope(recording.payload).body, type=dict[str, Any])["issued_at_ms"]
        self.manager = Manager(installed, 77, actions, lambda: issued_at_ms, lambda: issued_at_ms)


@pytest.mark.parametrize("recording", recordings(Channel.COMMAND), ids=name_of)
def test_a_recorded_order_is_carried_out(recording: Recording, tmp_path: Path) -> None:
    told = Told(recording, tmp_path)
    assert told.manager.hear(Channel.COMMAND, recording.payload)
    told.manager.tick(0, 0.0)
    (outcome,) = told.manager.reported().outcomes
    assert outcome.done, outcome.detail
    assert told.did == [outcome.kind.value]


@pytest.mark.parametrize("recording", recordings(Channel.DESIRED), ids=name_of)
def test_a_recorded_configuration_is_tried(recording: Recording, tmp_path: Path) -> None:
    told = Told(recording, tmp_path)
    assert told.manager.hear(Channel.DESIRED, recording.payload)
    changed = told.manager.tick(0, 0.0)
    assert told.manager.reported().problem == ""
    assert changed is not None
    assert told.manager.is_on_trial
