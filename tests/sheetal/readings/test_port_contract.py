"""What every readings store promises, asked of each adapter."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sheetal.contracts.reading import Quality, Reading
from sheetal.readings.memory import buckets_of
from sheetal.readings.port import INTEGER_MAX, YEAR_2100_MS
from sheetal.readings.sift import (
    BAD_NUMBER,
    BAD_SENSOR_NAME,
    IMPLAUSIBLE,
    TIME_OUT_OF_RANGE,
)

if TYPE_CHECKING:
    from sheetal.readings.port import Bucket, ReadingsStore

START_MS = 1_763_870_400_000  # 2025-11-23T04:00:00Z, which no window, hour or day begins at but the hour
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
BOOT = (7 << 32) + 3_405_691_582
ALL = (0, YEAR_2100_MS)
SENSOR = "gw-01.ilr1-tvc"
_examples = count()


def reading(minute: int, centi_celsius: int | None = 450, **changes: object) -> Reading:
    quality = Quality.OK if centi_celsius is not None else Quality.OPEN_CIRCUIT
    sample = Reading(SENSOR, START_MS + minute * MINUTE_MS, centi_celsius, int(quality), BOOT, minute + 100_000)
    return sample._replace(**changes)


def exact(buckets: list[Bucket]) -> list[tuple[object, ...]]:
    """Buckets with the one float rounded far below a hundredth of a centi-degree."""
    return [tuple(bucket._replace(centi_celsius_mean=round(bucket.centi_celsius_mean, 4))) for bucket in buckets]


def test_what_was_written_is_read_back_whole(store: ReadingsStore) -> None:
    batch = [reading(0, 452), reading(5, -10_000), reading(10, 15_000), reading(15, 0), reading(20, -1)]
    assert store.write(batch) == (5, [])
    assert store.read(SENSOR, *ALL) == batch


def test_an_empty_store_answers_with_nothing(store: ReadingsStore) -> None:
    assert store.read(SENSOR, *ALL) == []
    assert store.count(SENSOR, *ALL) == 0
    assert store.downsample([SENSOR], *ALL, DAY_MS * 365) == {SENSOR: []}
    assert store.write([]) == (0, [])
    assert store.expire(START_MS) == 0


def test_rows_come_in_time_order_however_they_went_in(store: ReadingsStore) -> None:
    batch = [reading(minute) for minute in range(0, 3_000, 7)]
    shuffled = batch.copy()
    random.Random(5).shuffle(shuffled)
    for start in range(0, len(shuffled), 100):
        store.write(shuffled[start : start + 100])
    assert store.read(SENSOR, *ALL) == batch


def test_a_batch_sent_again_changes_nothing(store: ReadingsStore) -> None:
    batch = [reading(minute, minute) for minute in range(50)] + [reading(51, None)]
    first = store.write(batch)
    assert store.write(batch) == first == (51, [])
    assert store.write(batch[10:20]) == (10, [])
    assert store.read(SENSOR, *ALL) == batch
    assert store.count(SENSOR, *ALL) == 51


def test_late_data_takes_its_place(store: ReadingsStore) -> None:
    fresh = [reading(minute) for minute in range(1_000, 1_010)]
    late = [reading(minute - 60 * 24 * 40, 700) for minute in range(5)]
    store.write(fresh)
    store.write(late)
    assert store.read(SENSOR, *ALL) == late + fresh


def test_a_row_twice_in_one_batch_is_one_row(store: ReadingsStore) -> None:
    assert store.write([reading(0), reading(1), reading(0)]) == (3, [])
    assert store.read(SENSOR, *ALL) == [reading(0), reading(1)]


def test_two_boots_at_one_instant_leave_exactly_one_whole_row(store: ReadingsStore) -> None:
    older, newer = reading(0, 450), reading(0, 900, boot=BOOT + (1 << 32), sequence=1)
    store.write([older])
    store.write([newer])
    assert store.read(SENSOR, *ALL) in ([older], [newer])


def test_a_conflict_inside_one_batch_leaves_exactly_one_whole_row(store: ReadingsStore) -> None:
    one, other = reading(0, 450), reading(0, 900, boot=BOOT + (1 << 32), sequence=1)
    assert store.write([one, reading(1), other, one]) == (4, [])
    assert store.read(SENSOR, *ALL) in ([one, reading(1)], [other, reading(1)])
    assert store.count(SENSOR, *ALL) == 2


def test_a_fault_beside_a_value_at_one_instant_never_mixes(store: ReadingsStore) -> None:
    value, fault = reading(0, 450), reading(0, None)
    store.write([value])
    store.write([fault])
    kept = store.read(SENSOR, *ALL)
    assert kept in ([value], [fault])
    assert [bucket.n for bucket in store.downsample([SENSOR], *ALL, HOUR_MS)[SENSOR]] == [1] * (kept == [value])


def test_ranges_include_their_start_and_exclude_their_end(store: ReadingsStore) -> None:
    store.write([reading(minute) for minute in range(4)])
    start_ms, end_ms = reading(1).measured_at_ms, reading(3).measured_at_ms
    assert store.read(SENSOR, start_ms, end_ms) == [reading(1), reading(2)]
    assert store.count(SENSOR, start_ms, end_ms) == 2
    assert store.read(SENSOR, start_ms + 1, end_ms + 1) == [reading(2), reading(3)]
    assert store.read(SENSOR, start_ms, start_ms) == []
    assert store.read(SENSOR, end_ms, start_ms) == []
    assert store.count(SENSOR, end_ms, start_ms) == 0
    assert store.downsample([SENSOR], end_ms, start_ms, HOUR_MS) == {SENSOR: []}


def test_instants_no_engine_can_hold_may_be_asked_for(store: ReadingsStore) -> None:
    store.write([reading(0)])
    assert store.read(SENSOR, -(2**80), 2**80) == [reading(0)]
    assert store.count(SENSOR, -(2**80), 2**80) == 1
    assert store.read(SENSOR, 2**70, 2**80) == []


def test_a_range_is_paged_by_limit_and_the_last_instant(store: ReadingsStore) -> None:
    batch = [reading(minute * 30) for minute in range(95)]
    store.write(batch)
    pages: list[list[Reading]] = []
    after_ms = None
    while page := store.read(SENSOR, *ALL, limit=10, after_ms=after_ms):
        pages.append(page)
        after_ms = page[-1].measured_at_ms
    assert [len(page) for page in pages] == [10] * 9 + [5]
    assert [row for page in pages for row in page] == batch
    assert store.read(SENSOR, *ALL, limit=0) == []


def test_a_batch_larger_than_one_request_is_cut_and_read_back_whole(store: ReadingsStore) -> None:
    size = max(store.capabilities.rows_per_request_max * 2 + 1, 10_001)
    batch = [reading(0, number % 1_000, measured_at_ms=START_MS + number * 1_000) for number in range(size)]
    assert store.write(batch) == (size, [])
    assert store.count(SENSOR, *ALL) == size
    assert store.read(SENSOR, *ALL) == batch


def test_many_spans_are_read_at_once(store: ReadingsStore) -> None:
    names = [f"gw-{number:03d}.tvc" for number in range(130)]
    days = [0, 1, 1_700]  # of which one is years away
    batch = [
        reading(day * 1440 + minute * 5, number, sensor=name)
        for number, name in enumerate(names)
        for day in days
        for minute in range(4)
    ]
    store.write(batch)
    spans = [
        (name, START_MS + day * DAY_MS + 5 * MINUTE_MS, START_MS + day * DAY_MS + 15 * MINUTE_MS)
        for name in names
        for day in days
        if (name, day) != (names[7], 1)
    ]
    wanted = {(sensor, instant) for sensor, start_ms, _ in spans for instant in (start_ms, start_ms + 5 * MINUTE_MS)}
    found = store.read_many([*spans, ("gw-999.tvc", *ALL), ("back\\slash", *ALL), (names[0], 9, 5)])
    assert len(found) == len(wanted)
    assert {row[:2] for row in found} == wanted
    assert set(found) <= set(batch)
    assert store.read_many([]) == []


def test_a_long_span_among_many_is_read_whole(store: ReadingsStore) -> None:
    batch = [reading(0, number % 1_000, measured_at_ms=START_MS + number * 1_000) for number in range(10_500)]
    others = [reading(minute, sensor="other") for minute in range(40)]
    store.write(batch + others)
    found = store.read_many([(SENSOR, *ALL), ("other", START_MS, START_MS + HOUR_MS)])
    assert sorted(found) == sorted(batch + others)
    close = store.read_many([(SENSOR, START_MS, START_MS + 4 * HOUR_MS), ("other", START_MS, START_MS + HOUR_MS)])
    assert sorted(close) == sorted(batch + others)


def test_the_newest_instants_of_many_sensors(store: ReadingsStore) -> None:
    names = [f"gw-{number:03d}.tvc" for number in range(120)]
    store.write(
        [reading(minute * 60 + number, sensor=name) for number, name in enumerate(names) for minute in range(3)]
    )
    store.write([reading(240, None, sensor=names[5]), reading(0, sensor="it's")])
    asked = [*names[:110], "it's", "gw-999.tvc", "new\nline"]
    newest = store.newest_ms(asked, START_MS, START_MS + DAY_MS)
    latest = {5: 240} | {number: 120 + number for number in range(110) if number != 5}
    assert newest == {names[number]: START_MS + minute * MINUTE_MS for number, minute in latest.items()} | {
        "it's": START_MS
    }
    end_ms = START_MS + 125 * MINUTE_MS
    assert store.newest_ms(names[:7], START_MS + 121 * MINUTE_MS, end_ms) == {
        names[number]: START_MS + (120 + number) * MINUTE_MS for number in range(1, 5)
    }
    assert store.newest_ms(names, START_MS, START_MS) == {}
    assert store.newest_ms([], *ALL) == {}


def test_sensors_do_not_see_each_other(store: ReadingsStore) -> None:
    others = [f"gw-{number:02d}.tvc" for number in range(45)]
    store.write([reading(minute, 100 + index, sensor=name) for minute in (0, 5) for index, name in enumerate(others)])
    assert [row.centi_celsius for row in store.read("gw-07.tvc", *ALL)] == [107, 107]
    buckets = store.downsample([*others, "gw-99.tvc"], *ALL, HOUR_MS)
    assert list(buckets) == [*others, "gw-99.tvc"]
    assert [bucket.centi_celsius_max for name in others for bucket in buckets[name]] == list(range(100, 145))
    assert buckets["gw-99.tvc"] == []


@pytest.mark.parametrize(
    "name", ["s 1", "a,b=c", "d\"q'", "é", "शीत.१", " lead ", "$s0", "time", "x" * 200, "a' OR 'a'='a", "#1", "%41"]
)
def test_odd_sensor_names_are_kept_as_they_are(store: ReadingsStore, name: str) -> None:
    odd, plain = reading(0, 450, sensor=name), reading(0, 900, sensor="plain")
    assert store.write([odd, plain]) == (2, [])
    assert store.read(name, *ALL) == [odd]
    assert store.count(name, *ALL) == 1
    assert [bucket.centi_celsius_first for bucket in store.downsample([name], *ALL, HOUR_MS)[name]] == [450]


@pytest.mark.parametrize("name", ["", "back\\slash", "new\nline", "nul\0", "x" * 201, "half\ud800"])
def test_a_name_that_cannot_be_stored_can_be_asked_for(store: ReadingsStore, name: str) -> None:
    store.write([reading(0)])
    if name != "half\ud800":  # no encoding carries it to any engine
        assert store.read(name, *ALL) == []
        assert store.count(name, *ALL) == 0


def test_what_cannot_be_is_refused_by_row_and_the_rest_is_stored(store: ReadingsStore) -> None:
    refused = [
        (reading(1, 15_001), IMPLAUSIBLE),
        (reading(2, -10_001), IMPLAUSIBLE),
        (reading(3, None, quality=0), IMPLAUSIBLE),
        (reading(4, 450, quality=2), IMPLAUSIBLE),
        (reading(5, measured_at_ms=0), TIME_OUT_OF_RANGE),
        (reading(6, measured_at_ms=-5), TIME_OUT_OF_RANGE),
        (reading(7, measured_at_ms=YEAR_2100_MS), TIME_OUT_OF_RANGE),
        (reading(8, boot=INTEGER_MAX + 1), BAD_NUMBER),
        (reading(9, sequence=-1), BAD_NUMBER),
        (reading(10, centi_celsius=4.5), BAD_NUMBER),
        (reading(10, centi_celsius=float("nan")), IMPLAUSIBLE),
        (reading(10, centi_celsius=float("inf")), IMPLAUSIBLE),
        (reading(10, centi_celsius=float("-inf")), IMPLAUSIBLE),
        (reading(11, sensor=""), BAD_SENSOR_NAME),
        (reading(12, sensor="new\nline"), BAD_SENSOR_NAME),
        (reading(13, sensor="half\ud800"), BAD_SENSOR_NAME),
    ]
    batch = [reading(0), *(row for row, _ in refused), reading(20)]
    result = store.write(batch)
    assert result.accepted == 2
    assert result.rejected == [(index + 1, reason) for index, (_, reason) in enumerate(refused)]
    assert store.read(SENSOR, *ALL) == [reading(0), reading(20)]


@pytest.mark.parametrize("first", [400, 0, -200])
def test_a_whole_degree_settles_no_type_that_refuses_the_next(store: ReadingsStore, first: int) -> None:
    assert store.write([reading(0, first)]) == (1, [])
    assert store.write([reading(1, 452), reading(2, 500), reading(3, None)]) == (3, [])
    assert [row.centi_celsius for row in store.read(SENSOR, *ALL)] == [first, 452, 500, None]


def test_fault_rows_are_kept_and_counted_but_have_no_temperature(store: ReadingsStore) -> None:
    faults = [reading(int(quality), None, quality=int(quality)) for quality in Quality if quality is not Quality.OK]
    store.write([*faults, reading(30, 500)])
    assert store.read(SENSOR, *ALL) == [*faults, reading(30, 500)]
    assert store.count(SENSOR, *ALL) == 6
    assert exact(store.downsample([SENSOR], *ALL, HOUR_MS)[SENSOR]) == [(START_MS, 1, 500, 500, 500.0, 500, 500)]
    assert store.downsample([SENSOR], START_MS, START_MS + 6 * MINUTE_MS, HOUR_MS) == {SENSOR: []}


def test_buckets_hold_count_extremes_mean_first_and_last(store: ReadingsStore) -> None:
    store.write([reading(0, 500), reading(10, 900), reading(20, 100), reading(59, 300), reading(60, 700)])
    assert exact(store.downsample([SENSOR], *ALL, HOUR_MS)[SENSOR]) == [
        (START_MS, 4, 100, 900, 450.0, 500, 300),
        (START_MS + HOUR_MS, 1, 700, 700, 700.0, 700, 700),
    ]


def test_buckets_without_a_sample_are_absent(store: ReadingsStore) -> None:
    store.write([reading(0), reading(60 * 24 * 3)])
    starts = [bucket.start_ms for bucket in store.downsample([SENSOR], *ALL, HOUR_MS)[SENSOR]]
    assert starts == [START_MS, START_MS + 3 * DAY_MS]


@pytest.mark.parametrize("origin_ms", [0, 5_400_000, START_MS + 17, -13, 19_800_000])
@pytest.mark.parametrize("every_ms", [77_777, HOUR_MS, DAY_MS, 400 * DAY_MS])
def test_buckets_are_counted_from_the_origin(store: ReadingsStore, every_ms: int, origin_ms: int) -> None:
    batch = [reading(minute, (minute * 37) % 900 - 300) for minute in range(0, 2_000, 3)]
    store.write(batch)
    start_ms, end_ms = START_MS + 11 * MINUTE_MS, START_MS + 1_900 * MINUTE_MS
    inside = [row for row in batch if start_ms <= row.measured_at_ms < end_ms]
    found = store.downsample([SENSOR], start_ms, end_ms, every_ms, origin_ms=origin_ms)[SENSOR]
    assert exact(found) == exact(buckets_of(inside, every_ms, origin_ms))
    assert all((bucket.start_ms - origin_ms) % every_ms == 0 for bucket in found)


def test_a_bucket_may_begin_before_the_epoch(store: ReadingsStore) -> None:
    store.write([reading(0, measured_at_ms=10), reading(1, measured_at_ms=60)])
    buckets = store.downsample([SENSOR], *ALL, 200 * 365 * DAY_MS, origin_ms=50)[SENSOR]
    assert [(bucket.start_ms, bucket.n) for bucket in buckets] == [(50 - 200 * 365 * DAY_MS, 1), (50, 1)]


@pytest.mark.parametrize("every_ms", [0, -1])
def test_a_bucket_without_width_is_a_mistake(store: ReadingsStore, every_ms: int) -> None:
    with pytest.raises(ValueError, match="width"):
        store.downsample([SENSOR], *ALL, every_ms)


def test_expire_forgets_what_is_older_and_only_that(store: ReadingsStore) -> None:
    batch = [reading(minute * 60) for minute in range(30)]
    store.write(batch)
    store.write([reading(0, sensor="other")])
    gone = store.expire(batch[12].measured_at_ms)
    if not store.capabilities.supports_delete:
        assert gone == 0
        assert store.count(SENSOR, *ALL) == 30
        return
    assert gone == 13
    assert store.read(SENSOR, *ALL) == batch[12:]
    assert store.expire(batch[12].measured_at_ms) == 0
    assert store.expire(-5) == 0
    store.write(batch[:2])
    assert store.read(SENSOR, *ALL) == batch[:2] + batch[12:]


def test_health_says_that_all_is_well(store: ReadingsStore) -> None:
    health = store.health()
    assert health.ok
    assert health.detail


def test_a_store_is_used_from_several_threads(store: ReadingsStore) -> None:
    def work(worker: int) -> int:
        name = f"gw-{worker}.tvc"
        for start in range(0, 300, 50):
            store.write([reading(minute, sensor=name) for minute in range(start, start + 50)])
        return store.count(name, *ALL)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == [300] * 6


def test_closing_twice_is_no_mistake(store: ReadingsStore) -> None:
    store.write([reading(0)])
    store.close()
    store.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_any_cut_and_any_resend_give_the_same_store(store: ReadingsStore, data: st.DataObject) -> None:
    minutes = data.draw(st.lists(st.integers(0, 2_000), unique=True, max_size=40))
    values = st.one_of(st.none(), st.integers(-10_000, 15_000))
    name = f"law-{next(_examples)}"
    batch = [reading(minute, data.draw(values), sensor=name) for minute in sorted(minutes)]
    sent = data.draw(st.permutations(batch + batch[::3]))
    cut = data.draw(st.integers(0, len(sent)))
    store.write(sent[:cut])
    store.write(sent[cut:])
    every_ms, origin_ms = data.draw(st.integers(50_000, DAY_MS)), data.draw(st.integers(-DAY_MS, DAY_MS))
    assert store.read(name, *ALL) == batch
    assert store.count(name, *ALL) == len(batch)
    buckets = store.downsample([name], *ALL, every_ms, origin_ms=origin_ms)[name]
    assert exact(buckets) == exact(buckets_of(batch, every_ms, origin_ms))
