from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.attention import Attention, Month, Tolerance, count, hot_percent
from alerts.device_alarms import keep
from sheetal.contracts.device_alarm import AlarmKind, alarm_id
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import alarms
from sheetal.ledger.alarms import ServerRule
from sheetal.readings.port import Bucket
from tests.alerts.given import CARRIER, FRIDGE, OTHER, T0, TVC, at
from tests.alerts.test_server_rules import standing
from tests.alerts.test_telling import raise_one
from tests.alerts.wire import alarm

if TYPE_CHECKING:
    from tests.alerts.given import World

MONTH = Tolerance(hot_percent=30, alarms=5, days=30)


def bucket(mean: float) -> Bucket:
    return Bucket(0, 10, 0, 0, mean, 0, 0)


@pytest.mark.parametrize(
    ("means", "expected"),
    [([], 0), ([801], 100), ([800], 0), ([900, 450, 450], 33), ([900] * 3 + [450] * 7, 30)],
)
def test_the_share_of_hot_time_is_of_the_time_that_is_known(means: list[float], expected: int) -> None:
    assert hot_percent([bucket(mean) for mean in means], 800) == expected


@pytest.mark.parametrize(("hot", "rung", "expected"), [(30, 4, False), (31, 0, True), (0, 5, True), (0, 4, False)])
def test_more_than_the_share_or_at_least_the_number_is_too_much(hot: int, rung: int, *, expected: bool) -> None:
    assert Month(hot, rung).is_too_much(MONTH) is expected


def test_only_what_says_something_of_the_appliance_counts() -> None:
    counted = [standing(ServerRule.HEAT), standing(ServerRule.FREEZE, origin="device"), standing(ServerRule.NO_DATA)]
    left_out = [
        standing(ServerRule.MISSED_CHECK),
        standing(ServerRule.NEEDS_ATTENTION),
        standing(ServerRule.SPOILAGE_WARNING),
        standing(ServerRule.HEAT, fired_at_ms=T0 - 31 * DAY_MS),
        standing(ServerRule.HEAT, cause="test"),
        standing(ServerRule.HEAT, cause="sensor_fault"),
        standing(ServerRule.NO_DATA, ended_at_ms=at(3), ended_as="sensor_fault"),
    ]
    assert count([*counted, *left_out], T0 - 30 * DAY_MS) == 3


def attention(world: World, at_once: int = 20) -> Attention:
    return Attention(world.ledger, world.readings, MONTH, at_once)


def flagged(world: World) -> list[str | None]:
    with world.ledger.read() as conn:
        return [one.appliance_id for one in alarms.uncleared(conn) if one.kind == "needs_attention"]


def test_a_hot_month_is_flagged_with_its_figures_and_unflagged_when_it_is_better(world: World) -> None:
    world.feed((0, 40, 900), (40, 100, 450))
    attention(world).turn(at(100))
    assert flagged(world) == [FRIDGE]
    with world.ledger.read() as conn:
        (found,) = alarms.alarms(conn)
    assert found.facts == {"hot_percent": 40, "alarms": 0, "days": 30}
    world.feed((100, 200, 450))
    attention(world).turn(at(200))
    assert flagged(world) == []


def test_five_alarms_in_a_month_are_enough(world: World) -> None:
    for number in range(5):
        began = {"began_at_ms": at(number), "alarm": alarm_id(TVC, AlarmKind.FREEZE, at(number))}
        keep(world.ledger, alarm(cleared=70, **began), at(71))
        attention(world).turn(at(80))
        assert flagged(world) == ([FRIDGE] if number == 4 else [])


def test_what_a_probe_measured_elsewhere_is_not_this_appliances(world: World) -> None:
    world.feed((-200, -60, 900), (-60, 0, 450))
    attention(world).turn(at(0))
    assert flagged(world) == []


def test_it_goes_round_a_few_at_a_time(world: World) -> None:
    world.feed((0, 40, 900))
    round_of = attention(world, 1)
    assert [[one.appliance_id for one in round_of.turn(at(50)).raised] for _ in range(4)] == [[FRIDGE], [], [], []]
    assert min(FRIDGE, OTHER, CARRIER) == FRIDGE
    raise_one(world, ServerRule.NO_DATA)
    assert flagged(world) == [FRIDGE]


def test_a_store_that_is_away_only_puts_it_off(world: World) -> None:
    class Away:
        def downsample(self, *_: object, **__: object) -> dict[str, list[Bucket]]:
            raise Unavailable("away")

    world.feed((0, 40, 900))
    round_of = Attention(world.ledger, Away(), MONTH)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        round_of.turn(at(50))
    assert flagged(world) == []
