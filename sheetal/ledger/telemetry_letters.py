"""The dead letter: what was refused, kept within bounds of letters and bytes that no gateway can fill alone.

A letter's owner is its gateway; letters of nobody in service share one owner. When there is no room, the owners with
the most give way: each may keep as much as leaves room for all others (`share`), so a quiet gateway's letters stay
however much a loud one sends. Of an owner the letters that came longest ago go first, and each one that goes is counted
in `dead_letter_dropped`.

The table is looked over once for each `CHECKED_EVERY` new letters. Their own numbers tell when, so that neither a
restart nor a second worker forgets it; the room kept free then is what may come until the next look. A call that
another worker's transaction overtakes may stand above the bounds by that worker's letters until the next look.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, func, select

from sheetal.ledger.bulk import Into, put
from sheetal.ledger.telemetry_tables import dead_letter, dead_letter_dropped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

HEAD_BYTES_MAX = 16 * 1024
TEXT_CHARACTERS_MAX = 500
CHECKED_EVERY = 256
GONE_A_STATEMENT = 500
DROPPED_ROWS_MAX = 10_000
"""Gateways' names come from topics, so even the counts of what is gone are bounded; beyond this they are nobody's."""
NOBODY = ""


class Room(NamedTuple):
    """How many letters are kept, and how many bytes of their heads."""

    letters: int = 10_000
    head_bytes: int = 64 * 1024 * 1024


ROOM = Room()


class DeadLetterRow(NamedTuple):
    """One refused message, or one reason for which rows of it were refused.

    `gateway_id` is whose topic it came on; None where that names no enrolled gateway, so that invented names share
    one owner's room.
    """

    gateway_id: str | None
    topic: str
    payload: bytes
    reason: str
    detail: str


class Held(NamedTuple):
    """What one owner holds."""

    letters: int
    head_bytes: int


_NEW = Into(
    dead_letter,
    (
        "topic",
        "reason",
        "detail",
        "sha256",
        "size_bytes",
        "head",
        "repeats",
        "first_at_ms",
        "last_at_ms",
        "gateway_id",
    ),
    ("sha256", "reason"),
    "repeats = LEAST(CAST(stands.repeats AS BIGINT) + 1 + excluded.repeats, 2147483647), "
    "last_at_ms = excluded.last_at_ms",
)
_GONE = Into(
    dead_letter_dropped,
    ("gateway_id", "reason", "dropped", "last_at_ms"),
    ("gateway_id", "reason"),
    "dropped = stands.dropped + excluded.dropped, last_at_ms = GREATEST(stands.last_at_ms, excluded.last_at_ms)",
)


def add_dead_letters(conn: Connection, letters: Sequence[DeadLetterRow], now_ms: int, room: Room = ROOM) -> int:
    """Keep refused messages: hash, size and first 16 KiB; gives how many had to go for them.

    The same message refused again for the same reason only counts up on its row, also within one call.
    """
    if not letters:
        return 0
    before = _newest(conn)
    put(conn, _NEW, _rows(letters, now_ms))
    if _newest(conn) // CHECKED_EVERY == before // CHECKED_EVERY:
        return 0
    return keep_within(conn, room, now_ms)


def keep_within(conn: Connection, room: Room, now_ms: int) -> int:
    """Let go of what is beyond the room, less what may come until the next look; gives how many letters went."""
    letters_max = max(room.letters - CHECKED_EVERY, 0)
    bytes_max = max(room.head_bytes - CHECKED_EVERY * HEAD_BYTES_MAX, 0)
    held = _held(conn)
    letters_share = share([one.letters for one in held.values()], letters_max)
    bytes_share = share([one.head_bytes for one in held.values()], bytes_max)
    gone: list[int] = []
    for owner, one in held.items():
        excess = Held(one.letters - letters_share, one.head_bytes - bytes_share)
        gone += _oldest(conn, owner, excess)
    return _let_go(conn, gone, now_ms)


def share(held: Iterable[int], room: int) -> int:
    """How much each may keep at most, so that together they keep as much as there is room for, and the least first."""
    in_order = sorted(held)
    for number, one in enumerate(in_order):
        fair = room // (len(in_order) - number)
        if one > fair:
            return fair
        room -= one
    return in_order[-1] if in_order else room


def _newest(conn: Connection) -> int:
    return conn.execute(select(func.max(dead_letter.c.id))).scalar_one() or 0


def _rows(letters: Sequence[DeadLetterRow], now_ms: int) -> list[tuple[object, ...]]:
    """One row for each message and reason, in order of its key, so that two workers never wait for each other."""
    found: dict[tuple[str, str], tuple[DeadLetterRow, int]] = {}
    for letter in letters:
        key = (hashlib.sha256(letter.payload).hexdigest(), letter.reason)
        first, repeats = found.get(key, (letter, -1))
        found[key] = (first, repeats + 1)
    return [
        (
            letter.topic[:TEXT_CHARACTERS_MAX],
            letter.reason,
            letter.detail[:TEXT_CHARACTERS_MAX],
            sha256,
            len(letter.payload),
            letter.payload[:HEAD_BYTES_MAX],
            repeats,
            now_ms,
            now_ms,
            letter.gateway_id,
        )
        for (sha256, _), (letter, repeats) in sorted(found.items(), key=lambda one: one[0])
    ]


def _held(conn: Connection) -> dict[str | None, Held]:
    """What each owner holds, from an index alone."""
    least = func.least if conn.dialect.name == "postgresql" else func.min
    head_bytes = func.sum(least(dead_letter.c.size_bytes, HEAD_BYTES_MAX))
    query = select(dead_letter.c.gateway_id, func.count(), head_bytes).group_by(dead_letter.c.gateway_id)
    return {owner: Held(letters, int(size)) for owner, letters, size in conn.execute(query)}


def _oldest(conn: Connection, owner: str | None, excess: Held) -> list[int]:
    """The numbers of the owner's letters that must go, those that came longest ago first."""
    if excess.letters <= 0 and excess.head_bytes <= 0:
        return []
    table = dead_letter.c
    query = select(table.id, table.size_bytes).where(table.gateway_id == owner)
    gone: list[int] = []
    letters, head_bytes = excess
    for number, size in conn.execute(query.order_by(table.last_at_ms, table.id)).all():
        if letters <= 0 and head_bytes <= 0:
            break
        gone.append(number)
        letters, head_bytes = letters - 1, head_bytes - min(size, HEAD_BYTES_MAX)
    return gone


