from __future__ import annotations

import pytest

from sheetal.ledger.product_checks import Flaw, check
from tests.sheetal.ledger.catalogue_kit import (
    BOTH,
    PLAIN,
    SOURCE,
    file_words,
    fridge,
    frozen_words,
    own_rule,
    text,
)

DEFAULTS = {one.name: one for one in PLAIN.default_rules}
LOW = SOURCE | {"confidence": "low"}
HANDLING: dict[str, object] = {"freeze_sensitive": True, "doses_per_vial": 10, "source": SOURCE}
SCHEDULE: dict[str, object] = {"doses_total": 2, "age_years_min": 18, "effective_from": "2026-01-01", "source": SOURCE}
THAWED: dict[str, object] = {
    "stage": "thawed",
    "after": "thaw",
    "minutes_max": 14_400,
    "default_rules": BOTH,
    "source": SOURCE,
}
FROZEN: dict[str, object] = {"stage": "frozen", "centi_celsius_max": -1_500, "source": SOURCE}


def flaw_of(words: dict[str, object]) -> str | None:
    try:
        check(text(words), DEFAULTS)
    except Flaw as flaw:
        return flaw.key
    return None


def test_a_flaw_says_where_and_what() -> None:
    with pytest.raises(Flaw, match=r"^version: is not between 1 and 10000$") as caught:
        check(text(file_words(version=0)), DEFAULTS)
    assert (caught.value.key, caught.value.what) == ("version", "is not between 1 and 10000")


def test_a_plain_product_has_no_flaw() -> None:
    assert flaw_of(file_words()) is None
    assert flaw_of(frozen_words()) is None


SAID = [
    ({"handling": HANDLING | {"source": SOURCE | {"citation": ""}}}, "handling.source.citation"),
    ({"schedule": SCHEDULE | {"source": SOURCE | {"confidence": "sure"}}}, "schedule.source.confidence"),
    ({"ranges": [fridge("refrigerated") | {"source": SOURCE | {"citation": " "}}]}, "ranges[0].source.citation"),
    ({"hold_rules": [own_rule(source=SOURCE | {"citation": ""})]}, "hold_rules[0].source.citation"),
    (
        {"open_vials": [{"programme": "IN", "minutes": 5, "source": SOURCE | {"citation": ""}}]},
        "open_vials[0].source.citation",
    ),
    ({"hold_rules": [own_rule(source=SOURCE | {"default_of": "programme"})]}, "hold_rules[0].source"),
    ({"product": "Sample"}, "product"),
    ({"product": ""}, "product"),
    ({"product": "../sample"}, "product"),
    ({"product": "s" * 49}, "product"),
    ({"vaccine": "Sample"}, "vaccine"),
    ({"display_name_hindi": " "}, "display_name_hindi"),
    ({"manufacturer": "m" * 201}, "manufacturer"),
    ({"handling": HANDLING | {"vvm_type": "VVM2"}}, "handling.vvm_type"),
    ({"handling": HANDLING | {"vvm_type": "14/30"}}, "handling.vvm_type"),
    ({"version": 0}, "version"),
    ({"handling": HANDLING | {"doses_per_vial": 0}}, "handling.doses_per_vial"),
    ({"schedule": SCHEDULE | {"doses_total": 11}}, "schedule.doses_total"),
    ({"open_vials": [{"programme": "IN", "minutes": 0, "source": SOURCE}]}, "open_vials[0].minutes"),
    ({"hold_rules": [own_rule(minutes=0)]}, "hold_rules[0].minutes"),
    ({"hold_rules": [own_rule(minutes=10**7)]}, "hold_rules[0].minutes"),
    ({"ranges": [fridge("refrigerated") | {"centi_celsius_max": 8_000}]}, "ranges[0].centi_celsius_max"),
    ({"hold_rules": [own_rule(limit_centi_celsius=25_000)]}, "hold_rules[0].limit_centi_celsius"),
    ({"effective_from": "1 May 2026"}, "effective_from"),
    ({"effective_until": "2026-01-01"}, "effective_until"),
    ({"schedule": SCHEDULE | {"effective_from": "2026-13-01"}}, "schedule.effective_from"),
    ({"stage": "frozen"}, "stage"),
    ({"ranges": [fridge("refrigerated"), fridge("refrigerated")]}, "ranges[0].stage"),
    ({"ranges": [fridge("refrigerated"), fridge("thawed")]}, "ranges[1].stage"),
    ({"ranges": [{"stage": "refrigerated", "source": SOURCE}]}, "ranges[0]"),
    ({"ranges": [fridge("refrigerated") | {"centi_celsius_min": 800}]}, "ranges[0].centi_celsius_max"),
    ({"next_stages": [THAWED]}, "next_stages[0].stage"),
    ({"default_rules": ["shaken", *BOTH]}, "default_rules"),
    ({"hold_rules": [own_rule(), own_rule()]}, "hold_rules[0].rule"),
    ({"hold_rules": [own_rule(rule="programme-heat")]}, "hold_rules[0].rule"),
    ({"hold_rules": [own_rule(rule="")]}, "hold_rules[0].rule"),
    (
        {"open_vials": [{"programme": "IN", "minutes": minutes, "source": SOURCE} for minutes in (240, 360)]},
        "open_vials[0].programme",
    ),
    ({"default_rules": ["freeze_sensitive"]}, "default_rules"),
    ({"default_rules": ["refrigerated"]}, "default_rules"),
    ({"default_rules": []}, "default_rules"),
    ({"hold_rules": [own_rule(stage="thawed")]}, "hold_rules[0].stage"),
    ({"hold_rules": [own_rule(limit_centi_celsius=799)]}, "hold_rules[0].limit_centi_celsius"),
    ({"hold_rules": [own_rule(side="cold", limit_centi_celsius=201)]}, "hold_rules[0].limit_centi_celsius"),
]


