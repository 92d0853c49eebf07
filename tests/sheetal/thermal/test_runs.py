"""The time rule, told twice: once by `runs`, once by a reference that walks millisecond by millisecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import HoldRule, Measure, Side, Source
from sheetal.contracts.reading import Quality, Reading
from sheetal.thermal.runs import Gap, Limit, cap_ms, find_runs, gaps, limit_of, samples_of

if TYPE_CHECKING:
    from random import Random

    from sheetal.contracts.verdict import Run

MINUTE = 60_000
HOT = Limit(Side.HOT, 800, inclusive=False)
FREEZE = Limit(Side.COLD, -50, inclusive=True)
SENSOR = "gw-01.tvc"

limits = st.sampled_from(
    [HOT, FREEZE, Limit(Side.HOT, 800, inclusive=True), Limit(Side.COLD, 200, inclusive=False)],
)
values = st.sampled_from([-120, -51, -50, -49, 199, 200, 201, 500, 799, 800, 801, 1500])
series = st.dictionaries(st.integers(0, 90), values, max_size=25).map(lambda found: sorted(found.items()))
caps = st.integers(0, 20)


def minutes(*pairs: tuple[int, int]) -> list[tuple[int, int]]:
    return [(minute * MINUTE, value) for minute, value in pairs]


def reference(samples: list[tuple[int, int]], limit: Limit, cap: int) -> list[tuple[int, int, int, int, int]]:
    """(first, last, earliest possible start, confirmed ms, possible ms) of each run, slowly and obviously.

    Every reading stands at its millisecond. Walk all milliseconds between first and last reading: a slice between two
    readings is confirmed when both are beyond the limit and near; it is possible when it touches a violating reading's
    neighbourhood without a good reading or more than a cap of silence in between.
    """
    at = dict(samples)
    found: list[tuple[int, int, int, int, int]] = []
    run: list[int] = []
    for ms, value in samples:
        broken = bool(run) and ms - run[-1] > cap
        if run and (broken or not limit.violated_by(value)):
            found.append(_count(run, at, cap))
            run = []
        if limit.violated_by(value):
            run.append(ms)
    if run:
        found.append(_count(run, at, cap))
    return found


def _count(run: list[int], at: dict[int, int], cap: int) -> tuple[int, int, int, int, int]:
    confirmed = sum(1 for _ in range(run[0], run[-1]))
    start = run[0]
    if any(ms < run[0] for ms in at):
        while start - 1 not in at and run[0] - start < cap:
            start -= 1
        start -= run[0] - start < cap
    end = run[-1]
    if any(ms > run[-1] for ms in at):
        while end + 1 not in at and end - run[-1] < cap:
            end += 1
        end += end - run[-1] < cap
    return run[0], run[-1], start, confirmed, end - start


def told(run: Run) -> tuple[int, int, int, int, int]:
    return (
        run.first_ms,
        run.last_ms,
        run.earliest_possible_start_ms,
        run.confirmed_half_ms // 2,
        run.possible_half_ms // 2,
    )


@given(series, limits, caps)
def test_runs_equal_the_slow_reference(samples: list[tuple[int, int]], limit: Limit, cap: int) -> None:
    assert [told(run) for run in find_runs(SENSOR, samples, limit, cap)] == reference(samples, limit, cap)


@given(series, limits, caps)
def test_half_milliseconds_are_even_and_confirmed_is_within_possible(
    samples: list[tuple[int, int]],
    limit: Limit,
    cap: int,
) -> None:
    for run in find_runs(SENSOR, samples, limit, cap):
        assert run.confirmed_half_ms % 2 == 0
        assert run.possible_half_ms % 2 == 0
        assert 0 <= run.confirmed_half_ms <= run.possible_half_ms <= run.confirmed_half_ms + 4 * cap


@given(series, limits, caps)
def test_every_violating_sample_is_in_exactly_one_run(
    samples: list[tuple[int, int]],
    limit: Limit,
    cap: int,
) -> None:
    found = find_runs(SENSOR, samples, limit, cap)
    violating = [ms for ms, value in samples if limit.violated_by(value)]
    assert sum(run.samples for run in found) == len(violating)
    assert all(sum(run.first_ms <= ms <= run.last_ms for run in found) == 1 for ms in violating)


@given(series, limits, st.integers(1, 20), st.integers(1, 10_000))
def test_a_gap_at_every_position_never_lengthens_a_run(
    samples: list[tuple[int, int]],
    limit: Limit,
    cap: int,
    silence: int,
) -> None:
    longest = max((run.confirmed_half_ms for run in find_runs(SENSOR, samples, limit, cap)), default=0)
    for position in range(1, len(samples)):
        late = [(ms + cap + silence, value) for ms, value in samples[position:]]
        torn = find_runs(SENSOR, samples[:position] + late, limit, cap)
        assert max((run.confirmed_half_ms for run in torn), default=0) <= longest
        assert all(run.possible_half_ms <= run.confirmed_half_ms + 4 * cap for run in torn)


@given(series, limits, st.integers(1, 20))
def test_the_length_of_a_silence_changes_nothing_but_the_time_after_it(
    samples: list[tuple[int, int]],
    limit: Limit,
    cap: int,
) -> None:
    for position in range(1, len(samples)):
        short, long = (
            find_runs(SENSOR, samples[:position] + [(ms + far, value) for ms, value in samples[position:]], limit, cap)
            for far in (cap + 1, cap + 100_000)
        )
        assert [(run.confirmed_half_ms, run.possible_half_ms) for run in short] == [
            (run.confirmed_half_ms, run.possible_half_ms) for run in long
        ]


@given(st.lists(st.tuples(st.integers(0, 30), values), max_size=20), st.randoms())
def test_order_and_repetition_change_nothing(rows: list[tuple[int, int]], random: Random) -> None:
    readings = [Reading(SENSOR, ms, value, Quality.OK, 1, number) for number, (ms, value) in enumerate(rows)]
    shuffled = readings * 2
    random.shuffle(shuffled)
    assert samples_of(shuffled) == samples_of(readings)
    assert samples_of(readings) == sorted(set(samples_of(readings)))


class Case(NamedTuple):
    """A row of another system's mistakes (reference `peers.md` section 5), and what is right."""

    name: str
    samples: list[tuple[int, int]]
    cap_minutes: int
    limit: Limit
    confirmed_minutes: list[int]
    possible_minutes: list[int]


