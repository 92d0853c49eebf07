"""Budgets, a monitor's life and the kinetic mean over whole lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from sheetal.contracts.limits import Measure, Side, Source, StorageRange
from sheetal.contracts.verdict import Ground
from sheetal.thermal import vvm
from sheetal.thermal.life import Life, VvmReading
from sheetal.thermal.measures import budget_use, mkt_use, vvm_spent_ms, vvm_use
from sheetal.thermal.runs import limit_of
from sheetal.thermal.verdict import judge_life, limits_of
from tests.sheetal.thermal.given import TOP, TVC, at, segment, trace

if TYPE_CHECKING:
    from sheetal.contracts.product import Product
    from sheetal.thermal.paths import Segment
    from tests.sheetal.thermal.conftest import MakeProduct, MakeRule

DAY = 1_440
SOURCE = Source(citation="label", confidence="high")


def used(product: Product, *segments: Segment) -> tuple[int, int]:
    (rule,) = [one for one in product.hold_rules if one.measure is Measure.CUMULATIVE]
    found = budget_use(rule, limits_of(product).index(limit_of(rule)), segments)
    assert found.rule == rule
    return found.minutes_confirmed, found.minutes_possible


@pytest.fixture
def budgeted(make_product: MakeProduct, make_rule: MakeRule) -> Product:
    """Four hours above 8 °C in all."""
    return make_product(make_rule("warm-total", limit=800, minutes=240, measure=Measure.CUMULATIVE))


def test_a_budget_adds_up_runs_over_all_stays(budgeted: Product) -> None:
    first = segment(0, 100, trace(budgeted, TVC, (0, 19, 500), (20, 50, 1200), (51, 99, 500)))
    second = segment(100, None, trace(budgeted, TOP, (100, 129, 500), (130, 140, 1200), (141, 200, 500)), stay=2)
    assert used(budgeted, first, second) == (40, 44)


def test_an_untouched_budget_is_told_as_such(budgeted: Product) -> None:
    assert used(budgeted, segment(0, None, trace(budgeted, TVC, (0, 200, 500)))) == (0, 0)
    assert used(budgeted) == (0, 0)


def test_of_two_sensors_the_one_that_saw_more_counts(budgeted: Product) -> None:
    warm = trace(budgeted, TOP, (0, 30, 1200), (31, 90, 500))
    cool = trace(budgeted, TVC, (0, 90, 500))
    assert used(budgeted, segment(0, None, cool, warm)) == (30, 31)
    deaf = warm._replace(sides=frozenset({Side.COLD}))
    assert used(budgeted, segment(0, None, cool, deaf)) == (0, 0)


def monitored(make_product: MakeProduct, *segments: Segment, kind: str | None = "2") -> Life:
    return Life("H-1", make_product(vvm_type=kind), segments)


def test_a_monitor_ages_by_the_published_constants(make_product: MakeProduct) -> None:
    product = make_product()
    day = segment(0, None, trace(product, TVC, (0, DAY, 2500)))
    use = vvm_use(monitored(make_product, day), at(DAY))
    assert use is not None
    assert use.ppm == vvm.life_ppm(((2500, 2 * DAY * 60_000),), "2")
    assert use.source == vvm.SOURCE


def test_a_monitors_life_adds_up_over_stays_and_takes_the_warmest_sensor(make_product: MakeProduct) -> None:
    product = make_product()
    warm, cool = trace(product, TOP, (0, DAY, 2500)), trace(product, TVC, (0, DAY, 500))
    later = segment(2 * DAY, None, trace(product, TVC, (2 * DAY, 3 * DAY, 2500)), stay=2)
    one = vvm_use(monitored(make_product, segment(0, 2 * DAY, warm, cool)), at(3 * DAY))
    both = vvm_use(monitored(make_product, segment(0, 2 * DAY, warm, cool), later), at(3 * DAY))
    assert one is not None
    assert both is not None
    assert abs(both.ppm - 2 * one.ppm) <= 1, "each is rounded once"
    assert both.ppm_unknown_worst > both.ppm, "the day between the stays' data is unknown"


def hot_days(product: Product, first: int, last: int, value: int) -> Segment:
    """A stay of whole days at one temperature, one reading an hour."""
    return segment(
        first * DAY, last * DAY, trace(product, TVC, (first * DAY, last * DAY - 60, value), every=60), stay=first
    )


def test_a_spent_life_is_dated_where_it_was_spent_and_no_later_stay_moves_that(make_product: MakeProduct) -> None:
    """Doses given between the end of the monitors' life and the next move must not be forgotten by the recall."""
    product = make_product(vvm_type="2")
    hot, cool = hot_days(product, 10, 20, 3700), hot_days(product, 20, 30, 500)
    one = monitored(make_product, hot_days(product, 0, 10, 500), hot)
    two = monitored(make_product, *one.segments, cool)
    grounds = [judge_life(life, at(30 * DAY)).proposals for life in (one, two)]
    assert grounds[0] == grounds[1]
    ((ground,), _) = grounds
    assert (ground.ground, ground.compromised_from_ms) == (Ground.VVM_LIFE, ground.since_ms)
    until = round((ground.since_ms - at(0)) / 60_000 / 60) * 60
    so_far = segment(10 * DAY, until, trace(product, TVC, (10 * DAY, until, 3700), every=60))
    lost = vvm_use(monitored(make_product, one.segments[0], so_far), at(until))
    assert lost is not None
    assert lost.ppm == pytest.approx(1_000_000, rel=0.05)


