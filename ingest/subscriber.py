"""MQTT in and out: one loop over two sessions, so that what goes out never waits for what comes in.

The way in brings the gateways' messages and takes their acknowledgements back; when the inbox is full it is not read.
The way out carries what we publish, and hears the workers' signs of life. On one connection the broker's word that it
has an ack of ours would stand behind every message it has not sent us yet: Mosquitto 2.0.11 ignores the receive window
and was measured with tens of thousands. Both end together, and what they had not carried comes again from the outboxes.
"""

from __future__ import annotations

import itertools
import random
import select
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from ingest.frames import acknowledgements, publishes
from ingest.outgoing import Acknowledge, Outgoing, Publish
from ingest.session import Session
from sheetal.contracts import topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.inbox import Inbox, Message
    from ingest.peers import Peers
    from ingest.settings import BrokerAddress
    from sheetal.contracts.clock import Clock

GROUP = "ingest"
RETRY_SECONDS_MIN = 0.2
RETRY_SECONDS_MAX = 1.0
"""Soon: what gateways send to a broker that came back before us reaches nobody and must wait to be sent again."""
TURN_SECONDS = 0.2
STALL_SECONDS_MAX = 60.0
"""A broker that answers pings, but acknowledges no publish for so long, has forgotten ours."""
SIGNS_A_TURN_MAX = 1_000
ITEMS_AT_ONCE_MAX = 2_000
FINISH_SECONDS_MAX = 1.0
WAKES_MAX = 65_536

log = structlog.get_logger()


