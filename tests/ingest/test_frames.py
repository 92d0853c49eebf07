"""The packets as bytes, against a codec written apart from them: paho's own properties, and a few lines here."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.frames import NOT_UTF_8, OWN_IDS, Frames, Malformed, Reader, acknowledgements, publishes
from ingest.inbox import Message
from ingest.outgoing import Publish

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CONNECTION, NOW_MS = 3, 1_795_000_000_000
ALL = 1_000_000


def length(number: int) -> bytes:
    digits = b""
    while True:
        number, digit = divmod(number, 128)
        digits += bytes([digit | (128 if number else 0)])
        if not number:
            return digits


def packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + length(len(body)) + body


def publish(topic: bytes, payload: bytes, message_id: int = 1, *, flags: int = 2, properties: bytes = b"\x00") -> bytes:
    number = message_id.to_bytes(2) if flags & 6 else b""
    return packet(0x30 | flags, len(topic).to_bytes(2) + topic + number + properties + payload)


def packed(**values: object) -> bytes:
    properties = Properties(PacketTypes.PUBLISH)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties.pack()


def taken(reader: Reader, data: bytes, messages_max: int = ALL) -> Frames:
    reader.feed(data)
    return reader.take(messages_max, CONNECTION, NOW_MS)


def read(pieces: Iterable[bytes]) -> tuple[list[Message], int, int, list[bytes]]:
    reader, messages, others = Reader(), [], []
    acknowledged = refused = 0
    for piece in pieces:
        found = taken(reader, piece)
        messages += found.messages
        others += found.others
        acknowledged, refused = acknowledged + found.acknowledged, refused + found.refused
    return messages, acknowledged, refused, others


def message(topic: str, payload: bytes, message_id: int = 1) -> Message:
    return Message(topic, payload, message_id, CONNECTION, NOW_MS)


PROPERTIES = [
    packed(),
    packed(MessageExpiryInterval=60, PayloadFormatIndicator=1, ContentType="application/json"),
    packed(UserProperty=[("site", "पुणे"), ("x", "y" * 300)]),
    packed(UserProperty=[("long", "z" * 20_000)], CorrelationData=b"\x00\xff"),
]
topic_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
arriving = st.one_of(
    st.tuples(
        topic_names.map(str.encode),
        st.binary(max_size=400),
        st.integers(1, 65_535),
        st.sampled_from([2, 3, 10]),
        st.sampled_from(PROPERTIES),
    ).map(lambda one: publish(one[0], one[1], one[2], flags=one[3], properties=one[4])),
    st.tuples(topic_names.map(str.encode), st.binary(max_size=40)).map(lambda one: publish(*one, flags=0)),
    st.binary(min_size=2, max_size=2).map(lambda number: packet(0x40, number)),
    st.binary(min_size=2, max_size=2).map(lambda number: packet(0x40, number + b"\x87")),
    st.sampled_from([b"\xd0\x00", packet(0x90, b"\x00\x01\x00\x01"), packet(0x20, b"\x00" * 200)]),
)


@given(st.lists(arriving, max_size=30), st.data())
def test_any_cut_of_the_stream_gives_the_same_packets(packets: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(packets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = read([stream])
    assert read(pieces) == whole
    assert sum(map(len, (whole[0], whole[3]))) + whole[1] == len(packets)


@given(st.lists(arriving, max_size=10))
def test_byte_by_byte_is_the_same_too(packets: list[bytes]) -> None:
    stream = b"".join(packets)
    assert read(bytes([byte]) for byte in stream) == read([stream])


@given(st.lists(arriving, max_size=30), st.integers(1, 5))
def test_taking_a_few_at_a_time_is_the_same_too(packets: list[bytes], messages_max: int) -> None:
    stream, reader, messages, others, acknowledged = b"".join(packets), Reader(), [], [], 0
    reader.feed(stream)
    while reader.has_packets:
        found = reader.take(messages_max, CONNECTION, NOW_MS)
        assert len(found.messages) <= messages_max
        messages, others, acknowledged = (
            messages + found.messages,
            others + found.others,
            acknowledged + found.acknowledged,
        )
    whole = read([stream])
    assert (messages, acknowledged, others) == (whole[0], whole[1], whole[3])


@given(st.lists(arriving, max_size=10), st.lists(arriving, max_size=10), st.integers(0, 5))
def test_more_may_be_fed_before_all_is_taken(first: list[bytes], then: list[bytes], messages_max: int) -> None:
    reader = Reader()
    early = taken(reader, b"".join(first), messages_max)
    late = taken(reader, b"".join(then))
    whole = read([b"".join([*first, *then])])
    assert ([*early.messages, *late.messages], early.acknowledged + late.acknowledged) == whole[:2]


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_give_packets_or_malformed_and_nothing_else(noise: bytes) -> None:
    reader = Reader()
    try:
        found = taken(reader, noise)
    except Malformed:
        return
    assert all(isinstance(one.payload, bytes) for one in found.messages)


@given(st.lists(arriving, min_size=1, max_size=5), st.data())
def test_a_damaged_byte_is_never_worse_than_malformed(packets: list[bytes], data: st.DataObject) -> None:
    stream = bytearray(b"".join(packets))
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read([bytes(stream)])
    except Malformed:
        return


@pytest.mark.parametrize("properties", PROPERTIES)
def test_the_payload_begins_after_the_properties(properties: bytes) -> None:
    stream = publish(b"cc/v1/gw-01/data", b"payload", 77, properties=properties)
    assert taken(Reader(), stream).messages == [message("cc/v1/gw-01/data", b"payload", 77)]


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 10_000_000])
def test_packets_of_every_length_come_whole_in_pieces_of_any_size(size: int) -> None:
    payload = bytes(size)
    stream = publish(b"t", payload) + publish(b"u", b"next", 2)
    step = max(1, len(stream) // 50)
    messages = read(stream[at : at + step] for at in range(0, len(stream), step))[0]
    assert messages == [message("t", payload), message("u", b"next", 2)]


def test_a_message_of_qos_0_has_no_number() -> None:
    assert taken(Reader(), publish(b"t", b"x", flags=0)).messages == [message("t", b"x", 0)]


def test_a_topic_that_is_not_utf_8_is_told_and_the_next_message_is_read() -> None:
    found = taken(Reader(), publish(b"cc/v1/\xff\xfe/data", b"x", 5) + publish(b"t", b"y", 6))
    assert found.messages == [message(NOT_UTF_8, b"x", 5), message("t", b"y", 6)]


def test_an_acknowledgement_that_says_no_is_counted_apart() -> None:
    answers = [b"\x00\x01", b"\x00\x02\x00", b"\x00\x03\x10", b"\x00\x04\x87", b"\x00\x05\x97\x00"]
    found = taken(Reader(), b"".join(packet(0x40, answer) for answer in answers))
    assert (found.acknowledged, found.refused) == (5, 2)


MALFORMED = {
    "a length without end": b"\x32\x80\x80\x80\x80\x01",
    "longer than was agreed": b"\x32" + length(12 * 1024 * 1024 + 1),
    "no body": b"\x32\x00",
    "half a topic length": b"\x32\x01\x00",
    "a topic longer than the packet": packet(0x32, b"\x00\x09abc\x00\x01\x00"),
    "no topic": publish(b"", b"x"),
    "an alias instead of a topic": publish(b"", b"x", properties=b"\x03\x23\x00\x01"),
    "no packet id": packet(0x32, b"\x00\x01t"),
    "packet id 0": publish(b"t", b"x", 0),
    "no properties": packet(0x32, b"\x00\x01t\x00\x01"),
    "properties longer than the packet": packet(0x32, b"\x00\x01t\x00\x01\x05ab"),
    "long properties longer than the packet": packet(0x32, b"\x00\x01t\x00\x01\x80\x01ab"),
    "properties without an end": packet(0x32, b"\x00\x01t\x00\x01\xff\xff"),
    "a property length of five bytes": packet(0x32, b"\x00\x01t\x00\x01" + b"\xff" * 4 + b"\x01"),
    "QoS 2, which was not asked for": publish(b"t", b"x", flags=4),
    "QoS 3": publish(b"t", b"x", flags=6),
    "a PUBACK of nothing": b"\x40\x00",
    "a PUBACK of half an id": b"\x40\x01\x01",
}


@pytest.mark.parametrize("stream", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_breaks_the_protocol_is_malformed_whatever_follows(stream: bytes) -> None:
    for after in (b"", publish(b"t", b"good") * 3, bytes(70_000)):
        with pytest.raises(Malformed):
            taken(Reader(), stream + after)


def test_an_announced_length_is_refused_before_its_bytes_are_kept() -> None:
    reader = Reader(packet_bytes_max=1_000)
    assert taken(reader, publish(b"t", bytes(900))).messages
    with pytest.raises(Malformed, match="1001 bytes"):
        taken(reader, b"\x32" + length(1_001))


def sent(items: Sequence[Publish], first: int = 0) -> list[tuple[int, bytes]]:
    """Kind and body of each packet, by a reader of this file's own."""
    stream, at, found = publishes(items, first), 0, []
    while at < len(stream):
        size, shift, index = 0, 0, at + 1
        while True:
            size |= (stream[index] & 127) << shift
            shift, index = shift + 7, index + 1
            if stream[index - 1] < 128:
                break
        found.append((stream[at], stream[index : index + size]))
        at = index + size
    assert at == len(stream)
    return found


