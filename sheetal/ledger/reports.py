"""What regular reports count in the ledger, and which of them have been made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, literal, select

from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.verdict import HOLDING
from sheetal.ledger import deliveries
from sheetal.ledger.alarms import is_open
from sheetal.ledger.asset_tables import appliance
from sheetal.ledger.base import EpochMs
from sheetal.ledger.judgement_tables import alarm, verdict
from sheetal.ledger.stock_tables import holding, manual_check
from sheetal.ledger.upsert import insert_missing
from sheetal.ledger.watch_tables import report_run

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

GONE = frozenset({Disposition.DESTROYED})
RUNS_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one facility stands now, and what was recorded in the day before."""

    alarms_open: int
    alarms_unacknowledged: int
    holdings_held: int
    holdings_gap: int
    doses_usable: int
    checks: int
    undelivered: int


class MonthCounts(NamedTuple):
    """What happened at one facility in a span: alarms by (appliance, kind), held holdings, checks by appliance."""

    alarms: dict[tuple[str | None, str], int]
    holds: int
    checks: dict[str, int]


def claim(conn: Connection, kind: str, facility_id: str, period: str, now_ms: int) -> bool:
    """Take the making of a report upon oneself, in the transaction that makes it; False when it has been made."""
    row = {"kind": kind, "facility_id": facility_id, "period": period, "made_at_ms": now_ms}
    return insert_missing(conn, report_run, [row]) == 1


def made(conn: Connection, kind: str, period: str) -> set[str]:
    """The facilities whose report of this period has been made."""
    query = select(report_run.c.facility_id).where(report_run.c.kind == kind, report_run.c.period == period)
    return set(conn.execute(query).scalars())


def standing(conn: Connection, facility_id: str, now_ms: int) -> Standing:
    """How a facility stands."""
    of_alarms = select(func.count(), func.count().filter(alarm.c.acknowledged_at_ms.is_(None)))
    alarms = conn.execute(of_alarms.where(alarm.c.facility_id == facility_id, is_open())).one()
    here = holding.c.facility_id == facility_id
    checks = (
        select(func.count())
        .select_from(manual_check.join(appliance, appliance.c.id == manual_check.c.appliance_id))
        .where(appliance.c.facility_id == facility_id, *_within(manual_check.c.checked_at_ms, now_ms - DAY_MS, now_ms))
    )
    usable = holding.c.disposition.in_([one.value for one in USABLE])
    has_gone = holding.c.disposition.in_([one.value for one in GONE])
    has_gap = holding.c.gap_open_from_ms.is_not(None)
    return Standing(
        alarms_open=alarms[0],
        alarms_unacknowledged=alarms[1],
        holdings_held=_count(conn, here, ~usable, ~has_gone, holding.c.doses_left > 0),
        holdings_gap=_count(conn, here, has_gap, ~has_gone, holding.c.doses_left > 0),
        doses_usable=conn.execute(
            select(func.coalesce(func.sum(holding.c.doses_left), 0)).where(here, usable)
        ).scalar_one(),
        checks=conn.execute(checks).scalar_one(),
        undelivered=len(deliveries.undelivered(conn, now_ms, facility_id)),
    )


def month_counts(conn: Connection, facility_id: str, from_ms: int, until_ms: int) -> MonthCounts:
    """What happened at a facility in [from_ms, until_ms)."""
    alarms = (
        select(alarm.c.appliance_id, alarm.c.kind, func.count())
        .where(alarm.c.facility_id == facility_id, *_within(alarm.c.fired_at_ms, from_ms, until_ms))
        .group_by(alarm.c.appliance_id, alarm.c.kind)
    )
    holds = (
        select(func.count(func.distinct(verdict.c.holding_id)))
        .select_from(verdict.join(holding, holding.c.id == verdict.c.holding_id))
        .where(
            holding.c.facility_id == facility_id,
            verdict.c.finding.in_([one.value for one in HOLDING]),
            *_within(verdict.c.found_at_ms, from_ms, until_ms),
        )
    )
    checks = (
        select(manual_check.c.appliance_id, func.count())
        .select_from(manual_check.join(appliance, appliance.c.id == manual_check.c.appliance_id))
        .where(appliance.c.facility_id == facility_id, *_within(manual_check.c.checked_at_ms, from_ms, until_ms))
        .group_by(manual_check.c.appliance_id)
    )
    return MonthCounts(
        alarms={(row[0], row[1]): row[2] for row in conn.execute(alarms)},
        holds=conn.execute(holds).scalar_one(),
        checks={row[0]: row[1] for row in conn.execute(checks)},
    )


def _count(conn: Connection, *which: ColumnElement[bool]) -> int:
    return conn.execute(select(func.count()).select_from(holding).where(*which)).scalar_one()


def _within(column: ColumnElement[int], from_ms: int, until_ms: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= literal(from_ms, EpochMs), column < literal(until_ms, EpochMs)
