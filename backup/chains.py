"""The audit chains inside a backup, and what a seal kept outside says that they should reach to."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import msgspec
from sqlalchemy import String, create_engine
from sqlalchemy.pool import NullPool

from backup import postgres
from backup.manifest import PartKind, instant
from sheetal.contracts.problem import Refused
from sheetal.contracts.seal import UNREADABLE
from sheetal.ledger import audit, seals
from sheetal.ledger.judgement_tables import audit as audit_table
from sheetal.ledger.judgement_tables import audit_head
from sheetal.ledger.judgement_tables import seal as seal_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

    from backup.manifest import Part
    from sheetal.ledger.seals import Seal

SEAL_FILE = seals.MIRROR_FILE
SEAL_BYTES_MAX = 64 * 1024 * 1024
ROWS_A_STATEMENT = 1_000
TABLES: dict[str, Table] = {table.name: table for table in (audit_table, audit_head, seal_table)}


class Chains(NamedTuple):
    """What was found: how many chains and entries, and the newest seal."""

    facilities: int
    entries: int
    seal: Seal | None


def verify(folder: Path, part: Part) -> Chains:
    """Walk every chain and all seals of a backed-up ledger; raises Refused that names the first that is broken."""
    with _opened(folder / part.name, part.kind) as conn:
        heads = audit.heads(conn)
        entries = 0
        for head in heads:
            report = audit.verify_chain(conn, head.facility_id)
            if report.broken_at is not None:
                raise _broken(f"the audit chain of {head.facility_id} is broken at entry {report.broken_at}")
            entries += report.entries
        report = seals.verify_seals(conn)
        if report.broken_at is not None:
            raise _broken(f"the audit seals are broken at number {report.broken_at}")
        return Chains(len(heads), entries, seals.latest_seal(conn))


def read_seal(file: Path) -> Seal:
    """A seal kept outside the database, as the topic and the mirror carry it; raises Refused."""
    try:
        with file.open("rb") as stream:
            return msgspec.json.decode(stream.read(SEAL_BYTES_MAX), type=seals.Seal)
    except (OSError, *UNREADABLE) as error:
        raise Refused(f"{file} holds no seal", next_step="name the seal's file", reason="no_seal") from error


def missing_span(folder: Path, part: Part, outside: Seal) -> list[str]:
    """What acts the outside seal proves that this ledger does not hold, a line each; empty when it holds them all.

    Raises Refused where the ledger holds another entry than was sealed.
    """
    with _opened(folder / part.name, part.kind) as conn:
        latest = seals.latest_seal(conn)
        known = {head.facility_id: head for head in audit.heads(conn)}
        told = outside.sealed_heads()
        for head in told.values():
            if head.facility_id in known and head.number <= known[head.facility_id].number:
                report = audit.verify_chain(conn, head.facility_id, head)
                if report.broken_at is not None:
                    raise _broken(
                        f"the chain of {head.facility_id} is not the sealed one from entry {report.broken_at}"
                    )
    later = {
        place: (known[place].number if place in known else 0, head.number)
        for place, head in sorted(told.items())
        if head.number > (known[place].number if place in known else 0)
    }
    if not later:
        return []
    since = instant(latest.sealed_at_ms) if latest else "the beginning"
    acts = sum(last - first for first, last in later.values())
    head_line = f"{acts} acts from {since} until {instant(outside.sealed_at_ms)} are not in this ledger:"
    return [head_line, *(f"  {place}: entries {first + 1} to {last}" for place, (first, last) in later.items())]


@contextmanager
def _opened(file: Path, kind: PartKind) -> Iterator[Connection]:
    """The ledger's chains as a database: the SQLite copy itself, or what of a dump they need, in a passing file."""
    with tempfile.TemporaryDirectory(prefix="sheetal-chains-") as scratch:
        database = file if kind is PartKind.SQLITE else Path(scratch) / "chains.db"
        how = "mode=ro&immutable=1" if kind is PartKind.SQLITE else "mode=rwc"
        address = f"file:{quote(str(database.absolute()))}?{how}"
        engine = create_engine(
            "sqlite://", poolclass=NullPool, creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False)
        )
        try:
            with engine.connect() as conn:
                if kind is not PartKind.SQLITE:
                    _fill(conn, file)
                yield conn
        finally:
            engine.dispose()


def _fill(conn: Connection, dump: Path) -> None:
    for table in TABLES.values():
        table.create(conn)
    waiting: dict[str, list[dict[str, object]]] = {name: [] for name in TABLES}
    for name, row in postgres.rows_of(dump, list(TABLES)):
        waiting[name].append({key: _typed(TABLES[name], key, value) for key, value in row.items()})
        if len(waiting[name]) >= ROWS_A_STATEMENT:
            conn.execute(TABLES[name].insert(), waiting[name])
            waiting[name] = []
    for name, rows in waiting.items():
        if rows:
            conn.execute(TABLES[name].insert(), rows)


def _typed(table: Table, column: str, value: str | None) -> object:
    is_text = isinstance(table.columns[column].type, String)
    return value if value is None or is_text else int(value)


def _broken(what: str) -> Refused:
    return Refused(what, next_step="use another backup, and keep this one for those who look into it", reason="chain")
