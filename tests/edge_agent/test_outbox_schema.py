from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.outbox_schema import VERSION, begin_boot, open_file
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_every_commit_is_synced(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection:
        assert (pragma(connection, "journal_mode"), pragma(connection, "synchronous")) == ("wal", 2)
        assert pragma(connection, "user_version") == VERSION


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "a" / "b" / "o.db")):
        assert (tmp_path / "a" / "b" / "o.db").is_file()


def test_a_file_of_another_version_stops_the_start(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "o.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SettingProblem, match="version 99"):
        open_file(tmp_path / "o.db")


def test_a_file_that_is_no_database_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "o.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(SettingProblem, match=r"gateway\.outbox"):
        open_file(tmp_path / "o.db")


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingProblem, match=r"gateway\.outbox"):
        open_file(tmp_path / "file" / "o.db")


def test_boots_grow_and_differ_when_a_backup_is_restored(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "a.db")) as one, closing(open_file(tmp_path / "b.db")) as other:
        boots = [begin_boot(one) for _ in range(3)]
        assert boots == sorted(boots)
        assert all(boot < 2**63 for boot in boots)
        assert begin_boot(other) >> 32 == 1
        assert begin_boot(one) >> 32 == 4
