"""Modbus registers to numbers (pure)."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

from edge_agent.settings.source import WIDE_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.settings.source import Register

WORD_MAX: Final = 0xFFFF
_FORMATS: Final = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}


def count_of(register: Register) -> int:
    """How many registers the value takes."""
    return 2 if register.type in WIDE_TYPES else 1


def value_of(register: Register, words: Sequence[int]) -> float | None:
    """`raw * scale + offset`; None where the device says that it has no value. Raises ValueError for odd words."""
    if len(words) != count_of(register) or not all(0 <= word <= WORD_MAX for word in words):
        raise ValueError(f"{len(words)} registers instead of {count_of(register)}")
    ordered = words if register.word_order == "big" else list(reversed(words))
    data = b"".join(word.to_bytes(2, "big") for word in ordered)
    if int.from_bytes(data, "big") in register.fault_values:
        return None
    (raw,) = struct.unpack(_FORMATS[register.type], data)
    value = raw * register.scale + register.offset
    return value if math.isfinite(value) else None
