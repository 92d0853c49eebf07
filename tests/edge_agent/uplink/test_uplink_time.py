from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_agent.clock.timeline import Wall
from edge_agent.outbox.outbox import Outbox
from edge_agent.settings.file import load_settings
from edge_agent.timekeeper import Machine, Timekeeper
from edge_agent.uplink.session import is_clocked
from edge_agent.uplink.uplink import Uplink
from sheetal.contracts.clock import now_ms
from tests.edge_agent.kit import FakeIngest, until, write_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.broker import EmbeddedBroker

HOUR_MS = 3_600_000


class LyingMachine(Machine):
    """Its wall clock is two hours ahead, until it is said to be synchronised."""

    def __init__(self) -> None:
        super().__init__()
        self.is_synchronised = False

    def wall(self) -> Wall:
        return Wall(now_ms() + (0 if self.is_synchronised else 2 * HOUR_MS), self.is_synchronised)


class NoWatches:
    def commit(self) -> None:
        pass

    def local_sensors(self) -> set[str]:
        return set()

    def begin(self, now_ms: int | None) -> None:
        pass

    def shift(self, delta_ms: int, moved: object) -> dict[str, str]:
        del delta_ms, moved
        return {}

    def restore(self) -> None:
        pass


@pytest.fixture
def machine() -> LyingMachine:
    return LyingMachine()


@pytest.fixture
def ingest(broker: EmbeddedBroker) -> Iterator[FakeIngest]:
    with FakeIngest(broker.port) as running:
        running.answers_questions = True
        yield running
        running.clear_retained()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.db")
    yield opened
    opened.close()


@pytest.fixture
def timekeeper(machine: LyingMachine, box: Outbox) -> Timekeeper:
    made = Timekeeper(machine, box)
    made.settle(NoWatches())
    return made


@pytest.fixture
def uplink(tmp_path: Path, broker: EmbeddedBroker, box: Outbox, timekeeper: Timekeeper) -> Iterator[Uplink]:
    settings = load_settings(write_settings(tmp_path, broker.url, hub_port=1))
    running = Uplink(settings, box, clock=timekeeper.now_ms, time_keeper=timekeeper)
    yield running
    running.stop()


def test_ingest_s_answer_anchors_and_birth_tells_the_truth_of_it(
    ingest: FakeIngest, uplink: Uplink, timekeeper: Timekeeper
) -> None:
    uplink.start()
    until(lambda: timekeeper.is_anchored)
    assert abs(timekeeper.now_ms() - now_ms()) < 10_000
    until(lambda: [birth.clock_source for birth in ingest.births()][-1:] == ["ack"])
    first, *_, last = ingest.births()
    assert (first.clock_source, first.clock_offset_ms) == ("rtc", None)
    assert first.at_ms - now_ms() > HOUR_MS
    assert abs(last.at_ms - now_ms()) < 10_000
    assert last.clock_offset_ms is not None
    assert ingest.batches[0].rows == []
    assert ingest.batches[0].clock_source == "rtc"


def test_birth_is_told_again_when_the_time_comes_from_elsewhere(
    ingest: FakeIngest, uplink: Uplink, timekeeper: Timekeeper, machine: LyingMachine
) -> None:
    uplink.start()
    # A session that began without the time ends when it is known (its number tells); the next one is told as such.
    until(lambda: is_clocked(max((birth.session for birth in ingest.births()), default=0)))
    machine.is_synchronised = True
    timekeeper.look()
    until(lambda: [birth.clock_source for birth in ingest.births()][-1:] == ["ntp"])
    before, last = ingest.births()[-2:]
    assert (before.session, before.clock_source) == (last.session, "ack")


def test_without_an_answer_the_time_stays_provisional(
    ingest: FakeIngest, uplink: Uplink, timekeeper: Timekeeper
) -> None:
    ingest.answers_questions = False
    uplink.start()
    until(lambda: ingest.batches)
    assert not timekeeper.is_anchored
    assert [birth.clock_source for birth in ingest.births()] == ["rtc"]
