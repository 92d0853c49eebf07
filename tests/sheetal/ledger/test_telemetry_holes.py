from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.ledger import telemetry_holes, telemetry_sequences
from sheetal.ledger.telemetry_holes import LATER_MS, PATIENCE_MS, PAUSES_MS, TIMES_MAX, Hole
from tests.sheetal.ledger.seeds import NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

BOOT = 5 << 32
LATE_MS = NOW_MS + PATIENCE_MS


def settle(telemetry: Ledger, *ranges: tuple[int, int], gateway: str = "gw-01", now_ms: int = NOW_MS) -> None:
    with telemetry.write() as conn:
        telemetry_sequences.settle_ranges(conn, {(gateway, BOOT): list(ranges)}, now_ms)


def due(telemetry: Ledger, now_ms: int = LATE_MS, limit: int = 100) -> list[Hole]:
    with telemetry.read() as conn:
        return telemetry_holes.holes_due(conn, now_ms, limit)


def lost(telemetry: Ledger, now_ms: int, gateway_id: str | None = None) -> list[Hole]:
    with telemetry.read() as conn:
        return telemetry_holes.lost_holes(conn, now_ms, 100, gateway_id)


def ask(telemetry: Ledger, now_ms: int, more: int = 1) -> None:
    found = due(telemetry, now_ms)
    with telemetry.write() as conn:
        telemetry_holes.note_asked(conn, found, now_ms, more)


def test_a_hole_is_asked_for_once_it_has_stayed_open(telemetry: Ledger) -> None:
    settle(telemetry, (3, 5), (9, 9))
    assert due(telemetry, LATE_MS - 1) == []
    assert due(telemetry) == [Hole("gw-01", BOOT, 1, 2, NOW_MS), Hole("gw-01", BOOT, 6, 8, NOW_MS)]
    assert len(due(telemetry, limit=1)) == 1


def test_a_filled_hole_is_not_asked_for(telemetry: Ledger) -> None:
    settle(telemetry, (1, 5), (9, 9))
    settle(telemetry, (6, 8))
    assert due(telemetry) == []


def test_each_time_of_asking_is_followed_by_its_pause_and_after_the_last_it_is_lost(telemetry: Ledger) -> None:
    settle(telemetry, (1, 1), (5, 5))
    at_ms = LATE_MS
    for pause_ms in PAUSES_MS:
        ask(telemetry, at_ms)
        assert due(telemetry, at_ms + pause_ms - 1) == []
        assert lost(telemetry, at_ms + pause_ms - 1) == []
        at_ms += pause_ms
    assert due(telemetry, at_ms + 10**9) == []
    (gone,) = lost(telemetry, at_ms)
    assert (gone.first_sequence, gone.last_sequence, gone.times) == (2, 4, TIMES_MAX)
    assert gone.is_lost(at_ms)
    assert not gone.is_lost(at_ms - 1)
    assert not Hole("gw-01", BOOT, 2, 4, NOW_MS).is_lost(at_ms)
    assert lost(telemetry, at_ms, "gw-01") == [gone]
    assert lost(telemetry, at_ms, "gw-02") == []


def test_a_lost_hole_that_is_filled_all_the_same_is_lost_no_more(telemetry: Ledger) -> None:
    settle(telemetry, (1, 1), (5, 5))
    at_ms = LATE_MS
    for pause_ms in PAUSES_MS:
        ask(telemetry, at_ms)
        at_ms += pause_ms
    settle(telemetry, (2, 4), now_ms=at_ms)
    assert lost(telemetry, at_ms) == []
    with telemetry.write() as conn:
        assert telemetry_holes.forget_filled(conn) == 1
        assert telemetry_holes.forget_filled(conn) == 0


@pytest.mark.parametrize("filled", [(2, 3), (5, 6), (4, 4)])
def test_a_hole_filled_in_part_keeps_how_often_it_was_asked_for(telemetry: Ledger, filled: tuple[int, int]) -> None:
    settle(telemetry, (1, 1), (7, 7))
    ask(telemetry, LATE_MS)
    settle(telemetry, filled, now_ms=LATE_MS)
    assert due(telemetry, LATE_MS + PAUSES_MS[0] - 1) == []
    again = due(telemetry, LATE_MS + PAUSES_MS[0])
    assert again
    assert {hole.times for hole in again} == {1}
    with telemetry.write() as conn:
        telemetry_holes.note_asked(conn, again, LATE_MS + PAUSES_MS[0])
        telemetry_holes.forget_filled(conn)
        assert telemetry_holes.forget_filled(conn) == 0
    assert due(telemetry, LATE_MS + PAUSES_MS[0]) == []


def test_what_is_left_of_a_hole_keeps_its_count_when_only_some_of_it_is_asked_for(telemetry: Ledger) -> None:
    settle(telemetry, (1, 1), (9, 9))
    ask(telemetry, LATE_MS)
    settle(telemetry, (3, 3), (6, 6), now_ms=LATE_MS)
    at_ms = LATE_MS + PAUSES_MS[0]
    first, second, third = due(telemetry, at_ms)
    with telemetry.write() as conn:
        telemetry_holes.note_asked(conn, [second], at_ms)
    assert due(telemetry, at_ms) == [first, third]
    assert {hole.times for hole in due(telemetry, at_ms)} == {1}
    with telemetry.write() as conn:
        telemetry_holes.note_asked(conn, [first, third], at_ms)
        telemetry_holes.forget_filled(conn)
    assert {hole.times for hole in due(telemetry, at_ms + PAUSES_MS[1])} == {2}


def test_a_hole_that_was_only_thought_of_is_no_nearer_to_lost(telemetry: Ledger) -> None:
    settle(telemetry, (5, 5))
    ask(telemetry, LATE_MS, more=0)
    assert due(telemetry, LATE_MS + LATER_MS - 1) == []
    (again,) = due(telemetry, LATE_MS + LATER_MS)
    assert again.times == 0


def test_boots_and_gateways_are_kept_apart(telemetry: Ledger) -> None:
    settle(telemetry, (5, 5), gateway="gw-02")
    ask(telemetry, LATE_MS)
    settle(telemetry, (5, 5), gateway="gw-01")
    assert [hole.gateway_id for hole in due(telemetry)] == ["gw-01"]
