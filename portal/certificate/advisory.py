"""What is known about a dose's quality, published apart from the certificate and never touching its authenticity.

Two bits a dose in one long list, at the random index that the certificate's `status` claim names. The first index
stands in the highest bits, as in W3C Bitstring Status List 1.0.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# A herd of 2^20 hides one dose (the standard asks for 2^17 at least) and, nearly empty, costs under 3 KB compressed.
ENTRIES = 2**20
BITS = 2
_PER_BYTE = 8 // BITS
_MASK = 2**BITS - 1


class Level(IntEnum):
    """What a verifier may say of a dose, besides "authentic"."""

    OK = 0
    UNDER_INVESTIGATION = 1
    REVACCINATION_ADVISED = 2
    SUPERSEDED = 3


def may_change(current: Level, target: Level) -> bool:
    """Whether a dose's level may go there: superseded is the end, and only a new certificate supersedes."""
    return current is not Level.SUPERSEDED and target not in {current, Level.SUPERSEDED}


def pack(levels: Mapping[int, Level], entries: int = ENTRIES) -> bytes:
    """The list's bytes; raises IndexError for an index outside the list."""
    packed = bytearray(entries // _PER_BYTE)
    for index, level in levels.items():
        if index < 0:
            message = f"no index {index} in the list"
            raise IndexError(message)
        packed[index // _PER_BYTE] |= level << _shift(index)
    return bytes(packed)


def level_at(packed: bytes, index: int) -> Level:
    """The level at one index; raises IndexError outside the list."""
    if index < 0:
        message = f"no index {index} in the list"
        raise IndexError(message)
    return Level(packed[index // _PER_BYTE] >> _shift(index) & _MASK)


def _shift(index: int) -> int:
    return (_PER_BYTE - 1 - index % _PER_BYTE) * BITS
