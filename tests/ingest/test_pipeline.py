from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import load as load_module
from ingest.keys import KeyRing
from ingest.patience import Stopped
from ingest.pipeline import Counts, Pipeline
from sheetal.contracts import topics
from sheetal.contracts.batch import Ack, AuxRow, Row, Stored, ranges
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import telemetry
from sheetal.ledger.telemetry_tables import dirty_hour
from tests.ingest.given import (
    BOOT,
    GATEWAY,
    KEYS,
    NOW_MS,
    POISON,
    SENSOR,
    batch,
    day,
    message,
    minutes,
    opened_ack,
    row,
    sealed,
    span,
    unplaced,
)
from tests.ingest.piped import ACK_TOPIC, FailingReadings, acked, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.inbox import Message
    from sheetal.contracts.reading import Reading
    from tests.ingest.conftest import RememberingBus, Stores


@pytest.fixture
def send(pipeline: Pipeline) -> Callable[..., None]:
    def carry(*messages: Message) -> None:
        for one in messages:
            pipeline.inbox.put(one)
        while len(pipeline.inbox):
            pipeline.carry(pipeline.gather())

    return carry


def letters_of(stores: Stores) -> list[telemetry.DeadLetter]:
    with stores.telemetry.read() as connection:
        return telemetry.dead_letters(connection, 5_000)


def test_a_batch_is_stored_marked_acknowledged_and_announced_in_this_order(
    stores: Stores, bus: RememberingBus, send: Callable[..., None]
) -> None:
    send(message(sealed(batch(minutes(1, 10))), message_id=7))
    assert len(rows_of(stores)) == 10
    with stores.telemetry.read() as connection:
        assert {one.sensor_id for one in telemetry.dirty_hours(connection, 10)} == {SENSOR}
    assert [what for what, _ in bus.done] == [ACK_TOPIC, "PUBACK", topics.STORED, "wake"]
    assert acked(bus) == set(range(1, 11))
    assert bus.done[1] == ("PUBACK", 7)
    stored = msgspec.json.decode(bus.done[2][1], type=Stored)  # type: ignore[call-overload]  # bytes, as published
    assert stored == Stored(sensors=[SENSOR], stored_at_ms=NOW_MS)


def test_a_wake_up_is_never_longer_than_a_broker_takes(bus: RememberingBus, send: Callable[..., None]) -> None:
    names = [f"{GATEWAY}.{number:064}" for number in range(1_500)]
    rows = [row(number, sensor=name) for number, name in enumerate(names, 1)]
    send(message(sealed(batch(rows[:1_000]))), message(sealed(batch(rows[1_000:]))))
    told = [payload for topic, payload in bus.done if topic == topics.STORED and isinstance(payload, bytes)]
    assert [len(msgspec.json.decode(one, type=Stored).sensors) for one in told] == [1_000, 500]
    assert sorted(name for one in told for name in msgspec.json.decode(one, type=Stored).sensors) == names
    assert max(map(len, told)) <= 120_000


def test_nothing_is_acknowledged_before_both_stores_are_durable(
    stores: Stores, bus: RememberingBus, pipeline: Pipeline, send: Callable[..., None]
) -> None:
    """At the moment of each effect, everything to its left is already there for another process to see."""
    seen: list[tuple[int, int]] = []
    publish = bus.publish

    def watching(topic: str, payload: bytes) -> None:
        with stores.telemetry.read() as connection:
            seen.append((len(rows_of(stores)), len(telemetry.dirty_hours(connection, 10))))
        publish(topic, payload)

    bus.publish = watching  # type: ignore[method-assign]  # a window into the order of effects
    send(message(sealed(batch(minutes(1, 10)))))
    assert seen
    assert all(rows == 10 and marks > 0 for rows, marks in seen)
    assert pipeline.counts == Counts(messages=1, readings_new=10)


def test_a_re_send_is_a_no_op_that_marks_and_acknowledges_again(
    stores: Stores, bus: RememberingBus, pipeline: Pipeline, send: Callable[..., None]
) -> None:
    payload = sealed(batch(minutes(1, 10)))
    send(message(payload))
    with stores.telemetry.write() as connection:
        connection.execute(dirty_hour.delete())
    bus.done.clear()
    send(message(payload))
    assert len(rows_of(stores)) == 10
    assert acked(bus) == set(range(1, 11))
    assert (pipeline.counts.readings_new, pipeline.counts.readings_repeated) == (10, 10)
    with stores.telemetry.read() as connection:
        assert telemetry.dirty_hours(connection, 10)


def test_a_conflicting_re_send_is_kept_reported_and_acknowledged(
    stores: Stores, bus: RememberingBus, send: Callable[..., None]
) -> None:
    send(message(sealed(batch([row(1, NOW_MS, 400)]))))
    send(message(sealed(batch([row(2, NOW_MS, 999)]))))
    assert [one.centi_celsius for one in rows_of(stores)] == [400]
    with stores.telemetry.read() as connection:
        (kept,) = telemetry.conflicts(connection, 10)
    assert (kept.stored_centi_celsius, kept.offered_centi_celsius) == (400, 999)
    assert acked(bus) == {1, 2}


