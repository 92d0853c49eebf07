from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import pytest

from alerts import app
from alerts.forecasts import SEEDS_MAX, Forecasts, Judged, forecast_of
from sheetal.contracts.limits import HoldRule, Measure, Side
from sheetal.contracts.problem import Unavailable
from sheetal.contracts.product import NextStage
from sheetal.contracts.reading import Quality
from sheetal.ledger import assets, catalogue, holdings, telemetry_writes
from sheetal.ledger.forecasts import Forecast, forecasts, put_forecasts
from sheetal.ledger.programme import load_programme
from sheetal.ledger.telemetry import SensorState
from sheetal.thermal.forecast import FRESH_MS_MAX
from tests.alerts.given import FRIDGE, GATEWAY, MINUTE, SOURCE, T0, TOP, TVC, World, at, product, rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sheetal.readings.port import Bucket

HEAT = rule("heat", 800, 600, Side.HOT, inclusive=False)
FREEZE = rule("freeze", -50, 60, Side.COLD, inclusive=True)
DAY = 20 * 60
"""A usual day of twenty hours goes before each failure, in minutes."""


def usual(minute: float) -> float:
    return 4.0 + 0.8 * math.sin(2 * math.pi * minute / 120)


def failing(minute: float, *, asymptote: float = 30.0, tau: float = 400.0) -> float:
    """A thermostat at work until `DAY`, and from then on a curve to the room's temperature."""
    if minute <= DAY:
        return usual(minute)
    return asymptote + (usual(DAY) - asymptote) * math.exp(-(minute - DAY) / tau)


def samples(until: float, curve: Callable[[float], float] = failing) -> list[tuple[int, int]]:
    return [(at(minute), round(10 * curve(minute)) * 10) for minute in range(0, round(until) + 1, 5)]


def of(until: float, judged_rule: HoldRule = HEAT, curve: Callable[[float], float] = failing) -> Forecast | None:
    return forecast_of(FRIDGE, (TVC, samples(until, curve)), Judged(judged_rule, 90), at(until))


