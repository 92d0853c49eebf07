"""Which runs reach a rule, and which only come near."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import Measure, Side
from sheetal.thermal.day_runs import day_runs, order
from sheetal.thermal.reached import identity, longest_of_each, reached_by_rule
from sheetal.thermal.runs import limit_of
from sheetal.thermal.verdict import limits_of
from tests.sheetal.thermal.given import TOP, TVC, at, segment, trace

if TYPE_CHECKING:
    from sheetal.contracts.limits import HoldRule
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Reached
    from sheetal.thermal.paths import Segment
    from tests.sheetal.thermal.conftest import MakeProduct, MakeRule


def hits(product: Product, rule: HoldRule, *segments: Segment) -> list[Reached]:
    return reached_by_rule(rule, limits_of(product).index(limit_of(rule)), segments)


def test_a_rule_names_the_sensor_and_where_it_hung(make_product: MakeProduct) -> None:
    product = make_product()
    cold = trace(product, TOP, (0, 9, 400), (10, 90, -100), (91, 99, 400))
    calm = trace(product, TVC, (0, 99, 400))
    (hit,) = hits(product, product.hold_rules[0], segment(0, None, calm, cold, stay=7, appliance="A-9"))
    assert (hit.sensor, hit.appliance, hit.stay) == (TOP, "A-9", 7)


def test_a_cumulative_rule_names_the_sensor_too(make_product: MakeProduct, make_rule: MakeRule) -> None:
    rule = make_rule("total", limit=800, minutes=30, measure=Measure.CUMULATIVE)
    product = make_product(rule)
    twice = trace(product, TVC, (0, 9, 400), (10, 30, 900), (31, 49, 400), (50, 70, 900), (71, 99, 400))
    (hit,) = hits(product, rule, segment(0, None, twice))
    assert (hit.run, hit.sensor, hit.minutes_confirmed) == (None, TVC, 40)


@pytest.mark.parametrize(("sides", "found"), [({Side.COLD}, 1), ({Side.HOT}, 0), ({Side.COLD, Side.HOT}, 1)])
def test_a_sensor_judges_only_the_sides_it_may(make_product: MakeProduct, sides: set[Side], found: int) -> None:
    product = make_product()
    cold = trace(product, TVC, (0, 9, 400), (10, 90, -100), (91, 99, 400))._replace(sides=frozenset(sides))
    assert len(hits(product, product.hold_rules[0], segment(0, None, cold))) == found


def test_of_runs_that_begin_together_the_longest_stands(make_product: MakeProduct) -> None:
    product = make_product()
    short = trace(product, TVC, (0, 9, 400), (10, 20, -100), (21, 30, 400)).exposure.runs
    long = trace(product, TVC, (0, 9, 400), (10, 25, -100), (26, 30, 400)).exposure.runs
    both = [run for runs in (*short, *long) for run in runs]
    kept = longest_of_each(both)
    assert len(kept) * 2 == len(both)
    assert {run.last_ms for run in kept} == {at(25)}
    assert [order(run) for run in kept] == [identity(run)[:4] for run in kept]


def test_no_summary_no_run(make_product: MakeProduct) -> None:
    product = make_product()
    calm = segment(0, None, trace(product, TVC, (0, 99, 400)))
    assert day_runs([calm], product.hold_rules[0], 60) == []
