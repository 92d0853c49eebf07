"""The shipped products against the table of limits they were taken from, restated here number by number."""

from __future__ import annotations

import pytest

from sheetal.contracts.limits import Measure, Side
from sheetal.ledger import catalogue
from sheetal.thermal import vvm

LOADED = {one.product: one for one in catalogue.load_catalogue()}
HOUR, DAY = 60, 24 * 60

# product: first stage's range, freeze-sensitive, light, VVM type, shelf life in months, open vial in India in minutes
TABLE = {
    "covishield": ((200, 800), True, True, None, 6, 4 * HOUR),
    "covaxin": ((200, 800), True, True, None, 6, 4 * HOUR),
    "sputnik-v": ((-2_200, -1_800), False, True, None, 6, 2 * HOUR),
    "sputnik-v-liquid": ((200, 800), True, True, None, 1, 2 * HOUR),
    "sputnik-light": ((None, -1_800), False, True, None, 6, 2 * HOUR),
    "sputnik-light-liquid": ((200, 800), True, True, None, 1, 2 * HOUR),
    "corbevax": ((200, 800), True, None, None, 9, 4 * HOUR),
    "covovax": ((200, 800), True, True, None, 9, 4 * HOUR),
    "zycov-d": ((200, 800), True, None, None, None, None),
    "incovacc": ((200, 800), True, None, None, None, None),
    "gemcovac-19": ((200, 800), True, True, None, None, None),
    "comirnaty-purple": ((-9_000, -6_000), False, True, None, 6, 4 * HOUR),
    "comirnaty-grey": ((-9_000, -6_000), False, True, None, 12, 4 * HOUR),
    "spikevax": ((-5_000, -1_500), False, True, None, 7, 4 * HOUR),
    "spikevax-12-months": ((-5_000, -1_500), False, True, None, 12, 4 * HOUR),
    "bopv": ((-2_500, -1_500), False, None, "2", 24, 28 * DAY),
    "bcg": ((200, 800), False, True, "14", 24, 4 * HOUR),
    "pentavalent": ((200, 800), True, False, "14", 24, 28 * DAY),
    "hepb": ((200, 800), True, False, "30", 36, 28 * DAY),
    "mr": ((200, 800), False, True, "14", 24, 4 * HOUR),
    "rotavac": ((-2_500, -1_500), False, True, "2", 24, 4 * HOUR),
    "rotavac-5d": ((200, 800), True, True, "7", 24, 4 * HOUR),
    "rotasiil": ((200, 800), True, True, "30", 24, 4 * HOUR),
    "pneumosil": ((200, 800), True, False, "30", 24, 28 * DAY),
    "pcv13": ((200, 800), True, False, "30", 24, 28 * DAY),
    "ipv": ((200, 800), True, True, "7", 36, 28 * DAY),
    "je-live": ((200, 800), False, True, "14", 24, 2 * HOUR),
    "jenvac": ((200, 800), True, True, "14", 24, 28 * DAY),
    "td": ((200, 800), True, False, "30", 36, 28 * DAY),
}
# product: what its stages after a thaw are kept at, and how long at most
THAWED = {
    "sputnik-v": ((200, 800), 2 * HOUR),
    "sputnik-light": ((200, 800), 30 * DAY),
    "comirnaty-purple": ((200, 800), 31 * DAY),
    "comirnaty-grey": ((200, 800), 70 * DAY),
    "spikevax": ((200, 800), 30 * DAY),
    "spikevax-12-months": ((200, 800), 14 * DAY),
    "bopv": ((200, 800), 180 * DAY),
    "rotavac": ((200, 800), None),
}
# (product, rule): stage, side, limit, measure, minutes
OWN_RULES = {
    ("covovax", "label-warm"): (None, Side.HOT, 800, Measure.CUMULATIVE, 12 * HOUR),
    ("covovax", "label-hot"): (None, Side.HOT, 2_500, Measure.RUN, 1),
    ("comirnaty-purple", "freezer-two-weeks"): (None, Side.HOT, -6_000, Measure.CUMULATIVE, 14 * DAY),
    ("comirnaty-purple", "above-freezer"): (None, Side.HOT, -1_500, Measure.RUN, 60),
    ("comirnaty-purple", "thawed-cool"): ("thawed", Side.COLD, 200, Measure.CUMULATIVE, 24 * HOUR),
    ("comirnaty-purple", "thawed-frozen"): ("thawed", Side.COLD, -300, Measure.RUN, 1),
    ("comirnaty-purple", "thawed-warm"): ("thawed", Side.HOT, 800, Measure.CUMULATIVE, 4 * HOUR),
    ("comirnaty-purple", "thawed-hot"): ("thawed", Side.HOT, 3_000, Measure.RUN, 1),
    ("comirnaty-grey", "thawed-cool"): ("thawed", Side.COLD, 200, Measure.CUMULATIVE, 24 * HOUR),
    ("comirnaty-grey", "thawed-frozen"): ("thawed", Side.COLD, -300, Measure.RUN, 1),
    ("comirnaty-grey", "thawed-warm"): ("thawed", Side.HOT, 800, Measure.CUMULATIVE, 24 * HOUR),
    ("comirnaty-grey", "thawed-hot"): ("thawed", Side.HOT, 3_000, Measure.RUN, 1),
    ("spikevax", "thawed-warm"): ("thawed", Side.HOT, 800, Measure.CUMULATIVE, 24 * HOUR),
    ("spikevax", "thawed-hot"): ("thawed", Side.HOT, 2_500, Measure.RUN, 1),
    ("spikevax-12-months", "thawed-warm"): ("thawed", Side.HOT, 800, Measure.CUMULATIVE, 24 * HOUR),
    ("spikevax-12-months", "thawed-hot"): ("thawed", Side.HOT, 2_500, Measure.RUN, 1),
}
ADSORBED = {"covaxin", "corbevax", "pentavalent", "hepb", "pneumosil", "pcv13", "td"}
DILUENT_MUST_NOT_FREEZE = {"bcg", "mr", "je-live"}
BUDGET = {"covishield", "covovax", "comirnaty-purple", "comirnaty-grey", "spikevax", "spikevax-12-months"}
SURE = {"covishield", "covaxin", "comirnaty-purple"}
HEAT_GROUPS = {
    "A": {"bopv"},
    "C": {"ipv", "je-live", "mr"},
    "D": {"pentavalent", "rotavac", "rotavac-5d", "rotasiil"},
    "E": {"bcg", "td"},
    "F": {"hepb", "pneumosil", "pcv13"},
}


