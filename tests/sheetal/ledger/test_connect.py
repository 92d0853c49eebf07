from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.ledger import connect
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.judgement_tables import lease
from sheetal.ledger.telemetry_tables import dirty_hour
from tests.stack.servers import free_port, postgresql, running

if TYPE_CHECKING:
    from pathlib import Path

    from sheetal.ledger.connect import Ledger

ROW = {"name": "a", "holder": "b", "until_ms": 1}


def count(ledger: Ledger) -> int:
    with ledger.read() as conn:
        return conn.execute(select(func.count()).select_from(lease)).scalar_one()


def pragma(ledger: Ledger, name: str) -> object:
    with ledger.write() as conn:
        return conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def test_a_write_commits_on_a_normal_exit(ledger: Ledger) -> None:
    with ledger.write() as conn:
        conn.execute(insert(lease).values(**ROW))
    assert count(ledger) == 1


def test_a_write_rolls_back_on_any_exception(ledger: Ledger) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(ledger)
    assert count(ledger) == 0


def interrupted(ledger: Ledger) -> None:
    with ledger.write() as conn:
        conn.execute(insert(lease).values(**ROW))
        raise KeyboardInterrupt


def test_a_reader_cannot_write(ledger: Ledger) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), ledger.read() as conn:
        conn.execute(insert(lease).values(**ROW))
    assert count(ledger) == 0


def test_a_store_that_takes_no_writes_now_is_unavailable_to_its_writers(ledger: Ledger, dialect: str) -> None:
    """A disk that was mounted read-only, a server that became a standby: a load must wait, not be put aside."""
    with pytest.raises(Unavailable):
        write_where_nothing_is_taken(ledger, dialect)
    assert count(ledger) == 0


def write_where_nothing_is_taken(ledger: Ledger, dialect: str) -> None:
    turn = {"sqlite": "PRAGMA query_only = ON", "postgresql": "SET TRANSACTION READ ONLY"}
    with ledger.write() as conn:
        conn.exec_driver_sql(turn[dialect])
        conn.execute(insert(lease).values(**ROW))


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database " * 1_000)
    with closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")) as ledger, pytest.raises(Unavailable):
        count(ledger)


def test_a_reader_sees_one_snapshot(ledger: Ledger) -> None:
    query = select(func.count()).select_from(lease)
    with ledger.read() as conn:
        before = conn.execute(query).scalar_one()
        writer = threading.Thread(target=put, args=(ledger,))
        writer.start()
        writer.join()
        assert conn.execute(query).scalar_one() == before
    assert count(ledger) == before + 1


def put(ledger: Ledger) -> None:
    with ledger.write() as conn:
        conn.execute(insert(lease).values(**ROW))


def test_a_broken_rule_stays_an_integrity_error_and_rolls_back(ledger: Ledger) -> None:
    put(ledger)
    with pytest.raises(IntegrityError):
        put(ledger)
    assert count(ledger) == 1


def test_a_savepoint_undoes_its_own_part_only(ledger: Ledger) -> None:
    with ledger.write() as conn:
        conn.execute(insert(lease).values(**ROW))
        with pytest.raises(IntegrityError), conn.begin_nested():
            conn.execute(insert(lease).values(**ROW))
        conn.execute(insert(lease).values(**{**ROW, "name": "b"}))
    assert count(ledger) == 2


def test_a_missing_table_is_a_mistake_not_an_outage(empty_addresses: tuple[str, str]) -> None:
    with closing(open_ledger(empty_addresses[0])) as ledger, pytest.raises((OperationalError, ProgrammingError)):
        count(ledger)


def test_telemetry_tables_are_found_in_their_own_place(telemetry: Ledger, dialect: str) -> None:
    with telemetry.write() as conn:
        conn.execute(insert(dirty_hour).values(sensor_id="gw.s", hour_ms=0, marked=1))
        query = {"postgresql": "SELECT marked FROM telemetry.dirty_hour", "sqlite": "SELECT marked FROM dirty_hour"}
        assert conn.execute(text(query[dialect])).scalar_one() == 1
    with telemetry.read() as conn:
        assert conn.execute(select(dirty_hour.c.marked)).scalar_one() == 1


