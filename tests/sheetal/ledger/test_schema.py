from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Column, MetaData, Text, func, inspect, select, text

from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.ledger import schema
from sheetal.ledger.base import NAMING, ledger_metadata, telemetry_metadata
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.telemetry_tables import dead_letter, dirty_hour, sequence_range, unplaced_row
from tests.stack.servers import free_port

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger

ROOT = Path(__file__).resolve().parents[3]


def names_of(metadata: MetaData) -> set[str]:
    return {table.name for table in metadata.tables.values()}


def differences(conn: Connection, metadata: MetaData, place: str | None) -> list[tuple[object, ...]]:
    """What autogenerate would change of our own tables; the portal's are compared by its own test."""
    ours = names_of(metadata)

    def is_ours(_one: object, name: str | None, kind: str, _reflected: bool, other: object) -> bool:  # noqa: FBT001 - alembic's
        return kind != "table" or name in ours or other is not None

    options = {"include_object": is_ours, "compare_type": True, "compare_server_default": True}
    options |= {"include_schemas": place is not None, "version_table_schema": place}
    return list(compare_metadata(MigrationContext.configure(conn, opts=options), metadata))


def checks_of(metadata: MetaData, dialect: str) -> dict[str, set[str]]:
    """The CHECKs of each table; a Boolean needs one only where there is no such type."""
    return {
        table.name: {
            str(check.name)
            for check in table.constraints
            if isinstance(check, CheckConstraint) and (dialect == "sqlite" or not check._type_bound)
        }
        for table in metadata.tables.values()
    }


@pytest.mark.parametrize("store", ["ledger", "telemetry"])
def test_the_models_are_the_migrated_schema(addresses: tuple[str, str], dialect: str, store: str) -> None:
    opened = open_ledger(addresses[0]) if store == "ledger" else open_telemetry(addresses[1])
    place = "telemetry" if (store, dialect) == ("telemetry", "postgresql") else None
    metadata = MetaData(naming_convention=NAMING, schema=place)
    for table in (ledger_metadata if store == "ledger" else telemetry_metadata).sorted_tables:
        table.to_metadata(metadata, schema=place)
    with closing(opened), opened.read() as conn:
        assert differences(conn, metadata, place) == []
        looked = inspect(conn)
        found = {
            name: {check["name"] for check in looked.get_check_constraints(name, schema=place)}
            for name in names_of(metadata)
        }
    assert found == checks_of(metadata, dialect)


def test_a_fresh_store_is_refused_until_it_is_upgraded(empty_addresses: tuple[str, str]) -> None:
    with closing(open_ledger(empty_addresses[0])) as ledger, closing(open_telemetry(empty_addresses[1])) as telemetry:
        for store, variable in ((ledger, "SHEETAL_LEDGER_URL"), (telemetry, "SHEETAL_TELEMETRY_URL")):
            with pytest.raises(SettingProblem, match="schema none") as caught:
                schema.check_schema(store)
            assert caught.value.facts["variable"] == variable
        schema.upgrade(*empty_addresses)
        schema.check_schema(ledger)
        schema.check_schema(telemetry)


def test_upgrading_twice_changes_nothing(addresses: tuple[str, str], ledger: Ledger) -> None:
    schema.upgrade(*addresses)
    schema.check_schema(ledger)


def test_an_older_schema_is_refused(empty_addresses: tuple[str, str]) -> None:
    schema.upgrade(*empty_addresses, revision="0001")
    with closing(open_ledger(empty_addresses[0])) as ledger, pytest.raises(SettingProblem, match="0001"):
        schema.check_schema(ledger)


def test_the_first_revision_can_be_taken_back(empty_addresses: tuple[str, str]) -> None:
    schema.upgrade(*empty_addresses, revision="0001")
    schema.downgrade(*empty_addresses, revision="base")
    for address, metadata in zip(empty_addresses, (ledger_metadata, telemetry_metadata), strict=True):
        with closing(open_ledger(address)) as store, store.read() as conn:
            place = "telemetry" if store.dialect_name == "postgresql" and metadata is telemetry_metadata else None
            assert not names_of(metadata) & set(inspect(conn).get_table_names(schema=place))


OF_0006 = """
INSERT INTO coverage VALUES ('gw-01', 7, 5, 90, 80, 1000), ('gw-01', 8, 0, 3, 4, 2000);
INSERT INTO dead_letter (topic, reason, detail, sha256, size_bytes, head, repeats, first_at_ms, last_at_ms)
    VALUES ('t', 'bad_json', 'd', 'a', 1, '', 3, 1, 2);
INSERT INTO unplaced_row VALUES ('gw-01.a', 7, 1, 61000, 450, 0, 1000);
INSERT INTO dirty_hour VALUES ('gw-01.a', 0, 5)
"""


