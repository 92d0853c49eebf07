from __future__ import annotations

import msgspec
import pytest

from sheetal.contracts.limits import HoldRule, Measure, Side, Source
from sheetal.ledger.product_file import DccCodes, FileHoldRule, FileSource, ProductFile
from tests.sheetal.ledger.catalogue_kit import SOURCE, file_words, fridge, frozen_words, own_rule, text


def test_what_a_file_does_not_say_is_not_known() -> None:
    handling = text().handling
    assert (handling.vvm_type, handling.light_sensitive, handling.aluminium_adsorbed) == (None, None, None)
    assert (handling.shelf_life_months, handling.heat_group, handling.excursion_budget) == (None, None, None)
    assert (text().next_stages, text().hold_rules, text().open_vials) == ([], [], [])
    assert text().dcc == DccCodes()


def test_the_words_of_a_file_are_the_contracts_words() -> None:
    (rule,) = text(file_words(hold_rules=[own_rule()])).hold_rules
    assert isinstance(rule, HoldRule)
    assert isinstance(rule.source, Source)
    assert (rule.side, rule.measure, rule.stage) == (Side.HOT, Measure.CUMULATIVE, None)
    assert rule.violated_by(801)
    assert not rule.violated_by(800)


def test_thawed_stock_must_not_freeze_again_unless_the_file_says_so() -> None:
    (following,) = text(frozen_words()).next_stages
    assert following.may_freeze_again is False


MISSPELT = [
    {"colour": 1},
    {"handling": {"freeze_sensitive": True, "doses_per_vial": 10, "vvm": "2", "source": SOURCE}},
    {"ranges": [fridge("refrigerated") | {"max": 8}]},
    {"ranges": [fridge("refrigerated") | {"source": SOURCE | {"defaultof": "programme"}}]},
    {"hold_rules": [own_rule(stages="thawed")]},
    {"hold_rules": [own_rule(source=SOURCE | {"decided": "me"})]},
    {"open_vials": [{"programme": "IN", "minutes": 240, "hours": 4, "source": SOURCE}]},
    {"next_stages": [{"stage": "thawed", "after": "thaw", "days_max": 3, "source": SOURCE}]},
    {"dcc": {"maker": "x"}},
]


@pytest.mark.parametrize("change", MISSPELT, ids=[str(list(one)) for one in MISSPELT])
def test_a_misspelt_key_is_never_passed_over(change: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert(file_words(**change), ProductFile)


@pytest.mark.parametrize("name", ["source", "minutes", "side", "inclusive", "measure", "limit_centi_celsius"])
def test_a_rule_without_one_of_its_words_is_no_rule(name: str) -> None:
    words = own_rule()
    del words[name]
    with pytest.raises(msgspec.ValidationError, match=name):
        msgspec.convert(words, FileHoldRule)


def test_a_source_without_confidence_is_no_source() -> None:
    with pytest.raises(msgspec.ValidationError, match="confidence"):
        msgspec.convert({"citation": "a label"}, FileSource)
