"""An upgrade of a store that is in use: every row of every table of the previous revision is there afterwards."""

from __future__ import annotations

import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Float, Integer, LargeBinary, MetaData, Table, create_engine, select
from sqlalchemy.pool import NullPool

from sheetal.ledger import schema
from sheetal.ledger.connect import open_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column, Connection, Engine
    from sqlalchemy.types import TypeEngine

ROWS = 3
T0_MS = 1_790_000_000_000
INSTANTS = ("_at_ms", "from_ms", "hour_ms")
WORDS: dict[str, list[Any]] = {
    "facility.kind": ["store", "cold_chain_point", "session_site"],
    "appliance.kind": ["ilr", "deep_freezer", "carrier"],
    "appliance.centi_celsius_min": [200] * ROWS,
    "appliance.centi_celsius_max": [800] * ROWS,
    "assignment.until_ms": [None] * ROWS,
    "holding.parent_id": [None] * ROWS,
    "holding.doses_received": [10] * ROWS,
    "holding.doses_left": [0, 5, 10],
    "holding.disposition": ["AVAILABLE", "QUARANTINED", "DESTROYED"],
    "stay.evidence_kind": ["telemetry", "twice_daily", "logger_file"],
    "stay.packed_at_ms": [None] * ROWS,
    "stay.until_ms": [None] * ROWS,
    "rejudge.appliance_id": [None] * ROWS,
    "verdict.finding": ["usable", "excursion_noted", "hold"],
    "appliance_judgement.state": ["in_range", "warm", "no_data"],
    "downlink.channel": ["desired", "command", "command"],
    "certificate.level": [0, 1, 2],
    "certificate.superseded_at_ms": [None] * ROWS,
    "staff.role": ["vaccinator", "medical_officer", "admin"],
    "vaccination_session.starts_at_ms": [T0_MS] * ROWS,
    "vaccination_session.ends_at_ms": [T0_MS + 1, T0_MS + 2, T0_MS + 3],
    "recall_dose.contact_state": ["to_contact", "contacted", "unreachable"],
    "appointment.state": ["booked", "given", "cancelled"],
    "dose.doses_total": [9] * ROWS,
}
"""What the CHECKs allow; every other column takes a value of its type."""


def previous() -> str:
    """The revision before the newest."""
    chain = ScriptDirectory(str(schema.FOLDER))
    newest = chain.get_revision("head")
    assert newest is not None
    return str(newest.down_revision)


@pytest.fixture(params=["0006", "previous"])
def revision(request: pytest.FixtureRequest) -> str:
    """The last revision of a release, and whatever stands right below the newest."""
    return previous() if request.param == "previous" else str(request.param)


def engines(addresses: tuple[str, str]) -> Iterator[tuple[Engine, str | None]]:
    """Each store with the schema that its tables stand in."""
    for address, place in zip(addresses, (None, "telemetry"), strict=True):
        engine = create_engine(address, poolclass=NullPool)
        yield engine, place if engine.dialect.name == "postgresql" else None
        engine.dispose()


def tables_of(conn: Connection, place: str | None) -> list[Table]:
    """As they stand in the database, parents first, without alembic's own."""
    found = MetaData()
    found.reflect(conn, schema=place)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def value_of(column: Column[Any], number: int, made: dict[str, list[dict[str, Any]]]) -> object:
    """Something that fits the column, another for each row."""
    words = WORDS.get(f"{column.table.name}.{column.name}")
    if words:
        return words[number]
    for key in column.foreign_keys:
        return made[key.column.table.name][number][key.column.name]
    salt = zlib.crc32(f"{column.table.name}.{column.name}".encode()) % 1_000
    kind = column.type
    by_type: list[tuple[type[TypeEngine[Any]], object]] = [
        (Boolean, number % 2 == 0),
        (Float, salt + number / 4),
        (Integer, T0_MS + salt * 1_000 + number if column.name.endswith(INSTANTS) else number + 1),
        (LargeBinary, bytes([number, salt % 256]) * 20),
    ]
    for one, value in by_type:
        if isinstance(kind, one):
            return value
    return f"{column.name[:8]}-{number}"[: getattr(kind, "length", None) or 40]


def fill(conn: Connection, place: str | None) -> dict[str, list[dict[str, Any]]]:
    """Rows in every table; gives them by table."""
    made: dict[str, list[dict[str, Any]]] = {}
    for table in tables_of(conn, place):
        made[table.name] = [
            {column.name: value_of(column, number, made) for column in table.columns} for number in range(ROWS)
        ]
        conn.execute(table.insert(), made[table.name])
    return made


def rows_of(conn: Connection, place: str | None, names: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What stands in the same columns of the same tables now, in any order."""
    tables = {table.name: table for table in tables_of(conn, place)}
    found: dict[str, Any] = {}
    for name, rows in names.items():
        columns = [tables[name].columns[column] for column in rows[0]]
        found[name] = sorted((dict(row) for row in conn.execute(select(*columns)).mappings()), key=repr)
    return found


def test_an_upgrade_keeps_every_row_of_every_table(empty_addresses: tuple[str, str], revision: str) -> None:
    schema.upgrade(*empty_addresses, revision=revision)
    before: list[dict[str, list[dict[str, Any]]]] = []
    for engine, place in engines(empty_addresses):
        with engine.begin() as conn:
            before.append(fill(conn, place))
    assert {"holding", "audit", "staff", "dose", "certificate"} <= before[0].keys()
    assert {"sensor_state", "dirty_hour", "conflict", "thinned_span"} <= before[1].keys()
    schema.upgrade(*empty_addresses)
    for (engine, place), filled in zip(engines(empty_addresses), before, strict=True):
        with engine.connect() as conn:
            found = rows_of(conn, place, filled)
        for name, rows in filled.items():
            assert found[name] == sorted(rows, key=repr), name
    with closing(open_ledger(empty_addresses[0])) as ledger:
        schema.check_schema(ledger)


def test_what_was_upgraded_can_be_taken_back_with_its_rows(empty_addresses: tuple[str, str], revision: str) -> None:
    schema.upgrade(*empty_addresses, revision=revision)
    before: list[dict[str, list[dict[str, Any]]]] = []
    for engine, place in engines(empty_addresses):
        with engine.begin() as conn:
            before.append(fill(conn, place))
    schema.upgrade(*empty_addresses)
    schema.downgrade(*empty_addresses, revision=revision)
    for (engine, place), filled in zip(engines(empty_addresses), before, strict=True):
        with engine.connect() as conn:
            found = rows_of(conn, place, filled)
        for name, rows in filled.items():
            assert found[name] == sorted(rows, key=repr), name
