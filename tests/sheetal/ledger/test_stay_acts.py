from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.disposition import EvidenceKind, RefusalReason
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, holdings, rejudge, stock
from sheetal.ledger.stay_acts import Correction, correct_stay, open_vial, record_packing, stay_by_id
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import ACTOR, APPLIANCE, CARRIER, FACILITY, NOW_MS, OTHER_APPLIANCE, SECOND_APPLIANCE

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.stock import Stay


def minutes(before: int) -> int:
    return NOW_MS - before * MINUTE_MS


def stays(ledger: Ledger, holding_id: str = "H-1") -> list[Stay]:
    with ledger.read() as conn:
        return stock.own_stays(conn, holding_id)


def newest_act(ledger: Ledger) -> tuple[str, dict[str, object]]:
    with ledger.read() as conn:
        (entry,) = audit.entries(conn, FACILITY, 1)
    return entry.act, json.loads(entry.detail)


def correct(ledger: Ledger, stay_id: int, to: Correction, reason: str = "misread the clock") -> Stay:
    with ledger.write() as conn:
        return correct_stay(conn, stay_id, to, reason, ACTOR, NOW_MS)


def refused(ledger: Ledger, stay_id: int, to: Correction, reason: str = "misread") -> str:
    before = stays(ledger)
    with pytest.raises(Refused) as caught:
        correct(ledger, stay_id, to, reason)
    assert stays(ledger) == before
    return str(caught.value.facts["reason"])


def test_vials_are_opened_once_and_the_gate_waits_for_the_verdict(stocked: Ledger) -> None:
    with stocked.write() as conn:
        assert open_vial(conn, "H-1", minutes(5), ACTOR, NOW_MS).opened_at_ms == minutes(5)
    refusal = seeds.refusal(stocked)
    assert refusal is not None
    assert refusal.facts["reason"] is RefusalReason.NOT_REJUDGED
    assert newest_act(stocked) == ("opened", {"at_ms": minutes(5)})
    with stocked.write() as conn, pytest.raises(Refused) as caught:
        open_vial(conn, "H-1", NOW_MS, ACTOR, NOW_MS)
    assert caught.value.facts["reason"] == "opened"


def test_an_opening_that_is_written_down_late_is_that_of_what_was_split_off_since(stocked: Ledger) -> None:
    """Else the hours of a part that was given away at noon would never run."""
    seeds.split(stocked, "H-1", "H-2", 3, at_ms=minutes(30))
    seeds.split(stocked, "H-1", "H-3", 3, at_ms=minutes(10))
    with stocked.write() as conn:
        open_vial(conn, "H-1", minutes(20), ACTOR, NOW_MS)
        found = {label: stock.holding_by_id(conn, label).opened_at_ms for label in ("H-1", "H-2", "H-3")}
    assert found == {"H-1": minutes(20), "H-2": None, "H-3": minutes(20)}


def test_the_earlier_of_two_records_of_an_opening_counts(stocked: Ledger) -> None:
    """A part that was written down as opened at its session had been open since its whole was."""
    seeds.split(stocked, "H-1", "H-2", 3, at_ms=minutes(20))
    seeds.split(stocked, "H-2", "H-3", 1, at_ms=minutes(15))
    with stocked.write() as conn:
        open_vial(conn, "H-2", minutes(10), ACTOR, NOW_MS)
        open_vial(conn, "H-1", minutes(25), ACTOR, NOW_MS)
        found = {label: stock.holding_by_id(conn, label).opened_at_ms for label in ("H-1", "H-2", "H-3")}
    assert found == dict.fromkeys(("H-1", "H-2", "H-3"), minutes(25))
    with stocked.read() as conn:
        told = [
            (one.subject, json.loads(one.detail)) for one in audit.entries(conn, FACILITY, 9) if one.act == "opened"
        ]
    assert told[:2] == [("H-3", {"at_ms": minutes(25), "with": "H-1"}), ("H-2", {"at_ms": minutes(25), "with": "H-1"})]


def test_what_was_split_off_before_the_act_was_not_part_of_it_whenever_that_is_written_down(stocked: Ledger) -> None:
    with stocked.write() as conn:
        open_vial(conn, "H-1", minutes(10), ACTOR, NOW_MS)
        holdings.thaw_holding(conn, "H-1", ACTOR, minutes(20), NOW_MS)
    seeds.split(stocked, "H-1", "H-2", 3, at_ms=minutes(15))
    with stocked.read() as conn:
        found = stock.holding_by_id(conn, "H-2")
    assert (found.thawed_at_ms, found.opened_at_ms) == (minutes(20), None)


