from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from firmware_sim.clock_plan import ClockPlan, plan_clock

STARTED = 1_790_000_000_123
plans = st.builds(
    plan_clock,
    st.integers(10**12, 2 * 10**12),
    st.integers(100, 5_000),
    st.integers(1, 100),
    st.integers(1, 60),
)


def district() -> ClockPlan:
    return plan_clock(STARTED, history_minutes=1_560, story_minutes=75, catch_up_seconds=60)


def test_the_present_is_met_after_the_catch_up_and_on_a_whole_second() -> None:
    plan = district()
    assert plan.met_ms == 1_790_000_061_000
    assert plan.met_ms - plan.story_ms == 75 * 60_000
    assert plan.met_ms - plan.first_ms == 26 * 3_600_000


def test_the_story_runs_fast_until_the_present_and_then_in_real_time() -> None:
    plan = district()
    assert plan.simulated_ms(STARTED) == plan.story_ms
    halfway = STARTED + (plan.met_ms - STARTED) // 2
    assert abs(plan.simulated_ms(halfway) - (plan.story_ms + 75 * 30_000)) < 1_000
    assert plan.simulated_ms(plan.met_ms) == plan.met_ms
    assert plan.simulated_ms(plan.met_ms + 12_345) == plan.met_ms + 12_345


@example(plan_clock(1_000_000_000_001, 100, 1, 60), 0, 2)
@given(plans, st.integers(-100_000, 200_000), st.integers(0, 200_000))
def test_simulated_time_never_runs_backwards_nor_ahead_of_the_wall_clock(plan: ClockPlan, at: int, later: int) -> None:
    early, late = plan.simulated_ms(plan.started_ms + at), plan.simulated_ms(plan.started_ms + at + later)
    assert early <= late
    assert late <= max(plan.story_ms, plan.started_ms + at + later)
    assert plan.first_ms <= plan.story_ms <= plan.started_ms


@given(plans)
def test_simulated_time_meets_the_wall_clock_without_a_jump(plan: ClockPlan) -> None:
    before = plan.simulated_ms(plan.met_ms - 1)
    speed = (plan.met_ms - plan.story_ms) / (plan.met_ms - plan.started_ms)
    assert 0 <= plan.met_ms - before <= speed + 1


def test_a_scenario_without_catch_up_starts_in_the_present() -> None:
    plan = plan_clock(1_790_000_000_000, history_minutes=60, story_minutes=0, catch_up_seconds=0)
    assert plan.simulated_ms(1_790_000_000_000) == 1_790_000_000_000


def test_minutes_are_counted_to_the_present() -> None:
    plan = district()
    assert plan.minutes_to_now(plan.met_ms - 90_000) == 1.5
    assert plan.minutes_to_now(plan.met_ms + 60_000) == -1.0
