"""What to send, what to send again and what an answer settles; it knows no network, only a way to publish."""

from __future__ import annotations

import logging
import random
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.clock.timeline import ClockSource
from edge_agent.outbox.outbox import Intake
from edge_agent.outbox.parcel import Moment, Parcel, to_batch
from edge_agent.outbox.placing import told
from edge_agent.uplink.flights import Flights
from edge_agent.uplink.pace import Pace
from sheetal.contracts.batch import Ack
from sheetal.contracts.device_alarm import AlarmAck
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import open_envelope, seal, unseal
from sheetal.contracts.topics import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.outbox.outbox import Outbox
    from edge_agent.settings.file import UplinkSetting
    from edge_agent.uplink.clock_questions import ClockQuestions
    from sheetal.contracts.device_alarm import DeviceAlarm

    Publish = Callable[[Channel, bytes], bool]

_log = logging.getLogger(__name__)
_acks = msgspec.json.Decoder(Ack)
_alarm_acks = msgspec.json.Decoder(AlarmAck)

ALARMS_IN_FLIGHT_MAX = 20
RESEND_SECONDS_MAX = 600.0
DOUBLINGS_MAX = 16
PROOF_SECONDS = 10.0
KNOCK_SECONDS = 60.0
"""While what was sent in vain rests ever longer, a small question finds out that ingest is back."""
FRESH_FLIGHTS = 2
"""Places that backlog never takes, so that a fresh reading never waits for history."""


class Identity(NamedTuple):
    """Who speaks; the key is a secret."""

    gateway: str
    key: bytes


