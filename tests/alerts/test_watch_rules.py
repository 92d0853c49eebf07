from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from alerts.device_alarms import keep as keep_device
from alerts.watch_rules import WatchRules
from sheetal.contracts.device_alarm import AlarmKind, alarm_id
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.problem import Unavailable
from sheetal.contracts.reading import Quality
from sheetal.ledger import alarms, assets, forecasts, holdings, telemetry_writes
from sheetal.ledger.alarms import ServerRule
from sheetal.ledger.asset_tables import sensor_fault
from sheetal.ledger.checks_due import Hours
from sheetal.ledger.manual_checks import ManualCheck, add_manual_check
from sheetal.ledger.telemetry import SensorState
from tests.alerts.given import CARRIER, FRIDGE, GATEWAY, HOLDING, OTHER, TVC, at
from tests.alerts.test_server_rules import FORECAST
from tests.alerts.wire import alarm

if TYPE_CHECKING:
    from sheetal.contracts.reading import Reading
    from tests.alerts.given import World

NEW = f"{GATEWAY}.new"
NEVER = Hours((8 * 60, 17 * 60), 10**6)
"""Checks that are never late: the world's clock is of no matter."""


class Away:
    """A readings store that does not answer."""

    def read(self, *_: object, **__: object) -> list[Reading]:
        raise Unavailable("the readings store is away")


def say(world: World, minute: float, value: int, sensor: str = TVC) -> None:
    """What ingest keeps of a sensor's newest row."""
    state = SensorState(sensor, at(minute), value, Quality.OK, at(minute) + 500, 0)
    with world.telemetry.write() as conn:
        telemetry_writes.put_sensor_states(conn, [state])


def rules_of(world: World, hours: Hours = NEVER) -> WatchRules:
    return WatchRules(world.ledger, world.telemetry, world.readings, hours)


def standing(world: World) -> list[tuple[str | None, str]]:
    with world.ledger.read() as conn:
        return sorted((one.appliance_id, one.kind) for one in alarms.uncleared(conn))


def kinds(world: World) -> list[str]:
    return [notice.kind for notice in reversed(world.notices())]


def test_a_silent_appliance_is_an_alarm_of_its_own_and_its_recovery_a_notice(world: World) -> None:
    rules = rules_of(world)
    say(world, 0, 450)
    assert rules.turn(at(29)).raised == []
    rules.turn(at(31))
    assert standing(world) == [(FRIDGE, "no_data")]
    rules.turn(at(32))
    say(world, 33, 450)
    rules.turn(at(33))
    assert standing(world) == []
    assert kinds(world) == ["server_alarm", "server_alarm_cleared"]


def test_a_faulty_probe_that_was_declared_is_not_missed(world: World) -> None:
    say(world, 0, 450)
    fault = {"sensor_id": TVC, "from_ms": at(1), "reason": "torn", "actor": "ravi", "recorded_at_ms": at(1)}
    with world.ledger.write() as conn:
        conn.execute(insert(sensor_fault).values(**fault))
    assert rules_of(world).turn(at(60)).raised == []


def test_stock_on_other_evidence_makes_no_noise_when_its_logger_is_silent(world: World) -> None:
    world.receive(kind="logger_file")
    say(world, 0, 450)
    assert rules_of(world).turn(at(60)).raised == []
    world.receive("H-2")
    assert [one.rule.value for one in rules_of(world).turn(at(60)).raised] == ["no_data"]


def test_the_server_says_what_a_silent_gateway_rule_does_not(world: World) -> None:
    rules = rules_of(world)
    world.feed((0, 66, -60))
    say(world, 64, -60)
    rules.turn(at(64))
    assert standing(world) == []
    say(world, 65, -60)
    rules.turn(at(65))
    assert standing(world) == [(FRIDGE, "freeze")]
    with world.ledger.read() as conn:
        (found,) = alarms.alarms(conn)
    assert (found.origin, found.sensor_id, found.began_at_ms) == ("server", TVC, at(0))
    assert (found.extreme_centi_celsius, found.limit_centi_celsius, found.limit_minutes) == (-60, -50, 60)


def test_it_closes_only_well_inside_the_limit(world: World) -> None:
    rules = rules_of(world)
    world.feed((0, 66, -60))
    say(world, 65, -60)
    rules.turn(at(65))
    for minute, value, expected in ((66, -40, [(FRIDGE, "freeze")]), (67, 0, [])):
        world.feed((minute, minute + 1, value))
        say(world, minute, value)
        rules.turn(at(minute))
        assert standing(world) == expected


def test_a_restart_between_clears_and_raises_nothing_twice(world: World) -> None:
    world.feed((0, 70, -60))
    for minute in (65, 66, 67):
        say(world, minute, -60)
        rules_of(world).turn(at(minute))
    assert standing(world) == [(FRIDGE, "freeze")]
    assert kinds(world) == ["server_alarm"]


def test_where_the_gateway_has_spoken_the_server_says_nothing(world: World) -> None:
    keep_device(world.ledger, alarm(), at(61))
    world.feed((0, 66, -60))
    say(world, 65, -60)
    assert rules_of(world).turn(at(65)).raised == []


