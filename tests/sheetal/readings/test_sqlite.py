from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.contracts.reading import Reading
from sheetal.readings import sqlite
from sheetal.readings import sqlite_statements as sql
from sheetal.readings.sqlite import SqliteReadings
from sheetal.readings.sqlite_statements import WINDOW_MS

if TYPE_CHECKING:
    from pathlib import Path

START_MS = 81_660 * WINDOW_MS


def reading(number: int, **changes: object) -> Reading:
    return Reading("s", START_MS + number, 450, 0, 1, abs(number))._replace(**changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readings.db"


def rows_in(path: Path) -> list[tuple[int, str, int]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT window, sensor, measured_at_ms FROM reading ORDER BY 1, 2, 3").fetchall()


def test_the_file_is_what_the_measurements_chose(path: Path) -> None:
    store = SqliteReadings(path)
    store.write([reading(0)])
    with closing(store._connect()) as connection:
        (schema,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'reading'").fetchone()
        assert "PRIMARY KEY (window, sensor, measured_at_ms)" in schema
        assert schema.rstrip().endswith("STRICT, WITHOUT ROWID")
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


def test_rows_stand_in_windows_of_one_hour(path: Path) -> None:
    store = SqliteReadings(path)
    store.write([reading(-1), reading(0), reading(WINDOW_MS - 1), reading(WINDOW_MS)])
    store.close()
    windows = [window - 81_660 for window, _, _ in rows_in(path)]
    assert windows == [-1, 0, 0, 1]


@pytest.mark.parametrize("statement", [sql.READ, sql.READ_MANY, sql.COUNT, sql.BUCKETS])
def test_a_read_searches_the_key(path: Path, statement: str) -> None:
    store = SqliteReadings(path)
    store.write([reading(0)])
    values = {"first": 1, "last": 9, "sensor": "s", "start": 1, "end": 9, "limit": -1, "every": 1, "phase": 0}
    with store._reading() as connection:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values | {"pieces": "[]"})
        plan = "\n".join(str(row[3]) for row in steps)
    assert "SEARCH reading USING PRIMARY KEY (window=? AND sensor=? AND measured_at_ms>? AND measured_at_ms<?)" in plan
    assert "ORDER BY" not in plan.replace("GROUP BY", "") or statement in (sql.BUCKETS, sql.READ_MANY)
    store.close()


def test_the_newest_instant_is_found_from_the_end_of_each_window(path: Path) -> None:
    store = SqliteReadings(path)
    store.write([reading(number) for number in range(3)])
    values = {"first": 1, "last": 9, "sensors": "[]", "start": 1, "end": 9}
    with store._reading() as connection:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {sql.NEWEST}", values)
        plan = "\n".join(str(row[3]) for row in steps)
    assert "SEARCH reading USING PRIMARY KEY (window=? AND sensor=? AND measured_at_ms>? AND measured_at_ms<?)" in plan
    assert "SCAN reading" not in plan
    store.close()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 999, 4_096, 4_097, 5_000, 5_001, 12_345])
def test_a_batch_of_any_size_is_stored_once(path: Path, size: int) -> None:
    store = SqliteReadings(path)
    batch = [reading(number) for number in range(size)]
    assert store.write(batch) == (size, [])
    assert store.read("s", 1, START_MS * 2) == batch
    assert len(rows_in(path)) == size
    store.close()


def test_an_engine_with_few_parameters_gets_smaller_statements(path: Path) -> None:
    store = SqliteReadings(path)
    store.write([reading(0)])
    assert store._writer is not None
    store._writer.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
    batch = [reading(number) for number in range(1_000)]
    assert store.write(batch) == (1_000, [])
    assert store.read("s", 1, START_MS * 2) == batch
    store.close()


@pytest.mark.parametrize("size", [3_000, 12_000])
def test_a_batch_that_fails_in_its_middle_leaves_nothing(path: Path, size: int) -> None:
    store = SqliteReadings(path)
    store.write([reading(-1)])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON reading WHEN new.sequence = 2900 "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    with pytest.raises(Rejected, match="full"):
        store.write([reading(number) for number in range(size)])
    assert store.count("s", 0, START_MS * 2) == 1
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER full")
    assert store.write([reading(number) for number in range(size)]) == (size, [])
    assert store.count("s", 0, START_MS * 2) == size + 1
    store.close()


def test_a_batch_is_one_statement_and_a_read_one_row(path: Path) -> None:
    """Each step lets another thread take the interpreter; 5,000 steps beside a busy one took seconds."""
    store = SqliteReadings(path)
    store.write([reading(-1)])
    statements: list[str] = []
    assert store._writer is not None
    store._writer.set_trace_callback(lambda text: statements.append(text[:11]))
    store.write([reading(number) for number in range(5_000)])
    assert statements == ["INSERT INTO"]
    store._writer.set_trace_callback(None)
    values = {"first": 81_659, "last": 81_661, "sensor": "s", "start": 1, "end": START_MS * 2, "limit": -1}
    with store._reading() as connection:
        assert len(connection.execute(sql.READ, values).fetchall()) == 1
    store.close()


def test_a_read_in_pages_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "ROWS_PER_READ_MAX", 7)
    monkeypatch.setattr(sqlite, "PIECES_PER_READ_MAX", 3)
    monkeypatch.setattr(sqlite, "SENSORS_PER_READ_MAX", 2)
    store = SqliteReadings(path)
    batch = [reading(number * 3_600_000) for number in range(50)]
    store.write(batch)
    assert store.read("s", 1, START_MS * 2) == batch
    assert store.read("s", 1, START_MS * 2, limit=21) == batch[:21]
    assert store.read("s", 1, START_MS * 2, limit=20, after_ms=batch[3].measured_at_ms) == batch[4:24]
    assert store.read_many([("s", 1, START_MS * 2)]) == batch
    store.write([reading(number, sensor=f"s{number}") for number in range(5)])
    names = [f"s{number}" for number in range(6)]
    assert store.newest_ms(names, 1, START_MS * 2) == {f"s{number}": START_MS + number for number in range(5)}
    store.close()


