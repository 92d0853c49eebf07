"""What watches every appliance now, in few queries for all of them: probes, kinds of evidence inside, last checks."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, or_, select

from sheetal.ledger.asset_tables import assignment, sensor, sensor_fault
from sheetal.ledger.stock_tables import holding, manual_check, stay

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Hung(NamedTuple):
    """A sensor that hangs in an appliance now, since when, and its nominal interval."""

    sensor_id: str
    appliance_id: str
    from_ms: int
    interval_ms: int | None


def hung_now(conn: Connection, now_ms: int) -> list[Hung]:
    """Every sensor in an appliance now, in order of its id, but for those declared faulty."""
    faulty = select(sensor_fault.c.sensor_id).where(
        sensor_fault.c.from_ms <= now_ms,
        or_(sensor_fault.c.until_ms.is_(None), sensor_fault.c.until_ms > now_ms),
    )
    query = (
        select(assignment.c.sensor_id, assignment.c.appliance_id, assignment.c.from_ms, sensor.c.interval_ms)
        .join_from(assignment, sensor, assignment.c.sensor_id == sensor.c.id)
        .where(assignment.c.until_ms.is_(None), assignment.c.sensor_id.not_in(faulty))
        .order_by(assignment.c.sensor_id)
    )
    return [Hung(*row) for row in conn.execute(query)]


def evidence_inside(conn: Connection) -> dict[str, set[str]]:
    """The evidence kinds that the stock inside each appliance rests on; an empty appliance is left out."""
    query = (
        select(stay.c.appliance_id, stay.c.evidence_kind)
        .join_from(stay, holding, stay.c.holding_id == holding.c.id)
        .where(stay.c.until_ms.is_(None), holding.c.doses_left > 0)
        .distinct()
    )
    found: dict[str, set[str]] = defaultdict(set)
    for appliance_id, kind in conn.execute(query):
        found[appliance_id].add(kind)
    return dict(found)


def last_checks(conn: Connection, since_ms: int) -> dict[str, int]:
    """The newest check by eye of each appliance that has had one since an instant."""
    query = select(manual_check.c.appliance_id, func.max(manual_check.c.checked_at_ms))
    query = query.where(manual_check.c.checked_at_ms >= since_ms).group_by(manual_check.c.appliance_id)
    return {row[0]: row[1] for row in conn.execute(query)}