def test_a_life_is_spent_no_earlier_than_its_warmest_reading_allows(make_product: MakeProduct) -> None:
    """One warm hour leaves the date possible: earlier than the truth, later than the beginning of the stay."""
    product = make_product(vvm_type="2")
    days = trace(
        product, TVC, (0, 3 * DAY, 3000), (3 * DAY + 60, 3 * DAY + 60, 3700), (4 * DAY, 20 * DAY, 3000), every=60
    )
    spent_ms = vvm_spent_ms(monitored(make_product, segment(0, None, days)), "2")
    alone = vvm_spent_ms(monitored(make_product, hot_days(product, 0, 20, 3000)), "2")
    assert at(0) < spent_ms < alone


def test_no_constants_no_computation(make_product: MakeProduct) -> None:
    day = segment(0, None, trace(make_product(), TVC, (0, DAY, 2500)))
    assert vvm_use(monitored(make_product, day, kind=None), at(DAY)) is None
    assert vvm_use(monitored(make_product, day, kind="250"), at(DAY)) is None


def test_the_last_stage_that_was_read_stands_beside_the_computation(make_product: MakeProduct) -> None:
    day = segment(0, None, trace(make_product(), TVC, (0, DAY, 500)))
    readings = (VvmReading(at(90), 2), VvmReading(at(30), 1), VvmReading(at(5_000), 2))
    use = vvm_use(monitored(make_product, day)._replace(vvm_readings=readings), at(DAY))
    assert use is not None
    assert (use.stage, use.stage_read_at_ms) == (2, at(90))


def test_the_kinetic_mean_of_a_constant_is_that_constant(make_product: MakeProduct) -> None:
    product = make_product()
    use = mkt_use(Life("H-1", product, [segment(0, None, trace(product, TVC, (0, DAY, 437)))]), at(DAY))
    assert use is not None
    assert (use.centi_celsius, use.coverage_permille, use.joules_per_mole) == (437, 1_000, 83_144)


def test_the_kinetic_mean_takes_the_warmer_of_two_sensors(make_product: MakeProduct) -> None:
    product = make_product()
    both = segment(0, None, trace(product, TVC, (0, DAY, 400)), trace(product, TOP, (0, DAY, 700)))
    use = mkt_use(Life("H-1", product, [both]), at(DAY))
    assert use is not None
    assert use.centi_celsius == 700


def test_too_little_data_gives_no_kinetic_mean(make_product: MakeProduct) -> None:
    product = make_product()
    use = mkt_use(Life("H-1", product, [segment(0, None, trace(product, TVC, (0, DAY, 437)))]), at(2 * DAY))
    assert use is not None
    assert (use.centi_celsius, use.coverage_permille) == (None, 500)
    assert "insufficient" in use.note
    silent = mkt_use(Life("H-1", product, [segment(0, None)]), at(DAY))
    assert silent is not None
    assert (silent.centi_celsius, silent.coverage_permille) == (None, 0)


def test_frozen_stock_has_no_kinetic_mean(make_product: MakeProduct) -> None:
    frozen = StorageRange(stage="frozen", centi_celsius_min=-2500, centi_celsius_max=-1500, source=SOURCE)
    product = replace(make_product(), ranges=[frozen], stage="frozen")
    cold = segment(0, None, trace(product, TVC, (0, DAY, -2000)))
    assert mkt_use(Life("H-1", product, [cold]), at(DAY)) is None
    assert mkt_use(Life("H-1", product, []), at(DAY)) is None
    assert judge_life(Life("H-1", product, [cold]), at(DAY)).mkt is None
