from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.ledger.narrowing import Widening, narrowed
from sheetal.ledger.product_build import product_of
from tests.sheetal.ledger.catalogue_kit import (
    PLAIN,
    SOURCE,
    file_words,
    fridge,
    frozen_words,
    narrowing,
    own_rule,
    programme,
    text,
)

if TYPE_CHECKING:
    from sheetal.contracts.product import Product

WHO = {"programme": "WHO", "minutes": 360, "source": SOURCE}
LABEL = {"programme": "label", "minutes": 300, "source": SOURCE}


def product(**changes: object) -> Product:
    words = {"open_vials": [WHO, LABEL], "hold_rules": [own_rule()], **changes}
    return product_of(text(file_words(**words)), PLAIN)


def frozen() -> Product:
    return product_of(text(frozen_words()), PLAIN)


def refused(one: Product, **limit: object) -> str:
    with pytest.raises(Widening, match=r"^narrow") as caught:
        narrowed(one, programme(narrowing(**limit)))
    return caught.value.key


def test_a_programme_without_narrowings_changes_nothing() -> None:
    assert narrowed(product(), PLAIN) == product()
    assert narrowed(product(), programme(narrowing(products=["another"], centi_celsius_max=0))) == product()


def test_each_side_of_a_range_is_narrowed_alone() -> None:
    (colder,) = narrowed(product(), programme(narrowing(centi_celsius_max=600))).ranges
    assert (colder.centi_celsius_min, colder.centi_celsius_max) == (200, 600)
    assert colder.source.default_of == "programme"
    (warmer,) = narrowed(product(), programme(narrowing(centi_celsius_min=300))).ranges
    assert (warmer.centi_celsius_min, warmer.centi_celsius_max) == (300, 800)


def test_an_open_side_may_be_closed() -> None:
    half = fridge("refrigerated")
    del half["centi_celsius_min"]
    (closed,) = narrowed(product(ranges=[half]), programme(narrowing(centi_celsius_min=-100))).ranges
    assert (closed.centi_celsius_min, closed.centi_celsius_max) == (-100, 800)


@pytest.mark.parametrize(("key", "wider"), [("centi_celsius_min", 199), ("centi_celsius_max", 801)])
def test_a_wider_range_is_refused_on_either_side(key: str, wider: int) -> None:
    assert refused(product(), **{key: wider}) == f"narrow[0].{key}"


def test_a_range_of_which_nothing_is_left_is_refused() -> None:
    assert refused(product(), centi_celsius_min=500, centi_celsius_max=500) == "narrow[0].centi_celsius_max"


def test_only_the_named_stage_is_narrowed() -> None:
    by_stage = {one.stage: one for one in frozen().ranges}
    after = narrowed(frozen(), programme(narrowing(stage="thawed", centi_celsius_max=700)))
    assert {one.stage: one.centi_celsius_max for one in after.ranges} == {"frozen": -1_500, "thawed": 700}
    assert next(one for one in after.ranges if one.stage == "frozen") == by_stage["frozen"]


def test_the_longest_time_of_a_stage_is_narrowed_and_not_widened() -> None:
    (shorter,) = narrowed(frozen(), programme(narrowing(stage="thawed", stage_minutes_max=60))).next_stages
    assert (shorter.minutes_max, shorter.source.default_of) == (60, "programme")
    assert refused(frozen(), stage="thawed", stage_minutes_max=14_401) == "narrow[0].stage_minutes_max"


def test_a_time_that_nobody_published_may_be_set() -> None:
    thawed = {"stage": "thawed", "after": "thaw", "default_rules": ["freeze_sensitive", "refrigerated"]}
    boundless = product_of(text(frozen_words(next_stages=[thawed | {"source": SOURCE}])), PLAIN)
    (set_,) = narrowed(boundless, programme(narrowing(stage="thawed", stage_minutes_max=500_000))).next_stages
    assert set_.minutes_max == 500_000


def test_an_own_rule_is_narrowed_and_not_widened() -> None:
    after = narrowed(product(), programme(narrowing(rule="own", rule_minutes=60)))
    assert [one.minutes for one in after.hold_rules] == [60, 60, 600]
    assert after.hold_rules[0].source.default_of == "programme"
    assert refused(product(), rule="own", rule_minutes=721) == "narrow[0].rule_minutes"


def test_open_vials_are_narrowed_below_the_shortest_that_anybody_states() -> None:
    after = narrowed(product(), programme(narrowing(open_vial_minutes=240)))
    assert [(one.programme, one.minutes) for one in after.open_vials] == [("IN", 240), ("WHO", 360), ("label", 300)]
    assert refused(product(), open_vial_minutes=301) == "narrow[0].open_vial_minutes"


def test_open_vials_that_nobody_speaks_of_get_the_programmes_time() -> None:
    (only,) = narrowed(product(open_vials=[]), programme(narrowing(open_vial_minutes=240))).open_vials
    assert (only.programme, only.minutes) == ("IN", 240)


@pytest.mark.parametrize(
    ("limit", "key"),
    [
        ({"stage": "thawed", "centi_celsius_max": 700}, "stage"),
        ({"stage_minutes_max": 60}, "stage_minutes_max"),
        ({"rule": "other", "rule_minutes": 5}, "rule"),
        ({"rule": "own"}, "rule"),
        ({"rule_minutes": 5}, "rule"),
    ],
)
def test_a_narrowing_that_meets_nothing_is_refused(limit: dict[str, object], key: str) -> None:
    assert refused(product(), **limit) == f"narrow[0].{key}"


def test_the_second_narrowing_is_named_as_such_and_may_not_widen_the_first() -> None:
    both = programme(narrowing(centi_celsius_max=600), narrowing(centi_celsius_max=700))
    with pytest.raises(Widening) as caught:
        narrowed(product(), both)
    assert caught.value.key == "narrow[1].centi_celsius_max"


@given(low=st.integers(-500, 1_000), high=st.integers(-500, 1_000), minutes=st.integers(1, 1_000))
def test_whatever_a_programme_asks_nothing_becomes_wider(low: int, high: int, minutes: int) -> None:
    limits = {"centi_celsius_min": low, "centi_celsius_max": high, "open_vial_minutes": minutes}
    asked = narrowing(rule="own", rule_minutes=minutes, **limits)
    try:
        after = narrowed(product(), programme(asked))
    except Widening:
        assert low < 200 or high > 800 or low >= high or minutes > 300
        return
    (within,) = after.ranges
    assert (within.centi_celsius_min, within.centi_celsius_max) == (low, high)
    assert 200 <= low < high <= 800
    assert after.hold_rules[0].minutes == minutes <= 720
    assert min(one.minutes for one in after.open_vials) == minutes <= 300
