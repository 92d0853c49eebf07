"""What the gateway asks ingest about the time, and which answers count.

Every message on `data` carries the monotonic instant of its sending, and ingest's ack names the newest one that it
answers, with its own clock: so each ack measures the clock. Where nothing else is to be sent, an empty message asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge_agent.clock.timeline import ROUND_TRIP_MS_MAX, Answer, ClockSource
from edge_agent.outbox.parcel import Moment

if TYPE_CHECKING:
    from edge_agent.settings.clock import ClockSetting
    from sheetal.contracts.batch import Ack

QUESTIONS_MAX = 1_000
"""Open questions; in `ROUND_TRIP_MS_MAX` a gateway sends far fewer messages."""


class Time(Protocol):
    """What of the timekeeper is needed here."""

    @property
    def source(self) -> ClockSource:
        """What the time stands on now."""

    def now_ms(self) -> int:
        """The instant."""

    def monotonic_ms(self) -> int:
        """Ms since the operating system booted."""

    def hear(self, answer: Answer) -> None:
        """Takes an answer."""


class ClockQuestions:
    """The open questions of one boot; each is answered once, and only within ten seconds."""

    def __init__(self, time: Time, setting: ClockSetting, boot: int) -> None:
        self._time = time
        self._setting = setting
        self._boot = boot
        self._open: list[int] = []
        self._next_ms: int | None = None
        self._patient_until_ms: int | None = None

    @property
    def source(self) -> ClockSource:
        """What the time stands on now."""
        return self._time.source

    def connected(self) -> None:
        """A connection has begun: the clock is asked at once, and earlier questions are not waited for."""
        self._open.clear()
        self._next_ms = self._patient_until_ms = None

    def is_due(self) -> bool:
        """Whether an empty message should ask now; never while the kernel is synchronised."""
        return self.source is not ClockSource.NTP and (
            self._next_ms is None or self._time.monotonic_ms() >= self._next_ms
        )

    def moment(self, boot: int) -> Moment:
        """What a message of this boot is sent with; it asks too. One of an earlier boot only says when it was sent."""
        source, monotonic_ms = self._time.source, self._time.monotonic_ms()
        if boot == self._boot:
            self._ask(monotonic_ms)
        return Moment(self._time.now_ms(), monotonic_ms, source.word)

    def take(self, ack: Ack) -> bool:
        """Hands a believed ack's time over, if it answers an open question; says whether it did."""
        heard_ms = self._time.monotonic_ms()
        if ack.boot != self._boot or ack.at_ms is None or ack.monotonic_ms not in self._open:
            return False
        # Ingest answers in order, so whatever was asked before this is answered with it.
        self._open = [asked_ms for asked_ms in self._open if asked_ms > ack.monotonic_ms]
        if heard_ms - ack.monotonic_ms > ROUND_TRIP_MS_MAX:
            return False
        self._time.hear(Answer(ack.at_ms, ack.monotonic_ms, heard_ms))
        return True

    def is_worth_waiting(self) -> bool:
        """Whether an alarm may wait for its instant: the clock is unknown, and the first answer is still to be had."""
        if self.source >= ClockSource.ACK:
            return False
        return self._patient_until_ms is None or self._time.monotonic_ms() < self._patient_until_ms

    def _ask(self, monotonic_ms: int) -> None:
        oldest_ms = monotonic_ms - ROUND_TRIP_MS_MAX
        self._open = [asked_ms for asked_ms in self._open[1 - QUESTIONS_MAX :] if asked_ms >= oldest_ms]
        self._open.append(monotonic_ms)
        anchored = self.source >= ClockSource.ACK
        pause_seconds = self._setting.ask_seconds if anchored else self._setting.ask_unanchored_seconds
        self._next_ms = monotonic_ms + round(pause_seconds * 1_000)
        if self._patient_until_ms is None:
            self._patient_until_ms = oldest_ms + 2 * ROUND_TRIP_MS_MAX
