from __future__ import annotations

import msgspec
import pytest

from sheetal.contracts.reading import Reading
from sheetal.readings import influxql
from sheetal.readings.port import Bucket


def answer(*series: dict[str, object]) -> influxql.Result:
    return influxql.parse_answer({"results": [{"statement_id": 0, "series": list(series)}]})


def test_statements_name_sensors_only_as_bound_values() -> None:
    assert influxql.select_rows(5, 9, 100) == (
        "SELECT t, q, b, seq FROM reading WHERE (sensor = $s0) AND time >= 5ms AND time < 9ms "
        "ORDER BY time ASC LIMIT 100"
    )
    assert influxql.select_count(5, 9) == (
        "SELECT count(q) FROM reading WHERE (sensor = $s0) AND time >= 5ms AND time < 9ms"
    )
    assert influxql.bound(["a' OR 'a'='a", "b"]) == {"s0": "a' OR 'a'='a", "s1": "b"}


def test_buckets_are_grouped_by_sensor_with_an_offset_inside_one_bucket() -> None:
    assert influxql.select_buckets(2, 5, 9, 3_600_000, -1) == (
        "SELECT count(t), min(t), max(t), mean(t), first(t), last(t) FROM reading "
        "WHERE (sensor = $s0 OR sensor = $s1) AND time >= 5ms AND time < 9ms AND q = 0 "
        "GROUP BY time(3600000ms, 3599999ms), sensor fill(none)"
    )


def test_statements_that_change_something() -> None:
    assert influxql.delete_before(7) == "DELETE FROM reading WHERE time < 7ms"
    assert influxql.select_count_before(7) == "SELECT count(q) FROM reading WHERE time < 7ms"
    assert influxql.create_database("cc") == 'CREATE DATABASE "cc" WITH DURATION INF SHARD DURATION 7d'


def test_rows_become_readings() -> None:
    result = answer(
        {
            "name": "reading",
            "columns": ["time", "t", "q", "b", "seq"],
            "values": [[1, 4.52, 0, 2**62 + 1, 17], [2, None, 2, 7, 18], [3, 4, 0, 7, 19], [4, 9.9, 1, 7, 20]],
        }
    )
    assert influxql.readings_of("s", result) == [
        Reading("s", 1, 452, 0, 2**62 + 1, 17),
        Reading("s", 2, None, 2, 7, 18),
        Reading("s", 3, 400, 0, 7, 19),
        Reading("s", 4, None, 1, 7, 20),
    ]


def test_counts_and_buckets() -> None:
    assert influxql.count_of(answer({"values": [[1, 12]]})) == 12
    assert influxql.count_of(answer()) == 0
    row = [7_200_000, 3, -0.5, 8.01, 4.1, 4, 8.01]
    assert influxql.buckets_of(answer({"tags": {"sensor": "b c"}, "values": [row]})) == {
        "b c": [Bucket(7_200_000, 3, -50, 801, pytest.approx(410), 400, 801)]
    }


def test_an_error_inside_an_answer_is_kept() -> None:
    content = {"results": [{"statement_id": 0, "error": "database not found: cc"}]}
    assert influxql.parse_answer(content).error == "database not found: cc"


def test_an_answer_without_results_is_empty() -> None:
    assert influxql.parse_answer({"results": []}) == influxql.Result()


@pytest.mark.parametrize("content", [None, "<html>", [], {"results": "x"}, {"results": [{"series": [{"values": 3}]}]}])
def test_what_is_no_answer_is_refused(content: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        influxql.parse_answer(content)