def test_many_threads_write_one_after_another(ledger: Ledger) -> None:
    with ledger.write() as conn:
        conn.execute(insert(lease).values(**ROW))

    def prolong() -> None:
        for _ in range(20):
            with ledger.write() as conn:
                conn.execute(lease.update().values(until_ms=lease.c.until_ms + 1))

    threads = [threading.Thread(target=prolong) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ledger.read() as conn:
        assert conn.execute(select(lease.c.until_ms)).scalar_one() == 121


class TestSqlite:
    """What holds of the embedded database alone."""

    @pytest.fixture
    def dialect(self) -> str:
        return "sqlite"

    def test_its_settings_are_the_durable_ones(self, ledger: Ledger) -> None:
        assert pragma(ledger, "journal_mode") == "wal"
        assert pragma(ledger, "synchronous") == 2
        assert pragma(ledger, "foreign_keys") == 1
        assert pragma(ledger, "busy_timeout") == 5000

    def test_a_writer_really_sends_begin_immediate(self, ledger: Ledger) -> None:
        sent: list[str] = []
        event.listen(ledger._writer, "before_cursor_execute", lambda *words: sent.append(words[2]))
        with ledger.write():
            assert sent == ["BEGIN IMMEDIATE"]

    def test_a_writer_that_only_reads_keeps_other_processes_out_too(self, ledger: Ledger, tmp_path: Path) -> None:
        with (
            ledger.write(),
            closing(sqlite3.connect(tmp_path / "ledger.db", timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")

    def test_two_ledgers_on_one_file_share_one_lock(self, ledger: Ledger, addresses: tuple[str, str]) -> None:
        with closing(open_ledger(addresses[0])) as second:
            order: list[str] = []
            with ledger.write():
                waiting = threading.Thread(target=lambda: (put(second), order.append("second")))
                waiting.start()
                time.sleep(0.1)
                order.append("first")
            waiting.join()
        assert order == ["first", "second"]

    def test_a_busy_file_is_unavailable(self, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connect, "BUSY_TIMEOUT_MS", 50)
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable) as caught:
                put(ledger)
            other.execute("ROLLBACK")
        assert caught.value.retry
        put(ledger)

    def test_a_writer_waits_for_its_turn_no_longer_than_the_bound(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connect, "WRITE_TURN_SECONDS_MAX", 0.05)
        with ledger.write(), pytest.raises(Unavailable, match="another writer"):
            put(ledger)

    def test_the_two_stores_do_not_wait_for_each_other(self, ledger: Ledger, telemetry: Ledger) -> None:
        with ledger.write(), telemetry.write() as conn:
            conn.execute(insert(dirty_hour).values(sensor_id="gw.s", hour_ms=0, marked=1))

    def test_a_file_that_cannot_be_opened_is_unavailable(self, tmp_path: Path) -> None:
        folder = tmp_path / "gone"
        folder.mkdir()
        with closing(open_ledger(f"sqlite:///{folder}/ledger.db")) as ledger:
            shutil.rmtree(folder)
            with pytest.raises(Unavailable):
                count(ledger)


@pytest.mark.stack
def test_a_server_that_is_away_and_comes_back(tmp_path: Path) -> None:
    with postgresql(tmp_path) as server, running(server):
        address = server.url.replace("/sheetal", "/postgres")
        with closing(open_ledger(address)) as ledger:
            with ledger.write() as conn:
                conn.execute(text("CREATE TABLE lease (name text primary key, holder text, until_ms bigint)"))
            put(ledger)
            server.kill()
            # The killed server's own children may answer a moment longer.
            with pytest.raises(Unavailable):
                ask_for_ten_seconds(ledger)
            server.start()
            assert count(ledger) == 1


def ask_for_ten_seconds(ledger: Ledger) -> None:
    for _ in range(100):
        count(ledger)
        time.sleep(0.1)


@pytest.mark.stack
def test_a_connection_cut_in_a_transaction_is_unavailable(tmp_path: Path) -> None:
    with (
        postgresql(tmp_path) as server,
        running(server),
        closing(open_ledger(server.url.replace("/sheetal", "/postgres"))) as ledger,
    ):
        with pytest.raises(Unavailable):
            cut(ledger)
        with ledger.read() as conn:
            assert conn.execute(text("SELECT 1")).scalar_one() == 1


def cut(ledger: Ledger) -> None:
    with ledger.write() as conn:
        conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_a_server_that_was_never_there_is_unavailable() -> None:
    url = f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/sheetal"
    with closing(open_ledger(url)) as ledger, pytest.raises(Unavailable) as caught:
        count(ledger)
    assert caught.value.next_step


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "mysql://localhost/x",
        "postgresql://localhost/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////no/such/folder/ledger.db",
    ],
)
def test_an_impossible_address_is_a_setting_problem_with_the_variable(address: str) -> None:
    with pytest.raises(SettingProblem, match="SHEETAL_LEDGER_URL") as caught:
        open_ledger(address)
    assert caught.value.facts["variable"] == "SHEETAL_LEDGER_URL"
    with pytest.raises(SettingProblem, match="SHEETAL_TELEMETRY_URL"):
        open_telemetry(address)