class Told:
    """A world whose sensor says a curve, and the job that listens."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.job = Forecasts(world.ledger, world.telemetry, world.readings)

    def say(self, minute: float, value: float, sensor: str = TVC, quality: Quality = Quality.OK) -> None:
        is_good = quality is Quality.OK
        state = SensorState(
            sensor_id=sensor,
            measured_at_ms=at(minute),
            centi_celsius=round(10 * value) * 10 if is_good else None,
            quality=quality,
            received_at_ms=at(minute),
            clock_offset_ms=0,
        )
        with self.world.telemetry.write() as conn:
            telemetry_writes.put_sensor_states(conn, [state])

    def past(self, until: float, curve: Callable[[float], float] = failing, sensor: str = TVC) -> None:
        """What the readings store knows of the time before the job was started."""
        rows = self.world.rows(
            *((ms, ms + 5, round(100 * curve(ms))) for ms in range(0, round(until), 5)), every=5, sensor=sensor
        )
        assert self.world.readings.write(rows).rejected == []

    def make(self, minute: float) -> list[Forecast]:
        return self.job.make(at(minute))

    def live(self, first: float, last: float, curve: Callable[[float], float] = failing) -> list[Forecast]:
        """Minute after minute, as the clockwork has it."""
        made: list[Forecast] = []
        for minute in range(round(first), round(last) + 1, 5):
            self.say(minute, curve(minute))
            made = self.make(minute)
        return made

    def standing(self) -> dict[str, Forecast]:
        with self.world.ledger.read() as conn:
            return forecasts(conn)


@pytest.fixture
def told(world: World) -> Told:
    return Told(world)


def test_minutes_to_spoilage_are_those_to_the_limit_and_the_rule_s_own() -> None:
    found = of(DAY + 60)
    assert found is not None
    assert (found.side, found.limit_centi_celsius, found.doses_at_risk) == (Side.HOT, 800, 90)
    assert found.minutes == found.fit.limit_minutes + 600
    assert found.minutes_low == found.fit.limit_minutes_low + 600
    assert found.minutes_high == (found.fit.limit_minutes_high or 0) + 600
    assert found.fit.limit_minutes == pytest.approx(10, abs=8)
    assert (found.fit.sensor, found.fit.rule, found.fit.rule_minutes) == (TVC, "heat", 600)
    assert found.fit.is_warning
    assert found.fit.tau_minutes is not None


def test_an_open_run_has_used_some_of_the_rule_s_time() -> None:
    freezing = lambda minute: failing(minute, asymptote=-12.0, tau=120.0)  # noqa: E731 - a curve in one line
    passed = next(minute for minute in range(DAY, DAY + 600, 5) if freezing(minute) <= -0.5)
    early, late = of(passed + 5, FREEZE, freezing), of(passed + 30, FREEZE, freezing)
    assert early is not None
    assert late is not None
    assert (early.minutes, late.minutes) == (55, 30)
    assert (late.fit.limit_minutes, late.fit.limit_minutes_high, late.minutes_high) == (0, 0, 30)
    assert (early.fit.is_warning, late.fit.is_warning) == (False, True)


def test_what_is_on_its_way_back_is_no_warning() -> None:
    def dip(minute: float) -> float:
        return usual(minute) if minute <= DAY else -3.0 + 0.04 * (minute - DAY)

    found = of(DAY + 40, FREEZE, dip)
    assert found is not None
    assert found.minutes_high is None
    assert not found.fit.is_warning


def test_a_full_rule_leaves_no_minute() -> None:
    found = of(DAY + 900)
    assert found is not None
    assert found.minutes == 0


def test_a_sensor_that_says_nothing_fresh_forecasts_nothing() -> None:
    told = samples(DAY + 60)
    assert forecast_of(FRIDGE, (TVC, told), Judged(HEAT, 90), told[-1][0] + FRESH_MS_MAX + 1) is None
    assert forecast_of(FRIDGE, (TVC, []), Judged(HEAT, 90), T0) is None


def test_a_usual_day_forecasts_no_warning(told: Told) -> None:
    told.world.receive()
    told.past(DAY - 5, usual)
    made = told.live(DAY, DAY + 240, usual)
    assert not any(one.fit.is_warning for one in made)


def test_a_failure_is_foreseen_and_its_forecast_goes_with_it(told: Told) -> None:
    told.world.receive()
    told.past(DAY)
    (found,) = told.live(DAY, DAY + 60)
    assert found.fit.is_warning
    assert found.appliance_id == FRIDGE
    assert found.doses_at_risk == 100
    assert told.standing() == {FRIDGE: found}
    assert told.live(DAY + 65, DAY + 130, lambda _: 4.0) == []
    assert told.standing() == {}


def test_a_restarted_job_reads_the_day_before_from_the_store(told: Told) -> None:
    told.world.receive()
    told.past(DAY + 55)
    told.say(DAY + 55, failing(DAY + 55))
    (found,) = told.make(DAY + 56)
    assert found.fit.is_warning
    assert found.fit.samples > 5


def test_without_a_past_it_waits_for_what_comes(told: Told) -> None:
    told.world.receive()
    told.say(DAY + 20, failing(DAY + 20))
    assert told.make(DAY + 21) == []
    assert told.live(DAY + 25, DAY + 40) == []
    (found,) = told.live(DAY + 45, DAY + 65)
    assert found.fit.samples >= 4
    assert found.fit.limit_minutes == pytest.approx(8, abs=5)


def test_a_warning_outlives_a_few_doubtful_minutes_and_no_more(told: Told) -> None:
    told.world.receive()
    told.past(DAY)
    (found,) = told.live(DAY, DAY + 45)
    minute, last = DAY + 45, [found]
    while made := told.live(minute + 5, minute + 5, lambda _: failing(DAY + 45)):
        minute, last = minute + 5, made
    assert told.standing() == {FRIDGE: last[0]}, "a doubtful reading"
    told.live(minute + 10, minute + 10, lambda _: failing(DAY + 45))
    assert told.standing() == {FRIDGE: last[0]}
    told.live(minute + 15, minute + 15, lambda _: failing(DAY + 45))
    assert told.standing() == {}


def test_a_turn_back_is_an_all_clear_at_once(told: Told) -> None:
    told.world.receive()
    told.past(DAY)
    told.live(DAY, DAY + 45)
    assert told.standing() != {}
    told.live(DAY + 50, DAY + 50, lambda _: failing(DAY + 45) - 0.5)
    assert told.standing() == {}


def test_an_appliance_without_stock_has_no_forecast(told: Told) -> None:
    told.past(DAY)
    assert told.live(DAY, DAY + 60) == []


def test_a_forecast_that_another_process_left_is_taken_away(told: Told) -> None:
    left = of(DAY + 60)
    assert left is not None
    with told.world.ledger.write() as conn:
        put_forecasts(conn, [left])
    assert told.make(DAY + 60) == []
    assert told.standing() == {}


def test_faults_and_late_rows_are_not_believed(told: Told) -> None:
    told.world.receive()
    told.past(DAY)
    told.say(DAY, failing(DAY))
    told.make(DAY)
    for minute in range(DAY + 5, DAY + 60, 5):
        told.say(minute, 0.0, quality=Quality.OPEN_CIRCUIT)
        assert told.make(minute) == []


def test_the_sensor_that_is_worst_off_speaks(told: Told) -> None:
    told.world.receive()
    with told.world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, FRIDGE, "warmest", at(-30), at(0))
    told.past(DAY)
    told.past(DAY, usual, TOP)
    for minute in range(DAY, DAY + 61, 5):
        told.say(minute, usual(minute))
        told.say(minute, failing(minute), TOP)
        made = told.make(minute)
    (found,) = made
    assert found.fit.sensor == TOP


def test_held_stock_is_watched_no_more(told: Told) -> None:
    told.world.receive()
    told.past(DAY)
    assert told.live(DAY, DAY + 60) != []
    with told.world.ledger.write() as conn:
        holdings.hold(conn, "H-1", None, "ravi", "found warm", at(DAY + 61))
    assert told.live(DAY + 65, DAY + 70) == []
    assert told.standing() == {}


def test_doses_of_several_holdings_add_up(told: Told) -> None:
    for label in ("H-1", "H-2"):
        told.world.receive(label)
    told.past(DAY)
    (found,) = told.live(DAY, DAY + 60)
    assert found.doses_at_risk == 200


def frozen_first(world: World) -> None:
    """A product that is frozen until it is thawed, and refrigerated from then on."""
    one = product()
    stages = [msgspec.structs.replace(hold, stage="thawed") for hold in one.hold_rules]
    thaw = rule("thaw", -1_500, 60, Side.HOT, inclusive=False)
    summed = msgspec.structs.replace(rule("sum", 800, 10, Side.HOT, inclusive=False), measure=Measure.CUMULATIVE)
    changed = msgspec.structs.replace(
        one,
        version=2,
        stage="frozen",
        hold_rules=[thaw, *stages, summed],
        ranges=[msgspec.structs.replace(one.ranges[0], stage="frozen")],
        next_stages=[NextStage(stage="thawed", after="thaw", minutes_max=None, source=SOURCE)],
        effective_from="2021-02-01",
    )
    with world.ledger.write() as conn:
        catalogue.record_products(conn, [changed], T0)


def test_stock_is_watched_by_the_rules_of_its_present_stage(told: Told) -> None:
    frozen_first(told.world)
    told.world.receive()
    told.past(DAY)
    (found,) = told.live(DAY, DAY + 60)
    assert (found.limit_centi_celsius, found.fit.limit_minutes) == (-1_500, 0), "still frozen, by the ledger"
    with told.world.ledger.write() as conn:
        holdings.thaw_holding(conn, "H-1", "ravi", at(5), at(DAY + 60))
    (found,) = told.live(DAY + 61, DAY + 66)
    assert found.limit_centi_celsius == 800


class Away:
    """A readings store that does not answer."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    def downsample(self, sensors: Sequence[str], *_: object, **__: object) -> dict[str, list[Bucket]]:
        self.asked.append(sensors)
        raise Unavailable("away")


