"""The numbers of one ingest worker, read from its parts' plain counters when Prometheus asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ingest.inbox import BYTES_MAX, MESSAGES_MAX
from sheetal.ledger import workload
from sheetal.metrics import Kind, Metric, MetricsPage, disks, remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ingest.inbox import Inbox
    from ingest.latest import Latest
    from ingest.patience import Patience
    from ingest.peers import Peers
    from ingest.pipeline import Counts
    from ingest.timings import Timings
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger
    from sheetal.metrics import Sample

MESSAGES = Metric("sheetal_ingest_messages_total", "Messages that were answered.", Kind.COUNTER)
ROWS = Metric(
    "sheetal_ingest_rows_total",
    "Rows of answered messages by what they were: new, repeated or conflicting readings, or others.",
    Kind.COUNTER,
    ("kind",),
)
LETTERS = Metric("sheetal_ingest_dead_letters_total", "Refused messages, and reasons for refused rows.", Kind.COUNTER)
REFUSED = Metric("sheetal_ingest_refused_total", "The same by reason.", Kind.COUNTER, ("reason",))
LOAD_ROWS = Metric("sheetal_ingest_load_rows", "Readings that travelled together.", Kind.HISTOGRAM)
WRITE = Metric("sheetal_ingest_store_write_seconds", "Until a load's readings were durable.", Kind.HISTOGRAM)
COMMIT = Metric("sheetal_ingest_telemetry_commit_seconds", "Until a load's records were committed.", Kind.HISTOGRAM)
ACK_LAG = Metric("sheetal_ingest_ack_lag_seconds", "From a message's receipt to its acknowledgement.", Kind.HISTOGRAM)

READY = Metric("sheetal_ingest_ready", "1 while this worker may take work (as `/readyz`).", Kind.GAUGE)
AWAY = Metric("sheetal_ingest_store_away", "1 while a store does not answer and messages wait for it.", Kind.GAUGE)
INBOX = Metric("sheetal_ingest_inbox_messages", "Messages that wait in this worker.", Kind.GAUGE)
INBOX_BYTES = Metric("sheetal_ingest_inbox_bytes", "Their payloads.", Kind.GAUGE)
INBOX_FULL = Metric(
    "sheetal_ingest_inbox_filled_ratio", "How full the inbox is; at 1 nothing more is read from the broker.", Kind.GAUGE
)
RECEIVED = Metric("sheetal_ingest_messages_received_total", "Messages that the broker brought.", Kind.COUNTER)
CONNECTED = Metric("sheetal_ingest_broker_connected", "1 while the broker has granted the subscription.", Kind.GAUGE)
CONNECTIONS = Metric("sheetal_ingest_broker_connections_total", "Connections to the broker so far.", Kind.COUNTER)
OUTGOING = Metric("sheetal_ingest_outgoing_messages", "Answers that have not left for the broker yet.", Kind.GAUGE)
DROPPED = Metric(
    "sheetal_ingest_publishes_dropped_total",
    "Answers given up; their gateways send again and are told again.",
    Kind.COUNTER,
)
NOT_TAKEN = Metric("sheetal_ingest_publishes_refused_total", "Answers that the broker would not take.", Kind.COUNTER)
ALONE = Metric("sheetal_ingest_alone", "1 while no other worker is heard.", Kind.GAUGE)
SKEWED = Metric(
    "sheetal_ingest_gateways_with_wrong_clock", "Gateways whose clock is off by over 5 minutes.", Kind.GAUGE
)

KEPT = Metric("sheetal_ingest_dead_letters_kept", "Dead letters that are kept.", Kind.GAUGE, ("reason",))
LET_GO = Metric(
    "sheetal_ingest_dead_letters_dropped", "Dead letters that made room for others, ever.", Kind.GAUGE, ("reason",)
)
GATEWAYS_WITH_GAPS = Metric("sheetal_ingest_gateways_with_gaps", "Gateways of whose rows some are missing.", Kind.GAUGE)
ROWS_MISSING = Metric("sheetal_ingest_rows_missing", "Rows that never came, by their numbers.", Kind.GAUGE)
GAP_AGE = Metric("sheetal_ingest_oldest_gap_age_seconds", "Age of the oldest gap that may still be filled.", Kind.GAUGE)
GAPS_LOST = Metric(
    "sheetal_ingest_gaps_lost", "Gaps that were asked for in vain, as often as they ever are.", Kind.GAUGE
)

METRICS = (
    *(MESSAGES, ROWS, LETTERS, REFUSED, LOAD_ROWS, WRITE, COMMIT, ACK_LAG),
    *(READY, AWAY, INBOX, INBOX_BYTES, INBOX_FULL, RECEIVED, CONNECTED, CONNECTIONS),
    *(OUTGOING, DROPPED, NOT_TAKEN, ALONE, SKEWED),
    *(KEPT, LET_GO, GATEWAYS_WITH_GAPS, ROWS_MISSING, GAP_AGE, GAPS_LOST),
)


class Broker(Protocol):
    """What of the subscriber is told."""

    @property
    def is_subscribed(self) -> bool:
        """Whether messages can come."""

    @property
    def connections(self) -> int:
        """How many connections have come about."""

    @property
    def received(self) -> int:
        """Messages that it brought."""

    @property
    def refused(self) -> int:
        """Publishes that it would not take."""

    @property
    def waiting(self) -> int:
        """What has not left for the broker yet."""

    @property
    def dropped(self) -> int:
        """Publishes that were given up."""


class Parts(NamedTuple):
    """What one worker's numbers are read from."""

    counts: Counts
    timings: Timings
    inbox: Inbox
    broker: Broker
    patience: Patience
    peers: Peers
    latest: Latest
    telemetry: Ledger


