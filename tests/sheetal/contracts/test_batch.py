from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.batch import (
    Ack,
    AuxRow,
    Batch,
    DaySummary,
    RefusedRange,
    Row,
    Stored,
    ThinnedSpan,
    UnplacedRow,
    ranges,
)

DAY = DaySummary(
    sequence=4,
    sensor="gw-01.a",
    starts_at_ms=0,
    ends_at_ms=86_400_000,
    centi_celsius_min=None,
    centi_celsius_max=810,
    low_limit_centi_celsius=-50,
    low_limit_minutes=60,
    high_limit_centi_celsius=800,
    high_limit_minutes=600,
    minutes_below=0,
    minutes_above=12,
    minutes_unknown=3,
    high_alarm_at_ms=5,
)
BATCH = Batch(
    gateway="gw-01",
    boot=1 << 32,
    sent_at_ms=1_795_000_000_000,
    rows=[Row(1, 1_000, "gw-01.a", 452, 0), Row(2, 2_000, "gw-01.a", None, 2)],
    aux=[AuxRow(3, 1_000, "gw-01.a", "TAMB", 31.5)],
    days=[DAY],
)


def encoded(value: object) -> bytes:
    return msgspec.json.encode(value)


def test_a_batch_comes_back_as_it_went() -> None:
    assert msgspec.json.decode(encoded(BATCH), type=Batch) == BATCH


def test_rows_are_short_arrays_on_the_wire() -> None:
    assert encoded(BATCH.rows) == b'[[1,1000,"gw-01.a",452,0],[2,2000,"gw-01.a",null,2]]'


def test_a_batch_may_hold_nothing_but_its_name() -> None:
    batch = msgspec.json.decode(b'{"gateway":"gw-01","boot":1,"sent_at_ms":2}', type=Batch)
    assert (batch.rows, batch.aux, batch.days, batch.history) == ([], [], [], False)


def test_fields_of_a_newer_minor_version_are_ignored() -> None:
    text = b'{"gateway":"g","boot":1,"sent_at_ms":2,"mood":"fine","rows":[[1,2,"g.a",3,0,"extra"]]}'
    assert msgspec.json.decode(text, type=Batch).rows == [Row(1, 2, "g.a", 3, 0)]


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"gateway":"g","boot":"1","sent_at_ms":2}',
        b'{"gateway":"g","boot":1,"sent_at_ms":2,"rows":[[1,2,"g.a"]]}',
        b'{"gateway":"g","boot":1,"sent_at_ms":2,"rows":[[1,2,"g.a",4.52,0]]}',
        b'{"gateway":"g","boot":1,"sent_at_ms":2,"days":[{"sequence":1}]}',
    ],
)
def test_what_is_no_batch_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Batch)


def test_an_ack_names_what_was_stored_and_what_never_will_be() -> None:
    ack = Ack(gateway="gw-01", boot=1, stored=[(1, 5), (7, 7)], refused=[RefusedRange(6, 6, "implausible")])
    expected = b'{"gateway":"gw-01","boot":1,"stored":[[1,5],[7,7]],"refused":[[6,6,"implausible"]]}'
    assert encoded(ack) == expected
    assert msgspec.json.decode(expected, type=Ack) == ack


def test_a_wake_up_names_sensors_only() -> None:
    stored = Stored(sensors=["gw-01.a"], stored_at_ms=5)
    assert msgspec.json.decode(encoded(stored), type=Stored) == stored


@given(st.lists(st.integers(0, 60)))
def test_ranges_name_exactly_the_numbers(numbers: list[int]) -> None:
    found = ranges(numbers)
    assert [number for first, last in found for number in range(first, last + 1)] == sorted(set(numbers))
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))


def test_a_question_for_the_time_is_a_batch_without_rows() -> None:
    question = Batch(gateway="gw-01", boot=1, sent_at_ms=0, clock_source="none", monotonic_ms=77)
    assert encoded(question) == (b'{"gateway":"gw-01","boot":1,"sent_at_ms":0,"clock_source":"none","monotonic_ms":77}')


def test_an_answer_echoes_the_question() -> None:
    ack = msgspec.json.decode(b'{"gateway":"gw-01","boot":1,"at_ms":1000,"monotonic_ms":77}', type=Ack)
    assert (ack.at_ms, ack.monotonic_ms, ack.stored, ack.refused) == (1000, 77, [], [])


def test_rows_without_an_instant_and_thinned_spans_survive_the_wire() -> None:
    span = ThinnedSpan(
        sequence=9,
        sensor="gw-01.a",
        starts_at_ms=0,
        ends_at_ms=900_000,
        centi_celsius_min=300,
        centi_celsius_max=500,
        centi_celsius_mean=400,
        rows=15,
        covers_boot=1,
        covers=[(1, 7), (9, 16)],
    )
    row = UnplacedRow(8, 123, "gw-01.a", 451, 0)
    batch = Batch(gateway="gw-01", boot=2, sent_at_ms=5, unplaced=[row], thinned=[span])
    assert b'"unplaced":[[8,123,"gw-01.a",451,0]]' in encoded(batch)
    assert msgspec.json.decode(encoded(batch), type=Batch) == batch
