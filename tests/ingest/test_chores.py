from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from ingest import chores
from ingest.chores import LEASE, LEASE_MS, RETENTION_AGAIN_MS, RETENTION_EVERY_MS, Chores
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import lease
from tests.ingest.given import NOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingest.conftest import Stores


class Asking:
    def __init__(self) -> None:
        self.turns: list[int] = []
        self.problem: Exception | None = None

    def turn(self, now_ms: int) -> int:
        self.turns.append(now_ms)
        if self.problem is not None:
            raise self.problem
        return 0


class Keeping:
    def __init__(self) -> None:
        self.turns: list[int] = []
        self.went_on: list[bool] = []
        self.problem: Exception | None = None

    def turn(self, now_ms: int, goes_on: Callable[[], bool]) -> int:
        self.turns.append(now_ms)
        self.went_on.append(goes_on())
        if self.problem is not None:
            raise self.problem
        return 0


class Worker:
    def __init__(self, stores: Stores, name: str) -> None:
        self.at_ms = NOW_MS
        self.asking, self.keeping = Asking(), Keeping()
        self.chores = Chores(stores.ledger, self.asking, self.keeping, name, lambda: self.at_ms)  # type: ignore[arg-type]  # they do what is asked here
        self.stop = threading.Event()

    def turn(self, later_ms: int = 0) -> None:
        self.at_ms += later_ms
        self.chores.turn(self.stop)


@pytest.fixture
def worker(stores: Stores) -> Worker:
    return Worker(stores, "ingest-1")


def test_one_worker_of_all_does_them(stores: Stores, worker: Worker) -> None:
    other = Worker(stores, "ingest-2")
    worker.turn()
    other.turn()
    assert (len(worker.asking.turns), len(other.asking.turns)) == (1, 0)
    other.turn(LEASE_MS)
    worker.turn(LEASE_MS)
    assert (len(worker.asking.turns), len(other.asking.turns)) == (1, 1)


def test_readings_are_looked_at_once_a_day_and_holes_at_every_turn(worker: Worker) -> None:
    worker.turn()
    worker.turn(1_000)
    assert (len(worker.asking.turns), len(worker.keeping.turns)) == (2, 1)
    assert worker.keeping.went_on == [True]
    worker.turn(RETENTION_EVERY_MS)
    assert len(worker.keeping.turns) == 2


def test_a_store_that_is_away_is_asked_again_sooner(worker: Worker) -> None:
    worker.keeping.problem = Unavailable("away")
    with capture_logs() as logs:
        worker.turn()
    assert [line["log_level"] for line in logs] == ["warning"]
    worker.keeping.problem = None
    worker.turn(RETENTION_AGAIN_MS)
    assert len(worker.keeping.turns) == 2


def test_a_chore_that_fails_ends_nothing(worker: Worker) -> None:
    worker.asking.problem = KeyError("planted")
    with capture_logs() as logs:
        worker.turn()
        worker.turn()
    assert [line["log_level"] for line in logs] == ["error", "error"]
    assert len(worker.asking.turns) == 2
    assert len(worker.keeping.turns) == 1, "one chore that always fails keeps no other"


def test_told_to_stop_it_gives_the_lease_back(stores: Stores, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "TURN_SECONDS", 0.01)
    thread = threading.Thread(target=worker.chores.run, args=(worker.stop,))
    thread.start()
    while not worker.asking.turns:
        pass
    worker.stop.set()
    thread.join(20)
    assert not thread.is_alive()
    with stores.ledger.write() as conn:
        assert lease.take(conn, LEASE, "ingest-2", NOW_MS, 1)
