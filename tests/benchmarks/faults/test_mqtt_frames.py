from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.faults.mqtt_frames import DUPLICATE, Frame, FrameSplitter, puback

PUBLISH_AT_QOS_1 = 0x32


def publish(topic: str, number: int, payload: bytes) -> Frame:
    name = topic.encode()
    return Frame(PUBLISH_AT_QOS_1, len(name).to_bytes(2) + name + number.to_bytes(2) + b"\x00" + payload)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=6), st.integers(1, 50))
def test_any_packets_come_out_of_any_pieces_as_they_went_in(packets: list[tuple[int, bytes]], size: int) -> None:
    frames = [Frame(*packet) for packet in packets]
    stream = b"".join(frame.encode() for frame in frames)
    splitter = FrameSplitter()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [frame for piece in pieces for frame in splitter.feed(piece)] == frames


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, 2_097_152])
def test_lengths_of_one_to_four_digits(size: int) -> None:
    frame = Frame(0x30, bytes(size))
    assert FrameSplitter().feed(frame.encode()) == [frame]


def test_a_length_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="four digits"):
        FrameSplitter().feed(b"\x30\xff\xff\xff\xff\x01")


def test_a_publish_says_where_it_goes_and_under_which_number() -> None:
    frame = publish("cc/v1/gw-1/data", 513, b"body")
    assert (frame.topic, frame.number, frame.is_confirmed_publish) == ("cc/v1/gw-1/data", 513, True)
    assert not frame._replace(head=0x30).is_confirmed_publish
    assert not puback(513).is_confirmed_publish
    assert puback(513).number == 513
    assert puback(513).encode() == b"\x40\x02\x02\x01"


def test_a_renumbered_publish_is_otherwise_the_same() -> None:
    frame = publish("a/data", 513, b"body")
    again = frame.renumbered(7, duplicate=True)
    assert (again.number, again.head & DUPLICATE) == (7, DUPLICATE)
    assert again.renumbered(513) == frame
