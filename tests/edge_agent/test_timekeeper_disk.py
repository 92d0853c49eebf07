from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from edge_agent.clock.timeline import ClockSource
from edge_agent.outbox import placing
from edge_agent.outbox.bounds import Bound, OutboxFull
from edge_agent.timekeeper import REMEMBER_MS
from tests.edge_agent.kit import MINUTE_MS, T0_MS
from tests.edge_agent.time_kit import HOUR_MS, Gateway, LyingMachine, starting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Gateway]]:
    yield from starting(tmp_path, monkeypatch)


def test_a_disk_that_fails_changes_nothing_and_the_next_answer_is_taken(
    start: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = start(LyingMachine(2 * HOUR_MS))
    gateway.measure(-200, minutes=3)
    before = [probe.newest for probe in gateway.keeper.view()]
    shift = gateway.keeper.shift

    def then_fail(delta_ms: int, moved: set[str]) -> dict[str, str]:
        shift(delta_ms, moved)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(gateway.keeper, "shift", then_fail)
    gateway.hear()
    assert "cannot be written" in caplog.text
    assert gateway.time.source is ClockSource.RTC
    assert [probe.newest for probe in gateway.keeper.view()] == before
    assert gateway.offered() == []
    monkeypatch.undo()
    gateway.hear()
    assert gateway.stamps() == [MINUTE_MS, 2 * MINUTE_MS, 3 * MINUTE_MS]


def test_a_disk_that_fails_before_the_watches_moved_leaves_them_alone(
    start: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = start(LyingMachine(2 * HOUR_MS))
    gateway.measure(-200)
    gateway.machine.off_ms = 3 * HOUR_MS
    gateway.time.look()
    gateway.measure(-200)
    before = gateway.keeper.view()[0].newest

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(placing, "shift_alarms", fail)
    gateway.hear()
    assert gateway.keeper.view()[0].newest == before, "an earlier shift must not be taken back instead"


def test_an_outbox_full_of_what_waits_for_the_time_is_placed_all_the_same(
    start: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = start(LyingMachine(2 * HOUR_MS))
    gateway.measure(minutes=2)
    gateway.measure(minutes=2, commits=False)

    def full() -> None:
        raise OutboxFull(4, 4, Bound(3, 3))

    monkeypatch.setattr(gateway.keeper, "commit", full)
    gateway.hear()
    assert gateway.stamps() == [MINUTE_MS, 2 * MINUTE_MS]
    monkeypatch.undo()
    gateway.keeper.commit()
    gateway.machine.true_ms += REMEMBER_MS
    gateway.time.look()
    assert gateway.stamps() == [number * MINUTE_MS for number in range(1, 5)]


def test_a_disk_that_fails_at_the_start_is_tried_again(
    start: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start(LyingMachine(-T0_MS)).measure(minutes=2)

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(placing, "remember", fail)
    machine = LyingMachine(true_ms=T0_MS + HOUR_MS, is_synchronised=True)
    after = start(machine, "tuesday")
    assert "cannot be written" in caplog.text
    assert (after.time.source, after.offered()) == (ClockSource.NONE, [])
    monkeypatch.undo()
    after.time.look()
    assert after.time.source is ClockSource.NTP
    assert {item.kind for item in after.offered()} == {"unplaced"}