def test_without_the_readings_store_silence_is_still_heard_and_nothing_is_cleared(world: World) -> None:
    rules = rules_of(world)
    world.feed((0, 66, -60))
    say(world, 65, -60)
    rules.turn(at(65))
    say(world, 70, -60)
    blind = WatchRules(world.ledger, world.telemetry, Away(), NEVER)  # type: ignore[arg-type]
    assert blind.turn(at(70)).over == []
    assert blind.turn(at(101)).raised[0].rule.value == "no_data"
    assert standing(world) == [(FRIDGE, "freeze"), (FRIDGE, "no_data")]


def check(world: World, minute: float, appliance: str = OTHER) -> None:
    new = ManualCheck(
        appliance_id=appliance,
        checked_at_ms=at(minute),
        centi_celsius=450,
        centi_celsius_min=None,
        centi_celsius_max=None,
        actor="ravi",
        initials="RK",
    )
    with world.ledger.write() as conn:
        add_manual_check(conn, new, at(minute))


@pytest.fixture
def hourly() -> Hours:
    """A check each four hours, ten minutes' patience: whatever the world's clock, one falls due soon."""
    return Hours(tuple(range(0, 1440, 240)), 10)


def test_a_check_that_was_practised_and_is_missed_is_an_alarm_until_it_is_made(world: World, hourly: Hours) -> None:
    rules = rules_of(world, hourly)
    say(world, 0, 450)
    check(world, 0)
    rules.turn(at(0))
    assert standing(world) == []
    say(world, 500, 450)
    rules.turn(at(500))
    assert standing(world) == [(OTHER, "missed_check")]
    assert [notice.severity for notice in world.notices()] == ["routine"]
    check(world, 501)
    rules.turn(at(502))
    assert standing(world) == []


def test_stock_on_the_twice_daily_record_needs_its_checks(world: World, hourly: Hours) -> None:
    world.receive(appliance_id=OTHER, kind="twice_daily")
    say(world, 0, 450)
    rules_of(world, hourly).turn(at(1))
    assert standing(world) == [(OTHER, "missed_check")]


def test_a_missed_check_does_not_go_by_itself_when_the_last_one_is_long_past(world: World, hourly: Hours) -> None:
    rules = rules_of(world, hourly)
    check(world, 0)
    rules.turn(at(500))
    month = 30 * 1440
    say(world, month, 450)
    rules.turn(at(month))
    assert (OTHER, "missed_check") in standing(world)


def test_a_warning_comes_and_goes_with_its_forecast(world: World) -> None:
    rules = rules_of(world)
    say(world, 0, 450)
    with world.ledger.write() as conn:
        forecasts.put_forecasts(conn, [FORECAST])
    rules.turn(at(1))
    assert standing(world) == [(FRIDGE, "spoilage_warning")]
    with world.ledger.write() as conn:
        forecasts.drop_forecasts(conn, [FRIDGE])
    rules.turn(at(2))
    assert standing(world) == []


def test_an_appliance_without_a_probe_is_nobodys_alarm(world: World) -> None:
    with world.ledger.write() as conn:
        assets.unassign_sensor(conn, TVC, at(0), at(0))
    assert rules_of(world).turn(at(600)).raised == []
    assert CARRIER not in {place for place, _ in standing(world)}


def test_the_alarm_of_a_sensor_that_is_gone_silences_nobody_for_ever(world: World) -> None:
    rules = rules_of(world)
    say(world, 0, 450)
    gone = alarm(kind=AlarmKind.NO_DATA, alarm=alarm_id(TVC, AlarmKind.NO_DATA, at(0)))
    keep_device(world.ledger, gone, at(1))
    assert rules.turn(at(31)).raised == []
    with world.ledger.write() as conn:
        alarms.end_alarm(conn, gone.alarm, "ravi", "lost_contact", "the gateway is broken", at(32))
        assets.register_sensor(conn, assets.Sensor(id=NEW, gateway_id=GATEWAY, serial="9", model="DS18B20"), at(33))
        assets.assign_sensor(conn, TVC, OTHER, "tvc", at(33), at(33))
        assets.assign_sensor(conn, NEW, FRIDGE, "tvc", at(33), at(33))
    (raised,) = [one for one in rules.turn(at(70)).raised if one.appliance_id == FRIDGE]
    assert (raised.rule, raised.sensor_id) == (ServerRule.NO_DATA, NEW)


def test_silence_that_was_of_no_matter_for_a_while_is_told_again(world: World) -> None:
    """The stock goes out of a silent refrigerator, which ends its alarm, and back into it, which begins it anew."""
    rules = rules_of(world)
    say(world, 0, 450)
    assert [one.rule for one in rules.turn(at(40)).raised] == [ServerRule.NO_DATA]
    world.receive(minute=40, kind=EvidenceKind.TWICE_DAILY)
    assert len(rules.turn(at(50)).over) == 1
    with world.ledger.write() as conn:
        holdings.move_holding(conn, HOLDING, FRIDGE, EvidenceKind.TELEMETRY, at(55), at(55), "ravi")
    rules.turn(at(60))
    rules.turn(at(61))
    told = [one.facts["kind"] for one in world.notices() if one.kind == "server_alarm"]
    assert told.count("no_data") == 2
    assert (FRIDGE, "no_data") in standing(world)
