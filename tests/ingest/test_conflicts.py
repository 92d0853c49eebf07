from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.conflicts import (
    SPAN_GAP_MS_MAX,
    Conflict,
    Span,
    StoredThrough,
    by_sensor,
    says_the_same,
    spans_to_read,
    split,
)
from sheetal.contracts.reading import Reading
from tests.ingest.given import SENSOR, reading

HOUR = 3_600_000


def test_new_repeated_and_conflicting_rows_are_told_apart() -> None:
    stored = [reading(10, 400, sequence=1), reading(20, 410, sequence=2)]
    offered = [reading(10, 400, sequence=1), reading(20, 999, sequence=2), reading(30, 420, sequence=3)]
    found = split(offered, stored)
    assert found.repeated == [offered[0]]
    assert found.conflicting == [Conflict(stored[1], offered[1])]
    assert found.new == [offered[2]]


def test_another_boot_that_brings_the_same_value_is_a_repetition() -> None:
    old = reading(10, 400)
    assert split([old._replace(boot=9, sequence=77)], [old]).repeated


def test_a_fault_and_a_value_at_one_instant_are_a_conflict() -> None:
    assert split([reading(10, None, quality=2)], [reading(10, 400)]).conflicting
    assert split([reading(10, None, quality=2)], [reading(10, None, quality=3)]).conflicting


def test_the_same_instant_of_another_sensor_is_new() -> None:
    other = reading(10, 999, sensor="gw-01.b")
    assert split([other], [reading(10, 400)]).new == [other]


def test_of_two_new_rows_for_one_key_the_first_is_kept() -> None:
    first, same, other = reading(10, 400, sequence=1), reading(10, 400, sequence=2), reading(10, 500, sequence=3)
    found = split([first, same, other], [])
    assert (found.new, found.repeated, found.conflicting) == ([first], [same], [Conflict(first, other)])


def test_rows_newer_than_the_store_need_no_reading_back() -> None:
    assert spans_to_read(SENSOR, [101, 102], 100) == []
    assert spans_to_read(SENSOR, [100, 101], 100) == [Span(SENSOR, 100, 101)]
    assert spans_to_read(SENSOR, [90, 95, 101], 100) == [Span(SENSOR, 90, 96)]


def test_a_sensor_seen_first_is_read_back_for_its_span() -> None:
    assert spans_to_read(SENSOR, [5, 7, 9], None) == [Span(SENSOR, 5, 10)]
    assert spans_to_read(SENSOR, [], None) == []


def test_far_apart_rows_are_read_back_apart() -> None:
    month = 30 * 24 * HOUR
    assert spans_to_read(SENSOR, [0, HOUR, month], None) == [Span(SENSOR, 0, HOUR + 1), Span(SENSOR, month, month + 1)]


def test_instants_are_gathered_by_sensor_and_sorted() -> None:
    offered = [reading(20), reading(10), reading(5, sensor="gw-01.b")]
    assert by_sensor(offered) == {SENSOR: [10, 20], "gw-01.b": [5]}


def test_the_known_instant_never_goes_back() -> None:
    known = StoredThrough()
    assert known.get(SENSOR) is None
    for instant in (100, 50, 120, 10):
        known.advance(SENSOR, instant)
    assert known.get(SENSOR) == 120
    known.forget()
    assert known.get(SENSOR) is None


def test_what_is_known_is_bounded_and_the_longest_unused_goes_first() -> None:
    known = StoredThrough(sensors_max=2)
    for sensor in ("a", "b", "a", "c"):
        known.advance(sensor, 1)
    assert [known.get(sensor) for sensor in ("a", "b", "c")] == [1, None, 1]


samples = st.builds(
    Reading,
    st.sampled_from(["gw-01.a", "gw-01.b"]),
    st.integers(0, 12),
    st.integers(400, 402),
    st.just(0),
    st.just(1),
    st.integers(0, 99),
)


def keyed(rows: list[Reading]) -> dict[tuple[str, int], Reading]:
    """What a store that keeps the first of a key would hold."""
    kept: dict[tuple[str, int], Reading] = {}
    for one in rows:
        kept.setdefault((one.sensor, one.measured_at_ms), one)
    return kept


@settings(max_examples=300)
@given(st.lists(samples, max_size=20), st.lists(samples, max_size=20))
def test_writing_only_the_new_rows_keeps_the_first_of_every_key(before: list[Reading], offered: list[Reading]) -> None:
    store = keyed(before)
    found = split(offered, store.values())
    assert len(found.new) + len(found.repeated) + len(found.conflicting) == len(offered)
    assert keyed([*store.values(), *found.new]) == keyed([*store.values(), *offered])
    assert not {(one.sensor, one.measured_at_ms) for one in found.new} & set(store)
    for conflict in found.conflicting:
        assert conflict.stored == keyed([*store.values(), *offered])[conflict.offered.sensor, conflict.offered[1]]
        assert not says_the_same(conflict.stored, conflict.offered)


@settings(max_examples=300)
@given(st.lists(st.integers(0, 20 * SPAN_GAP_MS_MAX)), st.none() | st.integers(0, 20 * SPAN_GAP_MS_MAX))
def test_spans_cover_every_instant_that_may_collide_and_do_not_overlap(instants: list[int], known: int | None) -> None:
    spans = spans_to_read(SENSOR, sorted(instants), known)
    for instant in instants:
        inside = any(span.start_ms <= instant < span.end_ms for span in spans)
        assert inside == (known is None or instant <= known)
    for earlier, later in itertools.pairwise(spans):
        assert later.start_ms - earlier.end_ms >= SPAN_GAP_MS_MAX