class Courier:
    """Moves the outbox's content over one way of publishing; used by one thread.

    `publish` hands a payload to the broker and says whether it was taken; a taken payload may still be lost, so only
    a sealed application ack settles anything. With `questions` each message asks for the time.
    """

    def __init__(
        self,
        identity: Identity,
        outbox: Outbox,
        setting: UplinkSetting,
        draw: Callable[[float, float], float] = random.uniform,
        questions: ClockQuestions | None = None,
    ) -> None:
        self._identity = identity
        self._outbox = outbox
        self._setting = setting
        self._draw = draw
        self._questions = questions
        self._flights = Flights(setting.batches_in_flight_max, self._wait_seconds)
        self._pace = Pace(setting.backlog_rows_per_second, setting.batch_items_max)
        self._alarms: dict[tuple[str, bool], float] = {}
        self._prove_again_seconds = 0.0
        self._knock_again_seconds = 0.0
        self.answers = 0
        """How many acks answered something that went out here, data or a question."""

    @property
    def items_in_flight(self) -> int:
        """How many items were sent and are not answered."""
        return self._flights.items

    def send_due(self, at_ms: int, at_seconds: float, publish: Publish) -> None:
        """Sends all that is due: the question for the time, alarms, what was not answered in time, fresh, backlog.

        `at_ms` is the gateway's clock, `at_seconds` a monotonic one. Stops at the first payload that is not taken.
        """
        sent = self._ask_the_time(publish) and self._send_alarms(at_seconds, publish)
        sent = sent and self._send_again(at_ms, at_seconds, publish)
        while sent and (room := self._flights.room()):
            is_room_for_history = room > FRESH_FLIGHTS or self._setting.batches_in_flight_max <= FRESH_FLIGHTS
            parcel = self._outbox.next_batch(
                at_ms,
                self._setting.departure,
                self._flights.keys,
                backlog=is_room_for_history and self._pace.allows(at_seconds),
            )
            if parcel is None:
                return
            sent = self._publish_batch(parcel, at_ms, publish)
            if sent:
                self._flights.depart(parcel, at_seconds)
                self._pace.take(len(parcel.items) if parcel.history else 0)

    def prove(self, at_seconds: float, publish: Publish) -> None:
        """Asks for an ack where nothing else may bring one, at most every ten seconds."""
        if at_seconds >= self._prove_again_seconds and publish(Channel.DATA, self._question(0)):
            self._prove_again_seconds = at_seconds + PROOF_SECONDS

    def receive(self, channel: Channel, payload: bytes) -> bool:
        """Settles what a sealed answer names; False, with a line in the log, for one that must not be believed."""
        gateway, key = self._identity
        try:
            sealed = open_envelope(payload)
            if channel is Channel.ACK:
                self._settle(unseal(sealed, channel, gateway, key, _acks))
            elif channel is Channel.ALARM_ACK:
                self._settle_alarms(unseal(sealed, channel, gateway, key, _alarm_acks))
        except WireProblem as problem:
            _log.warning("ignored an answer that must not be believed: %s", problem.facts.get("reason"))
            return False
        return True

    def forget_flights(self) -> None:
        """The connection ended: what was on its way stands in the queue again."""
        self._flights.forget()
        self._alarms.clear()
        if self._questions is not None:
            self._questions.connected()

    def _settle(self, ack: Ack) -> None:
        is_answer = self._questions is not None and self._questions.take(ack)
        self._outbox.apply_ack(ack)
        before = self._flights.items
        self._flights.answered(ack)
        self.answers += is_answer or self._flights.items < before
        for refused in ack.refused:
            _log.error("ingest refused items %d to %d: %s", refused.first, refused.last, refused.reason)

    def _settle_alarms(self, ack: AlarmAck) -> None:
        self._outbox.apply_alarm_ack(ack)
        for alarm, cleared in ack.alarms:
            self._alarms.pop((alarm, cleared), None)

    def _ask_the_time(self, publish: Publish) -> bool:
        if self._questions is None or not self._questions.is_due():
            return True
        return publish(Channel.DATA, self._question(0))

    def _send_alarms(self, at_seconds: float, publish: Publish) -> bool:
        if self._questions is not None and self._questions.is_worth_waiting():
            return True
        waiting = {name for name, due_seconds in self._alarms.items() if due_seconds > at_seconds}
        for alarm in self._outbox.next_alarms(ALARMS_IN_FLIGHT_MAX - len(waiting), waiting):
            self._note_that_it_is_told(alarm)
            if not publish(Channel.ALARM, self._seal(Channel.ALARM, alarm)):
                return False
            self._alarms[alarm.alarm, alarm.cleared_at_ms is not None] = at_seconds + self._wait_seconds()
        return True

    def _send_again(self, at_ms: int, at_seconds: float, publish: Publish) -> bool:
        """What was not answered in time; between such times ingest is asked for a sign of life."""
        late = self._flights.overdue(at_seconds)
        if late:
            self._knock_again_seconds = at_seconds + KNOCK_SECONDS
            return all(self._publish_batch(parcel, at_ms, publish) for parcel in late)
        if self._flights.is_in_vain and at_seconds >= self._knock_again_seconds:
            self._knock_again_seconds = at_seconds + KNOCK_SECONDS
            return publish(Channel.DATA, self._question(at_ms))
        return True

    def _note_that_it_is_told(self, alarm: DeviceAlarm) -> None:
        """An alarm that somebody may have heard of keeps its instant, and so its name, when the time becomes known."""
        if self._questions is None or self._questions.source >= ClockSource.ACK:
            return
        try:
            self._outbox.add(Intake(marks={told(alarm.alarm): ""}))
        except sqlite3.Error as error:
            # A failing disk must not silence an alarm.
            _log.error("an alarm goes although it cannot be noted that it does: %s", error)

    def _publish_batch(self, parcel: Parcel, at_ms: int, publish: Publish) -> bool:
        return publish(Channel.DATA, self._batch(parcel, at_ms))

    def _question(self, at_ms: int) -> bytes:
        return self._batch(Parcel(self._outbox.boot, history=False, items=()), at_ms)

    def _batch(self, parcel: Parcel, at_ms: int) -> bytes:
        moment = Moment(at_ms) if self._questions is None else self._questions.moment(parcel.boot)
        return self._seal(Channel.DATA, to_batch(parcel, self._identity.gateway, moment))

    def _seal(self, channel: Channel, body: object) -> bytes:
        return seal(channel, self._identity.gateway, self._identity.key, body)

    def _wait_seconds(self, in_vain: int = 0) -> float:
        """How long to wait for an answer, twice as long each time it was in vain: an ingest may be away for days."""
        often = 2.0 ** min(in_vain, DOUBLINGS_MAX)
        jitter = self._setting.resend_jitter_seconds
        longest = max(RESEND_SECONDS_MAX, self._setting.resend_seconds + jitter)
        return min(longest, often * (self._setting.resend_seconds + self._draw(-jitter, jitter)))