@pytest.mark.parametrize(("change", "key"), SAID, ids=[f"{key}-{number}" for number, (_, key) in enumerate(SAID)])
def test_a_flaw_is_named_by_its_key(change: dict[str, object], key: str) -> None:
    assert flaw_of(file_words(**change)) == key


LATER = [
    ({"next_stages": [THAWED | {"after": "shake"}]}, "next_stages[0].after"),
    ({"next_stages": [THAWED | {"minutes_max": 0}]}, "next_stages[0].minutes_max"),
    ({"next_stages": [THAWED | {"source": SOURCE | {"citation": ""}}]}, "next_stages[0].source.citation"),
    ({"next_stages": [THAWED | {"stage": "frozen"}]}, "next_stages[0].stage"),
    ({"next_stages": [THAWED, THAWED | {"after": "open"}]}, "next_stages[0].stage"),
    ({"next_stages": [THAWED | {"default_rules": ["shaken"]}]}, "next_stages[0].default_rules"),
    ({"next_stages": [THAWED | {"default_rules": ["freeze_sensitive"]}]}, "next_stages[0].default_rules"),
    ({"next_stages": [THAWED | {"default_rules": ["refrigerated"]}]}, "next_stages[0].default_rules"),
    ({"ranges": [FROZEN, fridge("thawed"), fridge("warmed")]}, "ranges[2].stage"),
    ({"default_rules": []}, "default_rules"),
    ({"hold_rules": [own_rule(limit_centi_celsius=-1_600)]}, "hold_rules[0].limit_centi_celsius"),
    ({"hold_rules": [own_rule(stage="thawed", limit_centi_celsius=700)]}, "hold_rules[0].limit_centi_celsius"),
]


@pytest.mark.parametrize(("change", "key"), LATER, ids=[f"{key}-{number}" for number, (_, key) in enumerate(LATER)])
def test_a_flaw_of_a_later_stage_is_named_by_its_key(change: dict[str, object], key: str) -> None:
    assert flaw_of(frozen_words(**change)) == key


def test_thawed_stock_that_may_freeze_again_needs_no_rule_for_cold() -> None:
    once = THAWED | {"default_rules": ["refrigerated"]}
    assert flaw_of(frozen_words(next_stages=[once])) == "next_stages[0].default_rules"
    assert flaw_of(frozen_words(next_stages=[once | {"may_freeze_again": True}])) is None


def test_a_stage_kept_below_zero_needs_no_rule_for_cold() -> None:
    assert flaw_of(frozen_words(handling=HANDLING)) is None


def test_only_a_rule_that_somebody_is_sure_of_takes_the_place_of_the_programmes() -> None:
    sure, unsure = own_rule(), own_rule(source=LOW)
    assert flaw_of(file_words(default_rules=["freeze_sensitive"], hold_rules=[sure])) is None
    assert flaw_of(file_words(default_rules=["freeze_sensitive"], hold_rules=[unsure])) == "default_rules"
    assert flaw_of(file_words(hold_rules=[unsure])) is None
    cold = own_rule(rule="cold", side="cold", limit_centi_celsius=0)
    assert flaw_of(file_words(default_rules=[], hold_rules=[sure, cold])) is None
    assert flaw_of(file_words(default_rules=["refrigerated"], hold_rules=[cold | {"source": LOW}])) == "default_rules"


def test_a_sure_rule_of_one_stage_does_not_speak_for_another() -> None:
    of_thawed = own_rule(stage="thawed")
    assert flaw_of(frozen_words(default_rules=[], hold_rules=[of_thawed])) == "default_rules"


def test_the_ends_of_a_range_are_limits_that_a_rule_may_have() -> None:
    at_ends = [own_rule(), own_rule(rule="cold", side="cold", limit_centi_celsius=200)]
    assert flaw_of(file_words(hold_rules=at_ends)) is None


def test_the_programmes_rules_may_not_lie_inside_a_range_either() -> None:
    wider = fridge("refrigerated") | {"centi_celsius_max": 2_500}
    assert flaw_of(file_words(ranges=[wider])) == "default_rules"
    colder = fridge("refrigerated") | {"centi_celsius_min": -300}
    assert flaw_of(file_words(ranges=[colder])) == "default_rules"
    thawed = fridge("thawed") | {"centi_celsius_max": 900}
    assert flaw_of(frozen_words(ranges=[FROZEN, thawed])) == "next_stages[0].default_rules"
    assert flaw_of(frozen_words(ranges=[FROZEN | {"centi_celsius_max": -500}, fridge("thawed")])) is None
