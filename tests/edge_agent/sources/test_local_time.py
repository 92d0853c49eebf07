from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.local_time import PlacedRows, RawRow, instant, instants, place_rows
from tests.edge_agent.exports import BERLIN, KOLKATA

MINUTE_MS = 60_000


def wall(day: str) -> datetime:
    return datetime.fromisoformat(day)


def utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def rows(*stamps: str, first_line: int = 1) -> list[RawRow]:
    return [
        RawRow(line, datetime.fromisoformat(stamp), 400 + line) for line, stamp in enumerate(stamps, start=first_line)
    ]


def local(stamps: list[datetime]) -> list[RawRow]:
    return [RawRow(line, stamp, line) for line, stamp in enumerate(stamps, start=1)]


def told(placed: PlacedRows) -> list[str]:
    return [one.message for one in placed.problems]


def test_an_indian_clock_is_never_in_doubt() -> None:
    placed = place_rows(rows("2026-03-01 10:00", "2026-03-01 10:05"), KOLKATA)
    assert [row.measured_at_ms for row in placed.rows] == [utc_ms("2026-03-01T04:30"), utc_ms("2026-03-01T04:35")]
    assert placed.problems == []
    assert placed.notes == []


@pytest.mark.parametrize(
    ("stamp", "count"), [("2026-10-25 02:30", 2), ("2026-03-29 02:30", 0), ("2026-07-01 02:30", 1)]
)
def test_a_local_time_has_none_one_or_two_instants(stamp: str, count: int) -> None:
    assert len(instants(datetime.fromisoformat(stamp), BERLIN)) == count


def test_a_time_on_its_own_takes_the_first_of_two() -> None:
    assert instant(datetime.fromisoformat("2026-10-25 02:30"), BERLIN) == utc_ms("2026-10-25T00:30")


def test_the_order_of_rows_places_an_hour_that_the_clock_showed_twice() -> None:
    placed = place_rows(
        rows(
            "2026-10-25 01:30", "2026-10-25 02:00", "2026-10-25 02:30", "2026-10-25 02:00", "2026-10-25 02:30",
            "2026-10-25 03:00",
        ),
        BERLIN,
    )  # fmt: skip
    first = utc_ms("2026-10-24T23:30")
    assert [row.measured_at_ms for row in placed.rows] == [first + 30 * MINUTE_MS * step for step in range(6)]
    assert placed.problems == []
    assert [(note.line, "placed by the order" in note.text) for note in placed.notes] == [(2, True)]


def test_a_doubtful_hour_after_a_gap_is_left_out_and_named() -> None:
    placed = place_rows(
        rows("2026-10-25 00:10", "2026-10-25 00:20", "2026-10-25 02:10", "2026-10-25 02:20", "2026-10-25 03:10"), BERLIN
    )
    assert [row.line for row in placed.rows] == [1, 2, 5]
    assert told(placed) == [
        (
            "lines 3 to 4: the clock showed this hour twice, and nothing says which is meant (2 rows left out, "
            "all others kept)"
        ),
    ]


def test_a_file_that_begins_in_a_doubtful_hour_leaves_it_out() -> None:
    placed = place_rows(rows("2026-10-25 02:50", "2026-10-25 03:00"), BERLIN)
    assert [row.line for row in placed.rows] == [2]
    assert "twice" in told(placed)[0]


def test_hourly_rows_are_placed_through_the_doubtful_hour() -> None:
    placed = place_rows(
        rows("2026-10-25 00:00", "2026-10-25 01:00", "2026-10-25 02:00", "2026-10-25 02:00", "2026-10-25 03:00"), BERLIN
    )
    steps = {
        later.measured_at_ms - row.measured_at_ms for row, later in zip(placed.rows, placed.rows[1:], strict=False)
    }
    assert steps == {60 * MINUTE_MS}
    assert len(placed.rows) == 5


def test_a_local_time_that_never_was_is_left_out_and_named() -> None:
    placed = place_rows(rows("2026-03-29 01:30", "2026-03-29 02:30", "2026-03-29 03:30"), BERLIN)
    assert [row.line for row in placed.rows] == [1, 3]
    assert told(placed) == [
        "line 2: this local time never was: the clock went forward (1 row left out, all others kept)"
    ]


