from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.cabinets import STARTED_MS, Moment
from benchmarks.faults.judged_world import JudgedWorld, kept_in, products
from firmware_sim.kinds import Kind
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.reading import Quality
from sheetal.contracts.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.faults.judged_world import Probes


@pytest.fixture
def world() -> Iterator[JudgedWorld]:
    with JudgedWorld(STARTED_MS) as made:
        yield made


def stand(world: JudgedWorld, probes: int = 1) -> Probes:
    found = world.add_appliance("A-1", Kind.ILR, 60, probes)
    world.receive("H-1", "covishield", "A-1", STARTED_MS)
    return found


def moments(first: int, last: int, *said: int | None) -> list[Moment]:
    return [Moment(STARTED_MS + minute * MINUTE_MS, 0, said) for minute in range(first, last)]


def test_good_stock_is_judged_usable_by_all_its_rows(world: JudgedWorld) -> None:
    probes = stand(world)
    world.store(world.rows(probes, moments(0, 120, 420)))
    now_ms = STARTED_MS + 2 * HOUR_MS
    world.drain(now_ms)
    assert world.is_usable("H-1")
    assert world.verdicts("H-1")[0].finding is Finding.USABLE
    assert world.judged_now("H-1", now_ms).stays[0].readings == 120
    assert world.compromised_from_ms("H-1") is None


def test_frozen_stock_is_held_with_what_was_split_off_it(world: JudgedWorld) -> None:
    probes = stand(world)
    world.store(world.rows(probes, [*moments(0, 60, 420), *moments(60, 180, -120)]))
    split_ms = STARTED_MS + 100 * MINUTE_MS
    world.split("H-1", "H-2", "A-1", split_ms, split_ms)
    world.drain(STARTED_MS + 3 * HOUR_MS)
    assert world.labels() == ["H-1", "H-2"]
    assert not any(world.is_usable(label) for label in world.labels())
    assert world.compromised_from_ms("H-1") == STARTED_MS + 59 * MINUTE_MS


def test_stock_may_be_carried_out(world: JudgedWorld) -> None:
    probes = stand(world)
    world.add_appliance("A-2", Kind.ILR, 60, 1)
    world.move("H-1", "A-2", STARTED_MS + HOUR_MS, STARTED_MS + HOUR_MS)
    world.store(world.rows(probes, moments(60, 180, -120)))
    world.drain(STARTED_MS + 3 * HOUR_MS)
    assert world.is_usable("H-1")


def test_each_probe_says_its_own_and_a_failing_one_nothing(world: JudgedWorld) -> None:
    probes = stand(world, 2)
    rows = world.rows(probes, moments(0, 2, 420, None))
    assert [row.sensor for row in rows[:2]] == list(probes.sensors)
    assert [(row.centi_celsius, row.quality) for row in rows[:2]] == [(420, Quality.OK), (None, Quality.OPEN_CIRCUIT)]
    assert len({row.sequence for row in rows}) == 4


def test_worlds_are_apart() -> None:
    with JudgedWorld(STARTED_MS) as one, JudgedWorld(STARTED_MS) as other:
        stand(one)
        assert (one.labels(), other.labels()) == (["H-1"], [])


def test_stock_stands_where_it_belongs() -> None:
    for kind in (Kind.ILR, Kind.DEEP_FREEZER):
        stages = {products()[product].stage for product in kept_in(kind)}
        assert stages == {"frozen" if kind is Kind.DEEP_FREEZER else "refrigerated"}
    assert "covishield" in kept_in(Kind.WALK_IN_COOLER)
