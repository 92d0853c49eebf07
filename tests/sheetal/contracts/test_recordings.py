"""What any released gateway or service ever sent is understood, and nobody edits it afterwards."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from sheetal.contracts.batch import Ack, Batch
from sheetal.contracts.device_alarm import AlarmAck, DeviceAlarm
from sheetal.contracts.gateway_state import Birth, State
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import WIRE_VERSION, open_envelope, unseal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Command, Desired, Reported
from tests.sheetal.contracts.recordings import (
    FOLDER,
    KEY,
    RELEASED,
    Recording,
    channel_of,
    name_of,
    recordings,
    versions,
)

ALL = recordings()
BODIES: dict[Channel, type[Any]] = {
    Channel.DATA: Batch,
    Channel.ALARM: DeviceAlarm,
    Channel.BIRTH: Birth,
    Channel.STATE: State,
    Channel.REPORTED: Reported,
    Channel.ACK: Ack,
    Channel.ALARM_ACK: AlarmAck,
    Channel.DESIRED: Desired,
    Channel.COMMAND: Command,
}
HOW = "a released file is never edited, removed or forgotten; wire/README.md says how to add a version"


def body(recording: Recording) -> Any:  # noqa: ANN401 - a body of any channel
    sealed = open_envelope(recording.payload)
    decoder = msgspec.json.Decoder(BODIES[recording.channel])
    return unseal(sealed, recording.channel, sealed.gateway, recording.key, decoder)


def test_no_released_file_was_edited_removed_or_forgotten() -> None:
    told = {name: digest for digest, name in (line.split() for line in RELEASED.read_text().splitlines())}
    found = {
        f"{version}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for version in versions()
        for path in (FOLDER / version).iterdir()
    }
    assert found == told, HOW


def test_the_first_version_is_whole() -> None:
    first = [one for one in ALL if one.version == "1.0"]
    assert {one.channel for one in first} >= {
        Channel.DATA, Channel.ALARM, Channel.BIRTH, Channel.STATE, Channel.ACK, Channel.ALARM_ACK
    }  # fmt: skip
    batches = [body(one) for one in first if one.channel is Channel.DATA]
    assert any(batch.rows and batch.aux for batch in batches)
    assert any(batch.days for batch in batches)
    assert {batch.history for batch in batches} == {True, False}
    assert {row.quality for batch in batches for row in batch.rows} > {0, 1}


def test_the_second_version_is_whole() -> None:
    second = [one for one in ALL if one.version == "1.1"]
    batches = [body(one) for one in second if one.channel is Channel.DATA]
    assert any(batch.unplaced for batch in batches)
    assert any(batch.thinned for batch in batches)
    assert any(not (batch.rows or batch.aux or batch.unplaced or batch.thinned) for batch in batches), "a question"
    assert all(batch.monotonic_ms is not None and batch.clock_source for batch in batches)
    assert all(body(one).at_ms for one in second if one.channel is Channel.ACK)
    states = {body(one).state.value for one in second if one.channel is Channel.REPORTED}
    assert states == {"as_installed", "trial", "applied"}
    assert {one.channel for one in second} >= {Channel.DESIRED, Channel.COMMAND, Channel.BIRTH, Channel.STATE}


def test_every_version_of_this_major_is_there_with_its_key() -> None:
    assert "1.0" in versions()
    assert all(version.split(".")[0] == str(WIRE_VERSION) for version in versions())
    assert all((FOLDER / version / KEY).is_file() for version in versions())


@pytest.mark.parametrize("recording", ALL, ids=name_of)
def test_a_recorded_message_is_believed_and_decoded_by_this_version(recording: Recording) -> None:
    decoded = body(recording)
    assert decoded.gateway == open_envelope(recording.payload).gateway


@pytest.mark.parametrize("recording", ALL, ids=name_of)
def test_a_recorded_message_is_believed_on_its_own_channel_only(recording: Recording) -> None:
    sealed = open_envelope(recording.payload)
    decoder = msgspec.json.Decoder(BODIES[recording.channel])
    other = Channel.DATA if recording.channel is not Channel.DATA else Channel.ALARM
    with pytest.raises(WireProblem, match="mac"):
        unseal(sealed, other, sealed.gateway, recording.key, decoder)


@pytest.mark.parametrize("recording", ALL, ids=name_of)
def test_every_field_that_was_sent_then_is_still_understood(recording: Recording) -> None:
    """A field that was renamed or dropped since would be ignored without a word."""
    sent = msgspec.json.decode(open_envelope(recording.payload).body, type=dict[str, object])
    known = {field.encode_name for field in msgspec.structs.fields(BODIES[recording.channel])}
    assert set(sent) <= known


def test_channels_are_told_apart_by_the_names_of_their_files() -> None:
    assert channel_of("ack-alarm-1") is Channel.ALARM_ACK
    assert channel_of("ack-rows") is Channel.ACK
    assert channel_of("birth") is Channel.BIRTH
    assert channel_of("state-offline") is Channel.STATE


def test_the_page_says_how_to_add_a_version() -> None:
    text = (FOLDER / "README.md").read_text()
    assert "## To add a version" in text
    assert RELEASED.name in text