THEIR_MISTAKES = [
    Case("a gap is no exposure", minutes((0, 900), (600, 900)), 30, HOT, [0, 0], [30, 30]),
    Case(
        "a flapping door hides no hot time",
        minutes(*((35 * k + 5 * i, 900 if i < 6 else 790) for k in range(20) for i in range(7))),
        15,
        HOT,
        [25] * 20,
        [30] + [35] * 19,
    ),
    Case(
        "hot time does not vanish when it turns cold",
        minutes(*((5 * i, 900) for i in range(5)), *((20 + 5 * i, 100) for i in range(1, 37))),
        15,
        HOT,
        [20],
        [25],
    ),
    Case(
        "cold time does not inherit the hot time before it",
        minutes(*((5 * i, 900) for i in range(5)), *((20 + 5 * i, -100) for i in range(1, 37))),
        15,
        FREEZE,
        [175],
        [180],
    ),
    Case(
        "a coarse alternation is possible, not confirmed",
        minutes(*((31 * i, 4000 if i % 2 else 500) for i in range(11))),
        93,
        HOT,
        [0] * 5,
        [62] * 5,
    ),
    Case("exactly 8.0 is in range by a strict rule", minutes(*((i, 800) for i in range(31))), 3, HOT, [], []),
    Case(
        "exactly 8.0 is beyond an inclusive rule",
        minutes(*((i, 800) for i in range(31))),
        3,
        Limit(Side.HOT, 800, inclusive=True),
        [30],
        [30],
    ),
    Case(
        "exactly 2.0 is in range",
        minutes(*((i, 200) for i in range(31))),
        3,
        Limit(Side.COLD, 200, inclusive=False),
        [],
        [],
    ),
    Case(
        "one reading a day is a gap each time, not 70 minutes and not a week",
        minutes(*((1440 * i, 1200) for i in range(7))),
        30,
        HOT,
        [0] * 7,
        [30] + [60] * 5 + [30],
    ),
    Case(
        "a breach of forty days keeps its length",
        minutes(*((10 * i, 1200) for i in range(6 * 24 * 40 + 1))),
        30,
        HOT,
        [40 * 1440],
        [40 * 1440],
    ),
    Case(
        "one bad reading, then silence, does not grow",
        minutes((0, 500), (10, 1200), (100_000, 500)),
        30,
        HOT,
        [0],
        [10 + 30],
    ),
]