def test_every_product_of_the_table_is_there_and_no_other() -> None:
    assert set(LOADED) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_a_product_says_what_its_line_of_the_table_says(name: str) -> None:
    one = LOADED[name]
    first = next(labelled for labelled in one.ranges if labelled.stage == one.stage)
    hours = next((vial.minutes for vial in one.open_vials if vial.programme == "IN"), None)
    said = (
        (first.centi_celsius_min, first.centi_celsius_max),
        one.freeze_sensitive,
        one.light_sensitive,
        one.vvm_type,
        one.shelf_life_months,
        hours,
    )
    assert said == TABLE[name]


def test_stages_after_a_thaw() -> None:
    found = {}
    for name, one in LOADED.items():
        for following in one.next_stages:
            labelled = next(found for found in one.ranges if found.stage == following.stage)
            assert following.after == "thaw"
            found[name] = ((labelled.centi_celsius_min, labelled.centi_celsius_max), following.minutes_max)
    assert found == THAWED


def test_own_hold_rules() -> None:
    own = {
        (name, rule.rule): (rule.stage, rule.side, rule.limit_centi_celsius, rule.measure, rule.minutes)
        for name, one in LOADED.items()
        for rule in one.hold_rules
        if not rule.rule.startswith("programme-")
    }
    assert own == OWN_RULES
    assert not any(rule.inclusive for one in LOADED.values() for rule in one.hold_rules if rule.side is Side.HOT)