def _let_go(conn: Connection, numbers: Sequence[int], now_ms: int) -> int:
    """Delete these letters and count what really went: another worker may have been first."""
    gone: dict[tuple[str, str], int] = {}
    for first in range(0, len(numbers), GONE_A_STATEMENT):
        these = dead_letter.c.id.in_(numbers[first : first + GONE_A_STATEMENT])
        deleted = delete(dead_letter).where(these).returning(dead_letter.c.gateway_id, dead_letter.c.reason)
        for owner, reason in conn.execute(deleted):
            gone[owner or NOBODY, reason] = gone.get((owner or NOBODY, reason), 0) + 1
    _count_gone(conn, gone, now_ms)
    return sum(gone.values())


def _count_gone(conn: Connection, gone: dict[tuple[str, str], int], now_ms: int) -> None:
    if not gone:
        return
    table = dead_letter_dropped.c
    known = {(owner, reason) for owner, reason in conn.execute(select(table.gateway_id, table.reason))}
    counted: dict[tuple[str, str], int] = {}
    for (owner, reason), letters in gone.items():
        fits = (owner, reason) in known or len(known) < DROPPED_ROWS_MAX
        key = (owner if fits else NOBODY, reason)
        known.add(key)
        counted[key] = counted.get(key, 0) + letters
    put(conn, _GONE, [(*key, letters, now_ms) for key, letters in sorted(counted.items())])
