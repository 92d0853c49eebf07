"""What the portal sends down to gateways: rows that the alerts process with the lease publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from sheetal.contracts.problem import NotFound
from sheetal.contracts.topics import Channel
from sheetal.ledger import audit
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.judgement_tables import downlink

if TYPE_CHECKING:
    from sqlalchemy import Connection

PENDING_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Downlink:
    """One message for a gateway; `body` is JSON, not yet sealed."""

    id: int
    gateway_id: str
    channel: Channel
    body: str
    created_at_ms: int


def send_down(conn: Connection, gateway_id: str, channel: Channel, body: str, actor: str, now_ms: int) -> int:
    """Queue a `desired` or `command` message; gives its number. Raises NotFound for a gateway not in service."""
    query = select(gateway.c.facility_id).where(gateway.c.id == gateway_id, gateway.c.retired_at_ms.is_(None))
    facility_id = conn.execute(query).scalar_one_or_none()
    if facility_id is None:
        raise NotFound("no such gateway in service", gateway=gateway_id)
    row = {"gateway_id": gateway_id, "channel": channel.value, "body": body, "created_at_ms": now_ms}
    number: int = conn.execute(insert(downlink).values(**row).returning(downlink.c.id)).scalar_one()
    audit.append(conn, facility_id, AuditEntry(now_ms, actor, f"sent_{channel.value}", gateway_id, {"number": number}))
    return number


def unpublished(conn: Connection, limit: int = PENDING_MAX) -> list[Downlink]:
    """Messages that wait to be published, the oldest first, at most 500."""
    columns = [column for column in downlink.columns if column.name != "published_at_ms"]
    query = select(*columns).where(downlink.c.published_at_ms.is_(None)).order_by(downlink.c.id)
    rows = conn.execute(query.limit(min(limit, PENDING_MAX))).mappings()
    return [Downlink(**{**row, "channel": Channel(row["channel"])}) for row in rows]


def mark_published(conn: Connection, number: int, now_ms: int) -> bool:
    """Remember that a message went out; False when it had gone before."""
    published = update(downlink).where(downlink.c.id == number, downlink.c.published_at_ms.is_(None))
    return conn.execute(published.values(published_at_ms=now_ms)).rowcount == 1
