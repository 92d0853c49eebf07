"""Gateways' own alarms: kept and told at once, acknowledged only after the commit; no readings store is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from alerts.telling import tell
from sheetal.contracts import topics
from sheetal.contracts.device_alarm import AlarmAck, DeviceAlarm, alarm_id
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import open_envelope, seal, unseal
from sheetal.contracts.topics import Channel
from sheetal.ledger import assets, judgement_writes

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

_decoder = msgspec.json.Decoder(DeviceAlarm)


def believe(payload: bytes, gateway: str, key: bytes) -> DeviceAlarm:
    """The alarm in a sealed message; raises WireProblem for one that must not be believed."""
    said = unseal(open_envelope(payload), Channel.ALARM, gateway, key, _decoder)
    if said.gateway != gateway or topics.gateway_of(said.sensor) != gateway:
        raise WireProblem(f"gateway {gateway!r} speaks for {said.sensor!r}", reason="foreign_sensor")
    if said.alarm != alarm_id(said.sensor, said.kind, said.began_at_ms):
        raise WireProblem("the alarm's id is not its own", reason="bad_body")
    return said


def keep(ledger: Ledger, said: DeviceAlarm, now_ms: int) -> bool:
    """One transaction: the alarm, and its notice or that of its end, unless it is muted. Raises Unavailable.

    False when the gateway is not enrolled any more. A repeat changes nothing.
    """
    with ledger.write() as conn:
        if not judgement_writes.put_alarm(conn, said, _appliance_of(conn, said), now_ms):
            return False
        tell(conn, said.alarm, now_ms)
    return True


def acknowledgement(said: DeviceAlarm, key: bytes) -> tuple[str, bytes]:
    """The topic and the sealed message that let the gateway forget this report."""
    body = AlarmAck(gateway=said.gateway, alarms=[(said.alarm, said.cleared_at_ms is not None)])
    topic = topics.of_gateway(said.gateway, Channel.ALARM_ACK)
    return topic, seal(Channel.ALARM_ACK, said.gateway, key, body)


def _appliance_of(conn: Connection, said: DeviceAlarm) -> str | None:
    """The appliance that the sensor spoke for when the alarm fired."""
    spans = assets.appliances_of(conn, said.sensor, said.began_at_ms, said.fired_at_ms + 1)
    return spans[-1].appliance if spans else None
