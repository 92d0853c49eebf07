from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.uplink.session import EPOCH_MS, RESERVED, Sessions, is_clocked, next_session

NOW_MS = EPOCH_MS + 320 * 86_400_000
BOOTS = st.integers(1, 2**20).map(lambda counter: counter * 2**32 + 77)


@given(BOOTS, st.lists(st.none() | st.integers(NOW_MS, NOW_MS + 10**12), min_size=1, max_size=20))
def test_sessions_only_grow_whatever_the_clock_does(boot: int, clocks: list[int | None]) -> None:
    last = 0
    for anchored_ms in clocks:
        session = next_session(last, boot, anchored_ms)
        assert session > last
        assert session < 2**63
        last = session


@given(BOOTS, BOOTS)
def test_a_later_boot_of_one_file_is_later_without_any_clock(first: int, second: int) -> None:
    early, late = sorted((first, second))
    told = next_session(0, early, None)
    assert next_session(told, late, None) > told


@given(st.integers(1, 1_000), BOOTS)
def test_an_empty_disk_is_still_later_than_the_one_before_once_the_clock_is_believed(
    connections: int, boot: int
) -> None:
    told = next_session(0, boot, NOW_MS) + connections
    renewed = next_session(0, 2**32, NOW_MS + 1_000)
    assert renewed > told
    assert is_clocked(renewed)


@given(BOOTS)
def test_a_count_of_boots_is_told_apart_from_a_clock(boot: int) -> None:
    assert not is_clocked(next_session(0, boot, None))
    clocked = next_session(0, boot, NOW_MS)
    assert is_clocked(clocked)
    assert is_clocked(next_session(clocked, boot + 2**32, None))


def test_a_thousand_connections_cost_one_commit() -> None:
    kept: list[int] = []
    sessions = Sessions(0, 2**32, kept.append)
    numbers = [sessions.begin(NOW_MS + second * 1_000) for second in range(RESERVED + 1)]
    assert numbers == sorted(set(numbers))
    assert kept == [numbers[0] + RESERVED]
    sessions.begin(NOW_MS)
    assert len(kept) == 2


@given(st.lists(st.tuples(st.integers(1, 5), st.none() | st.integers(NOW_MS, NOW_MS + 10**9)), max_size=30))
def test_a_process_that_is_killed_never_tells_a_number_again(lives: list[tuple[int, int | None]]) -> None:
    kept, told = [0], [0]
    for boot, (connections, anchored_ms) in enumerate(lives, 1):
        sessions = Sessions(kept[-1], boot * 2**32, kept.append)
        for _ in range(connections):
            told.append(sessions.begin(anchored_ms))
            assert told[-1] <= kept[-1]
    assert told == sorted(set(told))


def test_a_clock_that_becomes_believed_is_used_at_once() -> None:
    sessions = Sessions(0, 2**32, lambda _highest: None)
    assert not is_clocked(sessions.begin(None))
    assert not is_clocked(sessions.begin(None))
    assert is_clocked(sessions.begin(NOW_MS))
