"""The seal on all audit chains: each minute alerts chains and signs every head, and keeps it outside the database.

seal n:  hash(n) = SHA-256 of canonical JSON [n, sealed_at_ms, heads, hash(n - 1)], signed
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import select

from sheetal.contracts.seal import UNREADABLE
from sheetal.ledger.audit import GENESIS_HASH, AuditHead, ChainReport, heads, verify_chain
from sheetal.ledger.judgement_tables import seal as seal_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from sqlalchemy import Connection

    Sign = Callable[[bytes], str]
    Fits = Callable[["Seal"], bool]


PURPOSE = "audit seal"
"""What the key that signs seals is derived for."""
MIRROR_FILE = "seal.json"
"""The name under which the newest seal lies in the mirror."""
ASIDE_FOLDER = "seals-aside"
"""Where a seal goes that lay in the mirror and that the ledger does not know."""
SEALS_AT_ONCE = 200
"""How many are held in memory by a walk through all; one holds the heads of every facility."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """All heads at one instant; `heads` is canonical JSON, `signature` is over the bytes of `hash` as ASCII."""

    number: int
    sealed_at_ms: int
    heads: str
    previous_hash: str
    hash: str
    signature: str

    def sealed_heads(self) -> dict[str, AuditHead]:
        """The heads by facility id."""
        return {head.facility_id: head for head in msgspec.json.decode(self.heads, type=list[AuditHead])}


class Outside(StrEnum):
    """What the copy of a seal that is kept outside the database says of the database."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the verification of one chain covers.

    Entries 1 to `sealed_number` stand as they stood at `sealed_at_ms`; those after it follow each other, but nobody
    vouches yet that none was cut off the end. `broken_at` is the first entry that does not fit, `seals_broken_at` the
    first seal.
    """

    facility_id: str
    entries: int
    broken_at: int | None
    sealed_number: int
    sealed_at_ms: int | None
    seals: int
    seals_broken_at: int | None
    signature_fits: bool
    outside: Outside
    outside_at_ms: int | None

    @property
    def is_whole(self) -> bool:
        """Whether nothing speaks against the chain, its seals or their copy."""
        no_break = self.broken_at is None and self.seals_broken_at is None
        return no_break and self.signature_fits and self.outside is not Outside.CONTRADICTS


class _Sealed(NamedTuple):
    """What the seals say of one chain, how far they follow each other, and whether all so far are signed by us."""

    heads: Collection[AuditHead]
    report: ChainReport
    is_signed: bool


def add_seal(conn: Connection, sign: Sign, now_ms: int) -> Seal:
    """Chain and sign all heads as they stand; by the one holder of the sealer's lease."""
    last = latest_seal(conn)
    number, previous = (last.number + 1, last.hash) if last else (1, GENESIS_HASH)
    text = msgspec.json.encode(heads(conn), order="deterministic").decode()
    digest = _hash_of(number, now_ms, text, previous)
    new = Seal(
        number=number,
        sealed_at_ms=now_ms,
        heads=text,
        previous_hash=previous,
        hash=digest,
        signature=sign(digest.encode()),
    )
    conn.execute(seal_table.insert().values(**{name: getattr(new, name) for name in Seal.__slots__}))
    return new


def latest_seal(conn: Connection) -> Seal | None:
    """The newest seal; None before the first."""
    row = conn.execute(select(seal_table).order_by(seal_table.c.number.desc()).limit(1)).mappings().one_or_none()
    return Seal(**row) if row else None


def knows(conn: Connection, outside: Seal) -> bool:
    """Whether this very seal stands in the database."""
    query = select(seal_table.c.hash).where(seal_table.c.number == outside.number)
    return conn.execute(query).scalar_one_or_none() == outside.hash


def verify_seals(conn: Connection) -> ChainReport:
    """Walk the seals; `broken_at` is the first number that does not follow."""
    number = 0
    for one, follows in _walk(conn):
        if not follows:
            return ChainReport(number, number + 1)
        number = one.number
    return ChainReport(number, None)


