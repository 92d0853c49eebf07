"""SQL of the alarm pages: who was told of an alarm, and who comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, select

from portal.cold_chain.alarm_views import Told
from sheetal.ledger.alarms import is_open
from sheetal.ledger.judgement_tables import alarm, notice
from sheetal.ledger.watch_tables import contact, delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

BEGAN = ("device_alarm", "server_alarm")
KEYS_AT_ONCE = 500


def told(conn: Connection, alarm_ids: Sequence[str]) -> dict[str, Told]:
    """What became of the notices of these alarms; one that nobody was told of is left out."""
    keys = {f"{kind}/{alarm_id}": alarm_id for alarm_id in alarm_ids for kind in BEGAN}
    found: dict[str, Told] = {}
    names = sorted(keys)
    for first in range(0, len(names), KEYS_AT_ONCE):
        query = (
            select(notice.c.deduplication_key, notice.c.created_at_ms, notice.c.sent_at_ms)
            .add_columns(func.count(delivery.c.sent_at_ms), func.count(delivery.c.notice_id))
            .join(delivery, delivery.c.notice_id == notice.c.id, isouter=True)
            .where(notice.c.deduplication_key.in_(names[first : first + KEYS_AT_ONCE]))
            .group_by(notice.c.id, notice.c.deduplication_key, notice.c.created_at_ms, notice.c.sent_at_ms)
        )
        found.update({keys[row[0]]: Told(*row[1:]) for row in conn.execute(query)})
    return found


def open_counts(conn: Connection, facility_id: str | None) -> tuple[int, int]:
    """How many alarms are new (active, unacknowledged), and how many are open; of one facility or of all."""
    is_new = and_(alarm.c.cleared_at_ms.is_(None), alarm.c.acknowledged_at_ms.is_(None))
    query = select(func.coalesce(func.sum(case((is_new, 1), else_=0)), 0), func.count()).where(is_open())
    if facility_id is not None:
        query = query.where(alarm.c.facility_id == facility_id)
    row = conn.execute(query).one()
    return int(row[0]), int(row[1])


def contact_names(conn: Connection, contact_ids: Iterable[int]) -> dict[int, str]:
    """The posts that these contacts are, by their number."""
    query = select(contact.c.id, contact.c.name).where(contact.c.id.in_(sorted(set(contact_ids))))
    return {row[0]: row[1] for row in conn.execute(query)}