def test_rows_after_a_clock_that_was_set_back_are_left_out_until_it_catches_up() -> None:
    placed = place_rows(
        rows(
            "2026-03-01 10:00", "2026-03-01 10:15", "2026-03-01 10:30", "2026-03-01 10:10", "2026-03-01 10:25",
            "2026-03-01 10:30", "2026-03-01 10:45",
        ),
        KOLKATA,
    )  # fmt: skip
    assert [row.line for row in placed.rows] == [1, 2, 3, 7]
    assert len(placed.problems) == 1
    assert placed.problems[0].facts == {"line": 4, "last_line": 6}
    assert "time goes back" in told(placed)[0]


def test_the_same_row_twice_is_taken_once_and_noted() -> None:
    twice = [RawRow(1, datetime.fromisoformat("2026-03-01 10:00"), 400), *rows("2026-03-01 10:00")]
    placed = place_rows([twice[0], twice[0]._replace(line=2)], KOLKATA)
    assert len(placed.rows) == 1
    assert placed.problems == []
    assert placed.notes[0].line == 2


def test_one_time_with_two_values_is_a_problem_and_the_first_stays() -> None:
    placed = place_rows(rows("2026-03-01 10:00", "2026-03-01 10:00"), KOLKATA)
    assert [(row.line, row.centi_celsius) for row in placed.rows] == [(1, 401)]
    assert "another value" in told(placed)[0]


def test_newest_first_is_read_from_the_end() -> None:
    placed = place_rows(rows("2026-03-01 10:30", "2026-03-01 10:15", "2026-03-01 10:00"), KOLKATA)
    assert [row.line for row in placed.rows] == [3, 2, 1]
    assert placed.problems == []
    assert "newest first" in placed.notes[0].text


def test_stamps_with_a_zone_need_no_order() -> None:
    placed = place_rows(rows("2026-03-01T10:15+05:30", "2026-03-01T04:30Z", "2026-03-01T04:30:00+00:00"), BERLIN)
    assert [row.measured_at_ms for row in placed.rows] == [utc_ms("2026-03-01T04:30"), utc_ms("2026-03-01T04:45")]
    assert "another value" in told(placed)[0]


def test_a_file_of_both_kinds_is_placed_row_by_row() -> None:
    placed = place_rows(rows("2026-03-01T04:30Z", "2026-03-01 10:05", "2026-03-01T04:40Z"), KOLKATA)
    assert [row.measured_at_ms for row in placed.rows] == [utc_ms(f"2026-03-01T04:{m}") for m in (30, 35, 40)]


def test_no_rows_are_no_problem() -> None:
    assert place_rows([], KOLKATA) == ([], [], [])


@given(
    st.datetimes(wall("2026-10-24"), wall("2026-10-26")),
    st.sampled_from([1, 5, 10, 15, 30]),
    st.integers(2, 300),
)
def test_a_steady_logger_is_placed_exactly_through_the_end_of_summer_time(
    start: datetime, step: int, count: int
) -> None:
    true = [start.replace(second=0, microsecond=0, tzinfo=UTC) + timedelta(minutes=step * n) for n in range(count)]
    shown = [moment.astimezone(BERLIN).replace(tzinfo=None, fold=0) for moment in true]
    placed = place_rows(local(shown), BERLIN, interval_minutes=step)
    for row in placed.rows:
        assert row.measured_at_ms == round(true[row.line - 1].timestamp() * 1_000)
    begins_in_doubt = len(instants(shown[0], BERLIN)) == 2
    assert begins_in_doubt or len(placed.rows) == count


@given(st.lists(st.datetimes(wall("2026-03-28"), wall("2026-03-30")), max_size=40))
def test_whatever_the_clock_showed_instants_only_grow_and_each_row_has_one_fate(shown: list[datetime]) -> None:
    placed = place_rows(local([moment.replace(microsecond=0) for moment in shown]), BERLIN)
    stamps = [row.measured_at_ms for row in placed.rows]
    assert stamps == sorted(set(stamps))
    lines = [row.line for row in placed.rows]
    assert len(set(lines)) == len(lines)
    assert len(lines) == len(shown) or placed.problems or placed.notes
    for row in placed.rows:
        assert row.measured_at_ms in instants(shown[row.line - 1].replace(microsecond=0), BERLIN)


def test_an_offset_that_is_no_zone_of_ours_is_taken_as_it_stands() -> None:
    odd = datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    assert place_rows([RawRow(1, odd, 400)], BERLIN).rows[0].measured_at_ms == utc_ms("2026-03-01T13:30")
