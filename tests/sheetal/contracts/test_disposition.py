from __future__ import annotations

from itertools import product

import pytest

from sheetal.contracts.disposition import MOVES, USABLE, Disposition, EvidenceKind, RefusalReason, may_move


def reachable(start: Disposition) -> set[Disposition]:
    found: set[Disposition] = set()
    wave = {start}
    while wave:
        wave = {target for one in wave for target in MOVES[one]} - found
        found |= wave
    return found


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(Disposition)


@pytest.mark.parametrize(("current", "target"), list(product(Disposition, Disposition)))
def test_a_step_is_one_of_the_moves(current: Disposition, target: Disposition) -> None:
    assert may_move(current, target) == (target in MOVES[current])
    assert not may_move(current, current)


def test_a_held_holding_is_usable_again_only_through_assessment() -> None:
    into_use = {current for current in Disposition for target in USABLE if may_move(current, target)}
    assert into_use == {Disposition.UNDER_ASSESSMENT}


def test_every_usable_state_can_be_held_at_once() -> None:
    assert all(may_move(one, Disposition.QUARANTINED) for one in USABLE)


def test_what_is_condemned_is_never_used_again() -> None:
    assert reachable(Disposition.CONDEMNED) == {Disposition.DESTROYED}
    assert reachable(Disposition.DESTROYED) == set()


def test_nothing_becomes_available_again() -> None:
    assert all(Disposition.AVAILABLE not in targets for targets in MOVES.values())


def test_the_words_of_evidence_and_refusal_are_for_ever() -> None:
    assert {kind.value for kind in EvidenceKind} == {"telemetry", "logger_file", "twice_daily", "packed_carrier"}
    assert [reason.value for reason in RefusalReason][:4] == [
        "unknown_holding",
        "other_facility",
        "other_product",
        "held",
    ]
    assert len(RefusalReason) == 12
