"""What persons have decided on unknown time: their clearing of a gap's mark stands in the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from sheetal.ledger.base import EPOCH_MS_MAX
from sheetal.ledger.histories import history_of, in_chunks
from sheetal.ledger.judgement_tables import audit

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from sheetal.ledger.histories import History

ENGINE = "engine"
GAP_CLEARED = "gap_cleared"

_CLEARED = (
    select(audit.c.subject, func.max(audit.c.at_ms))
    .where(
        audit.c.subject.in_(bindparam("ids", expanding=True)),
        audit.c.act == GAP_CLEARED,
        audit.c.actor != ENGINE,
    )
    .group_by(audit.c.subject)
)


def decided_through(conn: Connection, holding_id: str) -> int:
    """The instant before which a person answers for the unknown time of a holding; 0 where nobody does.

    Raises NotFound.
    """
    return decided_by(conn, [history_of(conn, holding_id)]).get(holding_id, 0)


def decided_by(conn: Connection, of: Collection[History]) -> dict[str, int]:
    """The same of many holdings, by their ids; those on which nobody has decided are absent.

    A decision covers what lay before it, never the silence that goes on after it. One on a holding that this one was
    split off covers the past they share.
    """
    labels = {kin.label for one in of for kin in one.kin}
    cleared: dict[str, int] = {}
    for chunk in in_chunks(labels):
        cleared |= {row[0]: row[1] for row in conn.execute(_CLEARED, {"ids": chunk})}
    found: dict[str, int] = {}
    for one in of if cleared else ():
        shared = (
            min(cleared[kin.label], EPOCH_MS_MAX if kin.until_ms is None else kin.until_ms)
            for kin in one.kin
            if kin.label in cleared
        )
        found[one.holding.id] = max(shared, default=0)
    return {holding_id: ms for holding_id, ms in found.items() if ms}
