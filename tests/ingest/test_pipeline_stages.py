from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.limits import DAY_MS
from tests.ingest.given import NOW_MS, batch, message, minutes, sealed
from tests.ingest.piped import ACK_TOPIC, FailingReadings, acked, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingest.pipeline import Pipeline
    from tests.ingest.conftest import RememberingBus, Stores


@pytest.fixture
def running(pipeline: Pipeline, stop: threading.Event) -> Iterator[Pipeline]:
    threads = [threading.Thread(target=stage, args=[stop]) for stage in pipeline.stages]
    for thread in threads:
        thread.start()
    yield pipeline
    stop.set()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_stages_carry_load_after_load_side_by_side(stores: Stores, bus: RememberingBus, running: Pipeline) -> None:
    for first in range(1, 10_001, 500):
        running.inbox.put(message(sealed(batch(minutes(first, 500, base_ms=NOW_MS - 30 * DAY_MS)))))
    wait_until(lambda: running.counts.messages == 20)
    assert len(rows_of(stores)) == running.counts.readings_new == 10_000
    assert acked(bus) == set(range(1, 10_001))
    told = [what for what, _ in bus.done]
    assert told.count("PUBACK") == 20
    assert told.index(ACK_TOPIC) < told.index("PUBACK")


def test_a_store_that_is_away_holds_up_every_stage_and_nothing_is_acknowledged(
    stores: Stores, bus: RememberingBus, running: Pipeline, failing: FailingReadings
) -> None:
    failing.before = 10**6
    for first in range(1, 30_001, 1_000):
        running.inbox.put(message(sealed(batch(minutes(first, 1_000, base_ms=NOW_MS - 30 * DAY_MS)))))
    wait_until(lambda: running.patience.problem is not None)
    time.sleep(0.5)
    assert len(running.inbox) >= 30 - 5 * 4, "at most five loads have left the inbox"
    assert bus.done == []
    failing.before = 0
    wait_until(lambda: running.counts.messages == 30)
    assert len(rows_of(stores)) == 30_000
    assert acked(bus) == set(range(1, 30_001))


def test_the_stages_end_when_told_to_while_a_store_is_away(
    running: Pipeline, failing: FailingReadings, bus: RememberingBus
) -> None:
    failing.before = 10**6
    running.inbox.put(message(sealed(batch(minutes(1, 5)))))
    wait_until(lambda: running.patience.problem is not None)
    assert bus.done == []
