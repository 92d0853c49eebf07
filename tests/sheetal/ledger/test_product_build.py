from __future__ import annotations

import msgspec
import pytest

from sheetal.contracts.limits import Source
from sheetal.contracts.product import Product
from sheetal.ledger.narrowing import Widening
from sheetal.ledger.product_build import Flaw, product_of, with_own_hours
from tests.sheetal.ledger.catalogue_kit import (
    PLAIN,
    SOURCE,
    file_words,
    frozen_words,
    narrowing,
    own_rule,
    programme,
    text,
)

WHO = {"programme": "WHO", "minutes": 360, "source": SOURCE}
LABEL = {"programme": "label", "minutes": 330, "source": SOURCE}


def test_the_programmes_rules_come_after_the_products_own() -> None:
    made = product_of(text(file_words(hold_rules=[own_rule()])), PLAIN)
    assert [one.rule for one in made.hold_rules] == ["own", "programme-freeze", "programme-heat"]
    assert [one.source.default_of for one in made.hold_rules] == [None, "programme", "programme"]


def test_each_stage_has_its_own_rules() -> None:
    made = product_of(text(frozen_words()), PLAIN)
    assert [(one.rule, one.stage, one.limit_centi_celsius) for one in made.hold_rules] == [
        ("programme-thaw", None, -1_500),
        ("programme-freeze", "thawed", -50),
        ("programme-heat", "thawed", 800),
    ]
    (following,) = made.next_stages
    assert (following.stage, following.after, following.minutes_max) == ("thawed", "thaw", 14_400)


@pytest.mark.parametrize(("own", "limit"), [(-1_800, -1_800), (-6_000, -6_000), (None, -1_500)])
def test_frozen_stock_is_judged_by_its_own_upper_limit_where_it_names_one(own: int | None, limit: int) -> None:
    words = frozen_words()
    frozen = {"stage": "frozen", "centi_celsius_min": -9_000, "source": SOURCE}
    if own is not None:
        frozen["centi_celsius_max"] = own
    words["ranges"] = [frozen, words["ranges"][1]]  # type: ignore[index]  # the list above
    assert product_of(text(words), PLAIN).hold_rules[0].limit_centi_celsius == limit


def test_what_is_made_is_what_the_ledger_reads_back() -> None:
    made = product_of(text(frozen_words(open_vials=[WHO], hold_rules=[own_rule(stage="thawed")])), PLAIN)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Product) == made
    assert type(made.ranges[0].source) is Source
    assert type(made.hold_rules[0].source) is Source


def test_handling_goes_over_word_for_word() -> None:
    handling = {
        "freeze_sensitive": True,
        "doses_per_vial": 5,
        "light_sensitive": False,
        "aluminium_adsorbed": True,
        "diluent_freeze_sensitive": True,
        "vvm_type": "14",
        "shelf_life_months": 24,
        "heat_group": "D",
        "excursion_budget": "none",
        "mkt_joules_per_mole": 83_000,
        "source": SOURCE,
    }
    made = product_of(text(file_words(handling=handling)), PLAIN)
    for name, said in handling.items():
        if name != "source":
            assert getattr(made, name) == said, name
    assert made.handling_source == Source(citation="a made-up label", confidence="high")
    assert product_of(text(), PLAIN).mkt_joules_per_mole == 83_144


def test_without_a_time_of_its_own_the_programme_takes_the_shortest_stated() -> None:
    made = product_of(text(file_words(open_vials=[WHO, LABEL])), PLAIN)
    assert [(one.programme, one.minutes) for one in made.open_vials] == [("IN", 330), ("WHO", 360), ("label", 330)]
    assert made.open_vial_hours == 5
    assert with_own_hours(made, "IN") == made


def test_where_nobody_states_a_time_none_is_made_up() -> None:
    made = product_of(text(), PLAIN)
    assert (made.open_vials, made.open_vial_hours) == ([], None)


def test_a_flaw_and_a_widening_are_raised() -> None:
    with pytest.raises(Flaw):
        product_of(text(file_words(default_rules=[])), PLAIN)
    with pytest.raises(Widening):
        product_of(text(), programme(narrowing(centi_celsius_max=900)))


def test_a_narrowing_reaches_the_product() -> None:
    made = product_of(text(file_words(open_vials=[WHO])), programme(narrowing(open_vial_minutes=240)))
    assert made.open_vial_hours == 4
