"""The way of a load: decode, accept, write, record, acknowledge, wake.

    inbox ─► take apart │ readings store, durable │ telemetry transaction ─► application acks ─► PUBACKs ─► wake-up

No step of a load begins before the one to its left is done, so whatever dies on the way comes again from the gateway's
outbox and meets steps that are harmless to repeat. The three stages run side by side, each with another load: while a
store makes one durable, the next is taken apart and the last one answered. A few loads of fresh rows may be on their
way to the store at once, so that it never waits for us; which is answered first says nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
import structlog

from ingest.handover import Handover
from ingest.load import Letter, Load, acks, letter, refused_by_store, take_apart
from ingest.patience import Stopped
from ingest.reasons import Reason
from ingest.record import put_letters, record
from ingest.timings import Timings
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Stored as WakeUp
from sheetal.contracts.problem import Rejected, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from ingest.inbox import Inbox, Message
    from ingest.keys import KeyRing
    from ingest.latest import Latest
    from ingest.load import Part
    from ingest.patience import Patience
    from ingest.writer import Writer, Written
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger

GATHER_SECONDS_MAX = 0.25
QUIET_SECONDS = 0.01
"""A load sets out early when nothing comes any more: a broker with a small window would else wait for us."""
IDLE_SECONDS = 0.5
TOPICS_KEPT_MAX = 100_000
STORES_AT_ONCE = 3
SENSORS_A_WAKE_UP_MAX = 1_000
"""At most 120 kB: a broker cuts off whoever sends more than the 256 KiB that its limit lets a batch have."""

log = structlog.get_logger()


class Bus(Protocol):
    """The way out; all may be called from the pipeline's threads."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Sends one QoS 1 message."""

    def publish_many(self, messages: list[tuple[str, bytes]]) -> None:
        """Sends QoS 1 messages, each a topic and a payload."""

    def acknowledge(self, message: Message) -> None:
        """Sends the MQTT acknowledgement of one message."""

    def acknowledge_many(self, messages: list[Message]) -> None:
        """Sends the MQTT acknowledgements of messages, after what was published before."""

    def wake(self) -> None:
        """Lets what was handed over go now."""


@dataclass(slots=True)
class Counts:
    """What this worker has done since it started."""

    messages: int = 0
    readings_new: int = 0
    readings_repeated: int = 0
    conflicts: int = 0
    aux_values: int = 0
    day_summaries: int = 0
    unplaced: int = 0
    thinned: int = 0
    dead_letters: int = 0


class Stored(NamedTuple):
    """A load whose readings are durable, and what became of them."""

    load: Load
    written: Written