@pytest.mark.parametrize("name", [name for name in TABLE if name != "comirnaty-purple"])
def test_only_a_verified_budget_stands_without_the_programmes_rules(name: str) -> None:
    one = LOADED[name]
    for stage in (None, *(following.stage for following in one.next_stages)):
        rules = {rule.rule for rule in one.hold_rules if rule.stage == stage}
        assert rules & {"programme-heat", "programme-thaw"}


def test_only_thawed_polio_may_freeze_again() -> None:
    later = {name: [rule for rule in one.hold_rules if rule.stage is not None] for name, one in LOADED.items()}
    cold = {name for name, rules in later.items() if any(rule.side is Side.COLD for rule in rules)}
    assert set(THAWED) - cold == {"bopv"}


def test_the_shake_test_is_offered_only_for_aluminium() -> None:
    assert {name for name, one in LOADED.items() if one.aluminium_adsorbed} == ADSORBED
    assert LOADED["ipv"].aluminium_adsorbed is False
    assert LOADED["rotavac-5d"].aluminium_adsorbed is False
    assert LOADED["jenvac"].aluminium_adsorbed is None


def test_diluents_that_must_not_freeze() -> None:
    assert {name for name, one in LOADED.items() if one.diluent_freeze_sensitive} == DILUENT_MUST_NOT_FREEZE


def test_a_budget_is_named_only_where_a_source_names_one() -> None:
    monitored = {name for name, one in LOADED.items() if one.vvm_type is not None}
    assert {name for name, one in LOADED.items() if one.excursion_budget is not None} == BUDGET | monitored
    assert all("vial monitor" in str(LOADED[name].excursion_budget) for name in monitored)


def test_every_monitor_is_of_a_type_with_published_constants() -> None:
    assert {one.vvm_type for one in LOADED.values() if one.vvm_type} <= vvm.TYPES


def test_heat_groups() -> None:
    found: dict[str, set[str]] = {}
    for name, one in LOADED.items():
        if one.heat_group is not None:
            found.setdefault(one.heat_group, set()).add(name)
    assert found == HEAT_GROUPS


@pytest.mark.parametrize("name", TABLE)
def test_high_confidence_is_kept_for_what_was_read_in_a_named_source(name: str) -> None:
    """ "Not verified" and high confidence never stand together."""
    one = LOADED[name]
    assert one.handling_source is not None
    assert (one.handling_source.confidence == "high") == (name in SURE)
    for limit in (*one.ranges, *one.hold_rules, *one.next_stages, *one.open_vials, one.schedule):
        if "not verified" in limit.source.citation:
            assert limit.source.confidence in {"low", "medium"}
    if name in SURE:
        assert {limit.source.confidence for limit in one.ranges} == {"high"}


def test_who_allows_more_and_the_programme_keeps_to_less() -> None:
    stated = {name: one.open_vials for name, one in LOADED.items() if one.open_vials}
    hours = {name: {vial.programme: vial.minutes for vial in vials} for name, vials in stated.items()}
    assert hours["covishield"] == {"IN": 240, "WHO": 360}
    assert hours["covaxin"] == {"IN": 240, "WHO": 28 * DAY}
    assert hours["bcg"] == {"IN": 240, "WHO": 360}
    assert hours["je-live"] == {"IN": 120, "WHO": 360}
    assert hours["comirnaty-purple"] == {"IN": 240, "label": 360}
    assert hours["comirnaty-grey"] == {"IN": 240, "label": 720}
    assert hours["spikevax"] == hours["spikevax-12-months"] == {"IN": 240, "label": 19 * HOUR}
    assert hours["sputnik-v"] == {"IN": 120, "label": 120}
    assert all(minutes["IN"] == min(minutes.values()) for minutes in hours.values())
