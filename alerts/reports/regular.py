"""What people are told regularly: the digest of each morning, and that the report of the month before is there.

Both are notices like all others. What has been made is kept in the ledger, so a restart makes nothing twice and what
fell due meanwhile is made up for. Where nobody hears a report there is no notice of it; the portal makes it on demand.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

import structlog

from alerts.notify.local_time import day_of, minute_of_day, month_before
from sheetal.contracts.problem import Problem, Unavailable
from sheetal.ledger import assets, contacts, judgement_writes, reports
from sheetal.ledger.contacts import Hears
from sheetal.ledger.judgements import Severity
from sheetal.reports.month import read_month

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from sheetal.ledger.assets import Facility
    from sheetal.ledger.connect import Ledger
    from sheetal.readings.port import ReadingsStore

DIGEST, MONTHLY = "daily_digest", "monthly_report"
DIGEST_FROM_MINUTE = 7 * 60 + 30
MONTHLY_FROM_MINUTE = 6 * 60
AT_ONCE = 100
"""How many facilities one turn serves; the others follow in the next."""

log = structlog.get_logger()


class Due(NamedTuple):
    """A report that one facility is to get."""

    facility: Facility
    kind: str
    period: str


class Regular:
    """Makes what is due; `turn` is called once a minute."""

    def __init__(self, ledger: Ledger, readings: ReadingsStore) -> None:
        self._ledger = ledger
        self._readings = readings

    def turn(self, now_ms: int) -> int:
        """Make what is due, as many as one turn serves; gives how many notices. Raises Unavailable."""
        with self._ledger.read() as conn:
            due = [one for kind in (DIGEST, MONTHLY) for one in due_now(conn, kind, now_ms)]
        return sum(self._make(one, now_ms) for one in due[:AT_ONCE])

    def _make(self, due: Due, now_ms: int) -> bool:
        try:
            facts = self._facts(due, now_ms)
        except Unavailable:
            raise
        except Problem as problem:
            log.warning("A report cannot be made", facility=due.facility.id, kind=due.kind, problem=problem.message)
            return False
        severity = Severity.DIGEST if due.kind == DIGEST else Severity.REPORT
        key = f"{due.kind}/{due.facility.id}/{due.period}"
        with self._ledger.write() as conn:
            if not reports.claim(conn, due.kind, due.facility.id, due.period, now_ms):
                return False
            return judgement_writes.add_notice(conn, key, due.kind, due.facility.id, facts, now_ms, severity=severity)

    def _facts(self, due: Due, now_ms: int) -> dict[str, object]:
        if due.kind == DIGEST:
            with self._ledger.read() as conn:
                return {"day": due.period, **asdict(reports.standing(conn, due.facility.id, now_ms))}
        with self._ledger.read() as conn:
            month = read_month(conn, self._readings, due.facility.id, due.period, now_ms)
        permille = month.in_range_permille
        share = "0" if permille is None else f"{permille // 10}.{permille % 10}"
        return {
            "period": due.period,
            "in_range_percent": share,
            "alarms": sum(month.alarms.values()),
            "holds": month.holds,
        }


def due_now(conn: Connection, kind: str, now_ms: int) -> list[Due]:
    """The facilities where somebody hears this report, it is late enough in their day, and it was not made yet."""
    hears, from_minute = (Hears.DIGEST, DIGEST_FROM_MINUTE) if kind == DIGEST else (Hears.REPORT, MONTHLY_FROM_MINUTE)
    heard_at = contacts.heard_at(conn, hears)
    found: list[Due] = []
    made: dict[str, set[str]] = {}
    for place in _where(conn, heard_at):
        if minute_of_day(now_ms, place.time_zone) < from_minute:
            continue
        today = day_of(now_ms, place.time_zone)
        period = today.isoformat() if kind == DIGEST else month_before(today)
        if period not in made:
            made[period] = reports.made(conn, kind, period)
        if place.id not in made[period]:
            found.append(Due(place, kind, period))
    return found


def _where(conn: Connection, heard_at: Collection[str | None]) -> list[Facility]:
    if not heard_at:
        return []
    return [place for place in assets.facilities(conn) if None in heard_at or place.id in heard_at]
