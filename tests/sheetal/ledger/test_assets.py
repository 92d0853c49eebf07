from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from sheetal.contracts.problem import NotFound, Refused, Rejected
from sheetal.ledger import assets, rejudge
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.assets import SensorSpan
from sheetal.ledger.field_cipher import FieldCipher
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import CIPHER, GATEWAY, NOW_MS, REFRIGERATOR, SENSOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger


def assign(ledger: Ledger, appliance_id: str, from_ms: int, sensor_id: str = SENSOR) -> None:
    with ledger.write() as conn:
        assets.assign_sensor(conn, sensor_id, appliance_id, "coldest point", from_ms, NOW_MS)


def marks(ledger: Ledger) -> list[tuple[str | None, int]]:
    with ledger.read() as conn:
        return [(mark.appliance_id, mark.from_ms) for mark in rejudge.pending(conn, 100)]


def reason(ledger: Ledger, act: Callable[[Connection], object]) -> object:
    with ledger.write() as conn, pytest.raises(Refused) as caught:
        act(conn)
    return caught.value.facts["reason"]


def test_what_is_recorded_is_read_back(house: Ledger) -> None:
    with house.read() as conn:
        assert assets.facility_by_id(conn, seeds.FACILITY) == seeds.facility()
        assert [place.id for place in assets.facilities(conn)] == ["F-101", "F-102"]
        assert assets.appliance_by_id(conn, "A-1") == REFRIGERATOR
        assert [one.id for one in assets.appliances(conn)] == ["A-1", "A-2", "A-9", "C-1"]
        assert [one.id for one in assets.appliances(conn, "F-102")] == ["A-9"]
        assert [one.id for one in assets.gateways(conn)] == [GATEWAY]
        assert assets.gateways(conn, "F-102") == []
        assert assets.gateway_by_id(conn, GATEWAY) == assets.gateways(conn)[0]
        with pytest.raises(NotFound):
            assets.gateway_by_id(conn, "gw-99")
        assert assets.sensors(conn) == assets.sensors(conn, GATEWAY) == [seeds.sensor()]
        assert assets.sensors(conn, "gw-99") == []


def test_reference_data_are_frozen_and_slotted(house: Ledger) -> None:
    with house.read() as conn:
        place = assets.facility_by_id(conn, seeds.FACILITY)
    with pytest.raises(FrozenInstanceError):
        place.name = "other"  # type: ignore[misc]
    assert not hasattr(place, "__dict__")


@pytest.mark.parametrize(
    "act",
    [
        lambda conn: assets.add_facility(conn, seeds.facility(), NOW_MS),
        lambda conn: assets.add_appliance(conn, REFRIGERATOR, NOW_MS),
        lambda conn: assets.add_gateway(conn, CIPHER, GATEWAY, seeds.FACILITY, b"x" * 32, NOW_MS),
        lambda conn: assets.register_sensor(conn, seeds.sensor(), NOW_MS),
    ],
)
def test_an_id_is_taken_once(house: Ledger, act: Callable[[Connection], object]) -> None:
    assert reason(house, act) == "exists"


@pytest.mark.parametrize(
    "act",
    [
        lambda conn: assets.facility_by_id(conn, "F-404"),
        lambda conn: assets.appliance_by_id(conn, "A-404"),
        lambda conn: assets.add_appliance(conn, replace(REFRIGERATOR, id="A-3", facility_id="F-404"), NOW_MS),
        lambda conn: assets.add_gateway(conn, CIPHER, "gw-02", "F-404", b"x" * 32, NOW_MS),
        lambda conn: assets.register_sensor(conn, replace(seeds.sensor("gw-9.x"), gateway_id="gw-9"), NOW_MS),
        lambda conn: assets.assign_sensor(conn, "gw-01.none", "A-1", "top", NOW_MS, NOW_MS),
        lambda conn: assets.assign_sensor(conn, SENSOR, "A-404", "top", NOW_MS, NOW_MS),
        lambda conn: assets.retire_gateway(conn, "gw-404", NOW_MS),
        lambda conn: assets.record_calibration(conn, calibration("gw-01.none"), NOW_MS),
    ],
)
def test_what_is_unknown_is_not_found(house: Ledger, act: Callable[[Connection], object]) -> None:
    with house.write() as conn, pytest.raises(NotFound):
        act(conn)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"kind": "oven"}, "ck_appliance_kind"),
        ({"centi_celsius_max": 200}, "ck_appliance_range"),
        ({"holdover_source": None}, "ck_appliance_holdover_sourced"),
        ({"cold_life_minutes": 60}, "ck_appliance_cold_life_sourced"),
    ],
)
def test_a_limit_without_a_source_is_refused_and_the_transaction_goes_on(
    house: Ledger, changes: dict[str, object], rule: str
) -> None:
    with house.write() as conn:
        with pytest.raises(Refused) as caught:
            assets.add_appliance(conn, replace(REFRIGERATOR, id="A-3", **changes), NOW_MS)  # type: ignore[arg-type]
        assets.add_appliance(conn, replace(REFRIGERATOR, id="A-4"), NOW_MS)
    assert (caught.value.facts["reason"], caught.value.facts["rule"]) == ("broken_rule", rule)
    with house.read() as conn:
        assert "A-4" in [one.id for one in assets.appliances(conn)]


