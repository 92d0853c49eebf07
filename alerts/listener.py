"""The worker behind the subscriber: believes, keeps, acknowledges; one message after the other."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

import structlog

from alerts import device_alarms, gateway_state, reported
from sheetal.contracts.problem import Rejected, Unavailable, WireProblem
from sheetal.contracts.topics import Channel

if TYPE_CHECKING:
    from threading import Event

    from alerts.inbox import Incoming
    from alerts.keys import Keys
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger

TAKE_SECONDS = 0.2
AWAY_SECONDS = 0.5

log = structlog.get_logger()


class Wire(Protocol):
    """The subscriber, as its worker sees it."""

    def take(self, seconds_max: float) -> Incoming | None:
        """The next message, if one comes in time."""

    def put_back(self, message: Incoming) -> None:
        """Let a message wait again."""

    def publish(self, topic: str, payload: bytes) -> bool:
        """Hand a message to the broker."""


class Listener:
    """Runs until stopped; a ledger that is away leaves the message to be sent again by its gateway."""

    def __init__(self, wire: Wire, ledger: Ledger, keys: Keys, clock: Clock) -> None:
        self._wire = wire
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self.refused = 0

    def run(self, stop: Event) -> None:
        """Deals with messages until told to stop."""
        while not stop.is_set():
            message = self._wire.take(TAKE_SECONDS)
            if message is not None and not self.deal_with(message):
                stop.wait(AWAY_SECONDS)

    def deal_with(self, message: Incoming) -> bool:
        """Keeps one message, or says why not; the broker's own acknowledgement follows in any case.

        False when the ledger is away: an alarm is then sent again by its gateway, anything else waits here.
        """
        is_there = True
        try:
            self._keep(message)
        except WireProblem as problem:
            self._refuse(message, str(problem.facts.get("reason")), problem.message)
        except Rejected as problem:
            self._refuse(message, "key_does_not_open", problem.message)
        except Unavailable as problem:
            log.warning("The ledger is away, the message waits", problem=problem.message)
            is_there = False
            if message.channel is not Channel.ALARM:
                self._wire.put_back(message)
        except Exception as problem:  # one gateway's message must not silence the alarms of all others
            log.exception("A message cannot be kept")
            self._refuse(message, "unprocessable", type(problem).__name__)
        message.acknowledge()
        return is_there

    def _keep(self, message: Incoming) -> None:
        key = self._keys.key_of(message.gateway)
        if key is None:
            raise WireProblem(f"gateway {message.gateway!r} is not enrolled", reason="unknown_gateway")
        try:
            self._keep_under(key, message)
        except WireProblem as problem:
            newer = (
                self._keys.newer_key_of(message.gateway, key) if problem.facts.get("reason") == "wrong_mac" else None
            )
            if newer is None:
                raise
            self._keep_under(newer, message)

    def _keep_under(self, key: bytes, message: Incoming) -> None:
        now_ms = self._clock()
        if message.channel is Channel.ALARM:
            self._keep_alarm(key, message, now_ms)
        elif message.channel is Channel.REPORTED:
            reported.keep(self._ledger, reported.believe(message.payload, message.gateway, key), now_ms)
        else:
            said = gateway_state.believe(message.payload, message.channel, message.gateway, key, now_ms)
            gateway_state.keep(self._ledger, said)

    def _keep_alarm(self, key: bytes, message: Incoming, now_ms: int) -> None:
        alarm = device_alarms.believe(message.payload, message.gateway, key)
        if device_alarms.keep(self._ledger, alarm, now_ms):
            self._wire.publish(*device_alarms.acknowledgement(alarm, key))
            log.warning("A gateway's alarm is kept", alarm=alarm.alarm, cleared=alarm.cleared_at_ms is not None)

    def _refuse(self, message: Incoming, reason: str, detail: str) -> None:
        self.refused += 1
        log.warning(
            "A message is refused",
            gateway=message.gateway,
            channel=message.channel.value,
            reason=reason,
            detail=detail[:200],
            size_bytes=len(message.payload),
            sha256=hashlib.sha256(message.payload).hexdigest(),
        )