def verify_against(conn: Connection, outside: Seal) -> dict[str, ChainReport]:
    """Verify every chain against a seal kept outside the database; the broken ones by facility id."""
    reports = {place: verify_chain(conn, place, head) for place, head in outside.sealed_heads().items()}
    return {place: report for place, report in reports.items() if report.broken_at is not None}


def coverage(conn: Connection, facility_id: str, fits: Fits, outside: Seal | None) -> Coverage:
    """Verify one facility's chain against every seal and the copy kept outside, and say up to when it is covered.

    An earlier seal convicts what was changed before a later one was made. `fits` says whether a seal's signature is
    genuine. Without any seal the chain is only followed.
    """
    newest = latest_seal(conn)
    sealed = _sealed(conn, facility_id, fits)
    head, outer = _head_in(newest, facility_id), _head_in(outside, facility_id)
    report = verify_chain(conn, facility_id, [one for one in (*sealed.heads, head, outer) if one is not None])
    return Coverage(
        facility_id=facility_id,
        entries=report.entries,
        broken_at=report.broken_at,
        sealed_number=head.number if head else 0,
        sealed_at_ms=newest.sealed_at_ms if newest else None,
        seals=sealed.report.entries,
        seals_broken_at=sealed.report.broken_at,
        signature_fits=sealed.is_signed and (outside is None or fits(outside)),
        outside=_compared(conn, outside),
        outside_at_ms=outside.sealed_at_ms if outside else None,
    )


def _sealed(conn: Connection, facility_id: str, fits: Fits) -> _Sealed:
    """What all seals say of one chain, up to the first that does not follow or cannot be read."""
    told: set[AuditHead] = set()
    number, is_signed, text, heads = 0, True, "", _heads_in("[]")
    for one, follows in _walk(conn):
        # Most minutes nobody acts, and the heads are the same once more.
        text, heads = one.heads, heads if one.heads == text else _heads_in(one.heads)
        if not follows or heads is None:
            return _Sealed(told, ChainReport(number, number + 1), is_signed)
        told |= {heads[facility_id]} if facility_id in heads else set()
        number, is_signed = one.number, is_signed and fits(one)
    return _Sealed(told, ChainReport(number, None), is_signed)


def _walk(conn: Connection) -> Iterator[tuple[Seal, bool]]:
    """Every seal in order, with whether it follows the one before; a few at a time, since there is one each minute."""
    number, previous = 0, GENESIS_HASH
    query = select(seal_table).order_by(seal_table.c.number)
    with conn.execute(query, execution_options={"yield_per": SEALS_AT_ONCE}) as rows:
        for row in rows.mappings():
            one = Seal(**row)
            yield one, one.number == number + 1 and one.previous_hash == previous and _is_sound(one)
            number, previous = one.number, one.hash


def _head_in(one: Seal | None, facility_id: str) -> AuditHead | None:
    heads = _heads_in(one.heads) if one is not None and _is_sound(one) else None
    return heads.get(facility_id) if heads else None


def _heads_in(text: str) -> Mapping[str, AuditHead] | None:
    """The sealed heads by facility id; None where nobody can read them."""
    try:
        return {head.facility_id: head for head in msgspec.json.decode(text, type=list[AuditHead])}
    except UNREADABLE:
        return None


def _compared(conn: Connection, outside: Seal | None) -> Outside:
    if outside is None:
        return Outside.NONE
    return Outside.AGREES if _is_sound(outside) and knows(conn, outside) else Outside.CONTRADICTS


def _is_sound(one: Seal) -> bool:
    """Whether a seal's hash is that of its words."""
    return one.hash == _hash_of(one.number, one.sealed_at_ms, one.heads, one.previous_hash)


def _hash_of(*words: object) -> str:
    return hashlib.sha256(msgspec.json.encode(list(words), order="deterministic")).hexdigest()
