from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import FieldProblem
from portal.orchestration import catalogue_form
from portal.orchestration.catalogue_form import centi_celsius, degrees, field_of, fits, lines_shown, read_form, typed_of
from sheetal.contracts.product import NextStage, Product
from sheetal.ledger.catalogue import load_catalogue
from sheetal.ledger.product_build import product_of
from tests.portal.orchestration.typed_product import TYPED
from tests.sheetal.ledger.catalogue_kit import PLAIN, SHIPPED

LOADED = {one.product: one for one in load_catalogue()}


def refused(**changes: str) -> str:
    with pytest.raises(FieldProblem) as caught:
        read_form(TYPED | changes)
    return caught.value.field


@pytest.mark.parametrize("name", LOADED)
def test_a_next_version_that_changes_nothing_says_the_same(name: str) -> None:
    """Every shipped product goes through the form and back: no limit, source or decision is lost or made up."""
    last = LOADED[name]
    assert fits(last)
    again = product_of(read_form(typed_of(last)), SHIPPED)
    assert again == msgspec.structs.replace(last, version=last.version + 1)


def test_what_is_typed_becomes_a_product() -> None:
    made = product_of(read_form(TYPED), PLAIN)
    assert (made.product, made.version, made.vaccine) == ("typhoid", 1, "TCV")
    (labelled,) = made.ranges
    assert (labelled.centi_celsius_min, labelled.centi_celsius_max) == (200, 800)
    assert [one.rule for one in made.hold_rules] == ["label-heat", "programme-freeze", "programme-heat"]
    rule = made.hold_rules[0]
    assert (rule.limit_centi_celsius, rule.minutes, rule.inclusive, rule.stage) == (2_500, 1_440, True, None)
    assert made.open_vial_hours == 6
    assert (made.vvm_type, made.light_sensitive, made.aluminium_adsorbed) == ("30", None, False)


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("product", ""),
        ("manufacturer", "  "),
        ("first_min", "cold"),
        ("first_min", "2.005"),
        ("first_min", "२"),
        ("first_max", "1e1"),
        ("first_max", "--8"),
        ("rule_0_limit", ""),
        ("rule_0_minutes", "12.5"),
        ("rule_0_minutes", ""),
        ("rule_0_minutes", "99999999999"),
        ("rule_0_side", "left"),
        ("rule_0_measure", ""),
        ("rule_0_citation", ""),
        ("vial_0_hours", "six"),
        ("vial_0_citation", ""),
        ("handling_citation", ""),
        ("schedule_citation", ""),
        ("first_citation", " "),
        ("doses_total", ""),
        ("doses_per_vial", "-1"),
        ("freeze_sensitive", ""),
        ("light_sensitive", "maybe"),
        ("effective_from", ""),
    ],
)
def test_what_is_no_answer_is_named_by_its_field(field: str, typed: str) -> None:
    assert refused(**{field: typed}) == field


def test_a_line_without_a_name_is_no_line() -> None:
    text = read_form(TYPED | {"rule_0_rule": "", "vial_0_programme": ""})
    assert (text.hold_rules, text.open_vials) == ([], [])


def test_an_open_end_stays_open() -> None:
    (labelled,) = read_form(TYPED | {"first_min": ""}).ranges
    assert (labelled.centi_celsius_min, labelled.centi_celsius_max) == (None, 800)


def test_a_stage_after_a_thaw_has_its_own_rules_and_sources() -> None:
    after = {
        "after_stage": "thawed",
        "after_min": "2",
        "after_max": "8",
        "after_hours": "1.5",
        "after_citation": "a label",
        "after_time_citation": "another label",
        "after_default_refrigerated": "yes",
        "after_may_freeze": "yes",
        "rule_0_stage": "after",
    }
    text = read_form(TYPED | after)
    (following,) = text.next_stages
    assert (following.stage, following.after, following.minutes_max) == ("thawed", "thaw", 90)
    assert (following.default_rules, following.may_freeze_again) == (["refrigerated"], True)
    assert following.source.citation == "another label"
    assert [one.stage for one in text.ranges] == ["refrigerated", "thawed"]
    assert text.hold_rules[0].stage == "thawed"


