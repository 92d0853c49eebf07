"""One evaluator, one worker at a time: a named lease that runs out by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, or_

from sheetal.ledger.judgement_tables import lease
from sheetal.ledger.upsert import replacing, upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection


def take(conn: Connection, name: str, holder: str, now_ms: int, for_ms: int) -> bool:
    """Take or prolong a lease until now + `for_ms`; False while another holds it."""
    row = {"name": name, "holder": holder, "until_ms": now_ms + for_ms}
    taken = upsert(
        conn,
        lease,
        [row],
        changes=replacing("holder", "until_ms"),
        guard=lambda excluded: or_(lease.c.holder == excluded.holder, lease.c.until_ms <= now_ms),
    )
    return taken == 1


def give_up(conn: Connection, name: str, holder: str) -> bool:
    """End one's own lease early; False when another holds it."""
    return conn.execute(delete(lease).where(lease.c.name == name, lease.c.holder == holder)).rowcount == 1
