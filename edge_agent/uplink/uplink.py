"""The gateway's voice: MQTT 5 out, and only an application ack ends a batch. The one module here that knows paho.

Each connection is a client of its own, with its own session number in birth, state and will, so that nothing of an
earlier connection is repeated by the library. The network thread only hands answers over; one thread sends and settles.
"""

from __future__ import annotations

import logging
import queue
import random
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion

from edge_agent.clock.facts import machine_facts
from edge_agent.outbox.outbox import Intake
from edge_agent.settings.broker import ending_soon, tls_context
from edge_agent.uplink.broker_trouble import CLOSED_EARLY, is_certificate_trouble, words_of
from edge_agent.uplink.clock_questions import ClockQuestions
from edge_agent.uplink.courier import Courier, Identity
from edge_agent.uplink.reconnect import fruitless_after, pause_seconds
from edge_agent.uplink.session import Sessions, is_clocked
from edge_agent.uplink.voice import Voice
from sheetal.contracts.clock import Clock, now_ms
from sheetal.contracts.topics import Channel, of_gateway, parse
from sheetal.contracts.twin import TWIN_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from edge_agent.outbox.outbox import Outbox
    from edge_agent.settings.file import Settings
    from edge_agent.timekeeper import Timekeeper
    from edge_agent.uplink.voice import Remote
    from sheetal.contracts.topics import GatewayTopic

_log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 30
CONNECT_SECONDS_MAX = 5.0
STOP_SECONDS_MAX = 2.0
WAKE_SECONDS_MAX = 0.5
ANSWERS_MAX = 1_000
"""Answers waiting to be settled; more are let go, since a re-send brings them again."""
UNCONFIRMED_MAX = 64
"""Messages the broker has not confirmed; the next publish waits in the outbox."""
FROM_AFAR = (Channel.DESIRED, Channel.COMMAND)
OF_ITSELF = (Channel.BIRTH, Channel.STATE, Channel.REPORTED)
SESSION_MARK = "session"


class UplinkStatus(NamedTuple):
    """What the local page says of the way out.

    `problem` says in one line what stands between gateway and broker and what to do. `refused_messages` counts what was
    not believed, `acks` the application acks that answered this uplink's own messages.
    """

    connected: bool
    session: int
    last_ack_at_ms: int | None
    items_in_flight: int
    problem: str = ""
    refused_messages: int = 0
    acks: int = 0


