from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.conflicts import Conflict
from ingest.load import Load, letter, take_apart
from ingest.reasons import Reason
from ingest.record import dirty_hours, record
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger import telemetry
from sheetal.ledger.telemetry_writes import KEYS_A_QUERY
from tests.ingest.given import (
    BOOT,
    KEYS,
    NOW_MS,
    SENSOR,
    batch,
    day,
    message,
    minutes,
    reading,
    row,
    sealed,
    span,
    unplaced,
    written,
)

if TYPE_CHECKING:
    from ingest.writer import Written
    from tests.ingest.conftest import Stores

HOUR = NOW_MS // HOUR_MS * HOUR_MS


def nothing() -> Written:
    return written()


def marks(stores: Stores) -> dict[tuple[str, int], int]:
    with stores.telemetry.read() as connection:
        return {(one.sensor_id, one.hour_ms): one.marked for one in telemetry.dirty_hours(connection, 500)}


def letters(stores: Stores) -> list[tuple[str, str]]:
    with stores.telemetry.read() as connection:
        return [(one.reason, one.detail) for one in telemetry.dead_letters(connection, 9)]


def loaded(payload: bytes) -> Load:
    load = Load()
    sent = message(payload)
    load.add(sent, take_apart(sent, KEYS.get))
    return load


def test_new_repeated_and_conflicting_rows_all_mark_their_hour(stores: Stores) -> None:
    offered = [reading(HOUR + number * HOUR_MS) for number in range(3)]
    contradicted = Conflict(reading(HOUR + 2 * HOUR_MS, 400), offered[2])
    record(stores.telemetry, Load(), written([offered[0]], [offered[1]], [contradicted]), NOW_MS)
    assert set(marks(stores)) == {(SENSOR, HOUR + number * HOUR_MS) for number in range(3)}


def test_a_re_send_marks_again(stores: Stores) -> None:
    record(stores.telemetry, Load(), written([reading(HOUR)]), NOW_MS)
    before = marks(stores)
    record(stores.telemetry, Load(), written(repeated=[reading(HOUR)]), NOW_MS)
    after = marks(stores)
    assert set(before) == set(after)
    assert before != after


def test_refused_rows_mark_nothing(stores: Stores) -> None:
    record(stores.telemetry, Load(), written(refused=[(reading(HOUR), "implausible")]), NOW_MS)
    assert marks(stores) == {}


def test_conflicts_are_kept_once_with_both_values(stores: Stores) -> None:
    pair = Conflict(reading(HOUR, 400, sequence=1), reading(HOUR, 999, sequence=2))
    for _ in range(2):
        record(stores.telemetry, Load(), written(conflicting=[pair]), NOW_MS)
    with stores.telemetry.read() as connection:
        (kept,) = telemetry.conflicts(connection, 10)
    assert (kept.stored_centi_celsius, kept.offered_centi_celsius, kept.sequence) == (400, 999, 2)


def test_dead_letters_are_kept_and_their_repeats_counted_on_one_row(stores: Stores) -> None:
    for _ in range(3):
        load = Load()
        load.add(message(b"x" * 20_000), letter(message(b"x" * 20_000), Reason.BAD_JSON, "not JSON"))
        record(stores.telemetry, load, nothing(), NOW_MS)
    with stores.telemetry.read() as connection:
        (kept,) = telemetry.dead_letters(connection, 10)
    assert (kept.reason, kept.size_bytes, len(kept.head), kept.repeats) == ("bad_json", 20_000, 16_384, 2)


def test_refused_rows_keep_their_message_once_for_each_reason(stores: Stores) -> None:
    record(stores.telemetry, loaded(sealed(batch([row(1), row(2, 0), row(3, NOW_MS * 2)]))), nothing(), NOW_MS)
    with stores.telemetry.read() as connection:
        assert {one.reason for one in telemetry.dead_letters(connection, 10)} == {"implausible", "future_stamp"}


def test_day_summaries_are_kept_and_mark_their_hours(stores: Stores) -> None:
    summary = day(1)
    record(stores.telemetry, loaded(sealed(batch(days=[summary]))), nothing(), NOW_MS)
    with stores.telemetry.read() as connection:
        assert telemetry.day_summaries(connection, SENSOR, 0, NOW_MS * 2) == [summary]
    assert len(marks(stores)) == 24


def test_a_load_with_nothing_to_record_opens_no_transaction(stores: Stores) -> None:
    stores.telemetry.close()
    (stores.folder / "telemetry.db").unlink()
    record(stores.telemetry, loaded(sealed(batch())), nothing(), NOW_MS)
    assert not (stores.folder / "telemetry.db").exists()


