"""The worker's numbers: what it has done, what waits to be exported, and the recalls that are open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.certificate import service as certificates
from portal.recall import service as recalls
from sheetal.metrics import Kind, Metric, MetricsPage, disks, remembered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger
    from sheetal.metrics import Sample

LEADER = Metric("sheetal_worker_leader", "1 in the worker that works, 0 in one that stands by.", Kind.GAUGE)
ROUNDS = Metric("sheetal_worker_rounds_total", "Rounds that ended well.", Kind.COUNTER)
ROUNDS_FAILED = Metric(
    "sheetal_worker_rounds_failed_total", "Rounds that ledger or disk did not let end.", Kind.COUNTER
)
ROUND_AGE = Metric("sheetal_worker_last_round_age_seconds", "Since the last round that ended well.", Kind.GAUGE)
SLICES_FAILED = Metric(
    "sheetal_worker_works_failed_total", "Regular works (recalls, list of revoked gateways) that failed.", Kind.COUNTER
)
EXPORTED = Metric("sheetal_worker_certificates_exported_total", "Certificates written to the mirror.", Kind.COUNTER)
EXPORTS_FAILED = Metric(
    "sheetal_worker_exports_failed_total", "Certificates whose bundle could not be made, at each try.", Kind.COUNTER
)
LISTS_AGE = Metric(
    "sheetal_worker_status_list_age_seconds", "Since the leader wrote the status list and the key list.", Kind.GAUGE
)
WAITING = Metric("sheetal_worker_certificates_waiting", "Certificates that wait for their export.", Kind.GAUGE)
FAILING = Metric("sheetal_worker_certificates_failing", "Those of them whose export failed before.", Kind.GAUGE)
LAG = Metric(
    "sheetal_worker_export_lag_seconds", "Age of the oldest certificate that is not in the mirror yet.", Kind.GAUGE
)
RECALLS = Metric("sheetal_worker_recalls_open", "Recalls that may still gain doses.", Kind.GAUGE)
TO_CONTACT = Metric("sheetal_worker_doses_to_contact", "Recalled doses whose owners have not been told.", Kind.GAUGE)
METRICS = (
    *(LEADER, ROUNDS, ROUNDS_FAILED, ROUND_AGE, SLICES_FAILED, EXPORTED, EXPORTS_FAILED, LISTS_AGE),
    *(WAITING, FAILING, LAG, RECALLS, TO_CONTACT),
)


@dataclass(slots=True)
class Counts:
    """What this worker has done since it started; its own thread counts."""

    is_leader: bool = False
    rounds: int = 0
    rounds_failed: int = 0
    slices_failed: int = 0
    exported: int = 0
    exports_failed: int = 0
    last_round_ms: int | None = None
    lists_written_ms: int | None = None


class Watched:
    """What the numbers are read from."""

    def __init__(self, counts: Counts, ledger: Ledger, mirror: Path, clock: Clock) -> None:
        self._counts = counts
        self._ledger = ledger
        self._mirror = mirror
        self._clock = clock
        self._began_ms = clock()

    def page(self) -> MetricsPage:
        """The worker's page; the ledger is asked at most once in five seconds."""
        sources = {
            "process": self.of_process,
            "ledger": remembered(lambda: list(self.of_ledger())),
            "disk": disks({"mirror": self._mirror}),
        }
        return MetricsPage("portal.worker", sources)

    def of_process(self) -> Iterator[Sample]:
        """From counters alone."""
        counts = self._counts
        yield LEADER.of(counts.is_leader)
        yield ROUNDS.of(counts.rounds)
        yield ROUNDS_FAILED.of(counts.rounds_failed)
        yield ROUND_AGE.of(self._seconds_since(counts.last_round_ms or self._began_ms))
        yield SLICES_FAILED.of(counts.slices_failed)
        yield EXPORTED.of(counts.exported)
        yield EXPORTS_FAILED.of(counts.exports_failed)
        if counts.is_leader:
            yield LISTS_AGE.of(self._seconds_since(counts.lists_written_ms or self._began_ms))

    def of_ledger(self) -> Iterator[Sample]:
        """What waits in the ledger; raises Unavailable."""
        with self._ledger.read() as conn:
            backlog, (cases, to_contact) = certificates.export_backlog(conn), recalls.count_open(conn)
        yield WAITING.of(backlog.waiting)
        yield FAILING.of(backlog.failing)
        yield LAG.of(0.0 if backlog.oldest_ms is None else self._seconds_since(backlog.oldest_ms))
        yield RECALLS.of(cases)
        yield TO_CONTACT.of(to_contact)

    def _seconds_since(self, at_ms: int) -> float:
        return max(0.0, (self._clock() - at_ms) / 1000)
