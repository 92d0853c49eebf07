from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.backlog import Backlog, backlog_lines
from firmware_sim.scenario import BACKLOG_MINUTES


def filled(lines: int, bound: int) -> Backlog:
    backlog = Backlog(bound)
    for number in range(lines):
        backlog.append(b"%d" % number)
    return backlog


def all_from(backlog: Backlog, position: int, at_once: int) -> list[int]:
    numbers: list[int] = []
    while True:
        lines, position = backlog.since(position, at_once)
        if not lines:
            return numbers
        numbers += map(int, lines)


@given(st.integers(0, 400), st.integers(1, 100), st.integers(1, 50))
def test_a_newcomer_gets_exactly_the_newest_lines_in_order(lines: int, bound: int, at_once: int) -> None:
    assert all_from(filled(lines, bound), 0, at_once) == list(range(max(0, lines - bound), lines))


@given(st.integers(1, 400), st.integers(1, 100))
def test_memory_stays_near_the_bound(lines: int, bound: int) -> None:
    assert len(filled(lines, bound)._lines) <= bound * 1.1


def test_a_reader_goes_on_where_it_was_while_lines_are_added() -> None:
    backlog = filled(5, 100)
    _, position = backlog.since(0, 100)
    backlog.append(b"5")
    assert backlog.since(position, 100) == ([b"5"], 6)
    assert backlog.since(6, 100) == ([], 6)
    assert backlog.end == 6


def test_a_reader_that_fell_behind_goes_on_with_the_oldest_line_kept() -> None:
    backlog = filled(3, 10)
    _, position = backlog.since(0, 1)
    for number in range(3, 40):
        backlog.append(b"%d" % number)
    lines, _ = backlog.since(position, 1)
    assert lines == [b"30"]


def test_a_backlog_holds_the_minutes_that_the_scenario_gives_it_and_at_least_one_line_each() -> None:
    assert backlog_lines(appliances=4, interval_seconds=60, minutes=BACKLOG_MINUTES) == 4 * 60 * 24 * 60
    assert backlog_lines(appliances=4, interval_seconds=900, minutes=60) == 16
    assert backlog_lines(appliances=4, interval_seconds=900, minutes=1) == 4
