"""What became of telling: one row for each notice and contact, written by alerts alone, read by the portal too.

A notice is new until somebody has been chosen to hear it (`address`); from then on each delivery is tried until a
channel takes it. The notice counts as sent when one contact has it, or at once where nobody is to be told but the
screens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, literal, select, update

from sheetal.contracts.limits import DAY_MS, MINUTE_MS
from sheetal.ledger.base import EpochMs
from sheetal.ledger.judgement_tables import notice
from sheetal.ledger.upsert import insert_missing
from sheetal.ledger.watch_tables import contact, delivery

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping

PROBLEM_CHARACTERS_MAX = 200
ROWS_MAX = 1_000
UNDELIVERED_AFTER_MS = 2 * MINUTE_MS
GIVEN_UP_AFTER_MS = 3 * DAY_MS
"""A message older than this helps nobody; it stays in the list of what was not delivered."""
SHOWN_FOR_MS = 30 * DAY_MS

_facts_decoder = msgspec.json.Decoder(dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notice as those see it who tell it; `facts` never hold personal data."""

    id: int
    kind: str
    facility_id: str
    facts: Mapping[str, object]
    severity: str
    group_key: str | None
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A notice that one contact has not got yet."""

    notice: Told
    contact_id: int
    attempts: int
    next_try_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """What a contact should have heard minutes ago; `problem` says why not, without any address."""

    notice_id: int
    kind: str
    facility_id: str
    contact_id: int
    contact_name: str
    created_at_ms: int
    attempts: int
    problem: str | None


def unaddressed(conn: Connection, limit: int = ROWS_MAX) -> list[Told]:
    """Notices for which nobody has been chosen yet, the oldest first."""
    query = select(notice).where(notice.c.sent_at_ms.is_(None), notice.c.attempts == 0)
    return [_told(row) for row in conn.execute(query.order_by(notice.c.id).limit(min(limit, ROWS_MAX))).mappings()]


def address(conn: Connection, notice_id: int, first_try_ms: Mapping[int, int], now_ms: int) -> None:
    """Choose who hears a notice, each from an instant on; where nobody is to, it counts as sent."""
    rows = [
        {"notice_id": notice_id, "contact_id": contact_id, "attempts": 0, "next_try_ms": at_ms}
        for contact_id, at_ms in first_try_ms.items()
    ]
    insert_missing(conn, delivery, rows)
    chosen = update(notice).where(notice.c.id == notice_id, notice.c.attempts == 0)
    conn.execute(chosen.values(attempts=1, sent_at_ms=None if rows else now_ms))


def last_told_ms(conn: Connection, facility_id: str, group_key: str, since_ms: int) -> dict[int, int]:
    """When each contact last heard of a group since an instant."""
    query = (
        select(delivery.c.contact_id, func.max(delivery.c.sent_at_ms))
        .join(notice, notice.c.id == delivery.c.notice_id)
        .where(
            notice.c.facility_id == facility_id,
            notice.c.group_key == group_key,
            delivery.c.sent_at_ms >= literal(since_ms, EpochMs),
        )
        .group_by(delivery.c.contact_id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def waiting(conn: Connection, now_ms: int, limit: int = ROWS_MAX, *, without: Collection[int] = ()) -> list[Waiting]:
    """What contacts have not got yet and still should, the next due first; `without` leaves these contacts out."""
    query = (
        select(notice, delivery.c.contact_id, delivery.c.attempts.label("tried"), delivery.c.next_try_ms)
        .join(delivery, delivery.c.notice_id == notice.c.id)
        .join(contact, contact.c.id == delivery.c.contact_id)
        .where(
            delivery.c.sent_at_ms.is_(None),
            contact.c.retired_at_ms.is_(None),
            contact.c.id.not_in(without),
            notice.c.created_at_ms >= literal(now_ms - GIVEN_UP_AFTER_MS, EpochMs),
        )
        .order_by(delivery.c.next_try_ms, delivery.c.notice_id)
    )
    rows = conn.execute(query.limit(min(limit, ROWS_MAX))).mappings()
    return [
        Waiting(notice=_told(row), contact_id=row["contact_id"], attempts=row["tried"], next_try_ms=row["next_try_ms"])
        for row in rows
    ]


def mark_sent(conn: Connection, notice_ids: Collection[int], contact_id: int, now_ms: int) -> int:
    """Remember that a contact has these notices; gives how many it had not before."""
    taken = update(delivery).where(
        delivery.c.notice_id.in_(notice_ids), delivery.c.contact_id == contact_id, delivery.c.sent_at_ms.is_(None)
    )
    told = conn.execute(taken.values(sent_at_ms=now_ms, attempts=delivery.c.attempts + 1, problem=None)).rowcount
    sent = update(notice).where(notice.c.id.in_(notice_ids), notice.c.sent_at_ms.is_(None))
    conn.execute(sent.values(sent_at_ms=now_ms))
    return told


def mark_failed(conn: Connection, notice_ids: Collection[int], contact_id: int, problem: str, next_try_ms: int) -> None:
    """Remember that no channel of a contact took these notices, and when they are tried again."""
    failed = update(delivery).where(
        delivery.c.notice_id.in_(notice_ids), delivery.c.contact_id == contact_id, delivery.c.sent_at_ms.is_(None)
    )
    said = problem[:PROBLEM_CHARACTERS_MAX]
    conn.execute(failed.values(attempts=delivery.c.attempts + 1, next_try_ms=next_try_ms, problem=said))
    # On the notice itself one try stands for having been addressed, more for having failed.
    tried = update(notice).where(notice.c.id.in_(notice_ids), notice.c.sent_at_ms.is_(None))
    conn.execute(tried.values(attempts=notice.c.attempts + 1))


def undelivered(
    conn: Connection, now_ms: int, facility_id: str | None = None, limit: int = ROWS_MAX
) -> list[Undelivered]:
    """What somebody should have heard two minutes ago or more and has not, of the last 30 days, the newest first."""
    query = (
        select(
            delivery.c.notice_id,
            notice.c.kind,
            notice.c.facility_id,
            delivery.c.contact_id,
            contact.c.name.label("contact_name"),
            notice.c.created_at_ms,
            delivery.c.attempts,
            delivery.c.problem,
        )
        .join(notice, notice.c.id == delivery.c.notice_id)
        .join(contact, contact.c.id == delivery.c.contact_id)
        .where(
            delivery.c.sent_at_ms.is_(None),
            contact.c.retired_at_ms.is_(None),
            notice.c.created_at_ms <= literal(now_ms - UNDELIVERED_AFTER_MS, EpochMs),
            notice.c.created_at_ms >= literal(now_ms - SHOWN_FOR_MS, EpochMs),
        )
        .order_by(delivery.c.notice_id.desc(), delivery.c.contact_id)
    )
    if facility_id is not None:
        query = query.where(notice.c.facility_id == facility_id)
    return [Undelivered(**row) for row in conn.execute(query.limit(min(limit, ROWS_MAX))).mappings()]


def _told(row: RowMapping) -> Told:
    names = ("id", "kind", "facility_id", "severity", "group_key", "created_at_ms")
    return Told(facts=_facts_decoder.decode(row["facts"]), **{name: row[name] for name in names})
