from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from alerts.witnesses import Witness, witnesses
from sheetal.ledger import assets
from sheetal.ledger.asset_tables import appliance
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check
from sheetal.ledger.sensor_faults import declare_sensor_fault
from tests.alerts.given import CARRIER, FRIDGE, MINUTE, OTHER, TOP, TVC, at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.alerts.given import World


def look(world: World, *appliance_ids: str, recorded: Sequence[str] = ()) -> dict[str, Witness]:
    with world.ledger.read() as conn:
        return witnesses(conn, appliance_ids, recorded)


def check(world: World, minute: float, value: int, appliance_id: str = OTHER) -> None:
    new = ManualCheck(
        appliance_id=appliance_id,
        checked_at_ms=at(minute),
        centi_celsius=value,
        centi_celsius_min=value - 10,
        centi_celsius_max=None,
        actor="ravi",
    )
    with world.ledger.write() as conn:
        add_manual_check(conn, new, at(minute))


def test_an_appliance_without_sensors_has_nobody_to_speak_for_it(world: World) -> None:
    assert look(world, CARRIER) == {CARRIER: Witness("worst")}
    assert look(world, "A-none") == {}
    assert look(world) == {}


def test_all_that_hung_there_speaks_with_its_faults_and_calibrations(world: World) -> None:
    calibrated = assets.Calibration(
        sensor_id=TVC,
        certificate_number="C-1",
        uncertainty_centi_celsius=20,
        calibrated_at_ms=at(-100),
        due_at_ms=at(100_000),
    )
    with world.ledger.write() as conn:
        conn.execute(update(appliance).where(appliance.c.id == FRIDGE).values(fusion="by_position"))
        assets.record_calibration(conn, calibrated, at(0))
        assets.assign_sensor(conn, TOP, FRIDGE, "warmest", at(10), at(10))
        assets.assign_sensor(conn, TOP, OTHER, "warmest", at(20), at(20))
        declare_sensor_fault(conn, TVC, at(5), at(7), "wet", "dr-asha", at(30))
        declare_sensor_fault(conn, TOP, at(25), None, "torn off", "dr-asha", at(30))
    found = look(world, FRIDGE, OTHER)
    hung = [(one.sensor, one.position, one.from_ms, one.until_ms, one.interval_ms) for one in found[FRIDGE].hung]
    assert hung == [(TVC, "coldest", at(-60), None, MINUTE), (TOP, "warmest", at(10), at(20), MINUTE)]
    assert found[FRIDGE].fusion == "by_position"
    assert [(one.sensor, one.from_ms, one.until_ms) for one in found[FRIDGE].faults] == [
        (TOP, at(25), None),
        (TVC, at(5), at(7)),
    ]
    assert [(one.sensor, one.certificate) for one in found[FRIDGE].calibrations] == [(TVC, "C-1")]
    assert [one.sensor for one in found[OTHER].hung] == [TOP]
    assert found[OTHER].calibrations == ()


def test_persons_speak_only_where_their_record_is_asked_for(world: World) -> None:
    for minute, value in ((700, 500), (0, 450)):
        check(world, minute, value)
    check(world, 5, 600, FRIDGE)
    found = look(world, FRIDGE, OTHER, recorded=[OTHER])
    assert found[FRIDGE].checks == ()
    said = [
        (one.appliance, one.checked_at_ms, one.centi_celsius_min, one.centi_celsius_max) for one in found[OTHER].checks
    ]
    assert said == [(OTHER, at(0), 440, None), (OTHER, at(700), 490, None)]
