from __future__ import annotations

from typing import TYPE_CHECKING

from portal.cold_chain import day_bars, verdicts
from portal.cold_chain.day_bars import DayBar
from sheetal.contracts.batch import DaySummary
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.verdict import Finding
from sheetal.ledger import telemetry_writes
from tests.alerts.given import TVC, at
from tests.portal.cold_chain.test_evidence import OFFICER, recorded, stores, summarised, world

if TYPE_CHECKING:
    import pytest

    from portal.cold_chain.verdicts import VerdictPage
    from tests.alerts.given import World

__all__ = ["world"]


def page_of(world: World) -> VerdictPage:
    (stored, *_) = world.verdicts()
    return verdicts.verdict_page(stores(world), OFFICER, stored.id, 1, at(5_000), recompute=False)


def test_a_loggers_days_are_drawn_with_its_own_counts(world: World) -> None:
    summarised(world)
    world.drain(200)
    page = page_of(world)
    assert page.found.finding is Finding.HOLD
    assert page.shown.days == [DayBar(at(0), at(1440), -300, 900, 100, 30, at(180))]
    assert [len(drawing.bars) for drawing in page.shown.pictures] == [1, 1]
    assert page.shown.pictures[0].limit is not None
    assert page.shown.pictures[0].bracket is not None
    assert (page.shown.readings, page.shown.table) == (0, [])
    assert page.attempt is not None
    assert page.attempt.recomputed is not None
    assert page.attempt.recomputed.is_same


def test_a_record_by_hand_is_drawn_between_its_checks(world: World) -> None:
    recorded(world)
    world.drain(200)
    shown = page_of(world).shown
    assert [(bar.from_ms, bar.until_ms, bar.low, bar.high) for bar in shown.days] == [
        (at(0), at(180), -200, 900),
        (at(180), at(190), 450, 500),
    ]
    assert (shown.from_ms, shown.until_ms) == (at(0), at(190))


def test_what_came_after_the_verdict_is_not_its_evidence(world: World) -> None:
    summarised(world)
    world.drain(200)
    (stored, *_) = world.verdicts()
    later = DaySummary(1, TVC, at(1440), at(2880), 300, 500, -50, 60, 800, 600, 0, 0, 0)
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [later], at(2900))
    assert len(day_bars.bars_of(stores(world), stored.verdict)) == 1


def test_only_the_newest_days_are_drawn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive(kind=EvidenceKind.LOGGER_FILE)
    days = [
        DaySummary(n, TVC, at(0) + n * DAY_MS, at(0) + (n + 1) * DAY_MS, 300, 500, -50, 60, 800, 600, 0, 0, 0)
        for n in range(9)
    ]
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, days, at(9 * 1440))
        telemetry_writes.mark_dirty(conn, {(TVC, at(0) // HOUR_MS * HOUR_MS)})
    world.drain(9 * 1440 + 1)
    monkeypatch.setattr(day_bars, "BARS_MAX", 4)
    shown = page_of(world).shown
    assert [bar.from_ms for bar in shown.days] == [at(0) + n * DAY_MS for n in range(5, 9)]
    assert shown.pictures[0].limit is None


def test_nothing_known_is_no_chart(world: World) -> None:
    world.receive()
    world.drain(1)
    shown = page_of(world).shown
    assert (shown.days, shown.pictures) == ([], [])