class Subscriber:
    """The worker at the broker; `run` is its thread, everything else may be called from any thread."""

    def __init__(self, broker: BrokerAddress, inbox: Inbox, peers: Peers, clock: Clock) -> None:
        self._inbox = inbox
        self._peers = peers
        self._clock = clock
        self._outgoing = Outgoing()
        data = topics.shared(GROUP, topics.of_every_gateway(topics.Channel.DATA))
        self._way_in = Session(broker, peers.own, data, qos=1)
        self._way_out = Session(broker, f"{peers.own}-out", topics.INGEST_ALIVE, qos=0)
        self._address = f"{broker.host}:{broker.port}"
        self._sessions: list[Session] = []
        self._connection = 0
        self._is_sending = False
        self._published = 0
        self._moved_at = time.monotonic()
        self._subscribed = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.settimeout(0)
        self.received = 0
        """Messages that the way in brought, since the start; so below."""
        self.connections = 0
        """How often the subscription was granted: all but the first time anew."""
        self.refused = 0
        """Publishes that the broker would not take."""

    @property
    def is_subscribed(self) -> bool:
        """Whether the broker has granted the subscription of the present connection."""
        return self._subscribed.is_set()

    @property
    def waiting(self) -> int:
        """Publishes and acknowledgements that have not left yet."""
        return len(self._outgoing)

    @property
    def dropped(self) -> int:
        """Publishes that found no room, since the start."""
        return self._outgoing.dropped

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hands a QoS 1 message over; while the broker is away a bounded number waits, more are dropped."""
        self._outgoing.put(Publish(topic, payload, retain))

    def acknowledge(self, message: Message) -> None:
        """Hands the MQTT acknowledgement over; void when the connection that brought the message is gone."""
        self.acknowledge_many([message])

    def publish_many(self, messages: list[tuple[str, bytes]]) -> None:
        """Hands QoS 1 messages over in their order, as `publish` does each."""
        self._outgoing.put_many([Publish(topic, payload, retain=False) for topic, payload in messages])

    def acknowledge_many(self, messages: list[Message]) -> None:
        """Hands the MQTT acknowledgements over; they leave after every publish handed over before.

        A message that came at QoS 0 has none.
        """
        items = [Acknowledge(message.message_id, message.connection) for message in messages if message.message_id]
        self._outgoing.put_many(items)

    def wake(self) -> None:
        """Makes the loop look at once for room in the inbox and for packets to send."""
        with suppress(BlockingIOError, OSError):
            self._wake_in.send(b"w")

    def announce(self) -> None:
        """Publishes this worker's sign of life, retained."""
        self.publish(topics.INGEST_ALIVE, self._peers.sign(self._clock()), retain=True)
        self.wake()

    def run(self, stop: threading.Event) -> None:
        """Connects, serves and connects again until told to stop; a broker that is away is no error."""
        pause_seconds = RETRY_SECONDS_MIN
        while not stop.is_set():
            before = self.connections
            if self._inbox.room:
                self._serve(stop)
            if self.connections > before:
                pause_seconds = RETRY_SECONDS_MIN
            stop.wait(pause_seconds * random.uniform(0.8, 1.2))  # noqa: S311  # jitter is no secret
            pause_seconds = min(pause_seconds * 2, RETRY_SECONDS_MAX)
        self._wake_in.close()
        self._wake_out.close()

    def _serve(self, stop: threading.Event) -> None:
        """Until one of the two connections ends, or stop.

        Workers hear of each other before either takes the first message of the other's gateways: the way in opens when
        the broker has our sign of life.
        """
        if self._open(self._way_out, stop.is_set):
            self._outgoing.start_afresh(self._way_out.receive_maximum)
            self._is_sending, self._published = True, 0
            self._peers.lost_touch()
            self.announce()
            self._connection += 1
            if self._until(lambda: self._outgoing.is_idle, stop.is_set) and self._open(self._way_in, stop.is_set):
                self.connections += 1
                self._subscribed.set()
                log.info("Subscribed", worker=self._peers.own, broker=self._address)
                self._until(lambda: False, stop.is_set)
        if stop.is_set() and self._is_sending:
            self._finish()
        self._subscribed.clear()
        self._is_sending = False
        for session in self._sessions:
            session.close()
        self._sessions.clear()

    def _open(self, session: Session, is_over: Callable[[], bool]) -> bool:
        """Whether it is connected and its subscription granted."""
        self._sessions.append(session)
        self._moved_at = time.monotonic()
        return session.open() and self._until(lambda: session.is_granted, is_over)

    def _until(self, is_reached: Callable[[], bool], is_over: Callable[[], bool]) -> bool:
        """Serves what is open until then; False when it is over, or a connection ended or is of no use."""
        while not is_reached():
            if is_over() or any(session.socket is None for session in self._sessions):
                return False
            if not self._outgoing.is_in_flight:
                self._moved_at = time.monotonic()
            elif time.monotonic() - self._moved_at > STALL_SECONDS_MAX:
                log.error("The broker acknowledges nothing; connecting anew")
                return False
            self._turn()
        return True

    def _turn(self) -> None:
        hearing = [session for session in self._sessions if self._may_read(session)]
        has_bytes = any(session.has_bytes for session in hearing)
        reading = [session.socket for session in hearing if session.socket is not None]
        writing = [session.socket for session in self._writing if session.socket is not None]
        timeout_seconds = 0 if has_bytes else TURN_SECONDS
        readable, _, _ = select.select([self._wake_out, *reading], writing, [], timeout_seconds)
        if self._wake_out in readable:
            with suppress(BlockingIOError):
                self._wake_out.recv(WAKES_MAX)
        heard = [session for session in hearing if session.has_bytes or session.socket in readable]
        for session in heard:
            self._hear(session)
        self._send()
        for session in self._sessions:
            session.keep(is_excused=session is self._way_in and (session in heard or session not in hearing))

    @property
    def _writing(self) -> list[Session]:
        return [session for session in self._sessions if session.has_unsent]

    def _may_read(self, session: Session) -> bool:
        """Whether there is room for what a session brings; only the way in brings what needs some."""
        if session is self._way_out or not session.is_granted:
            return True
        return self._inbox.room > 0 and not self._outgoing.is_crowded

    def _hear(self, session: Session) -> None:
        room = SIGNS_A_TURN_MAX if session is self._way_out else max(1, self._inbox.room)
        frames = session.receive(room, self._connection, self._clock())
        if frames.acknowledged:
            self._moved_at = time.monotonic()
            self._outgoing.arrived(frames.acknowledged)
            self.refused += frames.refused
        if session is self._way_in:
            self._inbox.put_many(frames.messages)
            self.received += len(frames.messages)
            return
        for message in frames.messages:
            self._peers.heard(message.payload)

    def _send(self) -> None:
        """What may leave now, publishes before acknowledgements, as far as the sockets keep pace."""
        while self._is_sending and self._way_out.takes_more and self._way_in.takes_more:
            items = list(itertools.islice(self._outgoing.sendable(), ITEMS_AT_ONCE_MAX))
            if not items:
                return
            out = [item for item in items if isinstance(item, Publish)]
            back = [item for item in items if isinstance(item, Acknowledge) and item.connection == self._connection]
            self._way_out.send(publishes(out, self._published))
            self._published += len(out)
            self._way_in.send(acknowledgements([item.message_id for item in back]))

    def _finish(self) -> None:
        """Lets what was handed over leave, in bounded time: a socket closed with answers unread would take it back."""
        deadline = time.monotonic() + FINISH_SECONDS_MAX
        self._until(lambda: self._outgoing.is_idle and not self._writing, lambda: time.monotonic() > deadline)
