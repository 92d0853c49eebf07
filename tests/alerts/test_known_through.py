from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.known_through import (
    FREEZING,
    IN_RANGE,
    LOOK_BACK_MS,
    NO_DATA,
    WARM,
    Place,
    is_silent,
    known_through,
    state_of,
)

PLACE = Place(centi_celsius_min=200, centi_celsius_max=800, is_freeze_watched=True, silence_ms_max=100)
instants = st.lists(st.one_of(st.none(), st.integers(0, 2000)), max_size=5)


@given(st.one_of(st.none(), st.integers(0, 1000)), instants, st.integers(1000, 1500))
def test_what_is_known_is_the_newest_instant_found_and_never_the_future(
    before: int | None, newest: list[int | None], now_ms: int
) -> None:
    found = known_through(before, newest, now_ms)
    told = [ms for ms in newest if ms is not None]
    if told:
        assert found == min(max(told), now_ms)
    else:
        assert (found is None) == (before is None)


def test_without_anything_found_what_was_known_is_older_than_the_look_back() -> None:
    assert known_through(500, [None], 600 + LOOK_BACK_MS) == 500
    assert known_through(500, [None], 400 + LOOK_BACK_MS) == 400


@pytest.mark.parametrize(("known", "silent"), [(None, True), (899, True), (900, False), (1000, False)])
def test_silence_begins_after_the_bound(known: int | None, silent: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert is_silent(known, 100, 1000) is silent


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([], IN_RANGE),
        ([200], IN_RANGE),
        ([800], IN_RANGE),
        ([801], WARM),
        ([199], FREEZING),
        ([801, 199], FREEZING),
        ([500, 900], WARM),
    ],
)
def test_the_worst_newest_value_gives_the_state(values: list[int], state: str) -> None:
    assert state_of(PLACE, [(1000, value) for value in values], 1000, 1000) == state


def test_silence_hides_every_value() -> None:
    assert state_of(PLACE, [(800, 100)], 800, 1000) == NO_DATA
    assert state_of(PLACE, [], None, 1000) == NO_DATA


def test_a_value_too_old_says_nothing() -> None:
    assert state_of(PLACE, [(800, 100), (990, 500)], 990, 1000) == IN_RANGE


def test_an_appliance_without_a_freeze_alarm_may_be_cold() -> None:
    assert state_of(PLACE._replace(is_freeze_watched=False), [(1000, -2500)], 1000, 1000) == IN_RANGE
