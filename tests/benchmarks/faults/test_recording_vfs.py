from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from benchmarks.faults.disk import Create, Delete, Disk, Sync, Write
from benchmarks.faults.recording_vfs import recorded

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.faults.disk import Operation


def write_some(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE one (value)")
        for number in range(50):
            connection.execute("INSERT INTO one VALUES (?)", (str(number) * 500,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("INSERT INTO one VALUES ('last')")


def test_the_record_played_again_makes_the_same_files(tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    folder.mkdir()
    record: list[Operation] = []
    images: dict[str, bytes] = {}
    with recorded(folder, record.append):
        write_some(folder / "a.db")
        images = {path.name: path.read_bytes() for path in folder.iterdir()}
    disk = Disk()
    for operation in record:
        disk.do(operation)
        if isinstance(operation, Write | Create):
            disk.do(Sync(operation.path))
    assert disk.after_power_cut(random.Random(0)) == images


def test_every_commit_is_synced_and_the_journal_deleted(tmp_path: Path) -> None:
    record: list[Operation] = []
    with recorded(tmp_path, record.append):
        write_some(tmp_path / "a.db")
    assert sum(isinstance(one, Sync) and one.path == "a.db-wal" for one in record) >= 52
    assert Delete("a.db-journal") in record
    assert {one.path for one in record} == {"a.db", "a.db-wal", "a.db-journal"}


def test_other_folders_and_later_connections_are_not_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    folder.mkdir()
    record: list[Operation] = []
    with recorded(folder, record.append):
        write_some(tmp_path / "elsewhere.db")
    write_some(folder / "a.db")
    assert record == []