@pytest.mark.parametrize("gateway_id", ["", "gw/01", "gw+", "#", "gw.01", "x" * 49, "-gw"])
def test_a_gateways_id_cannot_leave_its_topic(house: Ledger, gateway_id: str) -> None:
    with house.write() as conn, pytest.raises(Refused) as caught:
        assets.add_gateway(conn, CIPHER, gateway_id, seeds.FACILITY, b"x" * 32, NOW_MS)
    assert caught.value.facts["reason"] == "bad_id"


@pytest.mark.parametrize("sensor_id", ["gw-02.x", "gw-01", "gw-01.", "gw-01.a.b", "gw-01.a/b"])
def test_a_gateway_speaks_only_for_sensors_below_its_name(house: Ledger, sensor_id: str) -> None:
    assert reason(house, lambda conn: assets.register_sensor(conn, seeds.sensor(sensor_id), NOW_MS)) == "foreign_sensor"


def test_a_gateways_key_is_kept_sealed(house: Ledger) -> None:
    with house.read() as conn:
        assert assets.gateway_key(conn, CIPHER, GATEWAY) == b"key of gateway 01"
        assert b"key of" not in conn.execute(select(gateway.c.key_sealed)).scalar_one()
        assert assets.gateway_key(conn, CIPHER, "gw-404") is None
        with pytest.raises(Rejected):
            assets.gateway_key(conn, FieldCipher({"k1": b"w" * 32}), GATEWAY)


def test_a_retired_gateway_has_no_key(house: Ledger) -> None:
    with house.write() as conn:
        assets.retire_gateway(conn, GATEWAY, NOW_MS)
    with house.read() as conn:
        assert assets.gateway_key(conn, CIPHER, GATEWAY) is None
        assert assets.gateways(conn)[0].retired_at_ms == NOW_MS
    with house.write() as conn, pytest.raises(NotFound):
        assets.retire_gateway(conn, GATEWAY, NOW_MS)


def test_an_assignment_ends_the_earlier_one_and_has_both_appliances_judged_again(house: Ledger) -> None:
    assign(house, "A-1", 1_000)
    assign(house, "A-2", 2_000)
    with house.read() as conn:
        spans = assets.appliances_of(conn, SENSOR, 0, None)
    assert spans == [
        SensorSpan(SENSOR, "A-1", "coldest point", 60_000, 1_000, 2_000, 50),
        SensorSpan(SENSOR, "A-2", "coldest point", 60_000, 2_000, None, 50),
    ]
    assert marks(house) == [("A-1", 1_000), ("A-1", 2_000), ("A-2", 2_000)]


@pytest.mark.parametrize("from_ms", [500, 1_000])
def test_an_assignment_cannot_lie_before_the_present_one(house: Ledger, from_ms: int) -> None:
    assign(house, "A-1", 1_000)
    act: Callable[[Connection], object] = lambda conn: assets.assign_sensor(  # noqa: E731 - one act, said once
        conn, SENSOR, "A-2", "top", from_ms, NOW_MS
    )
    assert reason(house, act) == "overlap"