def test_a_readings_store_that_is_away_keeps_nobody_from_forecasting(told: Told) -> None:
    away = Away()
    told.job = Forecasts(told.world.ledger, told.world.telemetry, away)  # type: ignore[arg-type]  # all it asks for
    told.world.receive()
    (found,) = told.live(DAY + 10, DAY + 60)
    assert found.fit.limit_minutes > 0
    assert away.asked[-1] == [TVC], "and it is asked again"


class Counting(Away):
    """A store with an empty past that notes who asked."""

    def downsample(self, sensors: Sequence[str], *_: object, **__: object) -> dict[str, list[Bucket]]:
        self.asked.append(sensors)
        return {}


def test_pasts_are_read_a_few_at_a_time_those_on_the_move_first(told: Told) -> None:
    extra = [f"{GATEWAY}.more-{number}" for number in range(SEEDS_MAX)]
    with told.world.ledger.write() as conn:
        for sensor in extra:
            made = assets.Sensor(id=sensor, gateway_id=GATEWAY, serial=sensor, model="probe", interval_ms=MINUTE)
            assets.register_sensor(conn, made, T0)
            assets.assign_sensor(conn, sensor, FRIDGE, "coldest", at(-60), T0)
    told.world.receive()
    counting = Counting()
    told.job = Forecasts(told.world.ledger, told.world.telemetry, counting)  # type: ignore[arg-type]  # as above
    told.make(0)
    told.make(1)
    told.make(2)
    assert [len(sensors) for sensors in counting.asked] == [SEEDS_MAX, 1]
    assert counting.asked[1] == [TVC], "the last in the order of names"


class Leading:
    """An engine that holds the lease."""

    is_leader = True


def test_the_clockwork_makes_them_each_minute(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    world = told.world
    world.receive()
    told.past(DAY + 55)
    told.say(DAY + 55, failing(DAY + 55))
    monkeypatch.setattr(app, "now_ms", lambda: at(DAY + 56))
    jobs = app._rules(Leading(), (world.ledger, world.telemetry), world.readings, load_programme())  # type: ignore[arg-type]  # all that is asked of it
    (job,) = [one for one in jobs if one.name == "forecast"]
    assert job.every_seconds == 60
    job.act()
    assert told.standing()[FRIDGE].fit.is_warning
