"""Seeds the ledger's places and things from the scenario that the simulator plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.gateways import REPLAY_GATEWAY
from demo.limits import LIMITS
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import assets

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from firmware_sim.scenario import ApplianceSpec, Hub, Scenario
    from sheetal.ledger.field_cipher import FieldCipher

PROBE_MODEL = "simulated DS01 logger"
ACCURACY_CENTI_CELSIUS = 50
UNCERTAINTY_CENTI_CELSIUS = 30
CALIBRATED_DAYS_AGO = 90
CALIBRATED_FOR_DAYS = 730


def seed_assets(
    connection: Connection, cipher: FieldCipher, scenario: Scenario, keys: dict[str, bytes], since_ms: int
) -> None:
    """Facilities, gateways, appliances, sensors with assignment and calibration, all in place since an instant."""
    for hub in scenario.hubs:
        assets.add_facility(connection, _facility(scenario, hub), since_ms)
        assets.add_gateway(connection, cipher, hub.gateway, hub.facility, keys[hub.gateway], since_ms)
        for appliance in hub.appliances:
            _add_appliance(connection, scenario, hub, appliance, since_ms)
    last = scenario.hubs[-1].facility
    assets.add_gateway(connection, cipher, REPLAY_GATEWAY, last, keys[REPLAY_GATEWAY], since_ms)


def _facility(scenario: Scenario, hub: Hub) -> assets.Facility:
    district = scenario.district
    return assets.Facility(
        id=hub.facility,
        name=hub.facility_name,
        name_hindi=hub.facility_name_hindi,
        kind=hub.facility_kind,
        state_id=district.state_id,
        state_name=district.state_name,
        district_id=district.district_id,
        district_name=district.district_name,
        latitude=hub.latitude,
        longitude=hub.longitude,
        time_zone=district.time_zone,
    )


def _add_appliance(
    connection: Connection, scenario: Scenario, hub: Hub, appliance: ApplianceSpec, since_ms: int
) -> None:
    sensor = hub.sensor(appliance)
    assets.add_appliance(connection, _appliance(hub, appliance), since_ms)
    assets.register_sensor(
        connection,
        assets.Sensor(
            id=sensor,
            gateway_id=hub.gateway,
            serial=appliance.serial,
            model=PROBE_MODEL,
            interval_ms=scenario.interval_seconds * 1000,
            accuracy_centi_celsius=ACCURACY_CENTI_CELSIUS,
        ),
        since_ms,
    )
    assets.assign_sensor(connection, sensor, appliance.appliance, "coldest point", since_ms, since_ms)
    calibrated_at_ms = since_ms - CALIBRATED_DAYS_AGO * DAY_MS
    assets.record_calibration(
        connection,
        assets.Calibration(
            sensor_id=sensor,
            certificate_number=f"CAL-{appliance.serial}",
            uncertainty_centi_celsius=UNCERTAINTY_CENTI_CELSIUS,
            calibrated_at_ms=calibrated_at_ms,
            due_at_ms=calibrated_at_ms + CALIBRATED_FOR_DAYS * DAY_MS,
        ),
        since_ms,
    )


def _appliance(hub: Hub, appliance: ApplianceSpec) -> assets.Appliance:
    limits = LIMITS[appliance.kind]
    return assets.Appliance(
        id=appliance.appliance,
        facility_id=hub.facility,
        name=appliance.name,
        kind=appliance.kind.value,
        model=appliance.model,
        **limits._asdict(),
    )