def test_a_decision_makes_a_source_the_programmes() -> None:
    decided = "medical officer, 2026-11-23"
    (rule,) = read_form(TYPED | {"rule_0_decided_by": decided}).hold_rules
    assert (rule.source.default_of, rule.source.decided_by) == ("programme", decided)
    assert read_form(TYPED).hold_rules[0].source.default_of is None


def test_a_confidence_that_nobody_chose_is_the_lowest() -> None:
    typed = {name: value for name, value in TYPED.items() if name != "first_confidence"}
    assert read_form(typed).ranges[0].source.confidence == "low"


@given(st.integers(-27_315, 99_999))
def test_degrees_are_typed_back_exactly(centi: int) -> None:
    assert centi_celsius({"limit": degrees(centi)}, "limit") == centi


@given(st.integers(1, 600_000))
def test_hours_are_typed_back_to_the_minute(minutes: int) -> None:
    vial = LOADED["covishield"].open_vials[1]
    stated = [msgspec.structs.replace(vial, minutes=minutes)]
    typed = typed_of(msgspec.structs.replace(LOADED["covishield"], open_vials=stated))
    assert read_form(typed).open_vials[0].minutes == minutes


@pytest.mark.parametrize(("text", "centi"), [("8", 800), ("+8.0", 800), ("−0.5", -50), ("-18", -1_800), ("2,25", 225)])
def test_people_type_degrees_in_many_ways(text: str, centi: int) -> None:
    assert centi_celsius({"limit": text}, "limit") == centi


def test_the_form_shows_two_lines_to_fill_in() -> None:
    assert lines_shown({}, "rule", catalogue_form.RULES_MAX) == 2
    assert lines_shown(TYPED, "rule", catalogue_form.RULES_MAX) == 3
    assert lines_shown({"rule_11_rule": "last"}, "rule", catalogue_form.RULES_MAX) == 12
    assert lines_shown({"vial_1_programme": "WHO"}, "vial", catalogue_form.VIALS_MAX) == 4


def test_a_product_that_says_more_than_the_form_holds_is_left_to_its_file() -> None:
    def more(product: Product) -> Product:
        again = NextStage(stage="warmed", after="open", minutes_max=None, source=product.next_stages[0].source)
        return msgspec.structs.replace(product, next_stages=[*product.next_stages, again])

    assert not fits(more(LOADED["bopv"]))


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("ranges[0].centi_celsius_max", "first_max"),
        ("ranges[1].centi_celsius_min", "after_min"),
        ("ranges[0].source.citation", "first_citation"),
        ("next_stages[0].source.confidence", "after_time_citation"),
        ("next_stages[0].minutes_max", "after_hours"),
        ("default_rules", "first_default_refrigerated"),
        ("hold_rules[0].limit_centi_celsius", "rule_0_limit"),
        ("hold_rules[0].rule", "rule_0_rule"),
        ("hold_rules[1].minutes", "rule_3_minutes"),
        ("hold_rules[1].source.citation", "rule_3_citation"),
        ("open_vials[0].minutes", "vial_0_hours"),
        ("open_vials[0].programme", "vial_0_programme"),
        ("handling.vvm_type", "vvm_type"),
        ("handling.source.citation", "handling_citation"),
        ("schedule.doses_total", "doses_total"),
        ("schedule.effective_from", "schedule_from"),
        ("vaccine", "vaccine"),
        ("narrow[0].centi_celsius_max", "product"),
    ],
)
def test_a_flaw_is_shown_beside_its_field(key: str, field: str) -> None:
    assert field_of(key, TYPED | {"rule_3_rule": "second"}) == field
