"""MQTT 5 packets, as far as somebody in between must understand them (pure)."""

from __future__ import annotations

from typing import NamedTuple

PUBLISH = 3
PUBACK = 4
QOS_MASK = 0x06
QOS_1 = 0x02
DUPLICATE = 0x08
LENGTH_BYTES_MAX = 4
MORE = 0x80


class Frame(NamedTuple):
    """One packet: its first byte and what comes after its length."""

    head: int
    body: bytes

    @property
    def kind(self) -> int:
        """The packet's type."""
        return self.head >> 4

    @property
    def is_publish(self) -> bool:
        """Whether it carries a message."""
        return self.kind == PUBLISH

    @property
    def is_confirmed_publish(self) -> bool:
        """Whether it is a PUBLISH that asks for a PUBACK."""
        return self.kind == PUBLISH and self.head & QOS_MASK == QOS_1

    @property
    def topic(self) -> str:
        """Where a PUBLISH goes."""
        return self.body[2 : self._topic_end].decode(errors="replace")

    @property
    def payload(self) -> bytes:
        """What a PUBLISH carries, behind its properties; those of more than 127 bytes are not understood."""
        start = self._topic_end + (2 if self.head & QOS_MASK else 0)
        return self.body[start + 1 + self.body[start] :]

    @property
    def number(self) -> int:
        """The packet identifier of a PUBLISH at QoS 1 or of a PUBACK."""
        at = self._topic_end if self.kind == PUBLISH else 0
        return int.from_bytes(self.body[at : at + 2])

    def renumbered(self, number: int, *, duplicate: bool = False) -> Frame:
        """The same PUBLISH under another packet identifier."""
        at = self._topic_end
        head = self.head | DUPLICATE if duplicate else self.head & ~DUPLICATE
        return Frame(head, self.body[:at] + number.to_bytes(2) + self.body[at + 2 :])

    def encode(self) -> bytes:
        """Its bytes on the wire."""
        length, digits = len(self.body), bytearray()
        while True:
            length, digit = divmod(length, MORE)
            digits.append(digit | (MORE if length else 0))
            if not length:
                return bytes([self.head]) + bytes(digits) + self.body

    @property
    def _topic_end(self) -> int:
        return 2 + int.from_bytes(self.body[:2])


def puback(number: int) -> Frame:
    """The broker's "I have it", which proves nothing."""
    return Frame(PUBACK << 4, number.to_bytes(2))


class FrameSplitter:
    """Cuts a stream into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The packets that are complete now; raises ValueError for a length that MQTT does not know."""
        rest, taken = self._rest + data, 0
        frames = []
        while (cut := _cut(rest, taken)) is not None:
            frame, taken = cut
            frames.append(frame)
        self._rest = rest[taken:]
        return frames


def _cut(data: bytes, start: int) -> tuple[Frame, int] | None:
    """The packet that begins there and where it ends; None while it is not complete."""
    length = 0
    for index in range(1, LENGTH_BYTES_MAX + 1):
        at = start + index
        if at >= len(data):
            return None
        length += (data[at] & (MORE - 1)) * MORE ** (index - 1)
        if not data[at] & MORE:
            end = at + 1 + length
            return (Frame(data[start], data[at + 1 : end]), end) if len(data) >= end else None
    raise ValueError("a packet's length has more than four digits")