def test_packs_that_are_written_down_late_are_judged_for_what_was_split_off_since(stocked: Ledger) -> None:
    seeds.move(stocked, "H-1", CARRIER, EvidenceKind.PACKED_CARRIER, at_ms=minutes(30))
    seeds.split(stocked, "H-1", "H-2", 3, at_ms=minutes(10))
    with stocked.write() as conn:
        rejudge.clear(conn, [mark.id for mark in rejudge.pending(conn, 99)])
        record_packing(conn, "H-1", "frozen", None, ACTOR, NOW_MS)
        assert [mark.holding_id for mark in rejudge.pending(conn, 99)] == ["H-1", "H-2"]


@pytest.mark.parametrize(("at_ms", "reason"), [(NOW_MS + 1, "future"), (minutes(61), "before_stay")])
def test_vials_are_opened_where_they_stand(stocked: Ledger, at_ms: int, reason: str) -> None:
    with stocked.write() as conn, pytest.raises(Refused) as caught:
        open_vial(conn, "H-1", at_ms, ACTOR, NOW_MS)
    assert caught.value.facts["reason"] == reason


def test_what_is_split_off_open_vials_is_open(stocked: Ledger) -> None:
    with stocked.write() as conn:
        open_vial(conn, "H-1", minutes(5), ACTOR, NOW_MS)
    assert seeds.split(stocked, "H-1", "H-2").opened_at_ms == minutes(5)


def test_a_packing_is_recorded_on_the_carriers_stay(stocked: Ledger) -> None:
    seeds.move(stocked, "H-1", CARRIER, EvidenceKind.PACKED_CARRIER, at_ms=minutes(30))
    seeds.judge(stocked)
    with stocked.write() as conn:
        packed = record_packing(conn, "H-1", "frozen", 2, ACTOR, NOW_MS)
    assert (packed.ice_packs, packed.vvm_stage_packed, packed.packed_at_ms) == ("frozen", 2, minutes(30))
    assert stays(stocked)[-1] == packed
    with stocked.read() as conn:
        assert stock.holding_by_id(conn, "H-1").rejudges_open == 1
    act, detail = newest_act(stocked)
    assert (act, detail["ice_packs"], detail["before"]) == (
        "packing_recorded",
        "frozen",
        {"ice_packs": None, "vvm_stage": None},
    )


@pytest.mark.parametrize(
    ("ice_packs", "vvm_stage", "reason"),
    [("warm", None, "ice_packs"), ("frozen", 0, "stage"), ("frozen", 5, "stage"), ("conditioned", None, "not_packed")],
)
def test_a_packing_that_cannot_be_is_refused(
    stocked: Ledger,
    ice_packs: str,
    vvm_stage: int | None,
    reason: str,
) -> None:
    with stocked.write() as conn, pytest.raises(Refused) as caught:
        record_packing(conn, "H-1", ice_packs, vvm_stage, ACTOR, NOW_MS)
    assert caught.value.facts["reason"] == reason


def test_a_corrected_place_keeps_the_former_in_the_trail(stocked: Ledger) -> None:
    (only,) = stays(stocked)
    corrected = correct(stocked, only.id, Correction(appliance_id=SECOND_APPLIANCE))
    assert (corrected.appliance_id, corrected.from_ms, corrected.until_ms) == (SECOND_APPLIANCE, only.from_ms, None)
    assert corrected.known_bound_ms == stock.TELEMETRY_BOUND_MS_UNSOURCED != only.known_bound_ms
    act, detail = newest_act(stocked)
    assert (act, detail["appliance_id"]) == ("stay_corrected", [APPLIANCE, SECOND_APPLIANCE])
    assert detail["reason"] == "misread the clock"
    assert "from_ms" not in detail
    assert seeds.refusal(stocked) is not None


