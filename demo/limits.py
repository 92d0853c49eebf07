"""Each kind of appliance's own limits and device alarms, with their sources (WHO PQS defaults as loggers ship them)."""

from __future__ import annotations

from typing import NamedTuple

from firmware_sim.kinds import Kind

FRIDGE_ALARM = "30-day logger default, Fridge-tag 2 export: T AL -0.5, t AL 60; T AL +8.0, t AL 600"
FREEZER_ALARM = "StrongColdChains/marmot, DS01.2: above -15 °C for 60 min"


class ApplianceLimits(NamedTuple):
    """Limits in centi-degrees, times in minutes; a kind that may freeze has no freeze alarm."""

    centi_celsius_min: int
    centi_celsius_max: int
    freeze_alarm_centi_celsius: int | None
    freeze_alarm_minutes: int | None
    heat_alarm_centi_celsius: int
    heat_alarm_minutes: int
    alarm_source: str


_REFRIGERATED = ApplianceLimits(200, 800, -50, 60, 800, 600, FRIDGE_ALARM)

LIMITS: dict[Kind, ApplianceLimits] = {
    Kind.ILR: _REFRIGERATED,
    Kind.WALK_IN_COOLER: _REFRIGERATED,
    Kind.CARRIER: _REFRIGERATED,
    Kind.DEEP_FREEZER: ApplianceLimits(-2500, -1500, None, None, -1500, 60, FREEZER_ALARM),
}
