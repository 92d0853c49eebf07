from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest.inbox import BYTES_MAX, MESSAGES_MAX, Inbox, Message
from ingest.latest import Latest
from ingest.metrics import METRICS, Parts, Watched, filled, rows_by_kind
from ingest.patience import Patience, Stopped
from ingest.peers import Peers
from ingest.pipeline import Counts
from ingest.reasons import Reason
from ingest.timings import Timings
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import telemetry_writes
from sheetal.ledger.connect import open_telemetry
from sheetal.ledger.schema import upgrade
from sheetal.ledger.telemetry_writes import DeadLetterRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW_MS = 1_795_000_000_000
GATEWAY = "gw-01"


@dataclass
class FakeBroker:
    is_subscribed: bool = True
    connections: int = 1
    received: int = 0
    refused: int = 0
    waiting: int = 0
    dropped: int = 0


class Bench:
    """A worker's parts without its threads."""

    def __init__(self, parts: Parts, folder: Path, stop: threading.Event) -> None:
        self.stop = stop
        self.parts = parts
        self.is_ready = True
        self.now_ms = NOW_MS
        self.watched = Watched(parts, lambda: self.is_ready, {"telemetry": folder}, lambda: self.now_ms)

    def told(self) -> dict[str, float]:
        _, body = self.watched.page().render()
        return {
            sample.name.removeprefix("sheetal_ingest_")
            + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(body.decode())
            for sample in family.samples
        }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    address = f"sqlite:///{tmp_path}/telemetry.db"
    upgrade(f"sqlite:///{tmp_path}/ledger.db", address)
    with closing(open_telemetry(address)) as telemetry:
        parts = Parts(
            counts=Counts(),
            timings=Timings(),
            inbox=Inbox(),
            broker=FakeBroker(),
            patience=Patience(stop := threading.Event()),
            peers=Peers("ingest-1"),
            latest=Latest(telemetry, lambda: NOW_MS),
            telemetry=telemetry,
        )
        yield Bench(parts, tmp_path, stop)


def letter(gateway: str | None, reason: Reason, payload: bytes) -> DeadLetterRow:
    return DeadLetterRow(gateway, "cc/v1/gw-01/data", payload, reason.value, "detail")


def keep_letters(bench: Bench, *letters: DeadLetterRow) -> None:
    with bench.parts.telemetry.write() as conn:
        telemetry_writes.add_dead_letters(conn, list(letters), NOW_MS)


def settle(bench: Bench, *ranges: tuple[int, int], gateway: str = GATEWAY, at_ms: int = NOW_MS) -> None:
    with bench.parts.telemetry.write() as conn:
        telemetry_writes.settle_ranges(conn, {(gateway, 1): list(ranges)}, at_ms)


def be_without_a_store(stop: threading.Event, patience: Patience) -> None:
    """As a worker is that is told to stop while it waits."""

    def write() -> None:
        raise Unavailable("away")

    stop.set()
    with pytest.raises(Stopped):
        patience.insist("write readings", write)


def test_every_metric_that_is_declared_is_told_and_no_other(bench: Bench) -> None:
    bench.parts.timings.refused.add(Reason.WRONG_MAC)
    keep_letters(bench, letter(GATEWAY, Reason.WRONG_MAC, b"x"))
    with bench.parts.telemetry.write() as conn:
        conn.exec_driver_sql("INSERT INTO dead_letter_dropped VALUES ('gw-01', 'bad_json', 5, 0)")
    _, body = bench.watched.page().render()
    families = text_string_to_metric_families(body.decode())
    told = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert {name for name in told if name.startswith("sheetal_ingest_")} == {metric.name for metric in METRICS}


def test_counts_are_told_by_kind(bench: Bench) -> None:
    counts = bench.parts.counts
    counts.messages, counts.readings_new, counts.conflicts, counts.thinned = 3, 60, 2, 1
    bench.parts.timings.store_write_seconds.observe(0.2)
    found = bench.told()
    assert (found["messages_total"], found["rows_total new"], found["rows_total conflicting"]) == (3, 60, 2)
    assert found["store_write_seconds_count"] == 1
    assert sum(rows_by_kind(counts).values()) == 63


