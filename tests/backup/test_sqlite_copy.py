from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from backup import sqlite_copy
from sheetal.contracts.problem import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.backup.conftest import Said


def database(file: Path, rows: int = 100) -> sqlite3.Connection:
    made = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    made.execute("PRAGMA journal_mode = WAL")
    made.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, pair INTEGER, text TEXT)")
    made.execute("BEGIN")
    made.executemany("INSERT INTO one VALUES (?, ?, ?)", ((n, n, "x" * 300) for n in range(rows)))
    made.execute("COMMIT")
    return made


def test_a_copy_is_one_file_with_all_rows(tmp_path: Path, said: Said) -> None:
    with closing(database(tmp_path / "a.db")):
        sqlite_copy.copy(tmp_path / "a.db", tmp_path / "b.db", said)
    sqlite_copy.check(tmp_path / "b.db")
    assert sqlite_copy.counts(tmp_path / "b.db") == {"one": 100}
    assert [path.name for path in tmp_path.glob("b.db*")] == ["b.db"]
    assert "a.db: 100 %" in str(said)


def test_a_copy_is_one_state_while_others_write_and_it_ends(
    tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_copy, "PAGES_A_STEP", 8)
    stop = threading.Event()
    with closing(database(tmp_path / "a.db", rows=5_000)) as writer:

        def write() -> None:
            number = 5_000
            while not stop.is_set():
                writer.execute("BEGIN")
                writer.execute("INSERT INTO one VALUES (?, ?, '')", (number, number))
                writer.execute("INSERT INTO one VALUES (?, ?, '')", (number + 1, number))
                writer.execute("COMMIT")
                number += 2

        thread = threading.Thread(target=write)
        thread.start()
        try:
            sqlite_copy.copy(tmp_path / "a.db", tmp_path / "b.db", said)
        finally:
            stop.set()
            thread.join()
    sqlite_copy.check(tmp_path / "b.db")
    with closing(sqlite3.connect(tmp_path / "b.db")) as copied:
        (torn,) = copied.execute(
            "SELECT count(*) FROM (SELECT pair FROM one WHERE id >= 5000 GROUP BY pair HAVING count(*) = 1)"
        ).fetchone()
    assert torn == 0


def test_what_is_no_database_is_refused(tmp_path: Path, said: Said) -> None:
    (tmp_path / "a.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(Refused, match="cannot be copied"):
        sqlite_copy.copy(tmp_path / "a.db", tmp_path / "b.db", said)
    with pytest.raises(Refused, match="cannot be read"):
        sqlite_copy.counts(tmp_path / "a.db")
    with pytest.raises(Refused, match="cannot be read"):
        sqlite_copy.check(tmp_path / "a.db")


def test_a_reference_to_nothing_is_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as made:
        made.executescript(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (of INTEGER REFERENCES parent (id));"
            "INSERT INTO child VALUES (7);"
        )
    with pytest.raises(Refused, match="without its parent in child"):
        sqlite_copy.check(tmp_path / "a.db")


def test_putting_back_takes_the_old_log_away(tmp_path: Path, said: Said) -> None:
    database(tmp_path / "a.db", rows=3).close()
    sqlite_copy.copy(tmp_path / "a.db", tmp_path / "copy.db", said)
    database(tmp_path / "t.db", rows=50).close()
    assert not sqlite_copy.is_empty(tmp_path / "t.db")
    (tmp_path / "t.db-wal").write_bytes(b"rows of a store that is gone")
    sqlite_copy.put_back(tmp_path / "copy.db", tmp_path / "t.db")
    assert sqlite_copy.counts_in_use(tmp_path / "t.db") == {"one": 3}
    assert sqlite_copy.is_empty(tmp_path / "nowhere.db")


@pytest.mark.parametrize("mode", [None, 0o600, 0o640])
def test_what_is_put_back_is_read_by_nobody_more_than_before(tmp_path: Path, said: Said, mode: int | None) -> None:
    target = tmp_path / "t.db"
    database(tmp_path / "a.db").close()
    sqlite_copy.copy(tmp_path / "a.db", tmp_path / "copy.db", said)
    if mode is not None:
        database(target).close()
        target.chmod(mode)
    sqlite_copy.put_back(tmp_path / "copy.db", target)
    assert target.stat().st_mode & 0o777 == (mode or 0o600)


def test_a_damaged_store_may_be_replaced_and_one_in_use_not(tmp_path: Path, said: Said) -> None:
    database(tmp_path / "a.db", rows=3).close()
    sqlite_copy.copy(tmp_path / "a.db", tmp_path / "copy.db", said)
    (tmp_path / "t.db").write_bytes(b"torn" * 5_000)
    sqlite_copy.put_back(tmp_path / "copy.db", tmp_path / "t.db")
    with closing(database(tmp_path / "u.db")) as user:
        user.execute("BEGIN")
        user.execute("SELECT count(*) FROM one").fetchone()
        with pytest.raises(Refused, match="in use"):
            sqlite_copy.put_back(tmp_path / "copy.db", tmp_path / "u.db")
    assert sqlite_copy.counts_in_use(tmp_path / "u.db") == {"one": 100}