def test_a_bad_row_is_refused_by_its_sequence_and_the_good_ones_are_stored(
    stores: Stores, bus: RememberingBus, send: Callable[..., None]
) -> None:
    send(message(sealed(batch([row(1), row(2, sensor="gw-02.x"), row(3, NOW_MS + 1), row(4, 0)]))))
    (payload,) = [done for topic, done in bus.done if topic == ACK_TOPIC]
    assert isinstance(payload, bytes)
    answer = opened_ack(payload)
    assert answer.stored == [(1, 1), (3, 3)]
    assert {(no.first, no.reason) for no in answer.refused} == {(2, "foreign_sensor"), (4, "implausible")}
    assert {one.reason for one in letters_of(stores)} == {"foreign_sensor", "implausible"}
    assert len(rows_of(stores)) == 2


def test_day_summaries_and_aux_values_are_acknowledged_by_their_sequence(
    stores: Stores, bus: RememberingBus, pipeline: Pipeline, send: Callable[..., None]
) -> None:
    send(message(sealed(batch(aux=[AuxRow(1, NOW_MS, "ilr1", "TAMB", 31.0)], days=[day(2)]))))
    assert acked(bus) == {1, 2}
    with stores.telemetry.read() as connection:
        assert telemetry.day_summaries(connection, SENSOR, 0, NOW_MS) == [day(2)]
    assert (pipeline.counts.aux_values, pipeline.counts.day_summaries) == (1, 1)
    assert [what for what, _ in bus.done] == [ACK_TOPIC, "PUBACK", topics.STORED, "wake"]


def test_rows_without_an_instant_and_thinned_spans_are_kept_and_acknowledged(
    stores: Stores, bus: RememberingBus, pipeline: Pipeline, send: Callable[..., None]
) -> None:
    told = msgspec.structs.replace(batch(), unplaced=[unplaced(1)], thinned=[span(2)])
    send(message(sealed(told)), message(sealed(told)))
    assert acked(bus) == {1, 2}
    assert rows_of(stores) == []
    with stores.telemetry.read() as connection:
        assert len(telemetry.unplaced_rows(connection, SENSOR, 10)) == 1
        assert len(telemetry.thinned_spans(connection, SENSOR, 0, NOW_MS)) == 1
        assert telemetry.sensor_states(connection) == [], "they say nothing of now"
    assert (pipeline.counts.unplaced, pipeline.counts.thinned) == (2, 2)


def test_a_question_for_the_time_is_answered_and_writes_nothing(
    stores: Stores,
    bus: RememberingBus,
    pipeline: Pipeline,
    send: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(stores.telemetry), "write", None)
    send(message(sealed(msgspec.structs.replace(batch(), monotonic_ms=61_000))))
    assert pipeline.latest.flush() == 0
    assert [what for what, _ in bus.done] == [ACK_TOPIC, "PUBACK", "wake"]
    assert opened_ack(bus.done[0][1]) == Ack(gateway=GATEWAY, boot=BOOT, at_ms=NOW_MS, monotonic_ms=61_000)  # type: ignore[arg-type]  # bytes, as published
    assert letters_of(stores) == []


@pytest.mark.parametrize("name", POISON)
def test_poison_is_put_down_with_its_reason_acknowledged_to_the_broker_and_never_to_the_gateway(
    stores: Stores, bus: RememberingBus, send: Callable[..., None], name: str
) -> None:
    payload, reason = POISON[name]
    good = sealed(batch(minutes(1, 5)))
    send(message(payload, message_id=1), message(good, message_id=2), message(payload, message_id=3))
    (kept,) = letters_of(stores)
    assert (kept.reason, kept.size_bytes, kept.repeats) == (reason, len(payload), 1)
    assert [mid for what, mid in bus.done if what == "PUBACK"] == [1, 2, 3]
    assert acked(bus) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(("before", "after"), [(2, 0), (0, 2), (1, 1)])
def test_an_absent_store_is_waited_for_without_an_ack(
    stores: Stores, bus: RememberingBus, failing: FailingReadings, send: Callable[..., None], before: int, after: int
) -> None:
    failing.before, failing.after = before, after
    send(message(sealed(batch(minutes(1, 10)))))
    assert len(rows_of(stores)) == 10
    assert [what for what, _ in bus.done].count("PUBACK") == 1
    assert letters_of(stores) == []


def test_a_stop_during_the_wait_acknowledges_nothing(
    bus: RememberingBus, failing: FailingReadings, send: Callable[..., None], stop: threading.Event
) -> None:
    failing.before = 10**9
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    with pytest.raises(Stopped):
        send(message(sealed(batch(minutes(1, 10)))))
    timer.join()
    assert bus.done == []