class Uplink:
    """Sends an outbox to the broker in a thread of its own until it is stopped; network errors never end it.

    `sensors` is what birth announces, by default the sensors of the settings.
    """

    announces = True

    def __init__(
        self,
        settings: Settings,
        outbox: Outbox,
        *,
        sensors: Sequence[str] | None = None,
        clock: Clock = now_ms,
        remote: Remote | None = None,
        time_keeper: Timekeeper | None = None,
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._clock = clock
        self._remote = remote
        identity = Identity(settings.gateway, settings.key)
        announced = settings.sensors if sensors is None else sensors
        questions = None if time_keeper is None else ClockQuestions(time_keeper, settings.clock, outbox.boot)
        facts = machine_facts if time_keeper is None else time_keeper.facts
        self._voice = Voice(identity, outbox.boot, announced, clock, facts)
        self._told_source = ""
        self._courier = Courier(identity, outbox, settings.uplink, questions=questions)
        self._answers: queue.Queue[tuple[Channel, bytes]] = queue.Queue(ANSWERS_MAX)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._lost = threading.Event()
        self._connected = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self._sessions = Sessions(int(outbox.mark(SESSION_MARK) or 0), outbox.boot, self._keep_session)
        self._session = self._sessions.number
        self._last_ack_at_ms: int | None = None
        self._fruitless = 0
        self._problem = ""
        self._refused_topics = 0
        self._refused_answers = 0
        self._told_revision: int | None = None

    def start(self) -> None:
        """Begins to connect and send; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Says good-bye and ends the thread, within 3 seconds."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS_MAX)

    def carry_on(self, before: UplinkStatus) -> None:
        """What is shown goes on where another uplink stopped."""
        self._last_ack_at_ms, self._refused_topics = before.last_ack_at_ms, before.refused_messages

    def is_alive(self) -> bool:
        """Whether the thread that sends is there; only a mistake of ours could end it, the network never does."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """The outbox has something new."""
        self._wake.set()

    def status(self) -> UplinkStatus:
        """How the way out is."""
        connected = self._connected.is_set()
        return UplinkStatus(
            connected=connected,
            session=self._session,
            last_ack_at_ms=self._last_ack_at_ms,
            items_in_flight=self._courier.items_in_flight,
            problem=self._problem,
            refused_messages=self._refused_topics + self._refused_answers,
            acks=self._courier.answers,
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._session = self._sessions.begin(self._voice.anchored_ms())
            began_seconds = time.monotonic()
            client: Client | None = None
            try:
                client = self._client()
                client.connect(
                    self._settings.broker.host, self._settings.broker.port, KEEP_ALIVE_SECONDS, clean_start=True
                )
                client.loop_start()
                self._serve(client)
            except (OSError, ValueError) as error:
                self._tell(words_of(error))
            finally:
                if client is not None:
                    self._end(client)
            self._pause(time.monotonic() - began_seconds)

    def _keep_session(self, highest: int) -> None:
        try:
            self._outbox.add(Intake(marks={SESSION_MARK: str(highest)}))
        except sqlite3.Error as error:
            _log.warning("the session's number cannot be kept now: %s", error)

    def _tell(self, problem: str) -> None:
        """Says a trouble once, however often it is met in a row."""
        if problem and problem != self._problem:
            _log.error("%s", problem)
        self._problem = problem

    def _serve(self, client: Client) -> None:
        """Sends and settles until the connection is lost or the gateway stops."""
        is_failing = False
        while not (self._stopping.is_set() or self._lost.is_set()):
            self._wake.wait(WAKE_SECONDS_MAX)
            self._wake.clear()
            try:
                self._settle_answers()
                if self._connected.is_set():
                    self._report(client)
                    self._send(client)
                    if not is_clocked(self._session) and self._voice.anchored_ms() is not None:
                        # Only a new connection's will can carry the number that the clock gives.
                        return
                is_failing = False
            except sqlite3.Error as error:
                # The disk may come back; what was not settled is sent again.
                if not is_failing:
                    _log.error("the outbox cannot be read or written now: %s", error)
                is_failing = True
                self._stopping.wait(1.0)
            except Exception:  # noqa: BLE001  # one item that cannot be read back must not silence the gateway
                _log.exception("an item of the outbox cannot be sent")
                self._stopping.wait(1.0)

    def _send(self, client: Client) -> None:
        def publish(channel: Channel, payload: bytes) -> bool:
            return self._publish(client, channel, payload)

        self._courier.send_due(self._clock(), time.monotonic(), publish)
        is_on_trial = self._remote is not None and self._remote.is_on_trial
        if (is_on_trial or not self.announces) and not self._courier.answers:
            self._courier.prove(time.monotonic(), publish)

    def _settle_answers(self) -> None:
        while True:
            try:
                channel, payload = self._answers.get_nowait()
            except queue.Empty:
                return
            if self._believes(channel, payload):
                self._fruitless = 0
            else:
                self._refused_answers += 1

    def _believes(self, channel: Channel, payload: bytes) -> bool:
        if channel in FROM_AFAR:
            return self._remote is not None and self._remote.hear(channel, payload)
        if not self._courier.receive(channel, payload):
            return False
        self._last_ack_at_ms = self._clock()
        return True

    def _report(self, client: Client) -> None:
        """Publishes birth and twin anew when they changed since this connection last told them."""
        if self._voice.clock_source != self._told_source:
            self._be_born(client)
        if self._remote is None or self._remote.revision == self._told_revision:
            return
        revision = self._remote.revision
        if self._publish(client, Channel.REPORTED, self._voice.reported(self._remote), retain=True):
            self._told_revision = revision

    def _be_born(self, client: Client) -> None:
        self._told_source = self._voice.clock_source
        self._publish(client, Channel.BIRTH, self._voice.birth(self._session, self._remote), retain=True)

    def _publish(self, client: Client, channel: Channel, payload: bytes, *, retain: bool = False) -> bool:
        if channel in OF_ITSELF and not self.announces:
            return True
        info = client.publish(of_gateway(self._settings.gateway, channel), payload, qos=1, retain=retain)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _client(self) -> Client:
        """A client for one connection, its will already naming this session."""
        broker = self._settings.broker
        self._lost.clear()
        self._connected.clear()
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.gateway,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_SECONDS_MAX
        client.max_queued_messages_set(UNCONFIRMED_MAX)
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            client.tls_set_context(tls_context(broker, now_ms()))
        goodbye = self._voice.state(self._session, online=False)
        if self.announces:
            client.will_set(of_gateway(self._settings.gateway, Channel.STATE), goodbye, qos=1, retain=True)
        client.on_log = self._on_log
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _end(self, client: Client) -> None:
        """Leaves politely when stopping; a client that does not end in time is left to the process's end."""
        if self._connected.is_set():
            self._publish(client, Channel.STATE, self._voice.state(self._session, online=False), retain=True)
            client.disconnect()
        ending = threading.Thread(target=client.loop_stop, daemon=True)
        ending.start()
        ending.join(STOP_SECONDS_MAX / 2)
        self._connected.clear()
        self._courier.forget_flights()

    def _pause(self, lasted_seconds: float) -> None:
        """Waits before the next connection: longer after each that brought no answer and did not last."""
        self._fruitless = fruitless_after(self._fruitless, lasted_seconds)
        shortest, longest = self._settings.uplink.reconnect_seconds_min, self._settings.uplink.reconnect_seconds_max
        self._stopping.wait(pause_seconds(self._fruitless, shortest, longest, random.uniform))

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._tell(words_of(f"the broker refused the connection: {reason}"))
            self._lost.set()
            self._wake.set()
            return
        gateway = self._settings.gateway
        wanted = (Channel.ACK, Channel.ALARM_ACK, *(FROM_AFAR if self._remote is not None else ()))
        client.subscribe([(of_gateway(gateway, channel), 1) for channel in wanted])
        self._be_born(client)
        self._publish(client, Channel.STATE, self._voice.state(self._session, online=True), retain=True)
        self._told_revision = None
        self._tell(ending_soon(self._settings.broker, self._clock()))
        _log.info("connected to the broker as session %d", self._session)
        self._connected.set()
        self._wake.set()

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        _message_id: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._tell("the broker denied the answers' topics, nothing will be settled: correct its access rules")

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self._connected.is_set() and not self._stopping.is_set():
            _log.warning("the connection to the broker ended: %s", reason)
        elif not (self._stopping.is_set() or self._problem):
            self._tell(CLOSED_EARLY)
        self._connected.clear()
        self._lost.set()
        self._wake.set()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        topic = _topic_of(message)
        if topic is None or topic.gateway != self._settings.gateway or len(message.payload) > TWIN_BYTES_MAX:
            self._refused_topics += 1
            _log.warning("ignored a message that is not for this gateway, or too big: %d bytes", len(message.payload))
            return
        if not message.payload:
            return
        try:
            self._answers.put_nowait((topic.channel, bytes(message.payload)))
        except queue.Full:
            _log.warning("too many answers at once: one is let go, a re-send brings it again")
        self._wake.set()

    def _on_log(self, _client: Client, _userdata: object, level: int, said: str) -> None:
        """The library swallows what TLS says after the handshake; it tells it only here."""
        if level == LogLevel.MQTT_LOG_ERR and is_certificate_trouble(said):
            self._tell(words_of(said))

    def _on_publish(
        self,
        _client: Client,
        _userdata: object,
        _message_id: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._tell(
                f"the broker denies this gateway's messages ({reason}): does its certificate or name fit its id?"
            )


class Question(Uplink):
    """Only asks ingest for an answer: birth, state and will stay those of the gateway that runs otherwise."""

    announces = False


def _topic_of(message: MQTTMessage) -> GatewayTopic | None:
    try:
        return parse(message.topic)
    except UnicodeDecodeError:
        return None
