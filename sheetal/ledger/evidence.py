"""What stood on record at an instant: facts that people declared or devices reported, as far as they were known then.

A verdict is recomputed from these. What was written down later is left out, so that an old verdict finds its own facts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from sqlalchemy import func, select

from sheetal.contracts.batch import DaySummary
from sheetal.ledger import vvm_readings
from sheetal.ledger.asset_tables import sensor_fault
from sheetal.ledger.judgement_tables import verdict
from sheetal.ledger.manual_checks import ManualCheck
from sheetal.ledger.stock_tables import manual_check
from sheetal.ledger.telemetry_tables import day_summary

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from sheetal.ledger.vvm_readings import VvmReading

ROWS_MAX = 10_000

_days = msgspec.json.Decoder(DaySummary)
_CHECK_COLUMNS = [column for column in manual_check.columns if column.name not in {"id", "recorded_at_ms"}]


class KnownFault(NamedTuple):
    """A time in which a named person has declared a sensor faulty; it goes on while `until_ms` is None."""

    sensor: str
    from_ms: int
    until_ms: int | None


class KnownDay(NamedTuple):
    """A day summary and when it was received."""

    summary: DaySummary
    received_at_ms: int


def count_verdicts(conn: Connection, holding_id: str) -> int:
    """How many verdicts have been found on a holding."""
    query = select(func.count()).select_from(verdict).where(verdict.c.holding_id == holding_id)
    return int(conn.execute(query).scalar_one())


def faults_known(conn: Connection, sensors: Collection[str], as_of_ms: int) -> list[KnownFault]:
    """The faults of these sensors that had been declared by then, in order of time."""
    table = sensor_fault.c
    query = select(table.sensor_id, table.from_ms, table.until_ms).where(
        table.sensor_id.in_(sorted(sensors)), table.recorded_at_ms <= as_of_ms
    )
    return [KnownFault(*row) for row in conn.execute(query.order_by(table.from_ms, table.id).limit(ROWS_MAX))]


def checks_known(conn: Connection, appliance_id: str, from_ms: int, until_ms: int, as_of_ms: int) -> list[ManualCheck]:
    """The checks of an appliance in [from_ms, until_ms) that had been written down by then, oldest first."""
    table = manual_check.c
    query = select(*_CHECK_COLUMNS).where(
        table.appliance_id == appliance_id,
        table.checked_at_ms >= from_ms,
        table.checked_at_ms < until_ms,
        table.recorded_at_ms <= as_of_ms,
    )
    rows = conn.execute(query.order_by(table.checked_at_ms).limit(ROWS_MAX)).mappings()
    return [ManualCheck(**row) for row in rows]


def vvm_known(conn: Connection, holding_id: str, as_of_ms: int) -> list[VvmReading]:
    """The looks at a holding's vial monitors that had been written down by then; raises NotFound."""
    return [one for one in vvm_readings.readings_of(conn, holding_id) if one.recorded_at_ms <= as_of_ms]


def days_known(conn: Connection, sensor_id: str, from_ms: int, until_ms: int, as_of_ms: int) -> list[KnownDay]:
    """The day summaries that touch [from_ms, until_ms) and had come by then, oldest first; on the telemetry store."""
    table = day_summary.c
    query = select(table.summary, table.received_at_ms).where(
        table.sensor_id == sensor_id,
        table.starts_at_ms < until_ms,
        table.ends_at_ms > from_ms,
        table.received_at_ms <= as_of_ms,
    )
    rows = conn.execute(query.order_by(table.starts_at_ms).limit(ROWS_MAX))
    return [KnownDay(_days.decode(row.summary), row.received_at_ms) for row in rows]