def test_an_absent_ledger_is_waited_for_without_a_letter(
    stores: Stores, bus: RememberingBus, pipeline: Pipeline, send: Callable[..., None]
) -> None:
    left = [True, True]

    def look_up(gateway: str) -> bytes | None:
        if left:
            left.pop()
            raise Unavailable("away", retry_after_seconds=0)
        return KEYS.get(gateway)

    pipeline.keys = KeyRing(look_up)
    send(message(sealed(batch(minutes(1, 3)))))
    assert acked(bus) == {1, 2, 3}
    assert letters_of(stores) == []


def test_a_locked_telemetry_store_delays_the_ack_until_it_is_free(
    stores: Stores, bus: RememberingBus, pipeline: Pipeline, send: Callable[..., None]
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with stores.telemetry.write():
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(5)
    worker = threading.Thread(target=send, args=[message(sealed(batch(minutes(1, 3))))])
    worker.start()
    deadline = time.monotonic() + 5
    while len(rows_of(stores)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert len(rows_of(stores)) == 3
    assert bus.done == []
    leave.set()
    holder.join()
    worker.join()
    assert acked(bus) == {1, 2, 3}
    assert pipeline.patience.problem is None


def test_a_message_that_breaks_the_program_is_put_aside_and_the_others_go_on(
    stores: Stores, bus: RememberingBus, pipeline: Pipeline, send: Callable[..., None]
) -> None:
    writer = pipeline.writer

    class Breaking:
        def write(self, offered: Sequence[Reading], now_ms: int) -> object:
            if any(one.sequence == 13 for one in offered):
                raise ZeroDivisionError
            return writer.write(offered, now_ms)

    pipeline.writer = Breaking()  # type: ignore[assignment]  # a defect that no check foresees
    send(*(message(sealed(batch(minutes(first, 5))), message_id=first) for first in (1, 6, 11, 16)))
    assert acked(bus) == {*range(1, 11), *range(16, 21)}
    assert sorted(int(str(mid)) for what, mid in bus.done if what == "PUBACK") == [1, 6, 11, 16]
    assert [(one.reason, one.detail) for one in letters_of(stores)] == [("unprocessable", "ZeroDivisionError")]


def test_a_decoder_that_breaks_is_put_aside_too(
    stores: Stores, bus: RememberingBus, send: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "accept", lambda *_: 1 / 0)
    send(message(sealed(batch(minutes(1, 5)))))
    assert [one.reason for one in letters_of(stores)] == ["unprocessable"]
    assert [what for what, _ in bus.done] == ["PUBACK", "wake"]


def test_messages_of_several_gateways_are_answered_under_their_own_keys(
    bus: RememberingBus, send: Callable[..., None]
) -> None:
    other = batch([row(1, sensor="gw-02.a")], gateway="gw-02")
    send(message(sealed(batch([row(5)]))), message(sealed(other), "gw-02"))
    answers = {topic: payload for topic, payload in bus.done if topic.endswith("/ack")}
    assert set(answers) == {ACK_TOPIC, "cc/v1/gw-02/ack"}
    payload = answers["cc/v1/gw-02/ack"]
    assert isinstance(payload, bytes)
    assert opened_ack(payload, "gw-02").stored == [(1, 1)]


def test_gather_ends_when_nothing_more_comes_and_when_the_load_is_full(pipeline: Pipeline) -> None:
    began = time.monotonic()
    assert pipeline.gather().items == []
    for first in range(1, 20_001, 1_000):
        pipeline.inbox.put(message(sealed(batch(minutes(first, 1_000, base_ms=NOW_MS - 30 * DAY_MS)))))
    assert len(pipeline.gather().items) == 4
    assert len(pipeline.inbox) == 16
    assert time.monotonic() - began < 30


ROWS = minutes(1, 60)
shuffles = st.lists(st.lists(st.sampled_from(ROWS), min_size=1, max_size=12), min_size=1, max_size=10)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(offered=shuffles, boot=st.integers(1, 2**40), seed=st.integers())
def test_any_order_with_any_repetition_stores_each_row_once_and_acks_all(
    stores: Stores, bus: RememberingBus, send: Callable[..., None], offered: list[list[Row]], boot: int, seed: int
) -> None:
    bus.done.clear()
    messages = [message(sealed(batch(rows, boot=boot))) for rows in offered] * 2
    random.Random(seed).shuffle(messages)
    send(*messages)
    sent = {one.sequence for rows in offered for one in rows}
    assert ranges(sorted(acked(bus, boot))) == ranges(sorted(sent))
    held = rows_of(stores)
    assert len({one.measured_at_ms for one in held}) == len(held)
    assert {one.measured_at_ms for one in held} >= {one.measured_at_ms for rows in offered for one in rows}
