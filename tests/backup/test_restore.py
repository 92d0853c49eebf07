from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import make_url, text

from backup import keys, manifest, postgres, sqlite_copy
from backup.make import make
from backup.manifest import PartKind
from backup.restore import MARGIN_MS, Wanted, restore
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import Refused, SettingProblem, Unavailable
from sheetal.ledger import audit, lease, resend_wishes, schema, stock, telemetry
from tests.backup.world import World, in_files, rows
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import FACILITY, GATEWAY, NOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.backup.conftest import Said

LATER_MS = NOW_MS + DAY_MS
EARLIER = "0006"


@pytest.fixture
def backup(world: World, tmp_path: Path, said: Said) -> Path:
    make(tmp_path / "b", world.settings, lambda: NOW_MS, said)
    return tmp_path / "b"


def put_back(backup: Path, world: World, said: Said, wanted: Wanted = Wanted()) -> None:  # noqa: B008 - a constant
    restore(backup, world.settings, wanted, lambda: LATER_MS, said)


def test_everything_is_there_again(backup: Path, world: World, new_world: Callable[[], World], said: Said) -> None:
    target = new_world()
    put_back(backup, target, said)
    assert target.stored() == world.stored()
    with closing(target.ledger()) as ledger, ledger.read() as conn:
        schema.check_schema(ledger)
        assert stock.holding_by_id(conn, "H-1").doses_left == 10
        assert audit.verify_chain(conn, FACILITY).broken_at is None
    with closing(target.telemetry()) as own, own.read() as conn:
        schema.check_schema(own)
        assert len(telemetry.dirty_hours(conn, 10)) == 1


def test_every_gateway_is_to_be_asked_and_the_act_leaves_a_trace(
    backup: Path, new_world: Callable[[], World], said: Said
) -> None:
    target = new_world()
    put_back(backup, target, said)
    with closing(target.ledger()) as ledger, ledger.read() as conn:
        (wish,) = resend_wishes.wishes(conn, 10)
        assert (wish.gateway_id, wish.since_ms, wish.due_at_ms) == (GATEWAY, NOW_MS - MARGIN_MS, LATER_MS)
        newest = audit.entries(conn, FACILITY, 1)[0]
        assert (newest.act, newest.actor, newest.at_ms) == ("restored_backup", "backup", LATER_MS)
    assert "1 gateways will be asked" in str(said)


def test_leases_of_processes_that_are_gone_end(
    world: World, new_world: Callable[[], World], tmp_path: Path, said: Said
) -> None:
    with closing(world.ledger()) as ledger, ledger.write() as conn:
        lease.take(conn, "engine", "alerts-1", NOW_MS, 10 * DAY_MS)
    make(tmp_path / "b", world.settings, lambda: NOW_MS, said)
    target = new_world()
    put_back(tmp_path / "b", target, said)
    with closing(target.ledger()) as ledger, ledger.write() as conn:
        assert lease.take(conn, "engine", "alerts-2", NOW_MS, 1)


def test_a_migrated_store_without_rows_is_empty(
    backup: Path, world: World, new_world: Callable[[], World], said: Said
) -> None:
    target = new_world()
    schema.upgrade(target.ledger_url, target.telemetry_url)
    put_back(backup, target, said)
    assert target.stored() == world.stored()


def test_what_stands_there_is_lost_only_by_a_word(backup: Path, world: World, said: Said) -> None:
    with closing(world.ledger()) as ledger:
        seeds.receive(ledger, "H-2")
    world.write(rows(first=100))
    with pytest.raises(Refused, match="readings to restore into hold rows"):
        put_back(backup, world, said)
    with closing(world.readings()) as store:
        store.expire(4_000_000_000_000)
    with pytest.raises(Refused, match="to restore into hold rows") as caught:
        put_back(backup, world, said)
    assert "--replace" in caught.value.next_step
    world.write(rows(first=200))
    put_back(backup, world, said, Wanted(replaces=True))
    assert len(world.stored()) == 19
    with closing(world.ledger()) as ledger, ledger.read() as conn:
        assert [one.id for one in stock.holdings_at(conn, FACILITY)] == ["H-1"]


def test_a_restore_that_was_broken_off_is_begun_anew(
    backup: Path, world: World, new_world: Callable[[], World], said: Said
) -> None:
    target = new_world()
    put_back(backup, target, said)
    put_back(backup, target, said, Wanted(replaces=True))
    assert target.stored() == world.stored()


