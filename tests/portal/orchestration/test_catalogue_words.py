from __future__ import annotations

import inspect
import re

import pytest

from portal.orchestration import catalogue_words as words
from sheetal.contracts.limits import Measure, Side
from sheetal.contracts.product import Product
from sheetal.ledger import product_checks
from sheetal.ledger.appliance_models import load_models
from sheetal.ledger.catalogue import load_catalogue
from sheetal.ledger.catalogue_file import CONFIDENCES
from tests.sheetal.ledger.catalogue_kit import SHIPPED, own_rule, text
from tests.sheetal.ledger.catalogue_kit import file_words as file_of

PRODUCTS = load_catalogue()


def test_every_stage_of_the_shipped_products_has_a_word() -> None:
    assert {one.stage for product in PRODUCTS for one in product.ranges} <= set(words.STAGES)
    assert set(product_checks.ACTS) == set(words.ACTS)
    assert set(CONFIDENCES) == set(words.CONFIDENCE)
    assert {one.kind for one in load_models()} <= set(words.KINDS)
    assert {one.programme for product in PRODUCTS for one in product.open_vials} == set(words.PROGRAMMES)


def test_every_field_that_a_version_can_change_has_a_word() -> None:
    apart = {"product", "version", "effective_from", "effective_until"}
    assert set(Product.__struct_fields__) - apart == set(words.FIELDS)


def test_every_flaw_that_stands_for_itself_has_a_sentence() -> None:
    """The sentences of the ledger's checks that carry no number or name are all translated."""
    said = set(re.findall(r'Flaw\([^"]*(?:"[^"]*"[^",]*)?, "([^"]+)"\)', inspect.getsource(product_checks)))
    assert len(said) > 10
    unsaid = {what for what in said if words.flaw(what) == words.OTHERWISE}
    assert unsaid == {"is reached by no act, or has two ranges", "does not say who decided it"}


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("leaves the stage 'thawed' without a hold rule for cold", words.NO_RULE),
        ("widens sample's own 800 to 900; a programme may only narrow", words.WIDENS),
        ("is not between 1 and 100", words.OTHERWISE),
        ("is empty: no limit without a source", "Say where this number comes from: no limit without a source."),
    ],
)
def test_a_flaw_becomes_a_sentence(what: str, sentence: str) -> None:
    assert words.flaw(what) == sentence


def test_ranges_and_limits_as_people_read_them() -> None:
    by_name = {one.product: one for one in PRODUCTS}
    assert words.range_words(by_name["covishield"].ranges[0]) == ("+2.0\u00a0°C", "+8.0\u00a0°C")
    assert words.range_words(by_name["sputnik-light"].ranges[0]) == ("", "\u221218.0\u00a0°C")
    freeze, heat = by_name["covishield"].hold_rules
    assert words.rule_limit(freeze) == "≤\u00a0\u22120.5\u00a0°C"
    assert words.rule_limit(heat) == ">\u00a0+8.0\u00a0°C"
    (own,) = text(file_of(hold_rules=[own_rule(inclusive=True)])).hold_rules
    assert (own.side, own.measure) == (Side.HOT, Measure.CUMULATIVE)
    assert words.rule_limit(own) == "≥\u00a0+8.0\u00a0°C"


def test_times_of_the_day() -> None:
    assert words.times(SHIPPED.checks_at_minutes_of_day) == "08:00, 17:00"
    assert words.times([0, 1_439]) == "00:00, 23:59"


def test_what_must_not_freeze_only_once_it_is_thawed() -> None:
    once = {one.product for one in PRODUCTS if words.only_once_thawed(one)}
    assert once == {
        "sputnik-v",
        "sputnik-light",
        "comirnaty-purple",
        "comirnaty-grey",
        "spikevax",
        "spikevax-12-months",
        "rotavac",
    }