def test_a_corrected_move_moves_both_stays(stocked: Ledger) -> None:
    seeds.move(stocked, "H-1", SECOND_APPLIANCE, at_ms=minutes(20))
    first, second = stays(stocked)
    correct(stocked, second.id, Correction(from_ms=minutes(40)))
    assert [(one.from_ms, one.until_ms) for one in stays(stocked)] == [(minutes(60), minutes(40)), (minutes(40), None)]
    correct(stocked, first.id, Correction(until_ms=minutes(10)))
    assert [(one.from_ms, one.until_ms) for one in stays(stocked)] == [(minutes(60), minutes(10)), (minutes(10), None)]


def test_a_corrected_stay_has_what_was_split_off_judged_again(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2", at_ms=minutes(10))
    seeds.judge(stocked)
    correct(stocked, stays(stocked)[0].id, Correction(from_ms=minutes(90)))
    with stocked.read() as conn:
        assert [stock.holding_by_id(conn, label).rejudges_open for label in ("H-1", "H-2")] == [1, 1]
        assert stock.stays_of(conn, "H-2")[0].from_ms == minutes(90)


def test_stock_that_was_packed_is_packed_from_the_beginning_of_its_stay(stocked: Ledger) -> None:
    (only,) = stays(stocked)
    carried = correct(stocked, only.id, Correction(appliance_id=CARRIER, evidence_kind=EvidenceKind.PACKED_CARRIER))
    assert (carried.packed_at_ms, carried.known_bound_ms) == (only.from_ms, stock.COLD_LIFE_MS_UNSOURCED)
    later = correct(stocked, only.id, Correction(from_ms=minutes(50)))
    assert later.packed_at_ms == minutes(50)
    back = correct(stocked, only.id, Correction(appliance_id=APPLIANCE, evidence_kind=EvidenceKind.TELEMETRY))
    assert (back.packed_at_ms, back.ice_packs) == (None, None)


def test_a_carrier_whose_stay_began_earlier_was_packed_earlier(stocked: Ledger) -> None:
    """Its cold runs from its packing; else the gate would stay open for as long as the clock was misread."""
    seeds.move(stocked, "H-1", CARRIER, EvidenceKind.PACKED_CARRIER, at_ms=minutes(30))
    seeds.move(stocked, "H-1", CARRIER, EvidenceKind.PACKED_CARRIER, at_ms=minutes(20))
    correct(stocked, stays(stocked)[0].id, Correction(until_ms=minutes(45)))
    assert [(one.from_ms, one.packed_at_ms) for one in stays(stocked)[1:]] == [
        (minutes(45), minutes(45)),
        (minutes(20), minutes(45)),
    ]


@pytest.mark.parametrize(
    ("number", "to", "reason"),
    [
        (0, Correction(from_ms=NOW_MS + 1), "future"),
        (0, Correction(until_ms=minutes(60)), "overlap"),
        (0, Correction(from_ms=minutes(20)), "overlap"),
        (1, Correction(from_ms=minutes(60)), "overlap"),
        (1, Correction(until_ms=minutes(1)), "open_stay"),
        (0, Correction(until_ms=NOW_MS), "overlap"),
        (1, Correction(appliance_id=OTHER_APPLIANCE), "other_facility"),
    ],
    ids=["future", "empty", "past its end", "over the one before", "still open", "over the next", "elsewhere"],
)
def test_a_correction_that_cannot_be_is_refused(stocked: Ledger, number: int, to: Correction, reason: str) -> None:
    seeds.move(stocked, "H-1", SECOND_APPLIANCE, at_ms=minutes(20))
    assert refused(stocked, stays(stocked)[number].id, to) == reason


def test_a_correction_says_why(stocked: Ledger) -> None:
    assert refused(stocked, stays(stocked)[0].id, Correction(from_ms=minutes(90)), " ") == "no_reason"


def test_a_part_cannot_stand_before_its_whole(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2", at_ms=minutes(10))
    (child,) = stays(stocked, "H-2")
    with pytest.raises(Refused) as caught:
        correct(stocked, child.id, Correction(from_ms=minutes(61)))
    assert caught.value.facts["reason"] == "overlap"
    assert correct(stocked, child.id, Correction(from_ms=minutes(60))).from_ms == minutes(60)


def test_an_unknown_stay_is_said(stocked: Ledger) -> None:
    with pytest.raises(NotFound):
        correct(stocked, 0, Correction(from_ms=NOW_MS - HOUR_MS))
    with stocked.read() as conn, pytest.raises(NotFound):
        stay_by_id(conn, 0)
