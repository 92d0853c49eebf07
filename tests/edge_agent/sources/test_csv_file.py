from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.csv_file import CsvOptions, parse_csv
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.exports import KOLKATA, NEW_YORK, REAL

if TYPE_CHECKING:
    from edge_agent.sources.logged_file import LoggedFile

MINUTE_MS = 60_000


def parse(text: str, **options: object) -> LoggedFile:
    return parse_csv(text.encode(), CsvOptions(KOLKATA)._replace(**options))  # type: ignore[arg-type]


def utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


def values(file: LoggedFile) -> list[tuple[int, int | None]]:
    return [(row.measured_at_ms, row.centi_celsius) for row in file.rows]


def messages(file: LoggedFile) -> list[str]:
    return [one.message for one in file.problems]


TWO = [(utc_ms("2026-03-01T04:30"), 410), (utc_ms("2026-03-01T04:35"), -50)]


@pytest.mark.parametrize(
    "text",
    [
        "time,celsius\n2026-03-01T04:30:00Z,4.1\n2026-03-01T04:35:00Z,-0.5\n",
        "time,celsius\r\n2026-03-01T10:00:00+05:30,4.1\r\n2026-03-01T10:05:00+05:30,-0.5\r\n",
        "time,celsius\n2026-03-01 10:00,4.1\n2026-03-01 10:05,-0.5\n",
        "time,celsius\n2026-03-01T10:00:00.000,4.1\n2026-03-01T10:05:00.000,-0.5",
        "\ufefftime,celsius\n2026-03-01 10:00,4.1\n\n2026-03-01 10:05,-0.5\n\n",
        "time;celsius\n2026-03-01 10:00;4,1\n2026-03-01 10:05;-0,5\n",
        "time\tcelsius\n2026-03-01 10:00\t4.1\n2026-03-01 10:05\t-0.5\n",
        '"time","celsius"\n"2026-03-01 10:00","4.1"\n"2026-03-01 10:05","-0.5"\n',
        "2026-03-01 10:00,4.1\n2026-03-01 10:05,-0.5\n",
        "celsius,note,time\n4.1,a,2026-03-01 10:00\n-0.5,b,2026-03-01 10:05\n",
        "time,celsius\r2026-03-01 10:00,4.1\r2026-03-01 10:05,-0.5\r",
        "time,celsius\n2026-03-01 10:05,-0.5\n2026-03-01 10:00,4.1\n2026-03-01 09:55,--.-\n",
    ],
)
def test_many_shapes_of_the_same_rows_read_the_same(text: str) -> None:
    file = parse(text)
    assert messages(file) == []
    assert [row for row in values(file) if row[1] is not None] == TWO


def test_a_column_with_a_zone_is_preferred_to_the_wall_clock() -> None:
    text = "local_time,iso_utc,celsius,humidity_percent\n2026-03-01 14:00:00,2026-03-01T10:00:00.000Z,-19.3,49\n"
    file = parse(text)
    assert values(file) == [(utc_ms("2026-03-01T10:00"), -1_930)]
    assert file.notes[0].text == "time from column 'iso_utc', °C from column 'celsius'"


@pytest.mark.parametrize(
    "name", ["celsius", "Temperature", "temp", "Temp (°C)", "TVC", "temperature_c", "value", "reading temp"]
)
def test_the_temperature_column_is_found_by_its_name(name: str) -> None:
    file = parse(f"time,humidity,{name},battery\n2026-03-01 10:00,49,4.1,3.3\n")
    assert file.rows[0].centi_celsius == 410
    assert file.column is None


def test_several_columns_that_could_be_meant_must_be_told_apart() -> None:
    text = "local_time,platform_1,freezer_2\n2026-03-01 10:00,3.7,-19.1\n"
    with pytest.raises(SettingProblem, match="--column: platform_1, freezer_2"):
        parse(text)
    file = parse(text, column="freezer_2")
    assert file.rows[0].centi_celsius == -1_910
    assert file.column == "freezer_2"


def test_a_named_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingProblem, match="the file has: time, celsius") as caught:
        parse("time,celsius\n2026-03-01 10:00,4.1\n", column="probe")
    assert caught.value.facts["variable"] == "--column"


def test_a_named_column_of_a_file_with_one_needs_no_name_of_its_own() -> None:
    assert parse("time,celsius\n2026-03-01 10:00,4.1\n", column="celsius").column is None


def test_fahrenheit_is_converted_when_told() -> None:
    file = parse("timestamp,value\n2026-03-01 10:00,69.88083514\n", fahrenheit=True)
    assert file.rows[0].centi_celsius == 2_104
    assert "°F" in file.notes[0].text


