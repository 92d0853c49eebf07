from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.vaccinator import rules
from portal.vaccinator.rules import EarlierDose, SiteHolding
from sheetal.contracts.limits import Source
from sheetal.contracts.problem import Refused
from sheetal.contracts.product import Schedule

TODAY = date(2026, 11, 23)
SCHEDULE = Schedule(
    doses_total=2,
    interval_days_min=84,
    interval_days_max=112,
    age_years_min=18,
    effective_from="2021-05-13",
    effective_until=None,
    source=Source(citation="a made-up label", confidence="high"),
)
GOOD = SiteHolding("H-1", "p/L-1", may_be_used=True, is_empty=False, in_session=True)


def reason(dose_number: int, age_years: int, earlier: list[EarlierDose], schedule: Schedule = SCHEDULE) -> object:
    try:
        rules.check_schedule(schedule, dose_number, age_years, earlier, TODAY)
    except Refused as refused:
        return refused.facts["reason"] if refused.next_step else "no next step"
    return None


def days_ago(days: int, number: int = 1) -> EarlierDose:
    return EarlierDose(number, TODAY - timedelta(days=days))


def test_a_first_dose_is_due_to_anyone_old_enough() -> None:
    assert reason(1, 18, []) is None
    assert reason(1, 17, []) == "too_young"


@pytest.mark.parametrize(
    ("number", "earlier"), [(2, []), (1, [days_ago(100)]), (3, [days_ago(200), days_ago(100, 2)]), (0, [])]
)
def test_only_the_next_dose_of_the_course_is_due(number: int, earlier: list[EarlierDose]) -> None:
    assert reason(number, 30, earlier) == "wrong_dose_number"


@given(st.integers(0, 400))
def test_the_second_dose_is_due_from_the_day_the_interval_ends(days: int) -> None:
    assert reason(2, 30, [days_ago(days)]) == ("too_early" if days < 84 else None)


def test_too_early_says_on_which_day_it_is_due() -> None:
    with pytest.raises(Refused) as problem:
        rules.check_schedule(SCHEDULE, 2, 30, [days_ago(80)], TODAY)
    assert problem.value.facts["due_on"] == "2026-11-27"


def test_a_course_without_interval_goes_on_the_same_day() -> None:
    no_interval = Schedule(**{name: getattr(SCHEDULE, name) for name in SCHEDULE.__struct_fields__} | NO_INTERVAL)
    assert reason(2, 30, [days_ago(0)], no_interval) is None


NO_INTERVAL: dict[str, object] = {"interval_days_min": None}


def meant(*of_lot: SiteHolding) -> str:
    try:
        return rules.holding_of_lot(of_lot)
    except Refused as refused:
        return str(refused.facts["reason"]) if refused.next_step else "no next step"


def test_a_lot_means_the_holding_issued_to_the_session() -> None:
    elsewhere = replace(GOOD, holding="H-2", in_session=False)
    assert meant(GOOD) == "H-1"
    assert meant(elsewhere, GOOD) == "H-1"


def test_a_lot_that_is_not_issued_means_nothing() -> None:
    assert meant(replace(GOOD, in_session=False)) == "scan_label"


def test_another_unfit_holding_of_the_lot_at_the_site_makes_the_lot_useless() -> None:
    assert meant(GOOD, replace(GOOD, holding="H-2", in_session=False, may_be_used=False)) == "scan_label"


def test_an_unfit_holding_of_another_lot_does_not_matter() -> None:
    assert meant(GOOD, replace(GOOD, holding="H-2", lot="q/L-1", in_session=False, may_be_used=False)) == "H-1"


def test_the_only_holding_of_a_lot_is_meant_even_when_it_is_unfit() -> None:
    assert meant(replace(GOOD, may_be_used=False)) == "H-1"


def test_two_issued_holdings_of_a_lot_cannot_be_told_apart() -> None:
    assert meant(GOOD, replace(GOOD, holding="H-2")) == "scan_label"
    assert meant(replace(GOOD, may_be_used=False), replace(GOOD, holding="H-2")) == "scan_label"


def test_an_empty_holding_confuses_nobody() -> None:
    empty = replace(GOOD, holding="H-0", is_empty=True, may_be_used=False)
    assert meant(empty, GOOD) == "H-1"
    assert meant(empty) == "H-0"


def test_the_two_refusals_of_a_lot_say_different_things() -> None:
    with pytest.raises(Refused) as not_issued:
        rules.holding_of_lot([replace(GOOD, in_session=False)])
    with pytest.raises(Refused) as several:
        rules.holding_of_lot([GOOD, replace(GOOD, holding="H-2")])
    assert not_issued.value.message != several.value.message


site_holdings = st.builds(
    SiteHolding,
    st.sampled_from(["H-1", "H-2", "H-3", "H-4"]),
    st.sampled_from(["p/L", "q/L"]),
    may_be_used=st.booleans(),
    is_empty=st.booleans(),
    in_session=st.booleans(),
)


@given(st.lists(site_holdings, min_size=1, unique_by=lambda one: one.holding))
def test_a_lot_never_means_one_holding_while_a_vial_of_it_may_be_from_an_unfit_other(of_lot: list[SiteHolding]) -> None:
    found = meant(*of_lot)
    if found == "scan_label":
        return
    chosen = next(one for one in of_lot if one.holding == found)
    others = [one for one in of_lot if one != chosen and one.lot == chosen.lot and not one.is_empty]
    assert chosen.in_session
    assert all(one.may_be_used for one in others)
    assert not any(one.in_session for one in others)
