"""The way of a load: decode, accept, write, record, acknowledge, wake.

    inbox ─► take apart ─► readings store, durable ─► telemetry transaction ─► application acks ─► PUBACKs ─► wake-up

No step begins before the one to its left is done, so whatever dies on the way comes again from the gateway's outbox and
meets steps that are harmless to repeat.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog

from ingest.load import Letter, Load, acks, letter, refused_by_store, take_apart
from ingest.patience import Stopped
from ingest.reasons import Reason
from ingest.record import put_letter, record
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Stored

if TYPE_CHECKING:
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

log = structlog.get_logger()


class Bus(Protocol):
    """The way out; all three may be called from the pipeline's thread."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Sends one QoS 1 message."""

    def acknowledge(self, message: Message) -> None:
        """Sends the MQTT acknowledgement of one message."""

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


@dataclass(slots=True, kw_only=True)
class Pipeline:
    """One worker's way from the inbox to the acks; `run` is its thread."""

    inbox: Inbox
    keys: KeyRing
    writer: Writer
    telemetry: Ledger
    latest: Latest
    bus: Bus
    patience: Patience
    clock: Clock
    counts: Counts

    def run(self, stop: Event) -> None:
        """Carries load after load until told to stop; what is not acknowledged by then comes again."""
        while not stop.is_set():
            try:
                self.carry(self.gather())
            except Stopped:
                log.info("Stopped while a store was away; its messages come again")
            except Exception:  # a load that cannot be answered comes again; the next one must not wait for it
                log.exception("A load could not be answered")

    def gather(self) -> Load:
        """Takes apart what has come, until the load is full or nothing more comes; empty when nothing came."""
        load = Load()
        self.inbox.wait(IDLE_SECONDS)
        deadline = time.monotonic() + GATHER_SECONDS_MAX
        before = -1
        while not load.is_full and len(load.items) > before and time.monotonic() < deadline:
            if before >= 0:
                time.sleep(QUIET_SECONDS)
            before = len(load.items)
            while not load.is_full and (message := self.inbox.take()) is not None:
                load.add(message, self._take_apart(message))
        return load

    def carry(self, load: Load) -> None:
        """Takes a load the whole way; raises Stopped when a store is away and the service is told to stop."""
        if not load.items:
            return
        try:
            written = self._store(load)
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001  # what one message provokes stops neither the others nor the service
            if len(load.items) == 1:
                self._put_aside(load.items[0][0], error)
                return
            for message, found in load.items:
                alone = Load()
                alone.add(message, found)
                self.carry(alone)
            return
        self._answer(load, written)

    def _take_apart(self, message: Message) -> Part | Letter:
        try:
            return self.patience.insist("look up a key", lambda: self._under_newest_key(message))
        except Stopped:
            raise
        except Exception as error:  # no payload may end the service
            log.exception("A message could not be taken apart")
            return letter(message, Reason.UNPROCESSABLE, type(error).__name__)

    def _under_newest_key(self, message: Message) -> Part | Letter:
        found = take_apart(message, self.keys.key_of)
        if isinstance(found, Letter) and found.reason is Reason.WRONG_MAC and self.keys.doubt(_gateway_of(message)):
            return take_apart(message, self.keys.key_of)
        return found

    def _store(self, load: Load) -> Written:
        readings = load.readings
        written = self.patience.insist("write readings", lambda: self.writer.write(readings, self.clock()))
        load.letters += refused_by_store(load.parts, written.refused)
        self.patience.insist("record", lambda: record(self.telemetry, load, written, self.clock()))
        return written

    def _answer(self, load: Load, written: Written) -> None:
        """The application acks, then the broker's, then the wake-up; only after both stores are durable."""
        for key, ack in acks(load.parts, written.refused, self.clock()):
            topic = topics.of_gateway(ack.gateway, topics.Channel.ACK)
            self.bus.publish(topic, seal.seal(topics.Channel.ACK, ack.gateway, key, ack))
        for message, _ in load.items:
            self.bus.acknowledge(message)
        sensors = {reading.sensor for reading in written.durable}
        sensors |= {day.sensor for day in load.days} | {span.sensor for span in load.thinned}
        if sensors:
            stored = Stored(sensors=sorted(sensors), stored_at_ms=self.clock())
            self.bus.publish(topics.STORED, msgspec.json.encode(stored))
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
            put_letter(connection, aside, self.clock())

    def _count(self, load: Load, written: Written) -> None:
        self.counts.messages += len(load.items)
        self.counts.readings_new += len(written.new)
        self.counts.readings_repeated += len(written.repeated)
        self.counts.conflicts += len(written.conflicting)
        self.counts.aux_values += sum(len(part.accepted.aux) for part in load.parts)
        self.counts.day_summaries += len(load.days)
        self.counts.unplaced += len(load.unplaced)
        self.counts.thinned += len(load.thinned)
        self.counts.dead_letters += len(load.letters)


def _gateway_of(message: Message) -> str:
    named = topics.parse(message.topic)
    return named.gateway if named is not None else ""
