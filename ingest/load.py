"""A few messages on their way together: taken apart, and later answered (pure)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ingest.accept import accept
from ingest.decode import decode, gateway_of_topic
from ingest.reasons import Reason
from sheetal.contracts.batch import Ack, RefusedRange, ranges, union
from sheetal.contracts.problem import WireProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from ingest.accept import Accepted
    from ingest.decode import Believed
    from ingest.inbox import Message
    from sheetal.contracts.batch import AuxRow, DaySummary, ThinnedSpan, UnplacedRow
    from sheetal.contracts.reading import Reading

ROWS_MAX = 4_000
"""A message has at most 1,000 rows, so that no load needs a second request of 5,000 rows."""
MESSAGES_MAX = 4_000
BYTES_MAX = 8 * 1024 * 1024
DETAIL_LENGTH_MAX = 500
DAY_ROWS = 24
LETTER_ROWS = 16
"""What a letter costs, hash, head and its own row, in the time of readings (measured: 76 µs), so that a load of them is
small and good messages behind a flood do not wait for it."""
RANGES_AN_ACK_MAX = 2_000
"""At most 130 kB as JSON: a broker cuts off whoever sends more than the 256 KiB that its limit lets a batch have."""


class Letter(NamedTuple):
    """What goes to the dead letter: the message as it came, and why; `gateway` is the enrolled one it came from."""

    topic: str
    payload: bytes
    reason: Reason
    detail: str
    gateway: str | None = None


class Part(NamedTuple):
    """One believed message; `stored` are the sequence ranges of what of it may be stored."""

    message: Message
    believed: Believed
    accepted: Accepted
    stored: list[tuple[int, int]]

    @property
    def stored_rows(self) -> int:
        """How many rows it puts into the stores; a day marks each of its hours."""
        accepted = self.accepted
        others = len(accepted.aux) + len(accepted.unplaced) + len(accepted.thinned)
        return len(accepted.readings) + others + DAY_ROWS * len(accepted.days)


class SealedAck(NamedTuple):
    """An ack and the key of the gateway it goes to."""

    key: bytes
    ack: Ack


class Load:
    """Messages that are stored, recorded and answered together."""

    def __init__(self) -> None:
        self.items: list[tuple[Message, Part | Letter]] = []
        self.parts: list[Part] = []
        self.letters: list[Letter] = []
        self._rows = 0
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether it should set out before more is added."""
        return self._rows >= ROWS_MAX or len(self.items) >= MESSAGES_MAX or self._bytes >= BYTES_MAX

    def add(self, message: Message, found: Part | Letter) -> None:
        """Takes one message and what was found in it; its refused rows become letters of their own."""
        self.items.append((message, found))
        self._bytes += len(message.payload)
        if isinstance(found, Letter):
            self.letters.append(found)
            self._rows += LETTER_ROWS
            return
        refused = refused_rows(found)
        self.parts.append(found)
        self.letters += refused
        self._rows += found.stored_rows + LETTER_ROWS * len(refused)

    def singles(self) -> Iterator[Load]:
        """Each message as a load of its own."""
        for message, found in self.items:
            alone = Load()
            alone.add(message, found)
            yield alone

    @property
    def readings(self) -> list[Reading]:
        """Every row that may be stored, in the order of arrival."""
        return list(chain.from_iterable(part.accepted.readings for part in self.parts))

    @property
    def aux(self) -> list[tuple[str, int, AuxRow]]:
        """Every value beside temperature that may be stored, with its gateway and boot."""
        return [
            (part.believed.gateway, part.believed.batch.boot, row) for part in self.parts for row in part.accepted.aux
        ]

    @property
    def days(self) -> list[DaySummary]:
        """Every day summary that may be stored."""
        return [day for part in self.parts for day in part.accepted.days]

    @property
    def unplaced(self) -> list[tuple[int, UnplacedRow]]:
        """Every row without an instant that may be stored, with its boot."""
        return [(part.believed.batch.boot, row) for part in self.parts for row in part.accepted.unplaced]

    @property
    def thinned(self) -> list[ThinnedSpan]:
        """Every thinned span that may be stored."""
        return [span for part in self.parts for span in part.accepted.thinned]


def take_apart(message: Message, key_of: Callable[[str], bytes | None]) -> Part | Letter:
    """Decodes and judges one message; raises only what `key_of` raises while the ledger is away."""
    try:
        believed = decode(message.topic, message.payload, key_of)
    except WireProblem as problem:
        gateway = gateway_of_topic(message.topic)
        is_enrolled = gateway is not None and key_of(gateway) is not None
        found = letter(message, Reason(str(problem.facts["reason"])), problem.message)
        return found._replace(gateway=gateway) if is_enrolled else found
    accepted = accept(believed.batch, message.received_at_ms)
    return Part(message, believed, accepted, accepted.stored)


def letter(message: Message, reason: Reason, detail: str) -> Letter:
    """A dead letter whose text any database takes."""
    safe = detail[:DETAIL_LENGTH_MAX]
    if not safe.isprintable():
        safe = "".join(sign if sign.isprintable() else " " for sign in safe)
    return Letter(message.topic.replace("\x00", " "), message.payload, reason, safe)