def test_the_inbox_is_full_by_messages_or_by_bytes(bench: Bench) -> None:
    inbox = bench.parts.inbox
    assert bench.told()["inbox_filled_ratio"] == 0
    inbox.put(Message("t", b"x" * (BYTES_MAX // 2), 1, 1, NOW_MS))
    found = bench.told()
    assert (found["inbox_messages"], found["inbox_bytes"], found["inbox_filled_ratio"]) == (1, BYTES_MAX // 2, 0.5)
    for number in range(MESSAGES_MAX):
        inbox.put(Message("t", b"", number, 1, NOW_MS))
    assert filled(inbox) > 1


def test_the_brokers_state_and_readiness_are_told(bench: Bench) -> None:
    assert (bench.told()["broker_connected"], bench.told()["ready"], bench.told()["store_away"]) == (1, 1, 0)
    broker = bench.parts.broker
    assert isinstance(broker, FakeBroker)
    broker.is_subscribed, broker.dropped, broker.connections = False, 7, 4
    bench.is_ready = False
    be_without_a_store(bench.stop, bench.parts.patience)
    found = bench.told()
    assert (found["broker_connected"], found["ready"], found["store_away"]) == (0, 0, 1)
    assert (found["publishes_dropped_total"], found["broker_connections_total"]) == (7, 4)


def test_dead_letters_are_told_by_reason_whoever_sent_them(bench: Bench) -> None:
    letters = [letter(f"gw-{number:02}", Reason.WRONG_MAC, b"%d" % number) for number in range(5)]
    keep_letters(bench, *letters, letter(None, Reason.UNKNOWN_GATEWAY, b"y"))
    found = bench.told()
    assert found["dead_letters_kept wrong_mac"] == 5
    assert found["dead_letters_kept unknown_gateway"] == 1
    assert not any("gw-" in name for name in found)


def test_a_gap_is_seen_ages_and_is_gone_when_filled(bench: Bench) -> None:
    settle(bench, (1, 10), (15, 20))
    settle(bench, (1, 5), gateway="gw-02")
    bench.now_ms = NOW_MS + 31 * 60_000
    found = bench.told()
    assert (found["gateways_with_gaps"], found["rows_missing"], found["gaps_lost"]) == (1, 4, 0)
    assert found["oldest_gap_age_seconds"] == 31 * 60
    settle(bench, (11, 14))
    later = bench.told()
    assert (later["gateways_with_gaps"], later["rows_missing"], later["oldest_gap_age_seconds"]) == (0, 0, 0)


def test_a_gap_that_was_asked_for_in_vain_is_lost_and_ages_no_more(bench: Bench) -> None:
    settle(bench, (1, 10), (15, 20))
    with bench.parts.telemetry.write() as conn:
        conn.exec_driver_sql("INSERT INTO resend_request VALUES ('gw-01', 1, 11, 14, 0, 5)")
    bench.now_ms = NOW_MS + 31 * 60_000
    found = bench.told()
    assert (found["gateways_with_gaps"], found["gaps_lost"], found["oldest_gap_age_seconds"]) == (1, 1, 0)


def test_a_gateway_that_counts_in_leaps_breaks_no_sum(bench: Bench) -> None:
    for number in range(3):
        settle(bench, (2**62, 2**62), gateway=f"gw-{number:02}")
    assert bench.told()["rows_missing"] == 3_000_000


def test_a_store_that_is_away_hides_its_numbers_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OSError

    monkeypatch.setattr(bench.parts.telemetry, "read", away)
    found = bench.told()
    assert found["sheetal_metrics_source_failed telemetry"] == 1
    assert "gateways_with_gaps" not in found
    assert found["messages_total"] == 0


def test_labels_have_few_values() -> None:
    assert {label for metric in METRICS for label in metric.labels} == {"kind", "reason"}
