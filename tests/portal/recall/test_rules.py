from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.recall import rules
from portal.recall.rules import ContactState
from sheetal.contracts.disposition import USABLE, Disposition

instants = st.integers(0, 10**6)


@given(instants, instants, st.sampled_from(list(Disposition)), instants)
def test_nothing_before_the_compromise_is_reached(
    from_ms: int, at_ms: int, disposition: Disposition, decided_ms: int
) -> None:
    reach = rules.reach_of("H-1", disposition, decided_ms, from_ms)
    assert not (at_ms < from_ms and reach.covers(at_ms))


@given(instants, instants, st.sampled_from([one for one in Disposition if one not in rules.RELEASED]), instants)
def test_everything_since_the_compromise_is_reached_while_nobody_released(
    from_ms: int, at_ms: int, disposition: Disposition, decided_ms: int
) -> None:
    assert rules.reach_of("H-1", disposition, decided_ms, from_ms).covers(at_ms) == (at_ms >= from_ms)


@pytest.mark.parametrize("disposition", sorted(rules.RELEASED))
def test_what_was_given_after_a_release_is_not_recalled(disposition: Disposition) -> None:
    reach = rules.reach_of("H-1", disposition, 500, 100)
    assert [at_ms for at_ms in (99, 100, 499, 500, 501) if reach.covers(at_ms)] == [100, 499]


def test_a_release_before_the_compromise_ends_nothing() -> None:
    assert rules.reach_of("H-1", Disposition.RELEASED, 50, 100).covers(10**6)


def test_decided_is_what_a_person_has_signed() -> None:
    decided = {one for one in Disposition if rules.is_decided(one)}
    assert decided == {
        Disposition.RELEASED,
        Disposition.RELEASED_USE_FIRST,
        Disposition.CONDEMNED,
        Disposition.DESTROYED,
    }
    assert Disposition.AVAILABLE in USABLE - decided


@given(st.integers(0, 2_000), st.integers(1, 60))
def test_the_window_comes_round_to_every_row(total: int, size: int) -> None:
    rounds = max(1, -(-total // size))
    offsets = [rules.window(total, second * 1_000 + 7, size, 1_000) for second in range(rounds)]
    seen = {row for offset in offsets for row in range(offset, offset + size)}
    assert seen >= set(range(total))


def test_few_rows_are_all_looked_at_each_time() -> None:
    assert {rules.window(50, at_ms, 50, 1_000) for at_ms in range(0, 9_000, 500)} == {0}


def test_the_states_of_contact_are_those_of_the_table() -> None:
    assert sorted(ContactState) == ["contacted", "to_contact", "unreachable"]
