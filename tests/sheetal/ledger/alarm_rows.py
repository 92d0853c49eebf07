"""The alarms that the tests share: a gateway's, and one of the server."""

from __future__ import annotations

import msgspec

from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm, alarm_id
from sheetal.ledger.alarm_writes import Raised
from sheetal.ledger.alarms import ServerRule
from tests.sheetal.ledger.seeds import APPLIANCE, FACILITY, GATEWAY, NOW_MS, SENSOR

FIRED = DeviceAlarm(
    alarm=alarm_id(SENSOR, AlarmKind.FREEZE, NOW_MS - 3_600_000),
    gateway=GATEWAY,
    boot=1,
    sensor=SENSOR,
    kind=AlarmKind.FREEZE,
    began_at_ms=NOW_MS - 3_600_000,
    fired_at_ms=NOW_MS,
    cleared_at_ms=None,
    extreme_centi_celsius=-120,
    limit_centi_celsius=-50,
    limit_minutes=60,
)


def changed(said: DeviceAlarm, **values: object) -> DeviceAlarm:
    return msgspec.structs.replace(said, **values)


CLEARED = changed(FIRED, cleared_at_ms=NOW_MS + 600_000)
RAISED = Raised(
    rule=ServerRule.NO_DATA,
    facility_id=FACILITY,
    appliance_id=APPLIANCE,
    began_at_ms=NOW_MS - 1_800_000,
    sensor_id=SENSOR,
    facts={"sensors": [SENSOR]},
)