def test_a_sensor_may_be_taken_out_and_put_back(house: Ledger) -> None:
    assign(house, "A-1", 1_000)
    with house.write() as conn:
        assert assets.unassign_sensor(conn, SENSOR, 1_500, NOW_MS) == ["A-1"]
        assert assets.unassign_sensor(conn, SENSOR, 1_600, NOW_MS) == []
    act: Callable[[Connection], object] = lambda conn: assets.assign_sensor(  # noqa: E731 - one act, said once
        conn, SENSOR, "A-1", "top", 1_400, NOW_MS
    )
    assert reason(house, act) == "overlap"
    assign(house, "A-1", 1_500)
    with house.read() as conn:
        assert [(span.from_ms, span.until_ms) for span in assets.sensors_of(conn, "A-1", 0, None)] == [
            (1_000, 1_500),
            (1_500, None),
        ]


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "seen"),
    [(0, 1_000, []), (0, 1_001, [1_000]), (1_999, 2_000, [1_000]), (2_000, 2_001, [2_000]), (0, None, [1_000, 2_000])],
)
def test_spans_are_half_open(house: Ledger, from_ms: int, until_ms: int | None, seen: list[int]) -> None:
    assign(house, "A-1", 1_000)
    assign(house, "A-1", 2_000)
    with house.read() as conn:
        assert [span.from_ms for span in assets.sensors_of(conn, "A-1", from_ms, until_ms)] == seen
        assert [span.from_ms for span in assets.appliances_of(conn, SENSOR, from_ms, until_ms)] == seen


def test_an_appliance_may_have_several_sensors(house: Ledger) -> None:
    with house.write() as conn:
        assets.register_sensor(conn, seeds.sensor("gw-01.second"), NOW_MS)
    assign(house, "A-1", 1_000)
    assign(house, "A-1", 1_500, "gw-01.second")
    with house.read() as conn:
        assert [span.sensor for span in assets.sensors_of(conn, "A-1", 0, None)] == [SENSOR, "gw-01.second"]


def calibration(sensor_id: str = SENSOR, at_ms: int = 1_000) -> assets.Calibration:
    return assets.Calibration(
        sensor_id=sensor_id,
        certificate_number=f"CAL-{at_ms}",
        uncertainty_centi_celsius=30,
        calibrated_at_ms=at_ms,
        due_at_ms=at_ms + 1_000,
    )


def test_a_calibration_has_the_sensors_appliances_judged_again_from_it_on(house: Ledger) -> None:
    assign(house, "A-1", 1_000)
    assign(house, "A-2", 3_000)
    before = len(marks(house))
    with house.write() as conn:
        assets.record_calibration(conn, calibration(at_ms=2_000), NOW_MS)
        assets.record_calibration(conn, calibration(at_ms=500), NOW_MS)
    assert marks(house)[before:] == [("A-1", 2_000), ("A-2", 3_000), ("A-1", 1_000), ("A-2", 3_000)]
    with house.read() as conn:
        assert [one.calibrated_at_ms for one in assets.calibrations(conn, SENSOR)] == [2_000, 500]


def test_a_declared_fusion_has_everything_there_judged_again(house: Ledger) -> None:
    with house.write() as conn:
        assert assets.appliance_by_id(conn, seeds.APPLIANCE).fusion == "worst"
        assets.declare_fusion(conn, seeds.APPLIANCE, "by_position", seeds.NOW_MS)
        assert assets.appliance_by_id(conn, seeds.APPLIANCE).fusion == "by_position"
        assert [(mark.appliance_id, mark.from_ms) for mark in rejudge.pending(conn, 10)] == [(seeds.APPLIANCE, 0)]


def test_a_fusion_that_nobody_knows_is_refused(house: Ledger) -> None:
    with house.write() as conn, pytest.raises(Refused) as caught:
        assets.declare_fusion(conn, seeds.APPLIANCE, "the mildest", seeds.NOW_MS)
    assert caught.value.facts["reason"] == "bad_fusion"
    with house.write() as conn, pytest.raises(NotFound):
        assets.declare_fusion(conn, "A-none", "worst", seeds.NOW_MS)


def test_appliances_are_found_together(house: Ledger) -> None:
    with house.read() as conn:
        found = assets.appliances_by_id(conn, [seeds.APPLIANCE, seeds.CARRIER, "A-none"])
        assert found == {one: assets.appliance_by_id(conn, one) for one in (seeds.APPLIANCE, seeds.CARRIER)}
        assert assets.appliances_by_id(conn, []) == {}
