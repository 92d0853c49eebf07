"""The trace of every act: one hash chain per facility, its head row always the last one locked.

    entry n:  hash(n) = SHA-256 of canonical JSON [facility, n, at_ms, actor, act, subject, detail, hash(n - 1)]
    head:     (n, hash(n)) of the newest entry; entry 0 does not exist and its hash is 64 zeros

`append` only queues: the entries are chained when the `Ledger.write()` that holds them ends, facility by facility in
order of their id, after every other row has been locked. An entry queued inside a savepoint goes with it.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import bindparam, event, func, insert, select, update

from sheetal.contracts.problem import NotFound
from sheetal.ledger.judgement_tables import audit as audit_table
from sheetal.ledger.judgement_tables import audit_head

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import RowMapping

GENESIS_HASH = "0" * 64
ENTRIES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act by one actor (an id, never a name) on one subject; `detail` holds no personal data."""

    at_ms: int
    actor: str
    act: str
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """An entry as it stands in the chain."""

    facility_id: str
    number: int
    at_ms: int
    actor: str
    act: str
    subject: str
    detail: str
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The end of one facility's chain."""

    facility_id: str
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What verification found: how many entries stand there, and the first number that does not fit."""

    entries: int
    broken_at: int | None


# Made once: every act writes its entry by these three, and making a statement costs more than running it.
_LOCK_HEAD = (
    update(audit_head)
    .where(audit_head.c.facility_id == bindparam("head"))
    .values(number=audit_head.c.number + bindparam("entries"))
    .returning(audit_head.c.number, audit_head.c.hash)
)
_INSERT = insert(audit_table)
_SET_HEAD = update(audit_head).where(audit_head.c.facility_id == bindparam("head"))


class _Waiting:
    """The entries of one open transaction, with how many there were when each open savepoint began."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, AuditEntry]] = []
        self.at_savepoint: list[int] = []


_waiting: WeakKeyDictionary[Connection, _Waiting] = WeakKeyDictionary()


def append(conn: Connection, facility_id: str, entry: AuditEntry) -> None:
    """Queue an entry for the chain of this facility; it stands there when the transaction has committed.

    Raises RuntimeError outside `Ledger.write()`, where nothing would ever write it.
    """
    if conn not in _waiting:
        message = "an audit entry needs the transaction of Ledger.write()"
        raise RuntimeError(message)
    _waiting[conn].entries.append((facility_id, entry))


def entries(conn: Connection, facility_id: str, limit: int, before: int | None = None) -> list[ChainedEntry]:
    """The newest entries first, those with a number below `before` when it is given; at most 1,000."""
    query = select(audit_table).where(audit_table.c.facility_id == facility_id)
    if before is not None:
        query = query.where(audit_table.c.number < before)
    query = query.order_by(audit_table.c.number.desc()).limit(min(limit, ENTRIES_MAX))
    return [_chained(row) for row in conn.execute(query).mappings()]


def last_at_ms(conn: Connection, subject: str, act: str) -> int | None:
    """When this was last done to a subject, in whatever chain; None for never."""
    query = select(func.max(audit_table.c.at_ms)).where(audit_table.c.subject == subject, audit_table.c.act == act)
    at_ms: int | None = conn.execute(query).scalar_one()
    return at_ms


def heads(conn: Connection) -> list[AuditHead]:
    """The head of every chain, in order of facility id."""
    query = select(audit_head).order_by(audit_head.c.facility_id)
    return [AuditHead(**row) for row in conn.execute(query).mappings()]