def test_a_read_names_only_windows_that_hold_rows(path: Path) -> None:
    store = SqliteReadings(path)
    store.write([reading(0), reading(3 * WINDOW_MS)])
    assert store.count("s", 0, 4_102_444_800_000) == 2
    with store._reading() as connection:
        span = sqlite._span(connection, 1, 4_102_444_800_000)
    assert (span["first"], span["last"]) == (81_660, 81_663)
    store.close()


def test_another_process_reads_while_one_writes(path: Path) -> None:
    writer, reader = SqliteReadings(path), SqliteReadings(path)
    assert reader.read("s", 0, START_MS * 2) == []
    for number in range(50):
        writer.write([reading(number)])
        assert reader.count("s", 0, START_MS * 2) == number + 1
    reader.close()
    writer.close()


def test_two_writers_take_turns(path: Path) -> None:
    stores = [SqliteReadings(path), SqliteReadings(path)]

    def work(index: int) -> None:
        for number in range(40):
            stores[index].write([reading(number, sensor=f"s{index}")])

    threads = [threading.Thread(target=work, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [stores[0].count(f"s{index}", 0, START_MS * 2) for index in (0, 1)] == [40, 40]
    for store in stores:
        store.close()


def test_a_file_that_stays_locked_is_unavailable_and_stores_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    store = SqliteReadings(path)
    store.write([reading(0)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as caught:
            store.write([reading(1)])
        assert caught.value.next_step
        assert store.count("s", 0, START_MS * 2) == 1
        other.execute("ROLLBACK")
    assert store.write([reading(1)]).accepted == 1
    store.close()


def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    path.write_text("a list of vaccines\n" * 100)
    store = SqliteReadings(path)
    with pytest.raises(Unavailable):
        store.write([reading(0)])
    health = store.health()
    assert not health.ok
    assert "not a database" in health.detail
    store.close()
    assert path.read_text().startswith("a list of vaccines")


def test_a_file_of_a_newer_release_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 3")
    store = SqliteReadings(path)
    with pytest.raises(Unavailable) as caught:
        store.write([reading(0)])
    assert "schema 3" in caught.value.message
    assert caught.value.next_step
    assert not store.health().ok
    store.close()


def older_file(path: Path, rows: list[Reading]) -> None:
    """A file of schema 1, whose windows were six hours long."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql.SCHEMA)
        values = [(row.measured_at_ms // 21_600_000, *row) for row in rows]
        connection.executemany("INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute("PRAGMA user_version = 1")


def test_a_file_of_the_older_release_is_carried_over(path: Path) -> None:
    rows = [reading(number * 1_234_567) for number in range(2_000)] + [
        reading(0, sensor="r", centi_celsius=None, quality=2)
    ]
    older_file(path, rows)
    store = SqliteReadings(path)
    assert store.read("s", 1, START_MS * 2) == rows[:2_000]
    assert store.read("r", 1, START_MS * 2) == rows[2_000:]
    assert store.write(rows[5:10]) == (5, [])
    store.close()
    assert {window for window, _, _ in rows_in(path)} == {row.measured_at_ms // WINDOW_MS for row in rows}
    assert len(rows_in(path)) == 2_001


def test_two_processes_that_find_an_older_file_carry_it_over_once(path: Path) -> None:
    rows = [reading(number * 1_000) for number in range(5_000)]
    older_file(path, rows)
    stores = [SqliteReadings(path) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda store: store.count("s", 1, START_MS * 2), stores)) == [5_000] * 4
    for store in stores:
        store.close()


def test_an_older_file_that_cannot_be_carried_over_stays_as_it_is(path: Path) -> None:
    older_file(path, [reading(0)])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE reading_1 (no INTEGER)")
    store = SqliteReadings(path)
    with pytest.raises(Unavailable, match="reading_1"):
        store.read("s", 1, START_MS * 2)
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert len(rows_in(path)) == 1


def test_a_vanished_folder_is_unavailable(tmp_path: Path) -> None:
    store = SqliteReadings(tmp_path / "gone" / "readings.db")
    with pytest.raises(Unavailable):
        store.read("s", 0, 9)
    store.close()


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteReadings(path)
    store.write([reading(0)])
    store.read("s", 0, 9)
    store.close()
    with pytest.raises(Unavailable, match="closed"):
        store.write([reading(1)])
    with pytest.raises(Unavailable, match="closed"):
        store.read("s", 0, 9)
    assert not store.health().ok


def test_closing_leaves_one_file(path: Path) -> None:
    store = SqliteReadings(path)
    store.write([reading(0)])
    store.read("s", 0, 9)
    store.close()
    assert list(path.parent.iterdir()) == [path]


def test_expire_clears_many_windows(path: Path) -> None:
    store = SqliteReadings(path)
    store.write([reading(window * WINDOW_MS) for window in range(20)])
    assert store.expire(START_MS + 15 * WINDOW_MS) == 15
    assert store.expire(START_MS + 15 * WINDOW_MS + 1) == 1
    store.close()
    assert [window - 81_660 for window, _, _ in rows_in(path)] == [16, 17, 18, 19]
