from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import MINUTE_MS, Side
from sheetal.thermal.exposure import empty, summarise
from sheetal.thermal.fusion import BY_POSITION, SILENCE_MS_MAX, WORST, fuse, longest_silence_ms, told
from sheetal.thermal.paths import BOTH_SIDES, Trace
from sheetal.thermal.runs import Limit

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMITS = (Limit(Side.COLD, -50, inclusive=True), Limit(Side.HOT, 800, inclusive=False))
COLD, HOT = frozenset({Side.COLD}), frozenset({Side.HOT})
CAP_MS = 3 * MINUTE_MS


def trace(sensor: str, minutes: Iterable[int] = range(300)) -> Trace:
    return Trace(sensor, summarise(sensor, [(minute * MINUTE_MS, 450) for minute in minutes], CAP_MS, LIMITS))


def sides(fusion: str, *placed: tuple[str, Trace]) -> list[frozenset[Side]]:
    positions = {one.sensor: position for position, one in placed}
    return [one.sides for one in fuse(fusion, positions, [one for _, one in placed], 0)]


def day(starts: int, ends: int) -> DaySummary:
    return DaySummary(
        sequence=1,
        sensor="top",
        starts_at_ms=starts * MINUTE_MS,
        ends_at_ms=ends * MINUTE_MS,
        centi_celsius_min=400,
        centi_celsius_max=500,
        low_limit_centi_celsius=-50,
        low_limit_minutes=60,
        high_limit_centi_celsius=800,
        high_limit_minutes=600,
        minutes_below=0,
        minutes_above=0,
        minutes_unknown=0,
    )


def test_by_the_worst_every_sensor_judges_both_sides() -> None:
    assert sides(WORST, ("coldest", trace("tvc")), ("warmest", trace("top"))) == [BOTH_SIDES, BOTH_SIDES]


@pytest.mark.parametrize("warm", ["warmest", "vial"])
def test_by_position_each_place_judges_what_it_knows(warm: str) -> None:
    assert sides(BY_POSITION, ("coldest", trace("tvc")), (warm, trace("top"))) == [COLD, HOT]


@pytest.mark.parametrize("position", ["coldest", "warmest", "vial", "middle"])
def test_one_sensor_alone_judges_both_sides(position: str) -> None:
    assert sides(BY_POSITION, (position, trace("tvc"))) == [BOTH_SIDES]


def test_a_sensor_at_no_named_place_judges_both_sides() -> None:
    assert sides(BY_POSITION, ("coldest", trace("tvc")), ("shelf 2", trace("mid"))) == [COLD, BOTH_SIDES]


def test_two_at_the_coldest_place_both_judge_heat_too() -> None:
    assert sides(BY_POSITION, ("coldest", trace("tvc")), ("coldest", trace("tvc2"))) == [BOTH_SIDES, BOTH_SIDES]


@pytest.mark.parametrize(
    ("minutes", "coldest"),
    [
        (range(0), BOTH_SIDES),
        (range(238), BOTH_SIDES),
        (range(62, 300), BOTH_SIDES),
        ([*range(100), *range(161, 300)], BOTH_SIDES),
        (range(240), COLD),
        (range(60, 300), COLD),
        ([*range(100), *range(159, 300)], COLD),
    ],
    ids=["says nothing", "dies", "comes late", "pauses", "just died", "just came", "pauses shortly"],
)
def test_while_the_warmest_is_silent_for_an_hour_the_coldest_judges_heat(
    minutes: Iterable[int],
    coldest: frozenset[Side],
) -> None:
    found = sides(BY_POSITION, ("coldest", trace("tvc")), ("warmest", trace("top", minutes)))
    assert found == [coldest, HOT]


def test_a_side_that_nobody_tells_is_everybodys() -> None:
    silent = trace("tvc", range(0)), trace("top", range(0))
    assert sides(BY_POSITION, ("coldest", silent[0]), ("warmest", silent[1])) == [COLD, HOT]
    assert fuse(BY_POSITION, {}, [], 0) == ()


def test_a_day_summary_breaks_the_silence() -> None:
    logger = Trace("top", empty(LIMITS), (day(0, 300),))
    assert sides(BY_POSITION, ("coldest", trace("tvc")), ("warmest", logger)) == [COLD, HOT]
    short = Trace("top", empty(LIMITS), (day(0, 200),))
    assert sides(BY_POSITION, ("coldest", trace("tvc")), ("warmest", short)) == [BOTH_SIDES, HOT]


def test_what_is_told_leaves_gaps_out() -> None:
    one = trace("tvc", [0, 1, 2, 30, 31])
    times = [(begin // MINUTE_MS, end // MINUTE_MS) for begin, end in told(one)]
    assert times == [(0, 2), (30, 31)]


@pytest.mark.parametrize(
    ("times", "longest"),
    [([], 100), ([(0, 100)], 0), ([(10, 20), (60, 90)], 40), ([(0, 80), (10, 20)], 20), ([(150, 160)], 100)],
)
def test_the_longest_silence(times: list[tuple[int, int]], longest: int) -> None:
    assert longest_silence_ms(times, 0, 100) == longest


def test_the_bound_is_an_hour() -> None:
    assert SILENCE_MS_MAX == 60 * MINUTE_MS
