from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from portal.worker.metrics import METRICS, Counts, Watched
from sheetal.contracts.problem import Unavailable
from tests.portal.given_certificates import NOW_MS, RECORD, another
from tests.portal.worker.test_app import worker_of

if TYPE_CHECKING:
    import pytest

    from portal.worker.app import Worker
    from tests.portal.given_certificates import Books


def told(watched: Watched) -> dict[str, float]:
    _, body = watched.page().render()
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def watched_of(worker: Worker, books: Books, at_ms: int = NOW_MS) -> Watched:
    return Watched(worker.counts, worker.ledger, books.mirror, lambda: at_ms)


def test_every_metric_that_is_declared_is_told_and_no_other(books: Books) -> None:
    with worker_of(books) as worker:
        worker.round(NOW_MS)
        names = {name.partition(" ")[0] for name in told(watched_of(worker, books))}
    assert {name for name in names if name.startswith("sheetal_worker")} == {metric.name for metric in METRICS}
    assert {"sheetal_disk_free_bytes", "sheetal_disk_size_bytes"} <= names
    assert all(metric.labels == () for metric in METRICS)


def test_what_waits_for_its_export_is_counted_and_aged(books: Books) -> None:
    books.issue(RECORD)
    books.issue(another())
    with worker_of(books) as worker:
        waiting = told(watched_of(worker, books, NOW_MS + 90_000))
        assert (waiting["sheetal_worker_certificates_waiting"], waiting["sheetal_worker_leader"]) == (2, 0)
        assert waiting["sheetal_worker_export_lag_seconds"] > 0
        worker.round(NOW_MS + 90_000)
        done = told(watched_of(worker, books, NOW_MS + 95_000))
    assert (done["sheetal_worker_certificates_waiting"], done["sheetal_worker_export_lag_seconds"]) == (0, 0)
    assert (done["sheetal_worker_certificates_exported_total"], done["sheetal_worker_leader"]) == (2, 1)
    assert done["sheetal_worker_last_round_age_seconds"] == done["sheetal_worker_status_list_age_seconds"] == 5


def test_a_round_that_fails_is_counted_and_its_age_grows(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise Unavailable("the ledger does not answer")

    with worker_of(books) as worker:
        worker.round(NOW_MS)
        with monkeypatch.context() as broken:
            broken.setattr(worker.ledger, "write", away)
            worker.round(NOW_MS + 1_000)
        found = told(watched_of(worker, books, NOW_MS + 60_000))
    assert (found["sheetal_worker_rounds_total"], found["sheetal_worker_rounds_failed_total"]) == (1, 1)
    assert found["sheetal_worker_last_round_age_seconds"] == 60


def test_a_slices_failure_is_counted(books: Books) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("Asha Devi")

    with worker_of(books, rounds=(fail,)) as worker:
        worker.round(NOW_MS)
        watched = watched_of(worker, books)
        assert told(watched)["sheetal_worker_works_failed_total"] == 1
        assert b"Asha" not in watched.page().render()[1]


def test_a_worker_that_stands_by_tells_no_age_of_lists_that_it_does_not_write(books: Books) -> None:
    with worker_of(books) as worker:
        assert "sheetal_worker_status_list_age_seconds" not in told(watched_of(worker, books))


def test_readiness_asks_the_ledger_and_health_does_not(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    with worker_of(books) as worker:
        assert worker.readiness(NOW_MS)["ok"] is False
        worker.round(NOW_MS)
        assert worker.readiness(NOW_MS)["ok"] is True
        seen: list[object] = []
        monkeypatch.setattr("portal.worker.app.check_schema", seen.append)
        worker.readiness(NOW_MS)
        assert seen == [worker.ledger]


def test_counts_begin_at_nothing() -> None:
    assert set(dataclasses.astuple(Counts())) == {0, None}
