from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.faults import ingest_slow_consumer
from benchmarks.faults.fleet_line import FleetLine
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.ingest_slow_consumer import FULL, WAYS, slow_down
from benchmarks.faults.line import EMBEDDED, SERVER
from benchmarks.faults.outage import Watched
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("way", WAYS)
def test_acks_that_hardly_get_through_lose_nothing(way: str) -> None:
    assert ingest_slow_consumer.run(0, 1, [way], 6, EMBEDDED) == 0


@pytest.mark.stack
@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", WAYS)
def test_acks_that_hardly_get_through_mosquitto_lose_nothing(way: str) -> None:
    assert ingest_slow_consumer.run(0, 1, [way], 15, SERVER) == 0


@pytest.mark.stack
@pytest.mark.parametrize("way", WAYS)
def test_slow_is_really_slow(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 400 messages made in the slow time, far fewer than half can be settled by so few bytes."""
    plan = Plan(now_ms() - 22 * HOUR_MS, gateways=200, messages_per_second=100, resend_seconds=2)
    line = FleetLine(tmp_path, plan)
    settled: list[int] = []

    def watch_settled(line: FleetLine, seconds: float, *, is_dead: bool) -> Watched:
        assert not is_dead
        before, made = line.fleet.outboxes.settled, line.fleet.outboxes.made
        while line.fleet.outboxes.made < made + 400:
            line.flows(1, seconds / 10)
        settled.append(line.fleet.outboxes.settled - before)
        return Watched([1], 0, 0, "")

    monkeypatch.setattr(ingest_slow_consumer, "watch", watch_settled)
    monkeypatch.setattr(ingest_slow_consumer, "SLOW_BYTES_PER_SECOND", 500.0)
    assert slow_down(line, way, 1).held
    assert settled[0] < 200


def test_each_way_is_tried_twice_in_full() -> None:
    assert 2 * len(WAYS) == FULL
