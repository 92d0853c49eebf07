"""What is on record of many holdings at once: their newest verdicts and the compromises that stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import bindparam, func, select

from sheetal.contracts.verdict import Finding, Verdict
from sheetal.ledger.histories import in_chunks
from sheetal.ledger.judgement_tables import verdict
from sheetal.ledger.stock_tables import compromise

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import BindParameter, Connection


class OnRecord(NamedTuple):
    """The newest verdict on a holding, but for its evidence."""

    id: int
    finding: Finding
    digest: str


class Standing(NamedTuple):
    """A compromise that has not been withdrawn."""

    id: int
    side: str
    from_ms: int


_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)
_NEWEST = (
    select(func.max(verdict.c.id).label("id"))
    .where(verdict.c.holding_id.in_(_IDS))
    .group_by(verdict.c.holding_id)
    .subquery()
)
_ON_RECORD = select(verdict.c.holding_id, verdict.c.id, verdict.c.finding, verdict.c.digest).join(
    _NEWEST, _NEWEST.c.id == verdict.c.id
)
_EVIDENCE = select(verdict.c.holding_id, verdict.c.evidence).join(_NEWEST, _NEWEST.c.id == verdict.c.id)
_STANDING = (
    select(compromise.c.holding_id, compromise.c.id, compromise.c.side, compromise.c.compromised_from_ms)
    .where(compromise.c.holding_id.in_(_IDS), compromise.c.withdrawn_at_ms.is_(None))
    .order_by(compromise.c.id)
)
_verdict_decoder = msgspec.json.Decoder(Verdict)


def on_record(conn: Connection, holding_ids: Collection[str]) -> dict[str, OnRecord]:
    """The newest verdict on each of these holdings; one that was never judged is absent."""
    found: dict[str, OnRecord] = {}
    for chunk in in_chunks(holding_ids):
        for row in conn.execute(_ON_RECORD, {"ids": chunk}):
            found[row[0]] = OnRecord(row[1], Finding(row[2]), row[3])
    return found


def newest_verdicts(conn: Connection, holding_ids: Collection[str]) -> dict[str, Verdict]:
    """The newest verdict on each of these holdings with all its evidence."""
    found: dict[str, Verdict] = {}
    for chunk in in_chunks(holding_ids):
        found |= {row[0]: _verdict_decoder.decode(row[1]) for row in conn.execute(_EVIDENCE, {"ids": chunk})}
    return found


def standing_compromises(conn: Connection, holding_ids: Collection[str]) -> dict[str, list[Standing]]:
    """The compromises of these holdings that have not been withdrawn, in the order in which they were found."""
    found: dict[str, list[Standing]] = {}
    for chunk in in_chunks(holding_ids):
        for row in conn.execute(_STANDING, {"ids": chunk}):
            found.setdefault(row[0], []).append(Standing(row[1], row[2], row[3]))
    return found
