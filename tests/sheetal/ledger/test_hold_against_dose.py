"""The race that the gate exists for: a hold and doses at once, in threads, on both databases."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.problem import Refused
from sheetal.ledger import holdings, rejudge, stock
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import ACTOR, NOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetal.ledger.connect import Ledger

PAIRS = int(os.environ.get("SHEETAL_RACE_PAIRS", "12"))
DOSES = 6
VACCINATORS = 4


def left(ledger: Ledger, holding_id: str) -> int:
    with ledger.read() as conn:
        return stock.holding_by_id(conn, holding_id).doses_left


def race(*works: Callable[[], object]) -> list[tuple[int, object]]:
    """All works at once: when each had ended, and what came of it."""
    start = threading.Barrier(len(works))

    def timed(work: Callable[[], object]) -> tuple[int, object]:
        start.wait()
        outcome = work()
        return time.monotonic_ns(), outcome

    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result() for future in [threads.submit(timed, work) for work in works]]


def refused_reason(ledger: Ledger) -> object:
    """Try to take a dose; None when it was given."""
    try:
        seeds.dose(ledger)
    except Refused as refused:
        return refused.facts["reason"]
    return None


@pytest.mark.parametrize("pair", range(PAIRS))
def test_no_dose_commits_after_the_hold(house: Ledger, pair: int) -> None:
    seeds.receive(house, "H-1", DOSES)
    seeds.judge(house)

    def hold_it() -> object:
        time.sleep(pair * 0.0005)
        return seeds.hold(house, "H-1")

    def vaccinate() -> list[int]:
        begun = []
        while True:
            now_ns = time.monotonic_ns()
            if (reason := refused_reason(house)) is not None:
                assert reason in {RefusalReason.HELD, RefusalReason.NO_DOSES_LEFT}
                return begun
            begun.append(now_ns)

    (held_ns, held), *rest = race(hold_it, *[vaccinate] * VACCINATORS)
    given = [begun_ns for _, begun in rest if isinstance(begun, list) for begun_ns in begun]
    assert held == ["H-1"]
    assert len(given) == DOSES - left(house, "H-1")
    assert max(given, default=0) < held_ns, "a dose that began after the hold had committed went through"
    with house.read() as conn:
        assert stock.holding_by_id(conn, "H-1").disposition is Disposition.QUARANTINED


def test_a_dose_that_waits_for_a_hold_is_refused(house: Ledger, dialect: str) -> None:
    """The dose's UPDATE is sent while the hold's row is locked but not committed: the very window."""
    seeds.receive(house, "H-1", DOSES)
    seeds.judge(house)
    outcome: list[object] = []
    with house.write() as conn:
        holdings.hold(conn, "H-1", None, "engine", "freeze", NOW_MS)
        waiting = threading.Thread(target=lambda: outcome.append(refused_reason(house)))
        waiting.start()
        time.sleep(0.3)
        assert outcome == [], f"on {dialect} the dose must wait for the hold"
    waiting.join()
    assert outcome == [RefusalReason.HELD]
    assert left(house, "H-1") == DOSES


def test_a_dose_that_waits_for_a_move_is_refused(house: Ledger) -> None:
    """The mark of a move stands in the holding's row, so the waiting UPDATE sees it on READ COMMITTED too."""
    seeds.receive(house, "H-1", DOSES)
    seeds.judge(house)
    outcome: list[object] = []
    with house.write() as conn:
        args = (seeds.SECOND_APPLIANCE, EvidenceKind.TELEMETRY, NOW_MS, NOW_MS, ACTOR)
        holdings.move_holding(conn, "H-1", *args)
        waiting = threading.Thread(target=lambda: outcome.append(refused_reason(house)))
        waiting.start()
        time.sleep(0.3)
    waiting.join()
    assert outcome == [RefusalReason.NOT_REJUDGED]


