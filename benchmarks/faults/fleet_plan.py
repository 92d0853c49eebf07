"""Many gateways and every row that they will ever measure, as a function of its number (pure).

The ground truth needs no memory: a row is computed when it is sent and computed again when the store is counted.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Batch, Row
from sheetal.contracts.reading import Reading

BOOT_COUNTER = 1 << 32
CENTI_CELSIUS_MIN = 200
CENTI_CELSIUS_SPAN = 599
"""A prime, so that no regular step of gateways or sequences repeats a value."""


class Plan(NamedTuple):
    """How many gateways there are and what they say.

    A message holds `rows` rows of `probes` probes in turn; row number n is stamped `starts_at_ms` + n × `spacing_ms`.
    `seed` changes every value and key. Over all gateways `messages_per_second` new messages are made. One that is not
    acknowledged within `resend_seconds` (longer by up to `resend_jitter` of it) goes again, then after twice as long
    and so on up to `resend_seconds_max`: gateways rest for longer, but knock each minute and send again when answered;
    each gateway has at most `in_flight` of them on the wire and keeps the rest.
    """

    starts_at_ms: int
    gateways: int = 100
    probes: int = 2
    rows: int = 10
    messages_per_second: float = 200.0
    in_flight: int = 8
    resend_seconds: float = 3.0
    resend_seconds_max: float = 60.0
    resend_jitter: float = 0.3
    spacing_ms: int = 1_000
    seed: int = 1
    prefix: str = "fl"

    @property
    def keys(self) -> dict[str, bytes]:
        """Every gateway's enrolment key, by its id."""
        return {self.name(number): self.key(number) for number in range(self.gateways)}

    @property
    def sensors(self) -> list[str]:
        """Every sensor's id."""
        return [self.sensor(number, probe) for number in range(self.gateways) for probe in range(self.probes)]

    def name(self, number: int) -> str:
        """A gateway's id."""
        return f"{self.prefix}-{number:05d}"

    def number(self, name: str) -> int | None:
        """The gateway that has this id, or for whose sensor it stands; None when it is none of ours."""
        prefix, _, digits = topics.gateway_of(name).rpartition("-")
        number = int(digits) if prefix == self.prefix and digits.isdecimal() else self.gateways
        return number if number < self.gateways else None

    def sensor(self, number: int, probe: int) -> str:
        """The id of one of a gateway's sensors."""
        return topics.sensor_of(self.name(number), f"p{probe}")

    def key(self, number: int) -> bytes:
        """A gateway's enrolment key."""
        return _key(self.seed, self.name(number))

    def boot(self, number: int) -> int:
        """The one boot that a gateway ever has."""
        return BOOT_COUNTER + number

    def value(self, number: int, sequence: int) -> int:
        """What a row says, in centi-degrees; neighbours in any direction differ."""
        mixed = self.seed * 104_729 + number * 7_919 + sequence * 31
        return CENTI_CELSIUS_MIN + mixed % CENTI_CELSIUS_SPAN

    def reading(self, number: int, sequence: int) -> Reading:
        """One row as the store must hold it."""
        sensor = self.sensor(number, sequence % self.probes)
        at_ms = self.starts_at_ms + sequence * self.spacing_ms
        return Reading(sensor, at_ms, self.value(number, sequence), 0, self.boot(number), sequence)

    def payload(self, number: int, message: int, now_ms: int) -> bytes:
        """A gateway's message, sealed; messages are counted from 0, the sequences in them from 1."""
        sensors = [self.sensor(number, probe) for probe in range(self.probes)]
        first = message * self.rows + 1
        rows = [
            Row(
                sequence,
                self.starts_at_ms + sequence * self.spacing_ms,
                sensors[sequence % self.probes],
                self.value(number, sequence),
                0,
            )
            for sequence in range(first, first + self.rows)
        ]
        name = self.name(number)
        batch = Batch(gateway=name, boot=self.boot(number), sent_at_ms=now_ms, clock_source="ntp", rows=rows)
        return seal.seal(topics.Channel.DATA, name, self.key(number), batch)

    def messages_of(self, first: int, last: int) -> list[tuple[int, bool]]:
        """The messages that the sequences from first to last touch, and whether they hold all of it."""
        touched = range((first - 1) // self.rows, (last - 1) // self.rows + 1)
        return [
            (message, first <= message * self.rows + 1 and last >= (message + 1) * self.rows) for message in touched
        ]


@lru_cache(maxsize=65_536)
def _key(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()