def refused_rows(part: Part) -> list[Letter]:
    """One letter for each reason that refused rows of a message, naming their sequences."""
    by_reason: dict[Reason, list[int]] = {}
    for refusal in part.accepted.refused:
        by_reason.setdefault(refusal.reason, []).append(refusal.sequence)
    return [_of_part(part, reason, f"rows {_named(sequences)}") for reason, sequences in by_reason.items()]


def refused_by_store(parts: Iterable[Part], refused: Iterable[tuple[Reading, str]]) -> list[Letter]:
    """One letter for each message that carried rows which the store refused for good."""
    reasons = {(reading.sensor, reading.measured_at_ms): reason for reading, reason in refused}
    letters: list[Letter] = []
    for part in parts if reasons else ():
        rows = [row for row in part.accepted.readings if (row.sensor, row.measured_at_ms) in reasons]
        if rows:
            words = sorted({reasons[row.sensor, row.measured_at_ms] for row in rows})
            detail = f"rows {_named([row.sequence for row in rows])}: {', '.join(words)}"
            letters.append(_of_part(part, Reason.STORE_REFUSED, detail))
    return letters


def contradicting(part: Part, sequences: list[int]) -> Letter:
    """The letter of a message some of whose rows or spans say otherwise than what stands in their place."""
    return _of_part(part, Reason.CONTRADICTING, f"rows {_named(sequences)}")


def _of_part(part: Part, reason: Reason, detail: str) -> Letter:
    return letter(part.message, reason, detail)._replace(gateway=part.believed.gateway)


class Answer:
    """What is told one gateway about one boot; `asked_ms` is the newest question for the time in the load."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.stored: list[tuple[int, int]] = []
        self.refused: dict[int, str] = {}
        self.asked_ms: int | None = None

    def add(self, part: Part, by_store: Collection[tuple[str, int]]) -> None:
        """Takes one message's part in; `by_store` are the readings that the store would not take."""
        accepted, asked_ms = part.accepted, part.believed.batch.monotonic_ms
        self.stored += part.stored
        for refusal in accepted.refused:
            self.refused[refusal.sequence] = refusal.reason.value
        for reading in accepted.readings if by_store else ():
            if (reading.sensor, reading.measured_at_ms) in by_store:
                self.refused[reading.sequence] = Reason.STORE_REFUSED.value
        if asked_ms is not None:
            self.asked_ms = max(asked_ms, self.asked_ms or 0)

    def acks(self, gateway: str, boot: int, at_ms: int) -> Iterator[Ack]:
        """What there is to say, in acks of bounded size. They tell the time only to a gateway that asked."""
        told = Ack(
            gateway=gateway,
            boot=boot,
            at_ms=None if self.asked_ms is None else at_ms,
            monotonic_ms=self.asked_ms,
        )
        stored = _without(union(self.stored), self.refused)
        refused = _refused_ranges(self.refused)
        if len(stored) + len(refused) <= RANGES_AN_ACK_MAX:
            if stored or refused or self.asked_ms is not None:
                yield replace(told, stored=stored, refused=refused)
            return
        for first in range(0, len(stored), RANGES_AN_ACK_MAX):
            yield replace(told, stored=stored[first : first + RANGES_AN_ACK_MAX])
        for first in range(0, len(refused), RANGES_AN_ACK_MAX):
            yield replace(told, refused=refused[first : first + RANGES_AN_ACK_MAX])


def acks(parts: Iterable[Part], refused: Iterable[tuple[Reading, str]], at_ms: int) -> list[SealedAck]:
    """What to tell each gateway of each boot at this instant; `refused` are rows that the store would not take.

    A sequence that was refused in one row is never called stored for another.
    """
    by_store = {(reading.sensor, reading.measured_at_ms) for reading, _ in refused}
    answers: dict[tuple[str, int], Answer] = {}
    for part in parts:
        origin = (part.believed.batch.gateway, part.believed.batch.boot)
        answers.setdefault(origin, Answer(part.believed.key)).add(part, by_store)
    return [SealedAck(one.key, ack) for origin, one in answers.items() for ack in one.acks(*origin, at_ms)]


def _without(stored: list[tuple[int, int]], refused: Collection[int]) -> list[tuple[int, int]]:
    """The ranges less the refused numbers; they name rows that came, so they are short enough to be counted out."""
    if not refused:
        return stored
    return ranges([number for first, last in stored for number in range(first, last + 1) if number not in refused])


def _refused_ranges(refused: dict[int, str]) -> list[RefusedRange]:
    by_reason: dict[str, list[int]] = {}
    for sequence, reason in refused.items():
        by_reason.setdefault(reason, []).append(sequence)
    return [
        RefusedRange(first, last, reason) for reason, numbers in by_reason.items() for first, last in ranges(numbers)
    ]


def _named(sequences: list[int]) -> str:
    return ", ".join(f"{first}–{last}" if last > first else str(first) for first, last in ranges(sequences))