def test_a_dose_that_waits_for_a_gap_mark_is_refused(house: Ledger) -> None:
    seeds.receive(house, "H-1", DOSES)
    seeds.judge(house)
    outcome: list[object] = []
    with house.write() as conn:
        holdings.open_gap(conn, "H-1", NOW_MS - 1, "engine", NOW_MS)
        waiting = threading.Thread(target=lambda: outcome.append(refused_reason(house)))
        waiting.start()
        time.sleep(0.3)
    waiting.join()
    assert outcome == [RefusalReason.GAP]


@pytest.mark.parametrize("turn", range(PAIRS))
def test_a_split_never_escapes_a_hold(house: Ledger, turn: int) -> None:
    seeds.receive(house, "H-1", DOSES)
    seeds.judge(house)
    race(lambda: seeds.hold(house, "H-1"), lambda: seeds.split(house, "H-1", "H-2"))
    with house.read() as conn:
        child = stock.holding_by_id(conn, "H-2")
    assert child.disposition is Disposition.QUARANTINED, f"turn {turn}"
    assert left(house, "H-1") + child.doses_left == DOSES


def split_meanwhile(house: Ledger, act: Callable[[], object]) -> None:
    """H-1 has a child H-2, which is being split into H-3 while the act on H-1 waits for the child."""
    seeds.receive(house, "H-1", DOSES)
    seeds.split(house, "H-1", "H-2", at_ms=NOW_MS - 5)
    part = holdings.Split(
        holding_id="H-3",
        doses=1,
        appliance_id=seeds.APPLIANCE,
        evidence_kind=EvidenceKind.TELEMETRY,
        at_ms=NOW_MS,
    )
    with house.write() as conn:
        holdings.split_holding(conn, "H-2", part, NOW_MS, ACTOR)
        waiting = threading.Thread(target=act)
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive()
    waiting.join()


def test_a_hold_covers_what_is_being_split_off_a_child(house: Ledger) -> None:
    held: list[str] = []
    split_meanwhile(house, lambda: held.extend(seeds.hold(house, "H-1")))
    assert held == ["H-1", "H-2", "H-3"]
    with house.read() as conn:
        assert stock.holding_by_id(conn, "H-3").disposition is Disposition.QUARANTINED


def test_a_gap_mark_covers_what_is_being_split_off_a_child(house: Ledger) -> None:
    def mark() -> None:
        with house.write() as conn:
            holdings.open_gap(conn, "H-1", NOW_MS - 9, "engine", NOW_MS)

    split_meanwhile(house, mark)
    with house.read() as conn:
        assert stock.holding_by_id(conn, "H-3").gap_open_from_ms == NOW_MS - 9


@pytest.mark.parametrize("turn", range(PAIRS))
def test_a_mark_made_while_others_are_cleared_stays(house: Ledger, turn: int) -> None:
    seeds.receive(house, "H-1", DOSES)
    with house.read() as conn:
        seen = [mark.id for mark in rejudge.pending(conn, 10)]

    def clear() -> None:
        with house.write() as conn:
            rejudge.clear(conn, seen)

    race(clear, lambda: seeds.move(house, "H-1", seeds.SECOND_APPLIANCE))
    with house.read() as conn:
        marks = [mark.holding_id for mark in rejudge.pending(conn, 10)]
        assert stock.holding_by_id(conn, "H-1").rejudges_open == len(marks) == 1, f"turn {turn}"


@pytest.mark.parametrize("turn", range(PAIRS))
def test_doses_never_exceed_the_stock_whoever_takes_them(house: Ledger, turn: int) -> None:
    seeds.receive(house, "H-1", DOSES)
    seeds.judge(house)
    outcomes = [reason for _, reason in race(*[lambda: refused_reason(house)] * (DOSES + 3))]
    assert outcomes.count(None) == DOSES, f"turn {turn}"
    assert outcomes.count(RefusalReason.NO_DOSES_LEFT) == 3
    assert left(house, "H-1") == 0
