from __future__ import annotations

import struct
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.settings.source import Register
from edge_agent.sources.modbus_values import count_of, value_of

Kind = Literal["int16", "uint16", "int32", "uint32", "float32"]
FORMATS = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}


def words_of(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


@pytest.mark.parametrize(
    ("kind", "words", "value"),
    [
        ("int16", [45], 4.5),
        ("int16", [0xFFF6], -1.0),
        ("uint16", [0xFFF6], 6552.6),
        ("int32", [0xFFFF, 0xFFF6], -1.0),
        ("uint32", [0x0001, 0x0000], 6553.6),
        ("float32", [0x4090, 0x0000], 0.45),
    ],
)
def test_each_type_is_read_as_it_is_written(kind: Kind, words: list[int], value: float) -> None:
    register = Register(address=0, type=kind)
    assert count_of(register) == len(words)
    assert value_of(register, words) == pytest.approx(value)


def test_words_may_stand_the_other_way_round() -> None:
    assert value_of(Register(address=0, type="float32", word_order="little", scale=1.0), [0x0000, 0x4090]) == 4.5


def test_scale_and_offset() -> None:
    assert value_of(Register(address=0, scale=0.5, offset=-40.0), [100]) == 10.0


def test_a_fault_value_is_no_value_whatever_the_type() -> None:
    assert value_of(Register(address=0), [0x8000]) is None
    assert value_of(Register(address=0, fault_values=(0x7FFF, 0x8000)), [0x7FFF]) is None
    assert value_of(Register(address=0, fault_values=()), [0x8000]) == pytest.approx(-3276.8)
    wide = Register(address=0, type="float32", fault_values=(0xFF800000,), word_order="little")
    assert value_of(wide, [0x0000, 0xFF80]) is None


@pytest.mark.parametrize("words", [[0x7FC0, 0], [0x7F80, 0], [0xFF80, 0]])
def test_what_is_no_number_is_no_value(words: list[int]) -> None:
    assert value_of(Register(address=0, type="float32"), words) is None


@pytest.mark.parametrize("words", [[], [1, 2], [70_000], [-1]])
def test_odd_words_are_named(words: list[int]) -> None:
    with pytest.raises(ValueError, match="registers"):
        value_of(Register(address=0), words)


@given(st.sampled_from(["int16", "uint16", "int32", "uint32"]), st.booleans(), st.data())
def test_any_integer_survives_the_way(kind: Kind, little: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn by hypothesis
    bits = int(kind.removeprefix("u").removeprefix("int"))
    low, high = (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    number = data.draw(st.integers(low, high))
    words = words_of(struct.pack(FORMATS[kind], number))
    register = Register(address=0, type=kind, scale=1.0, fault_values=(), word_order="little" if little else "big")
    assert value_of(register, words[::-1] if little else words) == number
