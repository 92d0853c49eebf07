from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.reading import Reading
from sheetal.readings.grouping import (
    NAME_BYTES_MAX,
    SENSORS_MAX,
    SPAN_MS_MAX,
    Span,
    common_range,
    name_groups,
    span_groups,
    within,
)
from sheetal.readings.influxql import quoted

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
SPANS = st.tuples(
    st.sampled_from(["a", "b", "शीत" * 60]), st.integers(0, 40 * HOUR_MS), st.integers(1, 9 * HOUR_MS)
).map(lambda parts: (parts[0], parts[1], parts[1] + parts[2]))


def encoded_bytes(group: list[str]) -> int:
    return len(quote(" OR ".join(f"sensor = {quoted(name)}" for name in group)))


def test_ordinary_names_go_fifty_at_a_time() -> None:
    names = [f"gw-{number:05d}.ilr1-tvc" for number in range(120)]
    assert [len(group) for group in name_groups(names)] == [SENSORS_MAX, SENSORS_MAX, 20]
    assert name_groups([]) == []
    assert name_groups(["a", "b", "a"]) == [["a", "b"]]


@given(st.lists(NAMES, max_size=80))
def test_every_name_is_asked_once_in_a_short_address(names: list[str]) -> None:
    groups = name_groups(names)
    assert [name for group in groups for name in group] == list(dict.fromkeys(names))
    for group in groups:
        assert 0 < len(group) <= SENSORS_MAX
        assert len(group) == 1 or encoded_bytes(group) <= NAME_BYTES_MAX


@given(st.lists(SPANS, max_size=60))
def test_every_span_is_read_once_with_those_near_it(spans: list[Span]) -> None:
    groups = span_groups(spans)
    assert sorted(span for group in groups for span in group) == sorted(spans)
    for group in groups:
        start_ms, end_ms = common_range(group)
        assert len(group) == 1 or end_ms - start_ms <= SPAN_MS_MAX
        assert len(group) == 1 or encoded_bytes([sensor for sensor, _, _ in group]) <= NAME_BYTES_MAX
        assert len(group) <= SENSORS_MAX


def test_a_long_span_does_not_take_others_along() -> None:
    long, short, later = ("a", 0, 99 * HOUR_MS), ("b", 1, 2), ("c", 3, 4)
    assert span_groups([later, long, short]) == [[long], [short, later]]


@pytest.mark.parametrize(("instant", "is_in"), [(0, False), (1, True), (4, True), (5, False), (7, True), (9, False)])
def test_samples_outside_the_spans_are_left_out(instant: int, is_in: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    readings = [Reading(sensor, instant, 450, 0, 1, 1) for sensor in ("a", "b")]
    spans = [("a", 1, 5), ("a", 7, 9), ("c", 0, 99)]
    assert within(readings, spans) == readings[:1] * is_in