@pytest.mark.parametrize("text", ["--.-", "", "NaN", "null", "---"])
def test_a_missing_value_is_a_row_without_one(text: str) -> None:
    file = parse(f"time,celsius\n2026-03-01 10:00,4.1\n2026-03-01 10:05,{text}\n2026-03-01 10:10,4.3\n")
    assert [row.centi_celsius for row in file.rows] == [410, None, 430]
    assert messages(file) == []


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("2026-03-01 10:05,abc", "'abc' is not a temperature"),
        ("2026-03-01 10:05,85000", "beyond what a probe can measure"),
        ("yesterday,4.2", "'yesterday' is not a date and time"),
        ("2026-02-30 10:05,4.2", "day"),
        ("2026-03-01 25:05,4.2", "hour"),
        ("2026-03-01 10:05", "the row has no temperature"),
        ('2026-03-01 10:05,"4.2', "not CSV: unexpected end of data"),
    ],
)
def test_a_bad_row_is_named_and_its_neighbours_are_kept(bad: str, says: str) -> None:
    file = parse(f"time,celsius\n2026-03-01 10:00,4.1\n{bad}\n2026-03-01 10:10,4.3\n")
    assert [row.centi_celsius for row in file.rows] == [410, 430]
    (message,) = messages(file)
    assert message.startswith("line 3: ")
    assert says in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,celsius\n", "no row below the header"),
        ("hello world\nhow are you\n", "no column holds ISO 8601 times"),
        ("a,b\n1,2\n", "no column holds ISO 8601 times"),
        ("time,celsius\n2026-03-01 10:00," + '"' + "x" * 140_000, "not CSV"),
    ],
)
def test_what_is_no_log_at_all_is_said_in_a_sentence(text: str, says: str) -> None:
    file = parse(text)
    assert file.rows == ()
    assert says in messages(file)[0]


def test_a_clock_set_back_is_named_with_its_lines() -> None:
    stamps = ["01:30", "01:45", "01:00", "01:15", "01:30", "01:45", "02:00"]
    text = "time,celsius\n" + "".join(f"2026-03-01 {stamp},4.1\n" for stamp in stamps)
    file = parse(text)
    assert len(file.rows) == 3
    assert messages(file) == [
        "lines 4 to 7: time goes back, and nothing says how far the clock was set (4 rows left out, all others kept)"
    ]


@given(st.lists(st.integers(-10_000, 15_000), min_size=1, max_size=50))
def test_rows_written_as_csv_are_read_back(centi: list[int]) -> None:
    lines = [
        f"{datetime.fromtimestamp(1_790_000_000 + n * 60, UTC).isoformat()},{value / 100:.2f}"
        for n, value in enumerate(centi)
    ]
    file = parse("time,celsius\n" + "\n".join(lines) + "\n")
    assert values(file) == [(1_790_000_000_000 + n * MINUTE_MS, value) for n, value in enumerate(centi)]


@given(st.text(st.sampled_from('time,celsius2026-03-01T:4."\n\r\t;Z+ é'), max_size=200))
def test_no_text_is_too_strange_to_answer(text: str) -> None:
    try:
        file = parse("time,celsius\n2026-03-01 10:00,4.1\n" + text)
    except SettingProblem as problem:
        assert "--column" in problem.message  # noqa: PT017 a file may well need a column to be named
    else:
        assert file.rows or file.problems


@pytest.mark.stack
@pytest.mark.parametrize(
    ("name", "options", "rows", "first", "last"),
    [
        (
            "transport-logger-5min.csv", CsvOptions(KOLKATA), 3_091,
            (utc_ms("2020-05-30T00:00"), 460), (utc_ms("2020-06-09T17:30"), 2_380),
        ),
        (
            "freezer-1min.csv", CsvOptions(KOLKATA), 20_186,
            (utc_ms("2022-07-07T12:00"), -1_930), (utc_ms("2022-07-21T12:25"), -1_920),
        ),
        (
            "coldstore-15min.csv", CsvOptions(NEW_YORK, "cooling_2"), 31_648,
            (utc_ms("2021-06-24T20:45"), 390), (utc_ms("2022-05-20T12:45"), 220),
        ),
        (
            "ambient-hourly-fahrenheit.csv", CsvOptions(KOLKATA, None, fahrenheit=True), 7_267,
            (utc_ms("2013-07-03T18:30"), 2_104), (utc_ms("2014-05-28T09:30"), 2_255),
        ),
    ],
)  # fmt: skip
def test_real_files_are_read_without_a_problem(
    name: str, options: CsvOptions, rows: int, first: tuple[int, int], last: tuple[int, int]
) -> None:
    file = parse_csv((REAL / name).read_bytes(), options)
    assert messages(file) == []
    assert len(file.rows) == rows
    assert (values(file)[0], values(file)[-1]) == (first, last)


@pytest.mark.stack
def test_the_real_clock_step_at_the_end_of_summer_time_leaves_no_hole() -> None:
    file = parse_csv((REAL / "coldstore-15min.csv").read_bytes(), CsvOptions(NEW_YORK, "cooling_2"))
    around = [
        row.measured_at_ms
        for row in file.rows
        if utc_ms("2021-11-07T04:00") <= row.measured_at_ms <= utc_ms("2021-11-07T09:00")
    ]
    assert len(around) == 21
    assert [note.line for note in file.notes if "twice" in note.text] == [12_995]


@pytest.mark.stack
def test_the_same_step_in_a_zone_without_summer_time_is_named_by_its_lines() -> None:
    file = parse_csv((REAL / "coldstore-15min.csv").read_bytes(), CsvOptions(KOLKATA, "cooling_2"))
    assert [one.facts["line"] for one in file.problems] == [12_999]
    assert len(file.rows) == 31_648 - 4


@pytest.mark.stack
def test_a_real_file_with_several_columns_asks_which() -> None:
    with pytest.raises(SettingProblem, match="platform_1, freezer_2, cooling_2"):
        parse_csv((REAL / "coldstore-15min.csv").read_bytes(), CsvOptions(NEW_YORK))
