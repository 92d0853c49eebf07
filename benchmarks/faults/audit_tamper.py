"""Somebody with full rights on the database changes the audit trail; verification must tell.

Each try changes one chain of sealed entries in one of five ways (an entry edited, deleted, inserted, two swapped, the
end cut off) and covers it up as well as one of three hands can: not at all, by chaining every entry anew, or by
chaining entries and seals anew without the key that signs seals. What it changes lies at or below the newest seal; a
copy of that seal is kept outside, as the mirror keeps it. Every try is rolled back, and the untouched chain must be
whole before and after.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import delete, insert, select, update

from sheetal.ledger import audit, schema, seals
from sheetal.ledger.audit import GENESIS_HASH, AuditEntry
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.judgement_tables import audit as audit_table
from sheetal.ledger.judgement_tables import audit_head
from sheetal.ledger.judgement_tables import seal as seal_table
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import FACILITY, NOW_MS
from tests.stack.servers import POSTGRESQL_PROGRAMS, postgresql_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.seals import Seal

FULL = 10_000
GROUP = 500
HOW = (
    "one chain of 40 sealed entries in SQLite, every other group in PostgreSQL; an entry edited, deleted, inserted, "
    "swapped or the end cut off at or below the newest seal, left so, chained anew, or chained anew with its seals; "
    "each told by verification against the signed seal and its copy outside"
)
SEALED, AFTER, SEAL_EVERY = 40, 3, 8
FILES, SERVER = "sqlite", "postgresql"


class Written(NamedTuple):
    """A ledger with a sealed chain and the copy of its newest seal."""

    ledger: Ledger
    outside: Seal


def run(first: int, count: int, kind: str = "") -> int:
    """Changes number `first` and on; how many verification did not tell."""
    missed = 0
    for start in range(first, first + count, GROUP):
        size = min(GROUP, first + count - start)
        chosen = kind or (SERVER if start // GROUP % 2 and POSTGRESQL_PROGRAMS.exists() else FILES)
        with written(chosen) as house:
            missed += size if not is_whole(house) else sum(not is_told(house, start + number) for number in range(size))
            missed += not is_whole(house)
    return missed


def is_told(house: Written, number: int) -> bool:
    """Whether verification tells this change; the change is rolled back."""
    chance = random.Random(f"tamper {number}")
    tamper = list(TAMPERS.values())[number % len(TAMPERS)]
    cover = list(COVERS.values())[number // len(TAMPERS) % len(COVERS)]
    with house.ledger.write() as conn:
        tamper(conn, chance)
        cover(conn)
        told = not seals.coverage(conn, FACILITY, fits, house.outside).is_whole
        conn.rollback()
    if not told:
        print(f"  change {number} ({tamper.__name__}, {cover.__name__}) was not told", flush=True)
    return told


def is_whole(house: Written) -> bool:
    """Whether the untouched chain is whole, so that telling means something."""
    with house.ledger.read() as conn:
        said = seals.coverage(conn, FACILITY, fits, house.outside)
    return said.is_whole and (said.entries, said.sealed_number) == (SEALED + AFTER, SEALED)


@contextmanager
def written(kind: str) -> Iterator[Written]:
    """A fresh ledger of this kind with a chain that was sealed as it grew, and three entries since."""
    with tempfile.TemporaryDirectory(prefix="sheetal-tamper-") as name, _address(Path(name), kind) as url:
        schema.upgrade(url, url if kind == SERVER else f"sqlite:///{name}/telemetry.db")
        with closing(open_ledger(url)) as ledger:
            seeds.furnish(ledger)
            with ledger.read() as conn:
                begun = len(audit.entries(conn, FACILITY, audit.ENTRIES_MAX))
            for number in range(begun + 1, SEALED + 1):
                _act(ledger, number)
                if number % SEAL_EVERY == 0 or number == SEALED:
                    with ledger.write() as conn:
                        outside = seals.add_seal(conn, sign, NOW_MS + number)
            for number in range(SEALED + 1, SEALED + AFTER + 1):
                _act(ledger, number)
            yield Written(ledger, outside)


@contextmanager
def _address(folder: Path, kind: str) -> Iterator[str]:
    if kind == FILES:
        yield f"sqlite:///{folder}/ledger.db"
        return
    with postgresql_server(folder) as url:
        yield url


def sign(digest: bytes) -> str:
    """As alerts does it, under a key that the tampering hand has not."""
    return hmac.new(b"the sealer's key", digest, hashlib.sha256).hexdigest()


def fits(one: Seal) -> bool:
    """Whether a seal's signature is genuine."""
    return one.signature == sign(one.hash.encode())


