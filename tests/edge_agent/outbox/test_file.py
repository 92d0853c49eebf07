from __future__ import annotations

import os
import resource
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.outbox.file import OutboxFile
from edge_agent.outbox.outbox import Intake, Outbox
from sheetal.contracts.batch import Ack
from tests.edge_agent.kit import GATEWAY, T0_MS, sample, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Limit:
    """Files may not grow beyond a size in this process: every write past it is an I/O error."""

    def __init__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def set(self, size_bytes: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, self._before[1]))

    def lift(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@pytest.fixture
def limit() -> Iterator[Limit]:
    found = Limit()
    yield found
    found.lift()


@pytest.fixture
def learnt() -> list[sqlite3.Connection]:
    return []


@pytest.fixture
def file(tmp_path: Path, learnt: list[sqlite3.Connection]) -> Iterator[OutboxFile]:
    opened = OutboxFile(tmp_path / "o.db", learnt.append)
    yield opened
    opened.close()


def marks(file: OutboxFile) -> int:
    return int(file.connection.execute("SELECT count(*) FROM meta WHERE name <> 'boots'").fetchone()[0])


def note(file: OutboxFile, name: str, size: int = 1) -> None:
    with file.lock, file.transaction() as connection:
        connection.execute("INSERT INTO meta VALUES (?, ?)", (name, "x" * size))


def test_a_transaction_is_whole_or_not_there(file: OutboxFile) -> None:
    def half() -> None:
        with file.lock, file.transaction() as connection:
            connection.execute("INSERT INTO meta VALUES ('a', 'b')")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert marks(file) == 0
    note(file, "a")
    assert marks(file) == 1


def test_an_ordinary_refusal_keeps_the_connection(file: OutboxFile, learnt: list[sqlite3.Connection]) -> None:
    note(file, "a")
    connection = file.connection
    with pytest.raises(sqlite3.IntegrityError):
        note(file, "a")
    note(file, "b")
    assert (file.connection is connection, learnt) == (True, [])


def test_after_an_error_of_the_disk_the_file_is_opened_anew(
    file: OutboxFile, learnt: list[sqlite3.Connection], tmp_path: Path, limit: Limit
) -> None:
    note(file, "a")
    connection = file.connection
    limit.set((tmp_path / "o.db-wal").stat().st_size)
    for _ in range(3):
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            note(file, "b", 10_000)
    limit.lift()
    note(file, "b", 10_000)
    assert marks(file) == 2
    assert file.connection is not connection
    assert learnt[-1] is file.connection


def test_a_disk_that_became_read_only_is_written_again_when_it_can_be(file: OutboxFile) -> None:
    file.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        note(file, "a")
    note(file, "a")
    assert marks(file) == 1


def test_a_file_that_cannot_be_opened_again_is_tried_again(
    file: OutboxFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError):
        note(file, "a")
    monkeypatch.setattr(file, "_path", tmp_path / "nowhere" / "o.db")
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            note(file, "a")
    assert marks(file) == 0
    monkeypatch.setattr(file, "_path", tmp_path / "o.db")
    note(file, "a")
    assert marks(file) == 1


def test_the_holder_of_the_lock_may_take_it_again_and_nobody_else(file: OutboxFile) -> None:
    taken = threading.Event()

    def take() -> None:
        note(file, "a")
        taken.set()

    with file.lock, file.lock:
        thread = threading.Thread(target=take)
        thread.start()
        assert not taken.wait(0.05)
    until(taken.is_set)
    thread.join()


def test_an_outbox_survives_an_error_of_the_disk_and_counts_on(tmp_path: Path, limit: Limit) -> None:
    box = Outbox(tmp_path / "o.db")
    box.add_rows([sample(number) for number in range(5)])
    limit.set((tmp_path / "o.db-wal").stat().st_size)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError):
            box.add_rows([sample(number) for number in range(5, 500)])
    assert box.pending_count() == 5
    limit.lift()
    assert box.add(Intake(rows=[sample(number) for number in range(3, 500)])) == 495
    parcel = box.next_batch(T0_MS + 10**10)
    assert parcel is not None
    assert [item.sequence for item in parcel.items] == list(range(1, 501))[:500]
    assert box.counts()[:2] == (500, 0)
    box.close()


def test_only_what_is_sent_again_anyway_is_committed_without_a_sync(tmp_path: Path) -> None:
    with closing(Outbox(tmp_path / "o.db")) as box:
        box.add_rows([sample(2)])
        asked: list[str] = []
        box._connection.set_trace_callback(asked.append)
        box.add_rows([sample(0)])
        box.apply_ack(Ack(gateway=GATEWAY, boot=box.boot, stored=[(1, 1)]))
        box.add_rows([sample(1)])
        box._connection.set_trace_callback(None)
        told = [one for one in asked if one.startswith(("BEGIN", "COMMIT", "PRAGMA synchronous"))]
        relaxed = ["PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE", "COMMIT", "PRAGMA synchronous = FULL"]
        assert told == ["BEGIN IMMEDIATE", "COMMIT", *relaxed, "BEGIN IMMEDIATE", "COMMIT"]


def test_a_relaxed_transaction_that_fails_leaves_the_next_one_synced(file: OutboxFile) -> None:
    def half() -> None:
        with file.lock, file.transaction(synced=False) as connection:
            assert connection.execute("PRAGMA synchronous").fetchone() == (1,)
            connection.execute("INSERT INTO meta VALUES ('a', 'b')")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert marks(file) == 0
    assert file.connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_what_the_disk_has_free(file: OutboxFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(tmp_path)
    told = os.statvfs_result((real[0], 4_096, *real[2:4], 1_000, *real[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _path: told)
    assert file.free_bytes() == 4_096_000
