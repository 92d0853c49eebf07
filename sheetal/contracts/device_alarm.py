"""What a gateway says at once, by the WHO PQS device rule, and how alerts acknowledges it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AlarmKind(StrEnum):
    """Which device rule fired."""

    FREEZE = "freeze"
    HEAT = "heat"
    NO_DATA = "no_data"


class DeviceAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm of one sensor, or its clearing; the same `alarm` id both times.

    `alarm` is deterministic: sensor, kind and began_at_ms. `limit_minutes` of unbroken violation made it fire.
    """

    alarm: str
    gateway: str
    boot: int
    sensor: str
    kind: AlarmKind
    began_at_ms: int
    fired_at_ms: int
    cleared_at_ms: int | None
    extreme_centi_celsius: int
    limit_centi_celsius: int
    limit_minutes: int


class AlarmAck(msgspec.Struct, frozen=True, kw_only=True):
    """The alarm messages that alerts has committed: (alarm id, cleared)."""

    gateway: str
    alarms: list[tuple[str, bool]]


def alarm_id(sensor: str, kind: AlarmKind, began_at_ms: int) -> str:
    """The id that every report of one alarm shares, however often it is sent."""
    return f"{sensor}/{kind.value}/{began_at_ms}"
