from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.gateways import REPLAY_GATEWAY, names
from demo.limits import LIMITS
from demo.seed_assets import seed_assets
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger import assets, audit

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.demo.conftest import Given

SINCE_MS = 1_795_000_000_000


@pytest.fixture(autouse=True)
def seeded(given: Given) -> dict[str, bytes]:
    keys = {name: f"the key of {name}".ljust(32).encode() for name in names(given.scenario)}
    with given.ledger.write() as connection:
        seed_assets(connection, given.cipher, given.scenario, keys, SINCE_MS)
    return keys


def test_all_places_and_things_of_the_scenario_stand_there(given: Given, look: Connection) -> None:
    assert [place.id for place in assets.facilities(look)] == sorted(hub.facility for hub in given.scenario.hubs)
    assert len(assets.appliances(look)) == len(given.scenario.appliances) == 24
    assert len(assets.sensors(look)) == 24
    for place in assets.facilities(look):
        assert (place.district_name, place.state_name, place.time_zone) == ("Pune", "Maharashtra", "Asia/Kolkata")
        assert place.name_hindi
        assert place.latitude is not None


def test_each_gateway_has_its_own_sealed_key(given: Given, look: Connection, seeded: dict[str, bytes]) -> None:
    for name, key in seeded.items():
        assert assets.gateway_key(look, given.cipher, name) == key
    assert not any(key.strip() in (given.folder / "ledger.db").read_bytes() for key in seeded.values())
    facility_of = {gateway.id: gateway.facility_id for gateway in assets.gateways(look)}
    assert facility_of[REPLAY_GATEWAY] == given.scenario.hubs[-1].facility


def test_every_appliance_is_watched_by_its_sensor_from_the_beginning(given: Given, look: Connection) -> None:
    for hub in given.scenario.hubs:
        for appliance in hub.appliances:
            (span,) = assets.sensors_of(look, appliance.appliance, SINCE_MS, None)
            assert (span.sensor, span.from_ms, span.until_ms) == (hub.sensor(appliance), SINCE_MS, None)
            assert span.interval_ms == given.scenario.interval_seconds * 1_000
            (calibration,) = assets.calibrations(look, span.sensor)
            assert calibration.calibrated_at_ms < SINCE_MS < calibration.due_at_ms - 365 * DAY_MS


def test_appliances_carry_their_kinds_limits_with_the_source(given: Given, look: Connection) -> None:
    for appliance in given.scenario.appliances:
        stored = assets.appliance_by_id(look, appliance.appliance)
        limits = LIMITS[appliance.kind]
        assert (stored.centi_celsius_min, stored.centi_celsius_max) == limits[:2]
        assert (stored.freeze_alarm_minutes, stored.heat_alarm_minutes) == (
            limits.freeze_alarm_minutes,
            limits.heat_alarm_minutes,
        )
        assert stored.alarm_source == limits.alarm_source
        assert stored.kind == appliance.kind.value


def test_every_facility_has_an_unbroken_chain(given: Given, look: Connection) -> None:
    for hub in given.scenario.hubs:
        assert audit.verify_chain(look, hub.facility).broken_at is None
