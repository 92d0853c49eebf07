"""Alarms, births and states that released gateways sent are believed and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts import device_alarms, gateway_state, reported
from sheetal.contracts.seal import open_envelope
from sheetal.contracts.topics import Channel
from sheetal.ledger import alarms, assets, gateway_twins, judgements
from tests.alerts.given import GATEWAY, at
from tests.sheetal.contracts.recordings import Recording, name_of, recordings

if TYPE_CHECKING:
    from tests.alerts.given import World


def enrol(world: World, recording: Recording) -> str:
    """The recorded gateway, unless it is one that the world has."""
    gateway = open_envelope(recording.payload).gateway
    with world.ledger.write() as connection:
        known = {one.id: one for one in assets.gateways(connection)}
        if gateway not in known:
            facility = known[GATEWAY].facility_id
            assets.add_gateway(connection, world.cipher, gateway, facility, recording.key, at(0))
    return gateway


@pytest.mark.parametrize("recording", recordings(Channel.ALARM), ids=name_of)
def test_a_recorded_alarm_is_believed_kept_and_told(world: World, recording: Recording) -> None:
    gateway = enrol(world, recording)
    said = device_alarms.believe(recording.payload, gateway, recording.key)
    assert device_alarms.keep(world.ledger, said, said.fired_at_ms + 1_000)
    with world.ledger.read() as connection:
        assert said.alarm in {one.id for one in alarms.alarms(connection)}


@pytest.mark.parametrize("recording", recordings(Channel.BIRTH, Channel.STATE), ids=name_of)
def test_what_a_recorded_gateway_said_of_itself_is_kept(world: World, recording: Recording) -> None:
    gateway = enrol(world, recording)
    said = gateway_state.believe(recording.payload, recording.channel, gateway, recording.key, at(0))
    assert gateway_state.keep(world.ledger, said)
    with world.ledger.read() as connection:
        assert judgements.gateway_states(connection)[gateway].online is said.online


@pytest.mark.parametrize("recording", recordings(Channel.REPORTED), ids=name_of)
def test_what_a_recorded_gateway_reported_is_kept(world: World, recording: Recording) -> None:
    gateway = enrol(world, recording)
    said = reported.believe(recording.payload, gateway, recording.key)
    assert reported.keep(world.ledger, said, said.at_ms + 1_000)
    with world.ledger.read() as connection:
        assert gateway_twins.twin(connection, gateway).reported == said
