"""Who speaks for an appliance: its sensors with their faults and calibrations, and the persons who look at it.

Read for many appliances in a few queries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlalchemy import bindparam, select

from sheetal.ledger.asset_tables import appliance, assignment, calibration, sensor, sensor_fault
from sheetal.ledger.histories import in_chunks
from sheetal.ledger.stock_tables import manual_check
from sheetal.thermal.cuts import Calibrated, Check, Fault, Hung

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from sqlalchemy import BindParameter, Connection, Select
    from sqlalchemy.engine import Row


Found = TypeVar("Found")


class Witness(NamedTuple):
    """All that can be said for one appliance, whatever the time; `checks` are in order of time."""

    fusion: str
    hung: tuple[Hung, ...] = ()
    faults: tuple[Fault, ...] = ()
    calibrations: tuple[Calibrated, ...] = ()
    checks: tuple[Check, ...] = ()


_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)
_FUSIONS = select(appliance.c.id, appliance.c.fusion).where(appliance.c.id.in_(_IDS))
_HUNG = (
    select(
        assignment.c.appliance_id,
        assignment.c.sensor_id,
        assignment.c.position,
        sensor.c.interval_ms,
        assignment.c.from_ms,
        assignment.c.until_ms,
        sensor.c.accuracy_centi_celsius,
    )
    .join(sensor, sensor.c.id == assignment.c.sensor_id)
    .where(assignment.c.appliance_id.in_(_IDS))
    .order_by(assignment.c.from_ms, assignment.c.id)
)
_FAULTS = (
    select(sensor_fault.c.sensor_id, sensor_fault.c.from_ms, sensor_fault.c.until_ms)
    .where(sensor_fault.c.sensor_id.in_(_IDS))
    .order_by(sensor_fault.c.from_ms, sensor_fault.c.id)
)
_CALIBRATIONS = (
    select(
        calibration.c.sensor_id,
        calibration.c.certificate_number,
        calibration.c.uncertainty_centi_celsius,
        calibration.c.calibrated_at_ms,
        calibration.c.due_at_ms,
    )
    .where(calibration.c.sensor_id.in_(_IDS))
    .order_by(calibration.c.calibrated_at_ms, calibration.c.id)
)
_CHECKS = (
    select(
        manual_check.c.appliance_id,
        manual_check.c.checked_at_ms,
        manual_check.c.centi_celsius,
        manual_check.c.centi_celsius_min,
        manual_check.c.centi_celsius_max,
    )
    .where(manual_check.c.appliance_id.in_(_IDS))
    .order_by(manual_check.c.checked_at_ms)
)


def witnesses(conn: Connection, appliance_ids: Collection[str], recorded: Collection[str] = ()) -> dict[str, Witness]:
    """Of each of these appliances its witnesses; persons' checks only of those that are `recorded`."""
    hung: dict[str, list[Hung]] = {}
    for row in _rows(conn, _HUNG, appliance_ids):
        hung.setdefault(row[0], []).append(Hung(*row[1:]))
    sensors = {one.sensor for spans in hung.values() for one in spans}
    faults = _by_first(conn, _FAULTS, sensors, Fault)
    calibrations = _by_first(conn, _CALIBRATIONS, sensors, Calibrated)
    checks = _by_first(conn, _CHECKS, recorded, Check)
    found = {}
    for appliance_id, fusion in _rows(conn, _FUSIONS, appliance_ids):
        own = tuple(hung.get(appliance_id, ()))
        names = sorted({one.sensor for one in own})
        found[appliance_id] = Witness(
            fusion=fusion,
            hung=own,
            faults=tuple(one for name in names for one in faults.get(name, ())),
            calibrations=tuple(one for name in names for one in calibrations.get(name, ())),
            checks=tuple(checks.get(appliance_id, ())),
        )
    return found


def _by_first(
    conn: Connection,
    query: Select[*tuple[Any, ...]],
    ids: Iterable[str],
    make: type[Found],
) -> dict[str, list[Found]]:
    """What stands under each name, which is the first word of its row."""
    found: dict[str, list[Found]] = {}
    for row in _rows(conn, query, ids):
        found.setdefault(row[0], []).append(make(*row))
    return found


def _rows(conn: Connection, query: Select[*tuple[Any, ...]], ids: Iterable[str]) -> Iterator[Row[*tuple[Any, ...]]]:
    for chunk in in_chunks(ids):
        yield from conn.execute(query, {"ids": chunk})