def verify_chain(
    conn: Connection, facility_id: str, sealed: AuditHead | Collection[AuditHead] | None = None
) -> ChainReport:
    """Walk the chain from its first entry to its head.

    Any edited, deleted, inserted, swapped or cut-off entry shows as `broken_at`. `sealed` are heads kept elsewhere, as
    they were at one time or at several: with them a chain rewritten from end to end shows too.
    """
    kept = [sealed] if isinstance(sealed, AuditHead) else sealed or ()
    known = {head.number: head.hash for head in kept}
    twice = {head.number for head in kept if known[head.number] != head.hash}
    query = select(audit_table).where(audit_table.c.facility_id == facility_id).order_by(audit_table.c.number)
    number, previous = 0, GENESIS_HASH
    for row in conn.execute(query).mappings():
        entry = _chained(row)
        is_sealed = entry.number not in twice and known.get(entry.number, entry.hash) == entry.hash
        if not _follows(entry, number, previous) or not is_sealed:
            return ChainReport(number, number + 1)
        number, previous = entry.number, entry.hash
    head = _head(conn, facility_id)
    last = (head.number, head.hash) if head else (0, GENESIS_HASH)
    is_whole = last == (number, previous) and max(known, default=0) <= number
    return ChainReport(number, None if is_whole else number + 1)


@contextmanager
def collecting(conn: Connection) -> Iterator[None]:
    """Open the queue of one transaction; chain its entries at a normal exit, forget them at an exception."""
    _waiting[conn] = _Waiting()
    try:
        yield
        _chain(conn, _waiting[conn].entries)
    finally:
        del _waiting[conn]


def listen(engine: Engine) -> None:
    """Let entries queued inside a savepoint vanish with it."""

    @event.listens_for(engine, "savepoint")
    def _remember(conn: Connection, _name: str | None) -> None:
        if conn in _waiting:
            _waiting[conn].at_savepoint.append(len(_waiting[conn].entries))

    @event.listens_for(engine, "release_savepoint")
    def _keep(conn: Connection, _name: str, _context: object) -> None:
        if conn in _waiting:
            _waiting[conn].at_savepoint.pop()

    @event.listens_for(engine, "rollback_savepoint")
    def _forget(conn: Connection, _name: str, _context: object) -> None:
        if conn in _waiting:
            del _waiting[conn].entries[_waiting[conn].at_savepoint.pop() :]


def _chain(conn: Connection, queued: list[tuple[str, AuditEntry]]) -> None:
    for facility_id in sorted({facility_id for facility_id, _ in queued}):
        _write(conn, facility_id, [entry for place, entry in queued if place == facility_id])


def _write(conn: Connection, facility_id: str, entries: Sequence[AuditEntry]) -> None:
    """All entries of one facility, its head locked and moved on once."""
    head = conn.execute(_LOCK_HEAD, {"head": facility_id, "entries": len(entries)}).one_or_none()
    if head is None:
        raise NotFound("no such facility, so no chain to write to", facility=facility_id)
    number, previous = head.number - len(entries), head.hash
    rows: list[dict[str, object]] = []
    for entry in entries:
        number += 1
        detail = _canonical(dict(entry.detail))
        words = (facility_id, number, entry.at_ms, entry.actor, entry.act, entry.subject, detail, previous)
        chained = ChainedEntry(*words, hash=_hash_of(*words))
        rows.append({name: getattr(chained, name) for name in ChainedEntry.__slots__})
        previous = chained.hash
    conn.execute(_INSERT, rows)
    conn.execute(_SET_HEAD, {"head": facility_id, "hash": previous})


def _follows(entry: ChainedEntry, number: int, previous: str) -> bool:
    words = (entry.facility_id, entry.number, entry.at_ms, entry.actor, entry.act, entry.subject, entry.detail)
    return (
        entry.number == number + 1
        and entry.previous_hash == previous
        and entry.hash == _hash_of(*words, entry.previous_hash)
    )


def _head(conn: Connection, facility_id: str) -> AuditHead | None:
    row = conn.execute(select(audit_head).where(audit_head.c.facility_id == facility_id)).mappings().one_or_none()
    return AuditHead(**row) if row else None


def _chained(row: RowMapping) -> ChainedEntry:
    return ChainedEntry(**row)


def _hash_of(*words: object) -> str:
    return hashlib.sha256(_canonical(list(words)).encode()).hexdigest()


def _canonical(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
