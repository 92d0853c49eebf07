"""Every shipped product through the engine: quiet stock is usable in each stage, and each of its rules holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import DAY_MS, MINUTE_MS, Measure, Side
from sheetal.contracts.verdict import Finding, Ground
from sheetal.ledger.catalogue import load_catalogue
from sheetal.thermal.exposure import summarise
from sheetal.thermal.life import Life
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.verdict import judge_life, limits_of

if TYPE_CHECKING:
    from sheetal.contracts.limits import HoldRule
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Verdict

PRODUCTS = load_catalogue()
START_MS = 1_795_000_000_000
STEP_MS = 10 * MINUTE_MS
RULES = [(product, rule) for product in PRODUCTS for rule in product.hold_rules]
NAMES = [f"{product.product}-{rule.rule}-{rule.stage}" for product, rule in RULES]
QUIET_MINUTES = 60


def verdict_on(product: Product, stage: str, *spans: tuple[int, int]) -> Verdict:
    """What the engine says of stock that stood at these (centi-degrees, minutes) one after the other in a stage."""
    samples, at_ms = [], START_MS
    for centi, minutes in spans:
        end_ms = at_ms + minutes * MINUTE_MS
        step_ms = min(STEP_MS, max(MINUTE_MS, minutes * MINUTE_MS // 4))
        samples += [(ms, centi) for ms in range(at_ms, end_ms + 1, step_ms)]
        at_ms = end_ms + step_ms
    exposure = summarise("s-1", samples, 3 * STEP_MS, limits_of(product))
    own = "" if stage == product.stage else stage
    segment = Segment(1, "A-1", "telemetry", START_MS, None, (Trace("s-1", exposure),), own)
    thawed_ms = START_MS if own else None
    return judge_life(Life("H-1", product, [segment], thawed_at_ms=thawed_ms), samples[-1][0])


def middle(product: Product, stage: str) -> int:
    labelled = next(one for one in product.ranges if one.stage == stage)
    low, high = labelled.centi_celsius_min, labelled.centi_celsius_max
    assert high is not None
    return high - 100 if low is None else (low + high) // 2


@pytest.mark.parametrize("product", PRODUCTS, ids=[one.product for one in PRODUCTS])
def test_stock_that_is_kept_as_it_should_be_is_usable(product: Product) -> None:
    for labelled in product.ranges:
        verdict = verdict_on(product, labelled.stage, (middle(product, labelled.stage), QUIET_MINUTES))
        assert (verdict.finding, verdict.noted, verdict.proposals) == (Finding.USABLE, [], []), labelled.stage
        for end in (labelled.centi_celsius_min, labelled.centi_celsius_max):
            if end is not None:
                assert verdict_on(product, labelled.stage, (end, QUIET_MINUTES)).finding is Finding.USABLE


@pytest.mark.parametrize(("product", "rule"), RULES, ids=NAMES)
def test_each_rule_holds_once_its_minutes_are_full_and_names_itself(product: Product, rule: HoldRule) -> None:
    stage = rule.stage or product.stage
    beyond = rule.limit_centi_celsius + (-20 if rule.side is Side.COLD else 20)
    calm = middle(product, stage)
    verdict = verdict_on(product, stage, (calm, QUIET_MINUTES), (beyond, rule.minutes + 30), (calm, QUIET_MINUTES))
    assert verdict.finding in {Finding.HOLD, Finding.PROPOSED_CONDEMNED}
    assert rule in [hit.rule for hit in verdict.reached]


@pytest.mark.parametrize(("product", "rule"), RULES, ids=NAMES)
def test_a_value_on_the_limit_counts_by_the_rules_own_word(product: Product, rule: HoldRule) -> None:
    stage, calm = rule.stage or product.stage, middle(product, rule.stage or product.stage)
    on_limit = (rule.limit_centi_celsius, rule.minutes + 30)
    verdict = verdict_on(product, stage, (calm, QUIET_MINUTES), on_limit, (calm, QUIET_MINUTES))
    assert (rule in [hit.rule for hit in verdict.reached]) == rule.inclusive


@pytest.mark.parametrize(("product", "rule"), RULES, ids=NAMES)
def test_half_the_minutes_hold_nothing_by_this_rule(product: Product, rule: HoldRule) -> None:
    """One stray sample, or half of a run or a budget, is an excursion noted at most."""
    stage, calm = rule.stage or product.stage, middle(product, rule.stage or product.stage)
    beyond = rule.limit_centi_celsius + (-20 if rule.side is Side.COLD else 20)
    short = (beyond, rule.minutes // 2)
    verdict = verdict_on(product, stage, (calm, QUIET_MINUTES), short, (calm, QUIET_MINUTES))
    if rule.minutes > 1 or rule.side is Side.HOT:
        assert rule not in [hit.rule for hit in verdict.reached]
    assert any(run.side is rule.side for run in [*verdict.noted, *(hit.run for hit in verdict.reached if hit.run)])


@pytest.mark.parametrize("product", [one for one in PRODUCTS if one.next_stages], ids=lambda one: one.product)
def test_thawed_stock_ends_with_its_longest_time(product: Product) -> None:
    (following,) = product.next_stages
    if following.minutes_max is None:
        return
    calm = middle(product, following.stage)
    before = verdict_on(product, following.stage, (calm, following.minutes_max - 20))
    after = verdict_on(product, following.stage, (calm, following.minutes_max + 20))
    # By the published constants a monitor of type 2 is spent at 5 °C two days before these six months are over.
    spent = [Ground.VVM_LIFE] if product.product == "bopv" else []
    assert [one.ground for one in before.proposals] == spent
    (ended,) = (one for one in after.proposals if one.ground is not Ground.VVM_LIFE)
    assert (ended.ground, ended.source) == (Ground.STAGE_TOO_LONG, following.source)


@pytest.mark.parametrize("product", [one for one in PRODUCTS if one.open_vials], ids=lambda one: one.product)
def test_open_vials_end_with_the_programmes_time(product: Product) -> None:
    minutes = next(one.minutes for one in product.open_vials if one.programme == "IN")
    life = Life("H-1", product, [], opened_at_ms=START_MS)
    end_ms = START_MS + minutes * MINUTE_MS
    assert judge_life(life, end_ms - 1).proposals == []
    assert [one.ground for one in judge_life(life, end_ms).proposals] == [Ground.OPEN_TOO_LONG]


def test_a_budget_is_spent_over_many_small_excursions() -> None:
    """Comirnaty's four hours at 8 to 30 °C: nine half hours apart hold it, seven do not."""
    purple = next(one for one in PRODUCTS if one.product == "comirnaty-purple")
    warm = [span for _ in range(7) for span in ((500, 60), (2_000, 30))]
    assert verdict_on(purple, "thawed", *warm).finding is Finding.EXCURSION_NOTED
    more = [*warm, (500, 60), (2_000, 30), (500, 60), (2_000, 45), (500, 60)]
    (hit,) = verdict_on(purple, "thawed", *more).reached
    assert (hit.rule.rule, hit.rule.measure) == ("thawed-warm", Measure.CUMULATIVE)
    assert DAY_MS > hit.minutes_confirmed * MINUTE_MS >= 240 * MINUTE_MS
