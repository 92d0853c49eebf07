"""A disk that loses power: what was synced stays, of what was not any part may be there, in any combination (pure).

The model of trust.md section 1: each write since its file's last sync is kept (45 %), torn at 512-byte sectors (15 %)
or dropped (40 %), independently of all others; a truncation is kept or dropped. Directory entries are durable at once.
Two further cuts mix in, since disks do those too: nothing of it arrived, and all of it but a torn last write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random

SECTOR_BYTES = 512
KEPT_SHARE = 0.45
TORN_SHARE = 0.15
NOTHING_ARRIVED_SHARE = 0.1
ALL_BUT_THE_LAST_SHARE = 0.1


class Write(NamedTuple):
    """Bytes at an offset."""

    path: str
    offset: int
    data: bytes


class Truncate(NamedTuple):
    """A new length."""

    path: str
    size: int


class Sync(NamedTuple):
    """Everything before it, in this file, is durable."""

    path: str


class Create(NamedTuple):
    """The file is there, empty if it is new."""

    path: str


class Delete(NamedTuple):
    """The file is gone."""

    path: str


Operation = Write | Truncate | Sync | Create | Delete


class Disk:
    """Files as a sequence of operations leaves them: what is durable, and what is not yet."""

    def __init__(self) -> None:
        self._durable: dict[str, bytearray] = {}
        self._pending: dict[str, list[Write | Truncate]] = {}

    def do(self, operation: Operation) -> None:
        """One operation more."""
        path = operation.path
        match operation:
            case Write() | Truncate():
                self._pending[path].append(operation)
            case Sync():
                for one in self._pending[path]:
                    _apply(self._durable[path], one)
                self._pending[path].clear()
            case Create():
                self._durable.setdefault(path, bytearray())
                self._pending.setdefault(path, [])
            case Delete():
                self._durable.pop(path, None)
                self._pending.pop(path, None)

    def after_power_cut(self, chance: random.Random) -> dict[str, bytes]:
        """One of the states in which the files may be found when power comes back."""
        kind = chance.random()
        found: dict[str, bytes] = {}
        for path, durable in self._durable.items():
            pending = self._pending[path]
            image = bytearray(durable)
            if kind < NOTHING_ARRIVED_SHARE:
                pending = []
            elif kind < NOTHING_ARRIVED_SHARE + ALL_BUT_THE_LAST_SHARE:
                for one in pending[:-1]:
                    _apply(image, one)
                pending = pending[-1:]
            for one in pending:
                _apply_by_chance(image, one, chance)
            found[path] = bytes(image)
        return found


def _apply_by_chance(image: bytearray, operation: Write | Truncate, chance: random.Random) -> None:
    draw = chance.random()
    if draw < KEPT_SHARE:
        _apply(image, operation)
    elif draw < KEPT_SHARE + TORN_SHARE and isinstance(operation, Write):
        for sector in _sectors(operation):
            if chance.random() < 1 / 2:
                _apply(image, sector)


def _sectors(write: Write) -> list[Write]:
    """The write in pieces that end at the disk's sector boundaries."""
    pieces = []
    start = write.offset
    end = write.offset + len(write.data)
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        pieces.append(Write(write.path, start, write.data[start - write.offset : stop - write.offset]))
        start = stop
    return pieces


def _apply(image: bytearray, operation: Write | Truncate) -> None:
    if isinstance(operation, Truncate):
        del image[operation.size :]
        image.extend(bytes(operation.size - len(image)))
        return
    image.extend(bytes(max(0, operation.offset - len(image))))
    image[operation.offset : operation.offset + len(operation.data)] = operation.data
