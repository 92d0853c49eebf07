"""MQTT 5 packets that come and go by the thousand, as bytes (pure): PUBLISH and PUBACK; all others stay whole.

    PUBLISH  0011dqqr | length | topic length, topic | packet id | properties length, properties | payload
    PUBACK   01000000 | length | packet id [| reason [| properties]]

A length is a variable byte integer: seven bits a byte, lowest first, at most four bytes (MQTT 5.0, 1.5.5). What breaks
the protocol raises Malformed and must end the connection. A topic that is not UTF-8 is told as such instead: it is one
publisher's fault, and a broker that lets it through would else end every connection of ours.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from ingest.inbox import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.outgoing import Publish

PACKET_BYTES_MAX = 12 * 1024 * 1024
OWN_IDS = 0x8000
"""Our packet ids are 32,768 … 65,535; paho counts its few requests up from 1."""
PINGRESP = b"\xd0\x00"
NOT_UTF_8 = "(not UTF-8)"
_PUBLISH, _PUBACK, _KINDS = 0x30, 0x40, 0xF0
_RETAIN, _AT_LEAST_ONCE, _QOS = 0x01, 0x02, 0x06
_CONTINUED, _DIGIT, _DIGIT_BITS, _DIGITS_MAX = 0x80, 0x7F, 7, 4
_HEADER_BYTES, _ID_BYTES = 2, 2
_FAILURE = 0x80
_PUBACK_HEAD = 0x4002 << 16


class Malformed(Exception):
    """The peer does not keep to the protocol."""


class Frames(NamedTuple):
    """What one look into the buffer found; `refused` of the acknowledged publishes were not taken by the broker."""

    messages: list[Message]
    acknowledged: int
    refused: int
    others: list[bytes]
    """Whole packets of every other kind."""


class Reader:
    """Bytes in pieces of any size in, packets out; holds one packet that is not whole, and what nobody took yet."""

    def __init__(self, packet_bytes_max: int = PACKET_BYTES_MAX) -> None:
        self._packet_bytes_max = packet_bytes_max
        self._pieces: list[bytes] = []
        self._pieces_bytes = 0
        self._wanted_bytes = 0
        self._data = b""
        self._at = 0

    @property
    def has_packets(self) -> bool:
        """Whether `take` may find something without another `feed`."""
        return self._at < len(self._data)

    def feed(self, piece: bytes) -> None:
        """Adds what the socket gave."""
        if self.has_packets:
            self._put_back(len(self._data))
        self._pieces.append(piece)
        self._pieces_bytes += len(piece)
        if self._pieces_bytes >= self._wanted_bytes:
            self._data, self._at = b"".join(self._pieces), 0
            self._pieces, self._pieces_bytes, self._wanted_bytes = [], 0, 0

    def take(self, messages_max: int, connection: int, now_ms: int) -> Frames:
        """The packets that are whole, up to so many messages; raises Malformed."""
        data, at = self._data, self._at
        messages: list[Message] = []
        others: list[bytes] = []
        acknowledged = refused = 0
        while at < len(data) and len(messages) < messages_max:
            body, end = _span(data, at, self._packet_bytes_max)
            if end > len(data):
                self._at = at
                self._put_back(end)
                break
            kind = data[at] & _KINDS
            if kind == _PUBLISH:
                messages.append(_message(data, at, (body, end), connection, now_ms))
            elif kind == _PUBACK:
                acknowledged += 1
                refused += _is_refusal(data, body, end)
            else:
                others.append(data[at:end])
            at = end
        else:
            self._at = at
        return Frames(messages, acknowledged, refused, others)

    def _put_back(self, end: int) -> None:
        """Keeps what is left for the next piece; it will be whole no sooner than at `end`."""
        rest = self._data[self._at :]
        self._pieces, self._pieces_bytes = [rest], len(rest)
        self._wanted_bytes = end - self._at
        self._data, self._at = b"", 0


def publishes(items: Sequence[Publish], first: int) -> bytes:
    """Packets of QoS 1; the first is the `first`-th of its connection, which decides the packet ids."""
    parts: list[bytes] = []
    for number, (topic, payload, retain) in enumerate(items, first):
        name = topic.encode()
        kind = b"\x33" if retain else b"\x32"
        length = _length(len(name) + len(payload) + 5)
        ends = struct.pack(">HB", OWN_IDS | number % OWN_IDS, 0)
        parts += (kind, length, len(name).to_bytes(2), name, ends, payload)
    return b"".join(parts)


def acknowledgements(message_ids: Sequence[int]) -> bytes:
    """PUBACK packets that say "success"."""
    return struct.pack(f">{len(message_ids)}I", *[_PUBACK_HEAD | message_id for message_id in message_ids])


def _span(data: bytes, at: int, bytes_max: int) -> tuple[int, int]:
    """Where the packet's body begins and ends; an end beyond the data when it is not whole."""
    if len(data) - at < _HEADER_BYTES:
        return at, len(data) + 1
    length, body = data[at + 1], at + _HEADER_BYTES
    if length & _CONTINUED:
        number = _number(data, at + 1, len(data))
        if number is None:
            return at, len(data) + 1
        length, body = number
    if length > bytes_max:
        raise Malformed(f"a packet of {length} bytes")
    return body, body + length


def _number(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """A variable byte integer and where it ends; None when it goes on beyond `end`."""
    value = 0
    for index in range(_DIGITS_MAX):
        if at + index >= end:
            return None
        digit = data[at + index]
        value |= (digit & _DIGIT) << (index * _DIGIT_BITS)
        if not digit & _CONTINUED:
            return value, at + index + 1
    raise Malformed("a length of more than four bytes")


def _message(data: bytes, at: int, span: tuple[int, int], connection: int, now_ms: int) -> Message:
    body, end = span
    topic_at = body + 2
    topic_end = topic_at + int.from_bytes(data[body:topic_at])
    qos, message_id, at = data[at] & _QOS, 0, topic_end
    if qos == _AT_LEAST_ONCE:
        at += _ID_BYTES
        message_id = int.from_bytes(data[topic_end:at])
    # An empty topic would be an alias, which we allow no broker to use; the subscriptions ask for QoS 1 at most.
    if topic_end == topic_at or at >= end or qos > _AT_LEAST_ONCE or (qos and not message_id):
        raise Malformed("a PUBLISH that cannot be")
    payload_at = _after_properties(data, at, end)
    return Message(_text(data[topic_at:topic_end]), data[payload_at:end], message_id, connection, now_ms)


def _after_properties(data: bytes, at: int, end: int) -> int:
    length, after = data[at], at + 1
    if length & _CONTINUED:
        number = _number(data, at, end)
        if number is None:
            raise Malformed("properties without an end")
        length, after = number
    if after + length > end:
        raise Malformed("properties that are longer than their packet")
    return after + length


def _text(topic: bytes) -> str:
    try:
        return topic.decode()
    except UnicodeDecodeError:
        return NOT_UTF_8


def _is_refusal(data: bytes, body: int, end: int) -> bool:
    if end - body < _ID_BYTES:
        raise Malformed("a PUBACK without a packet id")
    return end - body > _ID_BYTES and data[body + _ID_BYTES] >= _FAILURE


def _length(number: int) -> bytes:
    """MQTT's variable byte integer."""
    encoded = bytearray()
    while number > _DIGIT:
        encoded.append(number & _DIGIT | _CONTINUED)
        number >>= _DIGIT_BITS
    encoded.append(number)
    return bytes(encoded)