@pytest.mark.parametrize("case", THEIR_MISTAKES, ids=lambda case: case.name)
def test_where_others_are_wrong(case: Case) -> None:
    samples = sorted(dict(case.samples).items())
    found = find_runs(SENSOR, samples, case.limit, case.cap_minutes * MINUTE)
    assert [run.confirmed_half_ms // (2 * MINUTE) for run in found] == case.confirmed_minutes
    assert [run.possible_half_ms // (2 * MINUTE) for run in found] == case.possible_minutes


@pytest.mark.parametrize(("value", "strict", "inclusive"), [(-51, 1, 1), (-50, 0, 1), (-49, 0, 0)])
def test_a_value_on_the_limit_under_both_flags(value: int, strict: int, inclusive: int) -> None:
    samples = [(0, value)]
    assert len(find_runs(SENSOR, samples, Limit(Side.COLD, -50, inclusive=False), 1)) == strict
    assert len(find_runs(SENSOR, samples, Limit(Side.COLD, -50, inclusive=True), 1)) == inclusive


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("inclusive", [True, False])
@given(value=st.integers(-300, 1000))
def test_a_limit_agrees_with_the_hold_rule_it_was_made_from(side: Side, inclusive: bool, value: int) -> None:  # noqa: FBT001 - a parameter of the test
    rule = HoldRule(
        rule="r",
        side=side,
        limit_centi_celsius=200,
        inclusive=inclusive,
        measure=Measure.RUN,
        minutes=1,
        source=Source(citation="test", confidence="low"),
    )
    assert limit_of(rule).violated_by(value) == rule.violated_by(value)
    assert find_runs(SENSOR, [(0, value)], rule, 1) == find_runs(SENSOR, [(0, value)], limit_of(rule), 1)


@pytest.mark.parametrize(
    "begin",
    [
        datetime(2026, 3, 28, 22, 30, tzinfo=UTC),
        datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
        datetime(2026, 11, 22, 18, 0, tzinfo=UTC),
    ],
    ids=["summer time begins", "summer time ends", "midnight in India"],
)
def test_a_run_across_a_civil_midnight_or_clock_change_is_one_run(begin: datetime) -> None:
    start = int(begin.timestamp() * 1000)
    samples = [(start + int(timedelta(minutes=i).total_seconds() * 1000), 900) for i in range(181)]
    (run,) = find_runs(SENSOR, samples, HOT, 3 * MINUTE)
    assert run.confirmed_half_ms == 2 * 180 * MINUTE


@pytest.mark.parametrize("spacing", [1, 5, 10, 15, 60])
def test_logs_of_one_true_trace_agree_within_their_intervals(spacing: int) -> None:
    truth = {minute: 900 if 130 <= minute <= 777 else 500 for minute in range(1000)}
    samples = minutes(*((minute, truth[minute]) for minute in range(0, 1000, spacing)))
    (run,) = find_runs(SENSOR, samples, HOT, 3 * spacing * MINUTE)
    confirmed, possible = run.confirmed_half_ms // (2 * MINUTE), run.possible_half_ms // (2 * MINUTE)
    assert confirmed <= 647 + 1 <= possible + spacing
    assert confirmed >= 647 - 2 * spacing
    assert possible <= 647 + 2 * spacing


def test_a_fault_is_no_data() -> None:
    rows = [
        Reading(SENSOR, 0, 900, Quality.OK, 1, 1),
        Reading(SENSOR, 10 * MINUTE, None, Quality.NO_VALUE, 1, 2),
        Reading(SENSOR, 20 * MINUTE, 900, Quality.OK, 1, 3),
    ]
    samples = samples_of(rows)
    assert samples == [(0, 900), (20 * MINUTE, 900)]
    assert [run.confirmed_half_ms for run in find_runs(SENSOR, samples, HOT, 15 * MINUTE)] == [0, 0]
    assert gaps(samples, 15 * MINUTE) == [Gap(0, 20 * MINUTE)]


@pytest.mark.parametrize("fault", [quality for quality in Quality if quality is not Quality.OK])
def test_a_value_that_came_with_a_fault_is_no_data_either(fault: Quality) -> None:
    """Ingest refuses such a row; should one stand in a store all the same, it decides nothing."""
    assert samples_of([Reading(SENSOR, 0, -5000, fault, 1, 1), Reading(SENSOR, 1, 500, Quality.OK, 1, 2)]) == [(1, 500)]


def test_two_values_at_one_instant_leave_the_colder_in_any_order() -> None:
    warm, cold = Reading(SENSOR, 0, 900, 0, 1, 1), Reading(SENSOR, 0, -80, 0, 1, 2)
    assert samples_of([warm, cold]) == samples_of([cold, warm]) == [(0, -80)]


def test_the_cap_is_three_intervals_or_three_median_spacings() -> None:
    samples = [(0, 1), (10, 1), (20, 1), (500, 1), (510, 1)]
    assert cap_ms(samples, 60) == 180
    assert cap_ms(samples, None) == 30
    assert cap_ms([(0, 1)], None) == 0
    assert cap_ms([], None) == 0
    assert isinstance(cap_ms([(0, 1), (10, 1), (31, 1)], None), int)


@given(series, caps)
def test_gaps_and_known_spans_share_out_all_time(samples: list[tuple[int, int]], cap: int) -> None:
    missing = gaps(samples, cap)
    known = [later - earlier for (earlier, _), (later, _) in pairwise(samples) if later - earlier <= cap]
    whole = samples[-1][0] - samples[0][0] if samples else 0
    assert sum(known) + sum(gap.until_ms - gap.from_ms for gap in missing) == whole


def test_a_run_at_the_end_is_open_and_one_before_a_good_sample_is_not() -> None:
    first, second = find_runs(SENSOR, [(0, 900), (1, 500), (2, 950)], HOT, 5)
    assert (first.open, second.open) == (False, True)
    assert (first.extreme_centi_celsius, second.extreme_centi_celsius) == (900, 950)


def test_the_extreme_is_the_worst_on_the_runs_own_side() -> None:
    (cold,) = find_runs(SENSOR, [(0, -60), (1, -90), (2, -70)], FREEZE, 5)
    (hot,) = find_runs(SENSOR, [(0, 850), (1, 990), (2, 900)], HOT, 5)
    assert (cold.extreme_centi_celsius, hot.extreme_centi_celsius) == (-90, 990)
