from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.outbox import schema as outbox_schema
from edge_agent.outbox.outbox import Outbox
from edge_agent.outbox.schema import VERSION, begin_boot, open_file, os_boot_now
from sheetal.contracts.problem import SettingProblem
from tests.edge_agent.kit import T0_MS, sample

if TYPE_CHECKING:
    from pathlib import Path

OF_VERSION_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE item (
    boot INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    field TEXT NOT NULL,
    measured_at_ms INTEGER NOT NULL,
    value,
    quality INTEGER NOT NULL,
    body BLOB,
    notable INTEGER NOT NULL,
    added_at_ms INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    settled_at_ms INTEGER,
    reason TEXT,
    PRIMARY KEY (boot, sequence)
) WITHOUT ROWID;
CREATE UNIQUE INDEX item_said_once ON item (source, measured_at_ms, field, ifnull(value, ''), quality);
CREATE INDEX item_pending ON item (boot, sequence) WHERE state = 0;
CREATE INDEX item_pending_by_time ON item (measured_at_ms) WHERE state = 0;
CREATE TABLE alarm (
    alarm TEXT NOT NULL,
    cleared INTEGER NOT NULL,
    body BLOB NOT NULL,
    added_at_ms INTEGER NOT NULL,
    settled_at_ms INTEGER,
    PRIMARY KEY (alarm, cleared)
) WITHOUT ROWID;
PRAGMA user_version = 1;
INSERT INTO meta VALUES ('boots', '4'), ('watch/x', 'a');
INSERT INTO item VALUES
    (9, 1, 'row', 'gw-t.ilr1-tvc', '', 1790000000000, 450, 0, NULL, 0, 1790000000000, 0, NULL, NULL),
    (9, 2, 'row', 'gw-t.ilr1-tvc', '', 1790000060000, NULL, 1, NULL, 1, 1790000000000, 1, 1790000000000, NULL),
    (9, 3, 'aux', 'gw-t.ILR-1', 'TAMB', 1790000000000, 31.5, 0, NULL, 0, 1790000000000, 2,
        1790000000000, 'implausible');
"""


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


def test_the_boot_of_the_operating_system_stands_beside_each_boot(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection:
        boots = [begin_boot(connection, "one"), begin_boot(connection), begin_boot(connection)]
        told = connection.execute("SELECT boot, os_boot FROM boot ORDER BY boot").fetchall()
    assert [boot for boot, _ in told] == boots
    assert told[0][1] == "one"
    assert told[1][1] == told[2][1] == os_boot_now()


def test_without_the_kernels_word_each_boot_is_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_schema, "OS_BOOT", tmp_path / "nothing")
    assert os_boot_now() != os_boot_now()


def test_a_file_of_version_1_is_upgraded_in_place_and_nothing_is_lost(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "o.db")) as old:
        old.executescript(OF_VERSION_1)
    box = Outbox(tmp_path / "o.db")
    counts = box.counts()
    assert (counts.pending, counts.delivered, counts.refused, box.mark("watch/x"), box.boot >> 32) == (1, 1, 1, "a", 5)
    assert box.add_rows([sample(0), sample(1, None), sample(2)]) == 1
    parcel = box.next_batch(T0_MS + 10**9)
    assert parcel is not None
    assert (parcel.boot, [item.sequence for item in parcel.items]) == (9, [1])
    box.close()
    with closing(open_file(tmp_path / "o.db")) as again:
        assert pragma(again, "user_version") == VERSION
        assert [row[0] for row in again.execute("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY 1")] == [
            "item_by_source",
            "item_by_state",
        ]


def test_an_upgrade_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "o.db")) as old:
        old.executescript(OF_VERSION_1 + "DROP INDEX item_pending_by_time;")
    with pytest.raises(SettingProblem, match="item_pending_by_time"):
        open_file(tmp_path / "o.db")
    with closing(sqlite3.connect(tmp_path / "o.db")) as old:
        assert pragma(old, "user_version") == 1
        assert old.execute("SELECT count(*) FROM sqlite_master WHERE name = 'item_said_once'").fetchone() == (1,)


def test_the_log_of_a_great_transaction_does_not_stay(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [(str(n), "x" * 2_000) for n in range(10_000)])
        connection.execute("COMMIT")
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
        assert (tmp_path / "o.db-wal").stat().st_size <= outbox_schema.WAL_BYTES_KEPT


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("INSERT INTO nothing VALUES (1)", sqlite3.SQLITE_ERROR),
        ("INSERT INTO meta VALUES ('a', NULL)", sqlite3.SQLITE_CONSTRAINT),
    ],
)
def test_an_error_is_known_by_its_primary_code(tmp_path: Path, sentence: str, code: int) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection, pytest.raises(sqlite3.Error) as failed:
        connection.execute(sentence)
    assert outbox_schema.primary_code(failed.value) == code
    assert outbox_schema.primary_code(ValueError()) is None


def test_a_disk_that_fails_now_is_no_wrong_setting(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outbox_schema, "BUSY_SECONDS", 0.01)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                open_file(tmp_path / "o.db")


def test_the_log_is_folded_into_the_file_before_it_is_large(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection:
        for number in range(3_000):
            connection.execute("INSERT INTO meta VALUES (?, ?)", (str(number), "x" * 1_000))
        assert (tmp_path / "o.db-wal").stat().st_size < 1.2 * 1024 * 1024
