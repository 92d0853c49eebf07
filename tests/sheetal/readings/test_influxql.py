from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.reading import Reading
from sheetal.readings import influxql
from sheetal.readings.port import Bucket
from sheetal.readings.sift import is_sensor_name

ROW_COLUMNS = ["time", "sensor", "t", "q", "b", "seq"]
BUCKET_COLUMNS = ["time", "count", "min", "max", "mean", "first", "last"]


def answer(*series: dict[str, object]) -> influxql.Result:
    return influxql.parse_answer({"results": [{"statement_id": 0, "series": list(series)}]})


def test_statements_name_sensors_as_quoted_literals() -> None:
    assert influxql.select_rows(["a", "it's"], 5, 9, 100) == (
        "SELECT sensor, t, q, b, seq FROM reading WHERE (sensor = 'a' OR sensor = 'it\\'s') "
        "AND time >= 5ms AND time < 9ms ORDER BY time ASC LIMIT 100"
    )
    assert influxql.select_count("a", 5, 9) == (
        "SELECT count(q) FROM reading WHERE (sensor = 'a') AND time >= 5ms AND time < 9ms"
    )
    assert influxql.select_newest(["a"], 5, 9) == (
        "SELECT last(q) FROM reading WHERE (sensor = 'a') AND time >= 5ms AND time < 9ms GROUP BY sensor"
    )


@given(st.text(max_size=20))
def test_no_name_that_may_be_stored_ends_its_literal(sensor: str) -> None:
    if is_sensor_name(sensor):
        inside = influxql.quoted(sensor)[1:-1]
        assert inside.replace("\\'", "").count("'") == 0
        assert not inside.endswith("\\") or inside.endswith("\\'")
        assert inside.replace("\\'", "'") == sensor


def test_buckets_are_grouped_by_sensor_with_an_offset_inside_one_bucket() -> None:
    assert influxql.select_buckets(["a", "b"], 5, 9, 3_600_000, -1) == (
        "SELECT count(t), min(t), max(t), mean(t), first(t), last(t) FROM reading "
        "WHERE (sensor = 'a' OR sensor = 'b') AND time >= 5ms AND time < 9ms AND q = 0 "
        "GROUP BY time(3600000ms, 3599999ms), sensor fill(none)"
    )


def test_statements_that_change_something() -> None:
    assert influxql.delete_before(7) == "DELETE FROM reading WHERE time < 7ms"
    assert influxql.show_policies("cc") == 'SHOW RETENTION POLICIES ON "cc"'
    assert influxql.select_count_before(7) == "SELECT count(q) FROM reading WHERE time < 7ms"
    assert influxql.create_database("cc") == 'CREATE DATABASE "cc" WITH DURATION INF SHARD DURATION 7d'


def test_instants_are_written_to_the_millisecond() -> None:
    assert influxql.rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert influxql.rfc3339(1_763_870_399_999) == "2025-11-23T03:59:59.999Z"


def test_an_answer_that_the_server_cut_is_no_answer() -> None:
    with pytest.raises(ValueError, match="max-row-limit"):
        answer({"columns": ["time", "count"], "values": [[1, 12]], "partial": True})


def test_tables_are_rows_by_the_names_of_their_columns() -> None:
    content = {"results": [{"series": [{"name": "build", "columns": ["a", "b"], "values": [[1, True], [2, False]]}]}]}
    assert influxql.tables_of(content) == {"build": [{"a": 1, "b": True}, {"a": 2, "b": False}]}
    assert influxql.tables_of("<html>") == {}


def test_rows_become_readings() -> None:
    values = [
        [1, "s", 4.52, 0, 2**62 + 1, 17],
        [2, "s", None, 2, 7, 18],
        [3, "it's", 4, 0, 7, 19],
        [4, "s", 9.9, 1, 7, 20],
    ]
    assert influxql.readings_of(answer({"name": "reading", "columns": ROW_COLUMNS, "values": values})) == [
        Reading("s", 1, 452, 0, 2**62 + 1, 17),
        Reading("s", 2, None, 2, 7, 18),
        Reading("it's", 3, 400, 0, 7, 19),
        Reading("s", 4, None, 1, 7, 20),
    ]


def test_counts_and_buckets() -> None:
    assert influxql.count_of(answer({"columns": ["time", "count"], "values": [[1, 12]]})) == 12
    assert influxql.count_of(answer()) == 0
    row = [7_200_000, 3, -0.5, 8.01, 4.1, 4, 8.01]
    series = {"columns": BUCKET_COLUMNS, "tags": {"sensor": "b c"}, "values": [row]}
    assert influxql.buckets_of(answer(series)) == {
        "b c": [Bucket(7_200_000, 3, -50, 801, pytest.approx(410), 400, 801)]
    }


def test_a_sensor_is_found_among_the_tags_or_in_a_column() -> None:
    tagged = [{"columns": ["time", "last"], "tags": {"sensor": name}, "values": [[7, 0]]} for name in ("a", "b")]
    in_a_column = {"columns": ["time", "sensor", "last"], "values": [[7, "a", 0], [7, "b", 0]]}
    assert influxql.newest_of(answer(*tagged)) == influxql.newest_of(answer(in_a_column)) == {"a": 7, "b": 7}
    row = [7, "a", 1, 4.0, 4.0, 4.0, 4.0, 4.0]
    columns = ["time", "sensor", *BUCKET_COLUMNS[1:]]
    assert influxql.buckets_of(answer({"columns": columns, "values": [row, row]})) == {
        "a": [Bucket(7, 1, 400, 400, 400.0, 400, 400)] * 2
    }


def test_an_answer_without_a_column_that_was_asked_for_is_none_of_ours() -> None:
    with pytest.raises(ValueError, match="count"):
        influxql.count_of(answer({"columns": ["time", "sum"], "values": [[1, 12]]}))


def test_what_changes_something_gives_nothing() -> None:
    influxql.nothing_of(answer())


def test_an_error_inside_an_answer_is_kept() -> None:
    content = {"results": [{"statement_id": 0, "error": "database not found: cc"}]}
    assert influxql.parse_answer(content).error == "database not found: cc"


def test_an_answer_without_results_is_empty() -> None:
    assert influxql.parse_answer({"results": []}) == influxql.Result()


@pytest.mark.parametrize("content", [None, "<html>", [], {"results": "x"}, {"results": [{"series": [{"values": 3}]}]}])
def test_what_is_no_answer_is_refused(content: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        influxql.parse_answer(content)