def test_a_damaged_backup_touches_nothing(backup: Path, world: World, said: Said) -> None:
    before = world.stored()
    file = backup / "readings.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(Refused, match="damaged"):
        put_back(backup, world, said, Wanted(replaces=True))
    assert world.stored() == before


def test_a_readings_store_that_is_away_touches_nothing(
    backup: Path, new_world: Callable[[], World], tmp_path: Path, said: Said
) -> None:
    target = new_world()
    away = World(target.ledger_url, target.telemetry_url, "influxdb1+http://127.0.0.1:9/cc")
    with pytest.raises(Unavailable, match="readings store does not answer"):
        put_back(backup, away, said)
    assert not (tmp_path / "ledger.db").exists()


def test_another_kind_of_database_is_refused(backup: Path, world: World, tmp_path: Path, said: Said) -> None:
    is_file = world.ledger_url.startswith("sqlite")
    other = "postgresql+psycopg://nobody@127.0.0.1:9/none" if is_file else f"sqlite:///{tmp_path}/l.db"
    with pytest.raises(SettingProblem, match="another kind of database"):
        put_back(backup, World(other, other, world.readings_url), said)


def test_a_backup_of_a_newer_release_is_refused(
    backup: Path, new_world: Callable[[], World], said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backup.restore.knows_revision", lambda _revision: False)
    with pytest.raises(Refused, match="does not know"):
        put_back(backup, new_world(), said)


def earlier_backup(folder: Path, world: World, said: Said) -> None:
    """A backup as the release before made it."""
    made = make(folder, world.settings, lambda: NOW_MS, said)
    parts = [made.part("readings")]
    if world.is_in_files:
        schema.downgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db", EARLIER)
        for store in ("telemetry", "ledger"):
            file = folder / f"{store}.db"
            with closing(sqlite3.connect(file)) as database:
                database.execute("PRAGMA journal_mode = DELETE")
            parts.append(manifest.part_of(file, PartKind.SQLITE, [store], sqlite_copy.counts(file)))
    else:
        schema.downgrade(world.ledger_url, world.telemetry_url, EARLIER)
        (file,) = folder.glob("*.dump")
        stores = ["telemetry", "ledger"]
        rows_of = postgres.dump(make_url(world.ledger_url), stores, file, said)
        parts.append(manifest.part_of(file, PartKind.POSTGRESQL, stores, rows_of))
    manifest.write(folder, msgspec.structs.replace(made, revision=EARLIER, parts=parts))


@pytest.mark.parametrize("stands_there", ["nothing", "a newer schema", "rows of a newer schema"])
def test_a_backup_of_an_earlier_release_is_upgraded(
    world: World, new_world: Callable[[], World], tmp_path: Path, said: Said, stands_there: str
) -> None:
    earlier_backup(tmp_path / "b", world, said)
    target = new_world()
    if stands_there == "a newer schema":
        schema.upgrade(target.ledger_url, target.telemetry_url)
    elif stands_there == "rows of a newer schema":
        target.begin()
    put_back(tmp_path / "b", target, said, Wanted(replaces=stands_there.startswith("rows")))
    with closing(target.ledger()) as ledger, closing(target.telemetry()) as own:
        schema.check_schema(ledger)
        schema.check_schema(own)
    assert target.stored() == world.stored()


@pytest.mark.parametrize("held", ["ledger", "telemetry"])
def test_a_store_in_use_is_not_pulled_from_under_a_service(
    backup: Path, world: World, said: Said, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    monkeypatch.setattr("backup.postgres.LEAVING_SECONDS", 0.5)
    with closing(world.ledger()) as ledger:
        seeds.receive(ledger, "H-2")
    with closing(world.ledger() if held == "ledger" else world.telemetry()) as store, store.read() as conn:
        conn.execute(text("SELECT count(*) FROM alembic_version"))
        with pytest.raises(Refused, match="in use"):
            put_back(backup, world, said, Wanted(replaces=True))
    assert len(world.stored()) == 19
    with closing(world.ledger()) as ledger, ledger.read() as conn:
        assert len(stock.holdings_at(conn, FACILITY)) == 2, "of two stores one was put back"


def test_keys_are_not_restored_as_data(tmp_path: Path, said: Said) -> None:
    (tmp_path / "field.key").write_text("k1:x")
    keys.make(tmp_path / "k", {"field": tmp_path / "field.key"}, lambda: NOW_MS)
    with pytest.raises(Refused, match="holds keys"):
        put_back(tmp_path / "k", in_files(tmp_path / "t"), said)
