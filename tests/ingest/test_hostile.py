"""Laws that no message breaks, tried with what no gateway would send.

Ordinary rows are judged by a fast way and all others by a slow one; both are held here against a third that is slower
than either and says no more than the wire's definitions.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.faults.poison_bytes import INJECTIONS
from benchmarks.faults.poison_corpus import hostile
from benchmarks.faults.poison_fate import envelope, keys, mac
from ingest.inbox import Message
from ingest.load import Load, Part, acks, take_apart
from ingest.plain import SENSOR_LENGTH_MAX, PlainBatch
from ingest.reasons import Reason
from sheetal.contracts.batch import Batch
from sheetal.contracts.problem import Unavailable
from tests.benchmarks.faults.test_poison_corpus import arrived, has_its_fate
from tests.benchmarks.faults.tiers import plain
from tests.ingest.acceptance import judged_message, seen
from tests.ingest.given import BOOT, GATEWAY, KEYS, NOW_MS, SENSOR, message, sealed

if TYPE_CHECKING:
    from sheetal.contracts.reading import Reading

CORPUS = 1_000_000
EDGES = (0, 1, 5, 6, -1, 450, -10_000, -10_001, 15_000, 15_001, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**40)
INSTANTS = (NOW_MS, NOW_MS + 86_400_000, NOW_MS + 86_400_001, 1_262_304_000_000, 1_262_303_999_999, 0, NOW_MS // 1_000)
SENSORS = (
    SENSOR,
    "gw-01.a",
    "gw-01.-",
    "gw-01.",
    "gw-01",
    ".",
    "",
    "gw-02.a",
    "gw-01.a.b",
    "GW-01.a",
    "gw-01.a\n",
    "gw-01.\u0661",
)
WHOLE = frozenset(
    {Reason.TOO_BIG, Reason.BAD_TOPIC, Reason.BAD_JSON, Reason.WRONG_VERSION, Reason.FOREIGN_GATEWAY}
    | {Reason.UNKNOWN_GATEWAY, Reason.WRONG_MAC, Reason.BAD_BODY}
)


def seldom(ordinary: st.SearchStrategy[object], odd: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Mostly the ordinary one, so that the fast way is gone as often as the slow one."""
    return st.integers(0, 11).flatmap(lambda number: odd if number == 0 else ordinary)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(INJECTIONS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
odd_numbers = st.sampled_from(EDGES) | st.sampled_from(INSTANTS) | st.integers() | junk
sequences = seldom(st.integers(0, 50), odd_numbers)
instants = seldom(st.integers(NOW_MS - 10_000, NOW_MS), st.sampled_from(INSTANTS) | odd_numbers)
sensors = seldom(st.just(SENSOR), st.sampled_from(SENSORS) | st.text() | junk)
values = seldom(st.integers(-100, 900), st.none() | odd_numbers)
qualities = seldom(st.just(0), st.integers(-1, 7) | odd_numbers)
rows = st.tuples(sequences, instants, sensors, values, qualities).map(list)
odd_rows = st.tuples(rows, st.lists(junk, max_size=2), st.integers(1, 5)).map(
    lambda one: (one[0] + one[1])[: 2 + one[2]]
)
aux = st.tuples(sequences, instants, seldom(st.just("ilr1"), st.text() | junk), st.just("TAMB"), values | st.floats())
unplaced = st.tuples(sequences, instants, sensors, values, qualities)
days = st.fixed_dictionaries(
    {
        "sequence": sequences,
        "sensor": sensors,
        "starts_at_ms": instants,
        "ends_at_ms": instants,
        **dict.fromkeys(("centi_celsius_min", "centi_celsius_max"), values),
        **dict.fromkeys(("low_limit_centi_celsius", "high_limit_centi_celsius"), values),
        **dict.fromkeys(("low_limit_minutes", "high_limit_minutes"), sequences),
        **dict.fromkeys(("minutes_below", "minutes_above", "minutes_unknown"), sequences),
    },
    optional={"low_alarm_at_ms": instants, "high_alarm_at_ms": instants},
)
spans = st.fixed_dictionaries(
    {
        "sequence": sequences,
        "sensor": sensors,
        "starts_at_ms": instants,
        "ends_at_ms": instants,
        **dict.fromkeys(("centi_celsius_min", "centi_celsius_mean", "centi_celsius_max"), values),
        "rows": sequences,
        "covers_boot": sequences,
        "covers": st.lists(st.tuples(sequences, sequences) | junk, max_size=3),
    }
)


def few(one: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(one, max_size=2)


bodies = st.fixed_dictionaries(
    {
        "gateway": seldom(st.just(GATEWAY), st.sampled_from(("gw-02", "")) | junk),
        "boot": seldom(st.just(BOOT), odd_numbers),
        "sent_at_ms": instants,
    },
    optional={
        "rows": st.lists(seldom(rows, odd_rows), max_size=6),
        "aux": few(aux),
        "days": few(days),
        "unplaced": few(unplaced),
        "thinned": few(spans),
        "monotonic_ms": sequences,
        "clock_source": st.text(max_size=4),
        "history": st.booleans(),
        "newer": junk,
    },
)


def under_seal(body: bytes) -> Message:
    """A body that msgspec would not make, under a seal that is right."""
    return message(envelope(GATEWAY, mac(GATEWAY, body, key=KEYS[GATEWAY]), body))


def written(body: object) -> bytes:
    """As Python writes it, with NaN, lone surrogates and numbers of any size."""
    return json.dumps(body).encode()


def part_of(body: dict[str, object]) -> Part | None:
    found = take_apart(under_seal(written(body)), KEYS.get)
    return found if isinstance(found, Part) else None


@settings(max_examples=800)
@given(bodies)
def test_the_fast_way_and_the_slow_one_judge_as_the_wire_is_defined(body: dict[str, object]) -> None:
    arrived_now = under_seal(written(body))
    assert seen(take_apart(arrived_now, KEYS.get)) == judged_message(arrived_now, KEYS.get)


@settings(max_examples=400)
@given(bodies, st.data())
def test_so_they_do_for_a_body_with_a_few_bytes_changed(body: dict[str, object], data: st.DataObject) -> None:
    text = bytearray(written(body))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    arrived_now = under_seal(bytes(text))
    assert seen(take_apart(arrived_now, KEYS.get)) == judged_message(arrived_now, KEYS.get)


@settings(max_examples=300)
@given(bodies, st.data())
def test_so_they_do_for_a_part_that_is_said_twice(body: dict[str, object], data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(sorted(body)))
    text = written(body)[:-1] + b"," + written({again: data.draw(bodies).get(again, 7)})[1:]
    arrived_now = under_seal(text)
    assert seen(take_apart(arrived_now, KEYS.get)) == judged_message(arrived_now, KEYS.get)


@settings(max_examples=300)
@given(bodies)
def test_nothing_is_accepted_that_another_reader_of_json_does_not_find_in_the_message(body: dict[str, object]) -> None:
    part = part_of(body)
    if part is not None:
        told = json.loads(written(body))
        offered = Counter((row[2], row[1], row[3], row[4], told["boot"], row[0]) for row in told.get("rows", []))
        assert Counter(map(tuple, part.accepted.readings)) <= offered


@settings(max_examples=300)
@given(bodies)
def test_every_item_of_a_believed_message_is_accepted_or_refused_by_name(body: dict[str, object]) -> None:
    part = part_of(body)
    if part is None:
        return
    batch = part.believed.batch
    items = [*batch.rows, *batch.aux, *batch.days, *batch.unplaced, *batch.thinned]
    accepted = part.accepted
    kept = [*accepted.readings, *accepted.aux, *accepted.days, *accepted.unplaced, *accepted.thinned]
    assert len(kept) + len(accepted.refused) == len(items)
    load = Load()
    load.add(part.message, part)
    assert {one.reason for one in load.letters} == {refusal.reason for refusal in accepted.refused}
    assert all(one.payload == part.message.payload for one in load.letters)


@settings(max_examples=300)
@given(bodies, st.integers(0, 5))
def test_a_bad_row_costs_none_of_its_neighbours(body: dict[str, object], place: int) -> None:
    good = [[100 + n, NOW_MS - n, SENSOR, 400, 0] for n in range(5)]
    bad = [99, NOW_MS, "gw-02.a", 400, 0]
    part = part_of(
        {**body, "gateway": GATEWAY, "boot": BOOT, "sent_at_ms": 1, "rows": [*good[:place], bad, *good[place:]]}
    )
    if part is not None:
        assert [reading.sequence for reading in part.accepted.readings] == [100, 101, 102, 103, 104]
        assert (99, Reason.FOREIGN_SENSOR) in part.accepted.refused


@settings(max_examples=300)
@given(st.lists(bodies, max_size=4), st.data())
def test_an_ack_names_nothing_that_is_not_durable(several: list[dict[str, object]], data: st.DataObject) -> None:
    parts = [part for part in map(part_of, several) if part is not None]
    readings = [reading for part in parts for reading in part.accepted.readings]
    lost: list[Reading] = data.draw(st.lists(st.sampled_from(readings), max_size=3)) if readings else []
    durable: dict[int, set[int]] = {}
    not_durable: dict[int, set[int]] = {}
    for part in parts:
        boot, accepted = part.believed.batch.boot, part.accepted
        lost_keys = {reading[:2] for reading in lost}
        stays = {reading.sequence for reading in accepted.readings if reading[:2] not in lost_keys}
        others = (accepted.aux, accepted.days, accepted.unplaced, accepted.thinned)
        stays |= {item.sequence for items in others for item in items}
        goes = {refusal.sequence for refusal in accepted.refused}
        goes |= {reading.sequence for reading in accepted.readings if reading[:2] in lost_keys}
        durable.setdefault(boot, set()).update(stays)
        not_durable.setdefault(boot, set()).update(goes)
    for _, ack in acks(parts, [(reading, "no") for reading in lost], NOW_MS):
        bad = not_durable[ack.boot]
        stored = numbers([(first, last) for first, last in ack.stored])
        refused = numbers([(one.first, one.last) for one in ack.refused])
        assert stored == durable[ack.boot] - bad
        assert refused == bad


def numbers(ranges: list[tuple[int, int]]) -> set[int]:
    """Those that the ranges name; each is named once."""
    named = [number for first, last in ranges for number in range(first, last + 1)]
    assert len(named) == len(set(named))
    return set(named)


@settings(max_examples=400)
@given(st.binary(max_size=400) | st.text().map(str.encode) | junk.map(written), st.text(max_size=30))
def test_no_bytes_on_no_topic_are_anything_but_a_letter_of_the_first_group(payload: bytes, place: str) -> None:
    for topic in (f"cc/v1/{GATEWAY}/data", place, f"cc/v1/{place}/data"):
        found = take_apart(Message(topic, payload, 1, 1, NOW_MS), KEYS.get)
        assert not isinstance(found, Part)
        assert found.reason in WHOLE
        assert (found.payload, found.detail.isprintable(), "\x00" in found.topic) == (payload, True, False)


@settings(max_examples=200)
@given(st.sampled_from(("envelope", "body")), junk, st.sampled_from(("v", "gateway", "mac", "body", "rows", "boot")))
def test_any_value_in_any_place_is_a_letter_or_a_part(where: str, value: object, field: str) -> None:
    whole = json.loads(sealed(Batch(gateway=GATEWAY, boot=BOOT, sent_at_ms=NOW_MS)))
    if where == "envelope":
        arrived_now = message(written({**whole, field: value}))
    else:
        arrived_now = under_seal(written({**whole["body"], field: value}))
    assert seen(take_apart(arrived_now, KEYS.get)) == judged_message(arrived_now, KEYS.get)


def test_only_the_ledger_may_be_away() -> None:
    def away(_gateway: str) -> bytes:
        raise Unavailable("away")

    raised: Counter[str] = Counter()
    for number in range(500):
        try:
            take_apart(arrived(hostile(number)), away)
        except Unavailable as problem:
            raised[problem.message] += 1
    assert raised["away"] > 100


def test_the_corpus_meets_its_fate_on_the_fast_way_and_on_the_slow_one() -> None:
    enrolled = keys()
    for number in range(plain(CORPUS)):
        one = hostile(number)
        slow = judged_message(arrived(one), enrolled.get)
        assert seen(take_apart(arrived(one), enrolled.get)) == slow, number
        assert has_its_fate(one, slow), number


def test_both_ways_are_gone_and_only_the_fast_one_where_all_is_plain() -> None:
    good = [[1, NOW_MS, SENSOR, 400, 0]]
    for rows_of, is_fast in (
        (good, True),
        ([*good, [2, NOW_MS, SENSOR, None, 1]], False),
        ([[*good[0], "newer"]], False),
    ):
        part = part_of({"gateway": GATEWAY, "boot": BOOT, "sent_at_ms": 1, "rows": rows_of})
        assert part is not None
        assert isinstance(part.believed.batch, PlainBatch) is is_fast


@pytest.mark.parametrize("length", [SENSOR_LENGTH_MAX - 10, SENSOR_LENGTH_MAX + 1, 200_000])
def test_a_sensor_however_long_is_refused_by_name(length: int) -> None:
    part = part_of(
        {"gateway": GATEWAY, "boot": 1, "sent_at_ms": 1, "rows": [[1, NOW_MS, "gw-01." + "x" * length, 4, 0]]}
    )
    assert part is not None
    assert [refusal.reason for refusal in part.accepted.refused] == [Reason.FOREIGN_SENSOR]


def test_what_is_ignored_may_be_monstrous() -> None:
    body = msgspec.json.encode(Batch(gateway=GATEWAY, boot=1, sent_at_ms=1))[:-1]
    for odd in (b"1e999", b"9" * 5_000, b'"\xff"', b"[" * 300 + b"]" * 300):
        assert isinstance(take_apart(under_seal(body + b',"new":' + odd + b"}"), KEYS.get), Part)
