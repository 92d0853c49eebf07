from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.certificate.advisory import ENTRIES, Level, level_at, may_change, pack

LEVELS = st.sampled_from(Level)
PLACED = st.dictionaries(st.integers(0, 1023), LEVELS, max_size=60)


@given(PLACED)
def test_every_level_stands_where_it_was_put_and_nowhere_else(levels: dict[int, Level]) -> None:
    packed = pack(levels, 1024)
    assert [level_at(packed, index) for index in range(1024)] == [levels.get(index, Level.OK) for index in range(1024)]


def test_the_first_index_stands_in_the_highest_bits() -> None:
    assert pack({0: Level.SUPERSEDED, 3: Level.UNDER_INVESTIGATION}, 8) == bytes([0b11000001, 0])


def test_the_list_is_a_large_enough_herd() -> None:
    assert ENTRIES >= 2**17
    assert len(pack({})) == ENTRIES // 4


@pytest.mark.parametrize("index", [-1, 8, 10**9])
def test_an_index_outside_the_list_is_an_error(index: int) -> None:
    with pytest.raises(IndexError):
        pack({index: Level.OK}, 8)
    with pytest.raises(IndexError):
        level_at(bytes(2), index)


@given(LEVELS, LEVELS)
def test_superseded_is_the_end_and_is_not_set_by_hand(current: Level, target: Level) -> None:
    allowed = may_change(current, target)
    assert allowed == (current is not Level.SUPERSEDED and target is not Level.SUPERSEDED and current is not target)