def edit(conn: Connection, chance: random.Random) -> None:
    """Another word in one column of one entry."""
    changes: dict[str, object] = {
        "at_ms": NOW_MS - chance.randint(1, 10**6),
        "actor": f"staff-{chance.randint(2, 99)}",
        "act": "something_else",
        "subject": f"another-{chance.randint(1, 99)}",
        "detail": f'{{"nth":{chance.randint(100, 999)}}}',
    }
    column = chance.choice(sorted(changes))
    number = chance.randint(1, SEALED)
    conn.execute(update(audit_table).where(_at(number)).values({column: changes[column]}))


def remove(conn: Connection, chance: random.Random) -> None:
    """One entry gone, those after it moved up."""
    number = chance.randint(1, SEALED)
    conn.execute(delete(audit_table).where(_at(number)))
    for later in range(number + 1, SEALED + AFTER + 1):
        conn.execute(update(audit_table).where(_at(later)).values(number=later - 1))


def put_in(conn: Connection, chance: random.Random) -> None:
    """One entry that nobody made, those after it moved down."""
    number = chance.randint(1, SEALED)
    model = conn.execute(select(audit_table).where(_at(number))).mappings().one()
    for later in range(SEALED + AFTER, number - 1, -1):
        conn.execute(update(audit_table).where(_at(later)).values(number=later + 1))
    conn.execute(insert(audit_table).values({**model, "subject": f"forged-{chance.randint(1, 9_999)}"}))


def swap(conn: Connection, chance: random.Random) -> None:
    """Two entries in each other's place."""
    one, other = chance.sample(range(1, SEALED + 1), 2)
    for before, after in ((one, 900), (other, one), (900, other)):
        conn.execute(update(audit_table).where(_at(before)).values(number=after))


def cut_off(conn: Connection, chance: random.Random) -> None:
    """The end gone from a sealed entry on."""
    number = chance.randint(1, SEALED)
    conn.execute(delete(audit_table).where(audit_table.c.facility_id == FACILITY, audit_table.c.number >= number))


def leave(conn: Connection) -> None:
    """A clumsy hand."""
    del conn


def chain_anew(conn: Connection) -> None:
    """A hand that knows how entries are chained: every hash and the head fit again."""
    previous, number = GENESIS_HASH, 0
    mine = audit_table.c.facility_id == FACILITY
    for row in conn.execute(select(audit_table).where(mine).order_by(audit_table.c.number)).mappings().all():
        words = [row[name] for name in ("facility_id", "number", "at_ms", "actor", "act", "subject", "detail")]
        own = hashlib.sha256(msgspec.json.encode([*words, previous], order="deterministic")).hexdigest()
        conn.execute(update(audit_table).where(_at(row["number"])).values(previous_hash=previous, hash=own))
        previous, number = own, row["number"]
    conn.execute(update(audit_head).where(audit_head.c.facility_id == FACILITY).values(number=number, hash=previous))


def seal_anew(conn: Connection) -> None:
    """A hand that chains the seals anew as well, but has no key to sign them."""
    chain_anew(conn)
    old = conn.execute(select(seal_table).order_by(seal_table.c.number)).mappings().all()
    conn.execute(delete(seal_table))
    for row in old:
        seals.add_seal(conn, lambda _digest, kept=row["signature"]: kept, row["sealed_at_ms"])


TAMPERS: dict[str, Callable[[Connection, random.Random], None]] = {
    one.__name__: one for one in (edit, remove, put_in, swap, cut_off)
}
COVERS: dict[str, Callable[[Connection], None]] = {one.__name__: one for one in (leave, chain_anew, seal_anew)}


def _at(number: int) -> object:
    return (audit_table.c.facility_id == FACILITY) & (audit_table.c.number == number)


def _act(ledger: Ledger, number: int) -> None:
    with ledger.write() as conn:
        entry = AuditEntry(NOW_MS + number, "staff-1", "tested", f"subject-{number}", {"nth": number})
        audit.append(conn, FACILITY, entry)
