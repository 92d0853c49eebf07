"""The dead letter: what was refused, kept within bounds of letters and bytes that no gateway can fill alone.

A letter's owner is its gateway; letters of nobody in service share one owner. When there is no room, the owners with
the most give way: each may keep as much as leaves room for all others (`share`), so a quiet gateway's letters stay
however much a loud one sends. Of an owner the letters that came longest ago go first, and each one that goes is counted
in `dead_letter_dropped` as often as it came.

The table is looked over once for each `CHECKED_EVERY` new letters. Their own numbers tell when, so that neither a
restart nor a second worker forgets it; the room left free then is what may come until the next look. Letters of another
worker's open transaction are not seen, so by as many the bounds may be passed until the next look.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from sheetal.ledger.bulk import Into, put, take_out
from sheetal.ledger.telemetry_tables import dead_letter, dead_letter_dropped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

HEAD_BYTES_MAX = 16 * 1024
TEXT_CHARACTERS_MAX = 500
CHECKED_EVERY = 256
CHECKED_BYTES = CHECKED_EVERY * HEAD_BYTES_MAX
FREED_PART = 10
"""A tenth of the room at least is made free when there is too little, so that the letters are seldom sorted."""
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


class Old(NamedTuple):
    """A letter that stands, as far as its going is decided by it."""

    number: int
    owner: str | None
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
_WHOSE = ("gateway_id", "reason", "repeats")
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


def remove_letters(conn: Connection, numbers: Sequence[int]) -> int:
    """Remove letters whose messages went through after all; gives how many stood."""
    return len(take_out(conn, dead_letter, numbers, ("id",)))


def expire_letters(conn: Connection, before_ms: int, most: int, now_ms: int) -> int:
    """Let go of letters that came last before an instant, the oldest first; gives how many."""
    old = select(dead_letter.c.id).where(dead_letter.c.last_at_ms < before_ms).order_by(dead_letter.c.last_at_ms)
    return _let_go(conn, conn.execute(old.limit(most)).scalars().all(), now_ms)


def keep_within(conn: Connection, room: Room, now_ms: int) -> int:
    """Where less is free than may come until the next look, let go of more than that; gives how many letters went."""
    held = _held(conn)
    if held.letters <= room.letters - CHECKED_EVERY and held.head_bytes <= room.head_bytes - CHECKED_BYTES:
        return 0
    letters = room.letters - max(room.letters // FREED_PART, CHECKED_EVERY)
    head_bytes = room.head_bytes - max(room.head_bytes // FREED_PART, CHECKED_BYTES)
    gone = to_let_go(_all_letters(conn), Room(max(letters, 0), max(head_bytes, 0)))
    return _let_go(conn, gone, now_ms)


def to_let_go(letters: Sequence[Old], room: Room) -> list[int]:
    """The numbers of what goes so that the rest fits, of letters in the order of their last coming.

    An owner gives only what it holds beyond its share; of all that is beyond, what came longest ago goes first.
    """
    kept = list(letters)
    for weight, most in ((_one, room.letters), (_bytes, room.head_bytes)):
        held = Counter[str | None]()
        for one in kept:
            held[one.owner] += weight(one)
        excess = held.total() - most
        fair = share(held.values(), most)
        staying = []
        for one in kept:
            if excess > 0 and held[one.owner] > fair:
                held[one.owner] -= weight(one)
                excess -= weight(one)
            else:
                staying.append(one)
        kept = staying
    stay = {one.number for one in kept}
    return [one.number for one in letters if one.number not in stay]


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


def _held(conn: Connection) -> Room:
    """How much stands, from an index alone."""
    least = func.least if conn.dialect.name == "postgresql" else func.min
    head_bytes = func.coalesce(func.sum(least(dead_letter.c.size_bytes, HEAD_BYTES_MAX)), 0)
    letters, size = conn.execute(select(func.count(), head_bytes).select_from(dead_letter)).one()
    return Room(letters, int(size))


def _all_letters(conn: Connection) -> list[Old]:
    table = dead_letter.c
    query = select(table.gateway_id, table.last_at_ms, table.id, table.size_bytes)
    found = sorted((at_ms, number, owner, size) for owner, at_ms, number, size in conn.execute(query))
    return [Old(number, owner, min(size, HEAD_BYTES_MAX)) for _, number, owner, size in found]


def _let_go(conn: Connection, numbers: Sequence[int], now_ms: int) -> int:
    """Delete these letters and count how often they came; another worker may have been first. Gives how many went."""
    taken = take_out(conn, dead_letter, numbers, _WHOSE)
    gone = Counter[tuple[str, str]]()
    for owner, reason, repeats in taken:
        gone[owner or NOBODY, reason] += repeats + 1
    count_gone(conn, gone, now_ms)
    return len(taken)


def _one(_letter: Old) -> int:
    return 1


def _bytes(letter: Old) -> int:
    return letter.head_bytes


def count_gone(conn: Connection, gone: Mapping[tuple[str, str], int], now_ms: int) -> None:
    """Remember how many of each owner and reason are no longer kept."""
    if not gone:
        return
    table = dead_letter_dropped.c
    known = {(owner, reason) for owner, reason in conn.execute(select(table.gateway_id, table.reason))}
    counted = Counter[tuple[str, str]]()
    for (owner, reason), letters in gone.items():
        fits = (owner, reason) in known or len(known) < DROPPED_ROWS_MAX
        key = (owner if fits else NOBODY, reason)
        known.add(key)
        counted[key] += letters
    put(conn, _GONE, [(*key, letters, now_ms) for key, letters in sorted(counted.items())])
