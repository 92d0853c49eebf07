"""How much waits and how old it is, in few cheap queries: what operations look at, never what decides.

Nothing here names a person, a holding or a sensor.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import ColumnElement, case, func, literal, or_, select

from sheetal.ledger.base import EpochMs
from sheetal.ledger.deliveries import GIVEN_UP_AFTER_MS
from sheetal.ledger.gate import JUDGED_BOUND_MS
from sheetal.ledger.judgement_tables import (
    alarm,
    appliance_judgement,
    downlink,
    gateway_state,
    notice,
    seal,
)
from sheetal.ledger.stock_tables import rejudge
from sheetal.ledger.telemetry_holes import TIMES_MAX
from sheetal.ledger.telemetry_tables import (
    dead_letter,
    dead_letter_dropped,
    dirty_hour,
    resend_request,
    sequence_range,
)
from sheetal.ledger.watch_tables import contact, delivery

if TYPE_CHECKING:
    from sqlalchemy import Connection

ROWS_A_GAP_MAX = 1_000_000


class Queue(NamedTuple):
    """How many wait, and since when the oldest does."""

    waiting: int
    oldest_ms: int | None


class Notices(NamedTuple):
    """Notices that nobody has got yet; `failing` were tried in vain (their first try is to choose who hears them)."""

    waiting: int
    failing: int
    oldest_ms: int | None


class Judged(NamedTuple):
    """How far judging has come: appliances by state, the furthest behind, and how many are past the gate's bound."""

    by_state: dict[str, int]
    furthest_behind_ms: int | None
    too_old: int


class Letters(NamedTuple):
    """The dead letter by reason: what is kept, and what had to make room for others."""

    kept: dict[str, int]
    dropped: dict[str, int]


class Gaps(NamedTuple):
    """Numbers of gateways' boots that never came; `lost` holes were asked for in vain and have no age any more."""

    gateways: int
    rows: int
    lost: int
    oldest_ms: int | None


class Alarms(NamedTuple):
    """Alarms that have not ended; `unacknowledged` are those that nobody has answered for."""

    standing: int
    unacknowledged: int


def rejudge_marks(conn: Connection) -> Queue:
    """Ledger acts that wait to be judged."""
    row = conn.execute(select(func.count(), func.min(rejudge.c.marked_at_ms))).one()
    return Queue(row[0], row[1])


def dirty_hours(conn: Connection) -> int:
    """Hours of sensors that wait to be judged; on the telemetry store."""
    return conn.execute(select(func.count()).select_from(dirty_hour)).scalar_one()


def dead_letters(conn: Connection) -> Letters:
    """What was refused; on the telemetry store. The dead letter is bounded, so is this."""
    kept = select(dead_letter.c.reason, func.count()).group_by(dead_letter.c.reason)
    gone = select(dead_letter_dropped.c.reason, dead_letter_dropped.c.dropped)
    dropped: Counter[str] = Counter()
    for reason, letters in conn.execute(gone):
        dropped[reason] += letters
    return Letters({row[0]: row[1] for row in conn.execute(kept)}, dict(dropped))


def gaps(conn: Connection) -> Gaps:
    """Where gateways' numbers are missing; on the telemetry store.

    A gateway that counts in leaps of its own invention says `ROWS_A_GAP_MAX` at most for each.
    """
    table = sequence_range.c
    rows = case((table.missing > ROWS_A_GAP_MAX, ROWS_A_GAP_MAX), else_=table.missing)
    is_lost = (
        select(resend_request.c.times)
        .where(
            resend_request.c.gateway_id == table.gateway_id,
            resend_request.c.boot == table.boot,
            resend_request.c.first_sequence < table.first_sequence,
            resend_request.c.last_sequence >= table.first_sequence - table.missing,
            resend_request.c.times >= TIMES_MAX,
        )
        .exists()
    )
    query = select(
        func.count(func.distinct(table.gateway_id)),
        func.coalesce(func.sum(rows), 0),
        _count(is_lost),
        func.min(case((~is_lost, table.missing_since_ms))),
    )
    row = conn.execute(query.where(table.missing_since_ms.is_not(None))).one()
    return Gaps(row[0], int(row[1]), row[2], row[3])


def unsent_notices(conn: Connection, now_ms: int) -> Notices:
    """Notices on their way; what has waited too long to help anybody, or for people told no more, is none of them.

    One that waits for others of its group is as old as the end of that wait, so that it does not look late.
    """
    first_try = (
        select(func.min(delivery.c.next_try_ms))
        .join(contact, contact.c.id == delivery.c.contact_id)
        .where(
            delivery.c.notice_id == notice.c.id,
            delivery.c.sent_at_ms.is_(None),
            contact.c.retired_at_ms.is_(None),
        )
        .correlate(notice)
        .scalar_subquery()
    )
    is_new = notice.c.attempts == 0
    waiting = (
        select(notice.c.attempts, notice.c.created_at_ms, first_try.label("first_try_ms"))
        .where(
            notice.c.sent_at_ms.is_(None),
            notice.c.created_at_ms >= literal(now_ms - GIVEN_UP_AFTER_MS, EpochMs),
            or_(is_new, first_try.is_not(None)),
        )
        .subquery()
    )
    since = case((waiting.c.attempts == 1, waiting.c.first_try_ms), else_=waiting.c.created_at_ms)
    row = conn.execute(select(func.count(), _count(waiting.c.attempts > 1), func.min(since))).one()
    return Notices(row[0], row[1], row[2])


def judged(conn: Connection, now_ms: int) -> Judged:
    """How far behind the clock the judged instants are."""
    is_too_old = appliance_judgement.c.judged_through_ms < literal(now_ms - JUDGED_BOUND_MS, EpochMs)
    query = select(
        appliance_judgement.c.state,
        func.count(),
        func.min(appliance_judgement.c.judged_through_ms),
        _count(is_too_old),
    ).group_by(appliance_judgement.c.state)
    rows = conn.execute(query).all()
    return Judged(
        by_state={row[0]: row[1] for row in rows},
        furthest_behind_ms=min((row[2] for row in rows), default=None),
        too_old=sum(row[3] for row in rows),
    )


def standing_alarms(conn: Connection) -> Alarms:
    """Alarms whose cause goes on, and that nobody has ended."""
    query = select(func.count(), _count(alarm.c.acknowledged_at_ms.is_(None)))
    row = conn.execute(query.where(alarm.c.cleared_at_ms.is_(None), alarm.c.ended_at_ms.is_(None))).one()
    return Alarms(row[0], row[1])


def newest_seal_ms(conn: Connection) -> int | None:
    """When the audit chains were last sealed."""
    query = select(seal.c.sealed_at_ms).order_by(seal.c.number.desc()).limit(1)
    return conn.execute(query).scalar_one_or_none()


def unpublished_downlinks(conn: Connection) -> int:
    """Configurations and orders that have not gone to the broker yet."""
    return conn.execute(select(func.count()).where(downlink.c.published_at_ms.is_(None))).scalar_one()


def gateways_by_link(conn: Connection) -> dict[bool, int]:
    """How many gateways are on line, and how many are not."""
    query = select(gateway_state.c.online, func.count()).group_by(gateway_state.c.online)
    return {bool(row[0]): row[1] for row in conn.execute(query)}


def _count(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((which, 1), else_=0)), 0)
