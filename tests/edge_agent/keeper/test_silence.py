from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.keeper.silence import GRACE_MS, Silence, SilenceFact, SilenceState
from tests.edge_agent.kit import MINUTE_MS, T0_MS

LIMIT_MS = 30 * MINUTE_MS


def at(silence: Silence, elapsed_ms: int, *, wall_off_ms: int = 0) -> SilenceFact | None:
    return silence.judge(T0_MS + elapsed_ms + wall_off_ms, elapsed_ms)


def test_it_fires_by_the_clock_alone_and_once() -> None:
    silence = Silence(30)
    silence.hear(T0_MS)
    assert at(silence, 0) is None
    assert at(silence, LIMIT_MS - 1) is None
    assert at(silence, LIMIT_MS) == SilenceFact(T0_MS, T0_MS + LIMIT_MS, None)
    assert at(silence, LIMIT_MS + 1) is None


def test_a_probe_that_never_spoke_is_silent_since_the_start() -> None:
    silence = Silence(30)
    assert at(silence, 0) is None
    assert at(silence, LIMIT_MS) == SilenceFact(T0_MS, T0_MS + LIMIT_MS, None)


def test_the_next_valid_value_clears_it() -> None:
    silence = Silence(30)
    at(silence, 0)
    at(silence, LIMIT_MS)
    silence.hear(T0_MS + LIMIT_MS + MINUTE_MS)
    cleared = at(silence, LIMIT_MS + MINUTE_MS)
    assert cleared == SilenceFact(T0_MS, T0_MS + LIMIT_MS, T0_MS + LIMIT_MS + MINUTE_MS)
    assert silence.state == SilenceState()
    assert at(silence, 2 * LIMIT_MS) is None
    assert at(silence, 2 * LIMIT_MS + MINUTE_MS) is not None


def test_a_value_told_from_memory_is_not_heard() -> None:
    silence = Silence(30)
    at(silence, 0)
    silence.hear(T0_MS - LIMIT_MS)
    assert at(silence, MINUTE_MS) is None
    assert at(silence, LIMIT_MS) is not None


def test_zero_minutes_switch_it_off() -> None:
    silence = Silence(0)
    assert at(silence, 0) is at(silence, 100 * LIMIT_MS) is None


def test_a_standing_alarm_goes_on_over_a_restart_and_is_told_once() -> None:
    silence = Silence(30, SilenceState(T0_MS - LIMIT_MS, T0_MS), T0_MS - LIMIT_MS)
    assert at(silence, 0) is None
    assert at(silence, 3 * LIMIT_MS) is None
    silence.hear(T0_MS + 3 * LIMIT_MS)
    cleared = at(silence, 3 * LIMIT_MS)
    assert cleared is not None
    assert cleared.began_at_ms == T0_MS - LIMIT_MS


def test_an_alarm_that_stands_ends_when_the_rule_is_switched_off() -> None:
    silence = Silence(0, SilenceState(T0_MS, T0_MS + LIMIT_MS))
    cleared = at(silence, LIMIT_MS + 1)
    assert cleared == SilenceFact(T0_MS, T0_MS + LIMIT_MS, T0_MS + LIMIT_MS + 1)
    assert at(silence, LIMIT_MS + 2) is None


def test_silence_before_a_restart_counts_up_to_a_grace() -> None:
    silence = Silence(30, heard_at_ms=T0_MS - 20 * MINUTE_MS)
    at(silence, 0)
    assert at(silence, 10 * MINUTE_MS - 1) is None
    assert at(silence, 10 * MINUTE_MS) is not None
    long = Silence(30, heard_at_ms=T0_MS - 1_000 * MINUTE_MS)
    at(long, 0)
    assert at(long, GRACE_MS - 1) is None
    fired = at(long, GRACE_MS)
    assert fired is not None
    assert fired.began_at_ms == T0_MS - 1_000 * MINUTE_MS


@pytest.mark.parametrize("step_ms", [-10 * 86_400_000, 10 * 86_400_000])
def test_a_wall_clock_that_is_set_makes_no_alarm(step_ms: int) -> None:
    silence = Silence(30)
    silence.hear(T0_MS)
    at(silence, 0)
    assert at(silence, MINUTE_MS, wall_off_ms=step_ms) is None
    assert at(silence, LIMIT_MS - 1, wall_off_ms=step_ms) is None
    fired = at(silence, LIMIT_MS, wall_off_ms=step_ms)
    assert fired is not None
    assert fired.fired_at_ms >= fired.began_at_ms


def test_provisional_instants_move_together() -> None:
    silence = Silence(30, SilenceState(T0_MS, T0_MS + LIMIT_MS), T0_MS)
    silence.hear(T0_MS + LIMIT_MS)
    silence.shift(1_000)
    assert silence.state == SilenceState(T0_MS + 1_000, T0_MS + LIMIT_MS + 1_000)
    cleared = silence.judge(T0_MS + LIMIT_MS + 1_000, 0)
    assert cleared is not None
    assert cleared.cleared_at_ms == T0_MS + LIMIT_MS + 1_000
    empty = Silence(30)
    empty.shift(5)
    assert empty.state == SilenceState()


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=60))
def test_fired_and_cleared_alternate_and_no_silence_is_missed(steps: list[tuple[int, bool]]) -> None:
    silence, elapsed_ms, heard_ms, standing = Silence(30), 0, 0, False
    at(silence, 0)
    for minutes, speaks in steps:
        elapsed_ms += minutes * MINUTE_MS
        if speaks:
            silence.hear(T0_MS + elapsed_ms)
            heard_ms = elapsed_ms
        fact = at(silence, elapsed_ms)
        if speaks:
            assert (fact is not None) == standing
            assert fact is None or fact.cleared_at_ms is not None
            standing = False
        elif fact is not None:
            assert not standing
            assert fact.cleared_at_ms is None
            standing = True
        assert standing == (elapsed_ms - heard_ms >= LIMIT_MS)
