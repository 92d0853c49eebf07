from __future__ import annotations

import sqlite3
import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from backup import manifest, readings
from backup.make import make, sensors_of, together, urls_of
from backup.manifest import Kind, PartKind
from backup.settings import DataSettings
from sheetal.contracts.problem import Refused, SettingProblem, Unavailable
from sheetal.contracts.version import VERSION
from sheetal.ledger import telemetry_writes
from sheetal.ledger.schema import newest_revision
from tests.backup.world import OTHER_SENSOR, World, in_files, rows
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import NOW_MS, SENSOR

if TYPE_CHECKING:
    from pathlib import Path

    from tests.backup.conftest import Said


def clock() -> int:
    return NOW_MS


def test_a_backup_says_what_it_holds(world: World, tmp_path: Path, said: Said) -> None:
    made = make(tmp_path / "b", world.settings, clock, said)
    assert made == manifest.read(tmp_path / "b")
    assert (made.kind, made.program, made.revision) == (Kind.DATA, VERSION, newest_revision())
    assert (made.began_at_ms, made.began_at) == (NOW_MS, manifest.instant(NOW_MS))
    assert made.part("readings").rows == {"readings": 19}
    counted = {name: n for store in ("ledger", "telemetry") for name, n in made.part(store).rows.items()}
    assert counted["holding"] == 1
    assert counted["audit"] > 0
    assert counted.get("dirty_hour", counted.get("telemetry.dirty_hour")) == 1
    assert [stores for part in made.parts for stores in part.stores][:2] == ["telemetry", "ledger"]
    assert str(said)


def test_every_file_is_for_its_owner_alone(world: World, tmp_path: Path, said: Said) -> None:
    make(tmp_path / "b", world.settings, clock, said)
    files = list((tmp_path / "b").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o700
    assert not (tmp_path / "b.partial").exists()


def test_both_schemas_of_one_database_are_one_part(world: World, tmp_path: Path, said: Said) -> None:
    stores = together(urls_of(world.settings))
    made = make(tmp_path / "b", world.settings, clock, said)
    assert [part.stores for part in made.parts] == [*stores, ["readings"]]
    kinds = {part.kind for part in made.parts}
    assert kinds in ({PartKind.SQLITE, PartKind.READINGS}, {PartKind.POSTGRESQL, PartKind.READINGS})


def test_a_sensor_that_nobody_registered_is_backed_up_too(world: World) -> None:
    assert sensors_of(world.settings) == sorted([SENSOR, OTHER_SENSOR])


def test_what_fails_leaves_nothing_behind(world: World, tmp_path: Path, said: Said) -> None:
    away = world.settings.model_copy(update={"readings_url": f"sqlite:///{tmp_path}/sub.db"})
    (tmp_path / "sub.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(Unavailable):
        make(tmp_path / "b", away, clock, said)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("b")] == []


def test_a_store_of_another_schema_is_not_backed_up(tmp_path: Path, said: Said) -> None:
    empty = in_files(tmp_path / "w")
    with pytest.raises(SettingProblem, match="schema none"):
        make(tmp_path / "b", empty.settings, clock, said)


def test_readings_in_memory_are_refused(tmp_path: Path, said: Said) -> None:
    settings = DataSettings(ledger_url="sqlite:///x", telemetry_url="sqlite:///y", readings_url="memory:")
    with pytest.raises(SettingProblem, match="memory"):
        make(tmp_path / "b", settings, clock, said)


def test_a_folder_in_use_is_not_overwritten(world: World, tmp_path: Path, said: Said) -> None:
    make(tmp_path / "b", world.settings, clock, said)
    with pytest.raises(Refused, match="not empty"):
        make(tmp_path / "b", world.settings, clock, said)


def test_no_copy_knows_of_what_a_later_one_lacks(tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the backup runs somebody writes: readings, then marks in telemetry, as ingest does."""
    world = in_files(tmp_path / "w")
    world.begin(rows(count=5_000))
    stop = threading.Event()
    written = [0]

    def ingest() -> None:
        with closing(world.telemetry()) as telemetry, closing(world.readings()) as store:
            while not stop.is_set():
                number = written[0]
                store.write(rows(count=10, first=5_000 + 10 * number))
                with telemetry.write() as conn:
                    telemetry_writes.mark_dirty(conn, {(f"gw-01.s{number}", 3_600_000)})
                written[0] += 1

    monkeypatch.setattr(readings, "PAGE_ROWS", 100)
    writer = threading.Thread(target=ingest)
    writer.start()
    try:
        made = make(tmp_path / "b", world.settings, clock, said)
    finally:
        stop.set()
        writer.join()
    with closing(sqlite3.connect(tmp_path / "b" / "telemetry.db")) as copied:
        marked = copied.execute("SELECT count(*) FROM dirty_hour WHERE sensor_id LIKE 'gw-01.s%'").fetchone()[0]
    assert made.part("readings").rows["readings"] >= 5_000 + 10 * marked


def test_doses_of_meanwhile_do_not_tear_the_ledger(world: World, tmp_path: Path, said: Said) -> None:
    with closing(world.ledger()) as ledger:
        seeds.receive(ledger, "H-2")
    made = make(tmp_path / "b", world.settings, clock, said)
    assert made.part("ledger").rows["holding"] == 2