def rows_by_kind(counts: Counts) -> dict[str, int]:
    """The values of `kind` and how many rows of it there were."""
    return {
        "new": counts.readings_new,
        "repeated": counts.readings_repeated,
        "conflicting": counts.conflicts,
        "aux": counts.aux_values,
        "day_summary": counts.day_summaries,
        "unplaced": counts.unplaced,
        "thinned": counts.thinned,
    }


def filled(inbox: Inbox) -> float:
    """How full an inbox is, by messages or by bytes; from 1 on nothing more is read from the broker."""
    return max(len(inbox) / MESSAGES_MAX, inbox.bytes / BYTES_MAX)


class Watched:
    """The worker's page; the telemetry store is asked at most once in five seconds."""

    def __init__(
        self, parts: Parts, is_ready: Callable[[], bool], folders: Mapping[str, Path | None], clock: Clock
    ) -> None:
        self._parts = parts
        self._is_ready = is_ready
        self._folders = folders
        self._clock = clock

    def page(self) -> MetricsPage:
        """What `/metrics` shows."""
        sources = {
            "process": self.of_process,
            "telemetry": remembered(lambda: list(self.of_telemetry())),
            "disk": disks(self._folders),
        }
        return MetricsPage("ingest", sources)

    def of_process(self) -> Iterator[Sample]:
        """From counters alone."""
        counts, timings = self._parts.counts, self._parts.timings
        yield MESSAGES.of(counts.messages)
        for kind, rows in rows_by_kind(counts).items():
            yield ROWS.of(rows, kind)
        yield LETTERS.of(counts.dead_letters)
        for words, times in timings.refused.items():
            yield REFUSED.of(times, *words)
        yield LOAD_ROWS.of(timings.load_rows)
        yield WRITE.of(timings.store_write_seconds)
        yield COMMIT.of(timings.telemetry_commit_seconds)
        yield ACK_LAG.of(timings.ack_lag_seconds)
        yield from self._of_state()

    def of_telemetry(self) -> Iterator[Sample]:
        """What stands in ingest's tables, of all workers together; raises Unavailable."""
        with self._parts.telemetry.read() as conn:
            letters, gaps = workload.dead_letters(conn), workload.gaps(conn)
        for reason, kept in letters.kept.items():
            yield KEPT.of(kept, reason)
        for reason, dropped in letters.dropped.items():
            yield LET_GO.of(dropped, reason)
        yield GATEWAYS_WITH_GAPS.of(gaps.gateways)
        yield ROWS_MISSING.of(gaps.rows)
        yield GAPS_LOST.of(gaps.lost)
        yield GAP_AGE.of(0.0 if gaps.oldest_ms is None else max(0.0, (self._clock() - gaps.oldest_ms) / 1000))

    def _of_state(self) -> Iterator[Sample]:
        inbox, broker = self._parts.inbox, self._parts.broker
        yield READY.of(self._is_ready())
        yield AWAY.of(self._parts.patience.problem is not None)
        yield INBOX.of(len(inbox))
        yield INBOX_BYTES.of(inbox.bytes)
        yield INBOX_FULL.of(filled(inbox))
        yield RECEIVED.of(broker.received)
        yield CONNECTED.of(broker.is_subscribed)
        yield CONNECTIONS.of(broker.connections)
        yield OUTGOING.of(broker.waiting)
        yield DROPPED.of(broker.dropped)
        yield NOT_TAKEN.of(broker.refused)
        yield ALONE.of(self._parts.peers.is_alone)
        yield SKEWED.of(self._parts.latest.skewed_gateways)
