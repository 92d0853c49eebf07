"""A month of a facility for the papers' tests."""

from __future__ import annotations

from dataclasses import replace

from sheetal.ledger.assets import Facility
from sheetal.reports.month import MonthReport, SensorMonth

FACILITY = Facility(
    id="F-101",
    name="Chand Bagh",
    name_hindi="चाँद बाग़",
    kind="cold_chain_point",
    state_id=9,
    state_name="Delhi",
    district_id=141,
    district_name="Shahdara",
)
SENSOR = SensorMonth(
    appliance_id="A-101-1",
    appliance_name="Ice-lined refrigerator 1",
    sensor_id="gw-01.tvc",
    centi_celsius_low=200,
    centi_celsius_high=800,
    readings=43_000,
    minutes_known=43_000,
    minutes_unknown=200,
    minutes_cold=75,
    minutes_hot=301,
    centi_celsius_min=-90,
    centi_celsius_max=1_126,
    alarms=3,
    checks=58,
)
REPORT = MonthReport(
    facility=FACILITY,
    period="2026-10",
    from_ms=1_790_793_000_000,
    until_ms=1_793_471_400_000,
    is_over=True,
    sensors=(
        SENSOR,
        replace(SENSOR, sensor_id="gw-01.top", minutes_known=0, centi_celsius_min=None, centi_celsius_max=None),
    ),
    alarms={"freeze": 2, "heat": 1},
    holds=4,
)