@given(st.lists(st.tuples(topic_names, st.binary(max_size=20_000), st.booleans()), max_size=10), st.integers(0, 10**9))
def test_what_is_published_is_what_was_handed_over(items: list[tuple[str, bytes, bool]], first: int) -> None:
    found = sent([Publish(*item) for item in items], first)
    assert len(found) == len(items)
    for number, ((topic, payload, retain), (kind, body)) in enumerate(zip(items, found, strict=True)):
        name = topic.encode()
        message_id = OWN_IDS + (first + number) % 32_768
        assert kind == (0x33 if retain else 0x32)
        assert body == struct.pack(">H", len(name)) + name + struct.pack(">HB", message_id, 0) + payload


@given(st.lists(st.tuples(topic_names, st.binary(max_size=300)), max_size=10))
def test_what_we_publish_we_could_read(items: list[tuple[str, bytes]]) -> None:
    messages = read([publishes([Publish(*item, retain=False) for item in items], 0)])[0]
    assert [(one.topic, one.payload) for one in messages] == items


def test_no_number_is_given_again_while_the_window_lasts() -> None:
    numbers = [struct.unpack_from(">H", body, 3)[0] for _, body in sent([Publish("t", b"", retain=False)] * 70_000, 5)]
    assert min(numbers) == OWN_IDS
    assert max(numbers) == 65_535
    assert all(len(set(numbers[at : at + 1_000])) == 1_000 for at in range(0, 69_000, 999))


@given(st.lists(st.integers(1, 65_535), max_size=50))
def test_acknowledgements_name_their_messages(message_ids: list[int]) -> None:
    assert acknowledgements(message_ids) == b"".join(b"\x40\x02" + one.to_bytes(2) for one in message_ids)
