"""Every MQTT topic, built and parsed here and nowhere else (DESIGN section 5)."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

ROOT = "cc/v1"
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")
SENSOR_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

STORED = f"{ROOT}/_/stored"
INGEST_ALIVE = f"{ROOT}/_/ingest"
SEAL = f"{ROOT}/_/seal"


class Channel(StrEnum):
    """What stands after the gateway's id."""

    DATA = "data"
    ALARM = "alarm"
    BIRTH = "birth"
    STATE = "state"
    REPORTED = "reported"
    ACK = "ack"
    ALARM_ACK = "ack/alarm"
    DESIRED = "desired"
    COMMAND = "command"


_CHANNELS = frozenset(channel.value for channel in Channel)
UP = (Channel.DATA, Channel.ALARM, Channel.BIRTH, Channel.STATE, Channel.REPORTED)
DOWN = (Channel.ACK, Channel.ALARM_ACK, Channel.DESIRED, Channel.COMMAND)


class GatewayTopic(NamedTuple):
    """A parsed topic below one gateway."""

    gateway: str
    channel: Channel


def of_gateway(gateway: str, channel: Channel) -> str:
    """The topic of one gateway's channel; raises ValueError for an id that could escape its place."""
    if not IDENTIFIER.fullmatch(gateway):
        message = f"not a gateway id: {gateway!r}"
        raise ValueError(message)
    return f"{ROOT}/{gateway}/{channel.value}"


def of_every_gateway(channel: Channel) -> str:
    """The subscription that hears one channel of all gateways."""
    return f"{ROOT}/+/{channel.value}"


def shared(group: str, topic_filter: str) -> str:
    """An MQTT 5 shared subscription: each message goes to one member of the group."""
    return f"$share/{group}/{topic_filter}"


def parse(topic: str) -> GatewayTopic | None:
    """The gateway and channel a topic names; None for any other topic."""
    prefix, _, rest = topic.partition(f"{ROOT}/")
    gateway, _, channel = rest.partition("/")
    if prefix or not IDENTIFIER.fullmatch(gateway) or channel not in _CHANNELS:
        return None
    return GatewayTopic(gateway, Channel(channel))


def sensor_of(gateway: str, probe: str) -> str:
    """A sensor's id: a gateway speaks only for sensors below its own name."""
    return f"{gateway}.{probe}"


def gateway_of(sensor: str) -> str:
    """The gateway that alone may speak for this sensor."""
    return sensor.partition(".")[0]
