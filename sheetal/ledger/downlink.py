"""What the portal sends down to gateways: rows that the alerts process with the lease publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, insert, or_, select, true, update

from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import NotFound
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import COMMANDS_REMEMBERED
from sheetal.ledger import audit
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.judgement_tables import downlink, gateway_state

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping

PENDING_MAX = 500
AGAIN_MS = 30_000
"""How long a gateway has to answer an order before it is told once more; a gateway reports within seconds."""
AGAIN_PART = 4
"""And it is told no more often than after each further quarter of the order's age."""
LIFE_MS_MAX = 24 * HOUR_MS
"""No order lives longer."""
NEWEST_ORDERS = COMMANDS_REMEMBERED // 2
"""A gateway remembers its last 20 outcomes. Where only the newest 10 orders go again, at most 9 older and 9 newer ones
can be carried out after one of them while it may, so that its outcome is still remembered and it is not done twice."""
SENT_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Downlink:
    """One message for a gateway; `body` is JSON, not yet sealed."""

    id: int
    gateway_id: str
    channel: Channel
    body: str
    created_at_ms: int
    published_at_ms: int | None = None


def send_down(
    conn: Connection,
    gateway_id: str,
    channel: Channel,
    body: str,
    actor: str,
    now_ms: int,
    **detail: object,
) -> int:
    """Queue a `desired` or `command` message; gives its number. Raises NotFound for a gateway not in service.

    `detail` goes into the audit entry beside the number.
    """
    query = select(gateway.c.facility_id).where(gateway.c.id == gateway_id, gateway.c.retired_at_ms.is_(None))
    facility_id = conn.execute(query).scalar_one_or_none()
    if facility_id is None:
        raise NotFound("no such gateway in service", gateway=gateway_id)
    row = {"gateway_id": gateway_id, "channel": channel.value, "body": body, "created_at_ms": now_ms}
    number: int = conn.execute(insert(downlink).values(**row).returning(downlink.c.id)).scalar_one()
    told = {"number": number, **detail}
    audit.append(conn, facility_id, AuditEntry(now_ms, actor, f"sent_{channel.value}", gateway_id, told))
    return number


def unpublished(conn: Connection, limit: int = PENDING_MAX) -> list[Downlink]:
    """Messages to publish now, commands before configurations, the oldest first, at most 500.

    A command is not retained by the broker, so it waits here while its gateway is known to be offline.
    """
    offline = select(gateway_state.c.gateway_id).where(~gateway_state.c.online)
    query = (
        select(*downlink.columns)
        .where(
            downlink.c.published_at_ms.is_(None),
            or_(downlink.c.channel == Channel.DESIRED.value, downlink.c.gateway_id.not_in(offline)),
        )
        .order_by(downlink.c.channel, downlink.c.id)
    )
    return [_downlink(row) for row in conn.execute(query.limit(min(limit, PENDING_MAX))).mappings()]


def mark_published(conn: Connection, number: int, now_ms: int) -> bool:
    """Remember that a message went out; False when it had gone before."""
    published = update(downlink).where(downlink.c.id == number, downlink.c.published_at_ms.is_(None))
    return conn.execute(published.values(published_at_ms=now_ms)).rowcount == 1


def to_tell_again(conn: Connection, now_ms: int, after: int = 0, limit: int | None = None) -> list[Downlink]:
    """Commands that went out and may not have been heard, by their number, at most 500 of those behind `after`.

    The newest ten of each gateway in service that is not offline: 30 s after they went out, then ever more rarely,
    and at once when the gateway has said since that it is there. Whether one was answered or has expired stands in
    no column.
    """
    is_recent = or_(downlink.c.published_at_ms.is_(None), downlink.c.published_at_ms > now_ms - LIFE_MS_MAX)
    rank = func.row_number().over(partition_by=downlink.c.gateway_id, order_by=downlink.c.id.desc())
    ranked = select(*downlink.columns, rank.label("rank")).where(downlink.c.channel == Channel.COMMAND.value, is_recent)
    one, state = ranked.subquery(), gateway_state.c
    gone_ms = now_ms - one.c.published_at_ms
    is_due = and_(gone_ms >= AGAIN_MS, gone_ms * AGAIN_PART >= now_ms - one.c.created_at_ms)
    query = (
        select(*(one.c[column.name] for column in downlink.columns))
        .join(gateway, and_(gateway.c.id == one.c.gateway_id, gateway.c.retired_at_ms.is_(None)))
        .outerjoin(gateway_state, state.gateway_id == one.c.gateway_id)
        .where(one.c.id > after, one.c.rank <= NEWEST_ORDERS, func.coalesce(state.online, true()))
        .where(or_(is_due, state.changed_at_ms > one.c.published_at_ms))
        .order_by(one.c.id)
    )
    most = PENDING_MAX if limit is None else min(limit, PENDING_MAX)
    return [_downlink(row) for row in conn.execute(query.limit(most)).mappings()]


def mark_told_again(conn: Connection, number: int, now_ms: int) -> None:
    """Remember that a message went out once more."""
    conn.execute(update(downlink).where(downlink.c.id == number).values(published_at_ms=now_ms))


def queue_again(conn: Connection, gateway_id: str | None = None) -> int:
    """Publish the newest configuration of this gateway, or of every one in service, once more; gives how many.

    A broker that lost its retained messages gets them back so, and a gateway with a new key hears them under that key.
    """
    newest = (
        select(func.max(downlink.c.id))
        .join(gateway, and_(gateway.c.id == downlink.c.gateway_id, gateway.c.retired_at_ms.is_(None)))
        .where(downlink.c.channel == Channel.DESIRED.value)
        .group_by(downlink.c.gateway_id)
    )
    if gateway_id is not None:
        newest = newest.where(downlink.c.gateway_id == gateway_id)
    again = update(downlink).where(downlink.c.id.in_(newest), downlink.c.published_at_ms.is_not(None))
    return conn.execute(again.values(published_at_ms=None)).rowcount


def sent(conn: Connection, gateway_id: str, channel: Channel, limit: int = SENT_MAX) -> list[Downlink]:
    """What was queued for a gateway on one channel, the newest first, at most 100."""
    query = select(*downlink.columns).where(downlink.c.gateway_id == gateway_id, downlink.c.channel == channel.value)
    rows = conn.execute(query.order_by(downlink.c.id.desc()).limit(min(limit, SENT_MAX))).mappings()
    return [_downlink(row) for row in rows]


def _downlink(row: RowMapping) -> Downlink:
    return Downlink(**{**row, "channel": Channel(row["channel"])})