def fill(conn: Connection) -> None:
    """Rows of a telemetry store at 0006."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET LOCAL search_path TO telemetry"))
    for statement in OF_0006.split(";"):
        conn.execute(text(statement))


def test_what_a_populated_store_holds_survives_0007_and_its_taking_back(empty_addresses: tuple[str, str]) -> None:
    schema.upgrade(*empty_addresses, revision="0006")
    with closing(open_telemetry(empty_addresses[1])) as store, store.write() as conn:
        fill(conn)
    for change, counted in ((schema.upgrade, True), (schema.downgrade, False), (schema.upgrade, True)):
        change(*empty_addresses, revision="0007" if counted else "0006")
        with closing(open_telemetry(empty_addresses[1])) as store, store.read() as conn:
            (kept,) = conn.execute(select(dead_letter.c.reason, dead_letter.c.repeats)).all()
            assert tuple(kept) == ("bad_json", 3)
            assert conn.execute(select(func.count()).select_from(unplaced_row)).scalar_one() == 1
            assert conn.execute(select(dirty_hour.c.marked)).scalar_one() == 5
            if counted:
                assert conn.execute(select(dead_letter.c.gateway_id)).scalar_one() is None
                ranges = sorted(map(tuple, conn.execute(select(sequence_range))))
                assert ranges == [("gw-01", 7, 1, 90, 0, None, 1000), ("gw-01", 8, 0, 3, 0, None, 2000)]


def test_each_store_holds_its_own_tables_only(addresses: tuple[str, str], dialect: str) -> None:
    if dialect == "sqlite":
        with closing(open_telemetry(addresses[1])) as store, store.read() as conn:
            assert set(inspect(conn).get_table_names()) == {*names_of(telemetry_metadata), "alembic_version"}
    else:
        with closing(open_ledger(addresses[0])) as store, store.read() as conn:
            tables = set(inspect(conn).get_table_names(schema="telemetry"))
            assert tables == {*names_of(telemetry_metadata), "alembic_version"}
            assert not names_of(telemetry_metadata) & set(inspect(conn).get_table_names())


def alembic(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
    return subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_line_upgrades_both_stores(empty_addresses: tuple[str, str]) -> None:
    done = alembic({"SHEETAL_LEDGER_URL": empty_addresses[0], "SHEETAL_TELEMETRY_URL": empty_addresses[1]})
    assert done.returncode == 0, done.stderr
    with closing(open_ledger(empty_addresses[0])) as ledger, closing(open_telemetry(empty_addresses[1])) as telemetry:
        schema.check_schema(ledger)
        schema.check_schema(telemetry)


def test_the_command_line_names_the_missing_variable(tmp_path: Path) -> None:
    done = alembic({"SHEETAL_LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db"})
    assert done.returncode != 0
    assert done.stdout + done.stderr == "FAILED: SHEETAL_TELEMETRY_URL is not set; set SHEETAL_TELEMETRY_URL\n"


def test_a_server_that_is_away_is_one_line_too() -> None:
    address = f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/sheetal"
    done = alembic({"SHEETAL_LEDGER_URL": address, "SHEETAL_TELEMETRY_URL": address})
    assert done.returncode != 0
    assert done.stdout + done.stderr == "FAILED: the ledger does not answer; try again in a moment\n"
    with pytest.raises(Unavailable):
        schema.upgrade(address, address)


def test_an_impossible_address_is_a_setting_problem(tmp_path: Path) -> None:
    with pytest.raises(SettingProblem, match="SHEETAL_TELEMETRY_URL"):
        schema.upgrade(f"sqlite:///{tmp_path}/ledger.db", "mysql://x/y")


def test_a_revision_is_all_or_nothing(empty_addresses: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power")

    with closing(open_ledger(empty_addresses[0])) as ledger:
        monkeypatch.setattr("alembic.op.create_index", fail)
        with pytest.raises(RuntimeError, match="power"):
            schema.upgrade(*empty_addresses)
        with ledger.read() as conn:
            assert inspect(conn).get_table_names() == []
        monkeypatch.undo()
        schema.upgrade(*empty_addresses)
        schema.check_schema(ledger)


def test_a_column_that_no_revision_made_is_seen(ledger: Ledger) -> None:
    metadata = MetaData(naming_convention=NAMING)
    for table in ledger_metadata.sorted_tables:
        table.to_metadata(metadata)
    metadata.tables["lot"].append_column(Column("colour", Text))
    with ledger.read() as conn:
        assert [change[0] for change in differences(conn, metadata, None)] == ["add_column"]


def test_a_ledger_that_is_away_is_waited_for(tmp_path: Path) -> None:
    place = tmp_path / "ledger.db"
    place.mkdir()
    vain: list[str] = []

    def mend(seconds: float) -> None:
        assert seconds > 0
        if len(vain) == 2:
            place.rmdir()
            schema.upgrade(f"sqlite:///{place}", f"sqlite:///{tmp_path / 'telemetry.db'}")

    with closing(open_ledger(f"sqlite:///{place}")) as ledger:
        schema.await_schema(ledger, lambda away: vain.append(away.message), mend)
    assert len(vain) == 2


def test_waiting_ends_at_once_where_the_schema_is_wrong(tmp_path: Path) -> None:
    with closing(open_ledger(f"sqlite:///{tmp_path / 'empty.db'}")) as ledger, pytest.raises(SettingProblem):
        schema.await_schema(ledger, lambda _away: None, lambda _seconds: pytest.fail("it waited"))