def test_a_failing_part_leaves_no_other_part_behind(stores: Stores) -> None:
    load = loaded(sealed(batch(minutes(1, 2))))
    load.letters.append(letter(message(b"x"), Reason.BAD_JSON, "x")._replace(payload=None))  # type: ignore[arg-type]
    try:
        record(stores.telemetry, load, written(load.readings), NOW_MS)
    except TypeError:
        assert marks(stores) == {}
    else:
        raise AssertionError("a letter without a payload was taken")


@given(st.lists(st.integers(NOW_MS, NOW_MS + 10**8)))
def test_every_row_is_in_exactly_one_marked_hour(instants: list[int]) -> None:
    hours = dirty_hours({SENSOR: sorted(instants)} if instants else {}, [])
    assert all(hour_ms % HOUR_MS == 0 for _, hour_ms in hours)
    for instant in instants:
        assert sum(hour_ms <= instant < hour_ms + HOUR_MS for _, hour_ms in hours) == 1


def test_rows_without_an_instant_are_kept_once_and_make_no_hour_known(stores: Stores) -> None:
    told = msgspec.structs.replace(
        batch(), unplaced=[unplaced(1), unplaced(2, monotonic_ms=5, centi_celsius=None, quality=2)]
    )
    for _ in range(2):
        record(stores.telemetry, loaded(sealed(told)), nothing(), NOW_MS)
    with stores.telemetry.read() as connection:
        kept = telemetry.unplaced_rows(connection, SENSOR, 10)
    assert [(one.boot, one.sequence, one.monotonic_ms, one.centi_celsius, one.quality) for one in kept] == [
        (BOOT, 2, 5, None, 2),
        (BOOT, 1, 61_000, 450, 0),
    ]
    assert marks(stores) == {}
    assert letters(stores) == []


def test_a_thinned_span_is_kept_once_and_marks_every_hour_it_touches(stores: Stores) -> None:
    starts_ms = HOUR - 5 * 60_000
    told = msgspec.structs.replace(batch(), thinned=[span(1, starts_at_ms=starts_ms, ends_at_ms=HOUR)])
    for _ in range(2):
        record(stores.telemetry, loaded(sealed(told)), nothing(), NOW_MS)
    assert set(marks(stores)) == {(SENSOR, HOUR - HOUR_MS), (SENSOR, HOUR)}
    with stores.telemetry.read() as connection:
        (kept,) = telemetry.thinned_spans(connection, SENSOR, HOUR, HOUR + 1)
    assert (kept.rows, kept.covers, kept.covers_boot) == (15, [(100, 106), (108, 115)], BOOT)
    assert letters(stores) == []


def test_what_contradicts_a_row_or_a_span_that_stands_is_kept_as_a_letter_and_changes_nothing(stores: Stores) -> None:
    first = msgspec.structs.replace(batch(), unplaced=[unplaced(1), unplaced(2)], thinned=[span(3), span(4, rows=9)])
    record(stores.telemetry, loaded(sealed(first)), nothing(), NOW_MS)
    assert letters(stores) == [("contradicting", "rows 4")], "one place, two spans of one message"
    again = msgspec.structs.replace(first, unplaced=[unplaced(1), unplaced(2, centi_celsius=1)], thinned=[span(3)])
    for _ in range(2):
        record(stores.telemetry, loaded(sealed(again)), nothing(), NOW_MS)
    assert sorted(letters(stores)) == [("contradicting", "rows 2"), ("contradicting", "rows 4")]
    with stores.telemetry.read() as connection:
        assert [one.centi_celsius for one in telemetry.unplaced_rows(connection, SENSOR, 10)] == [450, 450]
        assert [one.rows for one in telemetry.thinned_spans(connection, SENSOR, 0, NOW_MS)] == [15]


def test_many_repeated_rows_without_an_instant_are_all_compared(stores: Stores) -> None:
    numbers = range(1, 2 * KEYS_A_QUERY + 2)
    told = msgspec.structs.replace(batch(), unplaced=[unplaced(number) for number in numbers])
    record(stores.telemetry, loaded(sealed(told)), nothing(), NOW_MS)
    told.unplaced[-1] = unplaced(numbers[-1], centi_celsius=2)
    record(stores.telemetry, loaded(sealed(told)), nothing(), NOW_MS)
    assert letters(stores) == [("contradicting", f"rows {numbers[-1]}")]