@dataclass(kw_only=True)
class Pipeline:
    """One worker's way from the inbox to the acks; each of its `stages` is a thread."""

    inbox: Inbox
    keys: KeyRing
    writer: Writer
    telemetry: Ledger
    latest: Latest
    bus: Bus
    patience: Patience
    clock: Clock
    counts: Counts
    timings: Timings = field(default_factory=Timings)

    def __post_init__(self) -> None:
        self._to_store: Handover[Load] = Handover(self.patience.stop)
        self._to_answer: Handover[Stored] = Handover(self.patience.stop)

    @property
    def stages(self) -> tuple[Callable[[Event], None], ...]:
        """Each is the run of one thread; what is not acknowledged when they end comes again."""
        return self._gather_on, *[self._store_on] * STORES_AT_ONCE, self._answer_on

    def gather(self) -> Load:
        """Takes apart what has come, until the load is full, or nothing more comes and the store is free."""
        load = Load()
        self.inbox.wait(IDLE_SECONDS)
        deadline = time.monotonic() + GATHER_SECONDS_MAX
        before = -1
        while not load.is_full and not self.patience.stop.is_set():
            if not self._to_store.is_full and (len(load.items) == before or time.monotonic() > deadline):
                break
            if before >= 0:
                time.sleep(QUIET_SECONDS)
            before = len(load.items)
            while not load.is_full and (message := self.inbox.take()) is not None:
                load.add(message, self._take_apart(message))
        return load

    def carry(self, load: Load) -> None:
        """Takes a load the whole way; raises Stopped when a store is away and the service is told to stop."""
        for stored in self._store(load):
            self._answer(stored)

    def _gather_on(self, stop: Event) -> None:
        self._go_on(stop, self._gather_one)

    def _store_on(self, stop: Event) -> None:
        self._go_on(stop, self._store_one)

    def _answer_on(self, stop: Event) -> None:
        self._go_on(stop, self._answer_one)

    def _gather_one(self) -> None:
        load = self.gather()
        if load.items:
            self._to_store.put(load)

    def _store_one(self) -> None:
        load = self._to_store.take()
        for stored in self._store(load) if load is not None else ():
            self._to_answer.put(stored)

    def _answer_one(self) -> None:
        stored = self._to_answer.take()
        if stored is not None:
            self._answer(stored)

    def _go_on(self, stop: Event, turn: Callable[[], None]) -> None:
        while not stop.is_set():
            try:
                turn()
            except Stopped:
                log.info("Stopped while a store was away; its messages come again")
            except Exception:  # a load that cannot be answered comes again; the next one must not wait for it
                log.exception("A load could not be answered")

    def _take_apart(self, message: Message) -> Part | Letter:
        try:
            return self._under_newest_key(message)
        except (Unavailable, Rejected):
            return self._take_apart_patiently(message)
        except Exception as error:  # no payload may end the service
            log.exception("A message could not be taken apart")
            return letter(message, Reason.UNPROCESSABLE, type(error).__name__)

    def _take_apart_patiently(self, message: Message) -> Part | Letter:
        try:
            return self.patience.insist("look up a key", lambda: self._under_newest_key(message))
        except Stopped:
            raise
        except Exception as error:  # no payload may end the service
            log.exception("A message could not be taken apart")
            return letter(message, Reason.UNPROCESSABLE, type(error).__name__)

    def _under_newest_key(self, message: Message) -> Part | Letter:
        found = take_apart(message, self.keys.key_of)
        if isinstance(found, Letter) and found.reason is Reason.WRONG_MAC and self.keys.doubt(found.gateway or ""):
            return take_apart(message, self.keys.key_of)
        return found

    def _store(self, load: Load) -> list[Stored]:
        """The load with what became of its readings; message by message where one of them cannot be processed."""
        try:
            return [self._write(load)] if load.items else []
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001  # what one message provokes stops neither the others nor the service
            return [stored for alone in self._one_by_one(load, error) for stored in self._store(alone)]

    def _answer(self, stored: Stored) -> None:
        try:
            self._record(stored)
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001  # what one message provokes stops neither the others nor the service
            for alone in self._one_by_one(stored.load, error):
                self.carry(alone)
            return
        self._tell(stored)

    def _one_by_one(self, load: Load, error: Exception) -> Iterator[Load]:
        """The messages of a load that failed, each alone; the one that fails alone is put aside."""
        if len(load.items) > 1:
            yield from load.singles()
        else:
            self._put_aside(load.items[0][0], error)

    def _write(self, load: Load) -> Stored:
        readings = load.readings
        started = time.monotonic()
        written = self.patience.insist("write readings", lambda: self.writer.write(readings, self.clock()))
        self.timings.store_write_seconds.observe(time.monotonic() - started)
        self.timings.load_rows.observe(len(readings))
        load.letters += refused_by_store(load.parts, written.refused)
        return Stored(load, written)

    def _record(self, stored: Stored) -> None:
        started = time.monotonic()
        self.patience.insist("record", lambda: record(self.telemetry, *stored, self.clock()))
        self.timings.telemetry_commit_seconds.observe(time.monotonic() - started)

    def _tell(self, stored: Stored) -> None:
        """The application acks, then the broker's, then the wake-up; only after both stores are durable."""
        load, written = stored
        answers = acks(load.parts, written.refused, self.clock())
        told = [(_ack_topic(ack.gateway), seal.seal(topics.Channel.ACK, ack.gateway, key, ack)) for key, ack in answers]
        self.bus.publish_many(told)
        self.bus.acknowledge_many([message for message, _ in load.items])
        touched = written.instants.keys() | {day.sensor for day in load.days} | {span.sensor for span in load.thinned}
        sensors = sorted(touched)
        for first in range(0, len(sensors), SENSORS_A_WAKE_UP_MAX):
            wake_up = WakeUp(sensors=sensors[first : first + SENSORS_A_WAKE_UP_MAX], stored_at_ms=self.clock())
            self.bus.publish(topics.STORED, msgspec.json.encode(wake_up))
        self.bus.wake()
        self.latest.note(load.parts, written)
        self._count(load, written)

    def _put_aside(self, message: Message, error: Exception) -> None:
        """The last resort for one message: kept as a dead letter; its rows stay with the gateway, unacknowledged."""
        log.error("A message could not be processed", problem=type(error).__name__, exc_info=error)
        aside = letter(message, Reason.UNPROCESSABLE, type(error).__name__)
        try:
            self.patience.insist("put aside", lambda: self._put_letter(aside))
        except Stopped:
            raise
        except Exception:  # even the dead letter cannot take it; the gateway still has it
            log.exception("A message could not be put aside")
        self.counts.dead_letters += 1
        self.bus.acknowledge(message)
        self.bus.wake()

    def _put_letter(self, aside: Letter) -> None:
        with self.telemetry.write() as connection:
            put_letters(connection, [aside], self.clock())

    def _count(self, load: Load, written: Written) -> None:
        counts = self.counts
        counts.messages += len(load.items)
        counts.readings_new += len(written.new)
        counts.readings_repeated += len(written.repeated)
        counts.conflicts += len(written.conflicting)
        counts.aux_values += len(load.aux)
        counts.day_summaries += len(load.days)
        counts.unplaced += len(load.unplaced)
        counts.thinned += len(load.thinned)
        counts.dead_letters += len(load.letters)
        for one in load.letters:
            self.timings.refused.add(one.reason.value)
        now_ms = self.clock()
        for message, _ in load.items:
            self.timings.ack_lag_seconds.observe((now_ms - message.received_at_ms) / 1_000)


@lru_cache(TOPICS_KEPT_MAX)
def _ack_topic(gateway: str) -> str:
    return topics.of_gateway(gateway, topics.Channel.ACK)
