from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, holdings, judgement_writes, stock
from tests.sheetal.ledger import decided, seeds
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, NOW_MS, OTHER_FACILITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.stock import Holding


def found(ledger: Ledger, holding_id: str) -> Holding:
    with ledger.read() as conn:
        return stock.holding_by_id(conn, holding_id)


def set_to(ledger: Ledger, holding_id: str, *targets: Disposition) -> None:
    for target in targets:
        with ledger.write() as conn:
            decided.set_disposition(conn, holding_id, target, ACTOR, "shake test passed", NOW_MS)


def acts(ledger: Ledger, facility_id: str = FACILITY) -> list[tuple[str, str]]:
    with ledger.read() as conn:
        assert audit.verify_chain(conn, facility_id).broken_at is None
        return [(one.act, one.subject) for one in reversed(audit.entries(conn, facility_id, 100))]


def reason_of(act: Callable[[], object]) -> object:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.facts["reason"]


def test_a_dose_leaves_one_less_and_names_its_lot(stocked: Ledger) -> None:
    taken = seeds.dose(stocked)
    assert taken == holdings.TakenDose("H-1", seeds.LOT, seeds.PRODUCT, "CS-2301", 9)
    assert found(stocked, "H-1").doses_left == 9


def test_doses_never_exceed_the_stock(stocked: Ledger) -> None:
    assert [seeds.dose(stocked).doses_left for _ in range(10)] == list(range(9, -1, -1))
    assert reason_of(lambda: seeds.dose(stocked)) is RefusalReason.NO_DOSES_LEFT
    assert found(stocked, "H-1").doses_left == 0


def test_the_page_asks_the_gate_without_taking_a_dose(stocked: Ledger) -> None:
    assert seeds.refusal(stocked) is None
    assert found(stocked, "H-1").doses_left == 10


def test_a_dose_of_any_product_may_be_asked_for(stocked: Ledger) -> None:
    with stocked.write() as conn:
        assert holdings.take_dose(conn, "H-1", FACILITY, None, NOW_MS).product_id == seeds.PRODUCT


def test_a_dose_rolls_back_with_its_transaction(stocked: Ledger) -> None:
    def half_a_dose() -> None:
        with stocked.write() as conn:
            holdings.take_dose(conn, "H-1", FACILITY, seeds.PRODUCT, NOW_MS)
            raise Refused("the person is not eligible", reason="interval")

    assert reason_of(half_a_dose) == "interval"
    assert found(stocked, "H-1").doses_left == 10


def test_a_dose_may_be_given_back_but_never_more_than_were_taken(stocked: Ledger) -> None:
    seeds.dose(stocked)
    with stocked.write() as conn:
        assert holdings.give_back_dose(conn, "H-1", NOW_MS) == 10
    with stocked.write() as conn, pytest.raises(Refused, match="no dose") as caught:
        holdings.give_back_dose(conn, "H-1", NOW_MS)
    assert caught.value.facts["reason"] == "not_taken"


def test_what_was_split_off_is_not_given_back(stocked: Ledger) -> None:
    seeds.dose(stocked)
    seeds.split(stocked, "H-1", "H-2", doses=4)
    seeds.split(stocked, "H-2", "H-3", doses=1)
    assert give_back(stocked, "H-1") == 6
    for one in ("H-1", "H-2", "H-3"):
        assert reason_of(lambda one=one: give_back(stocked, one)) == "not_taken"
    assert [found(stocked, one).doses_left for one in ("H-1", "H-2", "H-3")] == [6, 3, 1]


def give_back(ledger: Ledger, holding_id: str) -> int:
    with ledger.write() as conn:
        return holdings.give_back_dose(conn, holding_id, NOW_MS)


def test_wasted_doses_are_counted_and_traced(stocked: Ledger) -> None:
    with stocked.write() as conn:
        assert holdings.waste_doses(conn, "H-1", 4, ACTOR, "vial broken", NOW_MS) == 6
    assert acts(stocked)[-1] == ("doses_wasted", "H-1")


@pytest.mark.parametrize("doses", [0, -1, 11])
def test_what_is_not_there_cannot_be_wasted(stocked: Ledger, doses: int) -> None:
    with stocked.write() as conn, pytest.raises(Refused):
        holdings.waste_doses(conn, "H-1", doses, ACTOR, "vial broken", NOW_MS)
    assert found(stocked, "H-1").doses_left == 10


def test_a_hold_covers_all_descendants_parent_first(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-3")
    seeds.split(stocked, "H-1", "H-2", appliance_id=seeds.CARRIER)
    seeds.split(stocked, "H-3", "H-0", doses=1, appliance_id=seeds.OTHER_APPLIANCE)
    assert seeds.hold(stocked, "H-1") == ["H-1", "H-2", "H-3", "H-0"]
    for one in ("H-1", "H-2", "H-3", "H-0"):
        assert found(stocked, one).disposition is Disposition.QUARANTINED
    assert [act for act in acts(stocked) if act[0] == "held"] == [("held", "H-1"), ("held", "H-2"), ("held", "H-3")]
    assert ("held", "H-0") in acts(stocked, OTHER_FACILITY)


def test_a_hold_names_its_verdict_at_the_gate(stocked: Ledger) -> None:
    with stocked.write() as conn:
        number = judgement_writes.append_verdict(conn, seeds.verdict(), NOW_MS)
    seeds.hold(stocked, "H-1", number)
    refused = seeds.refusal(stocked)
    assert refused is not None
    assert refused.facts["verdict_id"] == number


def test_holding_twice_is_harmless(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2")
    assert seeds.hold(stocked, "H-2") == ["H-2"]
    assert seeds.hold(stocked, "H-1") == ["H-1"]
    assert seeds.hold(stocked, "H-1") == []


def test_a_hold_of_a_held_parent_still_covers_a_usable_child(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2")
    seeds.hold(stocked, "H-1")
    set_to(stocked, "H-1", Disposition.UNDER_ASSESSMENT, Disposition.CONDEMNED)
    set_to(stocked, "H-2", Disposition.UNDER_ASSESSMENT, Disposition.RELEASED)
    assert seeds.hold(stocked, "H-1") == ["H-2"]


def test_nothing_unknown_can_be_held(house: Ledger) -> None:
    with pytest.raises(NotFound):
        seeds.hold(house, "H-404")


@pytest.mark.parametrize(
    "before",
    [
        (Disposition.QUARANTINED,),
        (Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT),
        (Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT, Disposition.CONDEMNED),
    ],
)
def test_a_child_of_an_unusable_holding_is_born_unusable(stocked: Ledger, before: tuple[Disposition, ...]) -> None:
    set_to(stocked, "H-1", *before)
    child = seeds.split(stocked, "H-1", "H-2")
    assert child.disposition is before[-1]
    seeds.judge(stocked)
    refused = seeds.refusal(stocked, "H-2")
    assert refused is not None
    assert refused.facts["reason"] in {RefusalReason.HELD, RefusalReason.CONDEMNED}


def test_a_child_is_not_released_while_its_ancestor_is_held(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2")
    seeds.split(stocked, "H-2", "H-3", doses=1)
    seeds.hold(stocked, "H-1")
    set_to(stocked, "H-3", Disposition.UNDER_ASSESSMENT)
    with pytest.raises(Refused) as caught:
        set_to(stocked, "H-3", Disposition.RELEASED)
    assert caught.value.facts["reason"] == "ancestor_held"
    assert caught.value.facts["ancestors"] == ["H-1", "H-2"]


def test_a_child_may_be_released_once_its_ancestors_are_decided(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2")
    seeds.hold(stocked, "H-1")
    set_to(stocked, "H-1", Disposition.UNDER_ASSESSMENT, Disposition.CONDEMNED)
    set_to(stocked, "H-2", Disposition.UNDER_ASSESSMENT, Disposition.RELEASED_USE_FIRST)
    assert found(stocked, "H-2").disposition is Disposition.RELEASED_USE_FIRST


def test_the_workflow_goes_its_steps_and_no_others(stocked: Ledger) -> None:
    assert reason_of(lambda: set_to(stocked, "H-1", Disposition.CONDEMNED)) == "not_allowed"
    set_to(stocked, "H-1", Disposition.QUARANTINED)
    assert reason_of(lambda: set_to(stocked, "H-1", Disposition.RELEASED)) == "not_allowed"
    set_to(stocked, "H-1", Disposition.UNDER_ASSESSMENT, Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT)
    set_to(stocked, "H-1", Disposition.RELEASED, Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT)
    set_to(stocked, "H-1", Disposition.CONDEMNED, Disposition.DESTROYED)
    for target in Disposition:
        assert reason_of(lambda target=target: set_to(stocked, "H-1", target)) == "not_allowed"


def test_a_release_opens_the_gate_and_forgets_the_verdict(stocked: Ledger) -> None:
    seeds.hold(stocked, "H-1", 1)
    set_to(stocked, "H-1", Disposition.UNDER_ASSESSMENT, Disposition.RELEASED)
    assert seeds.refusal(stocked) is None
    assert found(stocked, "H-1").held_by_verdict_id is None


def test_quarantine_by_a_person_covers_descendants(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2")
    set_to(stocked, "H-1", Disposition.QUARANTINED)
    assert found(stocked, "H-2").disposition is Disposition.QUARANTINED


def test_destroyed_stock_stands_nowhere_and_never_moves(stocked: Ledger) -> None:
    set_to(stocked, "H-1", Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT)
    set_to(stocked, "H-1", Disposition.CONDEMNED, Disposition.DESTROYED)
    with stocked.read() as conn:
        assert stock.own_stays(conn, "H-1")[-1].until_ms == NOW_MS
    assert reason_of(lambda: seeds.move(stocked, "H-1", seeds.SECOND_APPLIANCE)) == "destroyed"
    assert reason_of(lambda: seeds.split(stocked, "H-1", "H-2")) == "destroyed"


def test_a_move_closes_the_gate_until_it_is_judged(stocked: Ledger) -> None:
    moved = seeds.move(stocked, "H-1", seeds.SECOND_APPLIANCE)
    assert moved.rejudges_open == 1
    refused = seeds.refusal(stocked)
    assert refused is not None
    assert refused.facts["reason"] is RefusalReason.NOT_REJUDGED
    seeds.judge(stocked)
    assert seeds.refusal(stocked) is None


def test_a_move_ends_one_stay_and_begins_another(stocked: Ledger) -> None:
    seeds.move(stocked, "H-1", seeds.CARRIER, EvidenceKind.PACKED_CARRIER, NOW_MS - 5)
    with stocked.read() as conn:
        first, second = stock.own_stays(conn, "H-1")
    assert (first.appliance_id, first.until_ms) == (seeds.APPLIANCE, NOW_MS - 5)
    assert (second.appliance_id, second.from_ms, second.until_ms) == (seeds.CARRIER, NOW_MS - 5, None)
    assert second.packed_at_ms == NOW_MS - 5


def test_a_move_to_another_facility_is_traced_in_both(stocked: Ledger) -> None:
    moved = seeds.move(stocked, "H-1", seeds.OTHER_APPLIANCE)
    assert moved.facility_id == OTHER_FACILITY
    assert acts(stocked)[-1] == acts(stocked, OTHER_FACILITY)[-1] == ("moved", "H-1")
    seeds.judge(stocked)
    assert reason_of(lambda: seeds.dose(stocked)) is RefusalReason.OTHER_FACILITY
    assert seeds.dose(stocked, place=OTHER_FACILITY).doses_left == 9


@pytest.mark.parametrize(("at_ms", "reason"), [(NOW_MS + 1, "future"), (NOW_MS - 2 * HOUR_MS, "before_stay")])
def test_a_move_lies_between_the_last_one_and_now(stocked: Ledger, at_ms: int, reason: str) -> None:
    assert reason_of(lambda: seeds.move(stocked, "H-1", seeds.SECOND_APPLIANCE, at_ms=at_ms)) == reason
    assert seeds.refusal(stocked) is None


def test_a_refused_act_leaves_nothing_behind_even_when_its_transaction_goes_on(stocked: Ledger) -> None:
    part = holdings.Split(
        holding_id="H-1",
        doses=3,
        appliance_id=seeds.APPLIANCE,
        evidence_kind=EvidenceKind.TELEMETRY,
        at_ms=NOW_MS,
    )
    with stocked.write() as conn, pytest.raises(Refused, match="label"):
        holdings.split_holding(conn, "H-1", part, NOW_MS, ACTOR)
    assert found(stocked, "H-1").doses_left == 10
    assert seeds.refusal(stocked) is None


def test_repacking_in_the_same_carrier_does_not_make_it_colder(stocked: Ledger) -> None:
    seeds.move(stocked, "H-1", seeds.CARRIER, EvidenceKind.PACKED_CARRIER, NOW_MS - HOUR_MS)
    seeds.move(stocked, "H-1", seeds.CARRIER, EvidenceKind.PACKED_CARRIER, NOW_MS)
    child = seeds.split(stocked, "H-1", "H-2", appliance_id=seeds.CARRIER)
    with stocked.read() as conn:
        assert stock.own_stays(conn, "H-1")[-1].packed_at_ms == NOW_MS - HOUR_MS
        assert stock.own_stays(conn, child.id)[-1].packed_at_ms == NOW_MS - HOUR_MS


def test_a_split_shares_doses_and_past(stocked: Ledger) -> None:
    child = seeds.split(stocked, "H-1", "H-2", appliance_id=seeds.CARRIER)
    assert (child.parent_id, child.doses_received, child.doses_left) == ("H-1", 3, 3)
    assert (child.lot_id, child.expires_at_ms) == (seeds.LOT, found(stocked, "H-1").expires_at_ms)
    assert found(stocked, "H-1").doses_left == 7
    assert seeds.refusal(stocked) is None
    refused = seeds.refusal(stocked, "H-2")
    assert refused is not None
    assert refused.facts["reason"] is RefusalReason.NOT_REJUDGED


@pytest.mark.parametrize(("doses", "reason"), [(0, "no_doses"), (-1, "no_doses"), (11, "no_doses_left")])
def test_a_split_has_as_many_doses_as_there_are(stocked: Ledger, doses: int, reason: str) -> None:
    assert reason_of(lambda: seeds.split(stocked, "H-1", "H-2", doses=doses)) == reason


def test_a_holding_split_to_its_last_dose_stands_nowhere_any_more(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2", doses=10, appliance_id=seeds.CARRIER)
    with stocked.read() as conn:
        assert stock.own_stays(conn, "H-1")[-1].until_ms == NOW_MS
        assert stock.open_stays_in(conn, seeds.APPLIANCE) == []


def test_a_label_is_used_once(stocked: Ledger) -> None:
    seeds.receive(stocked, "H-2")
    assert reason_of(lambda: seeds.split(stocked, "H-1", "H-2")) == "exists"
    assert found(stocked, "H-1").doses_left == 10


def test_a_gap_follows_moves_packing_and_splits(stocked: Ledger) -> None:
    with stocked.write() as conn:
        assert holdings.open_gap(conn, "H-1", NOW_MS - HOUR_MS, "engine", NOW_MS) == ["H-1"]
    seeds.move(stocked, "H-1", seeds.CARRIER, EvidenceKind.PACKED_CARRIER)
    child = seeds.split(stocked, "H-1", "H-2", appliance_id=seeds.SECOND_APPLIANCE)
    assert child.gap_open_from_ms == NOW_MS - HOUR_MS
    seeds.judge(stocked)
    for one in ("H-1", "H-2"):
        refused = seeds.refusal(stocked, one)
        assert refused is not None
        assert refused.facts["reason"] is RefusalReason.GAP
        assert refused.facts["gap_open_from_ms"] == NOW_MS - HOUR_MS


def test_a_gap_found_late_marks_what_was_split_off_since(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2", at_ms=NOW_MS - 30)
    seeds.split(stocked, "H-1", "H-3", at_ms=NOW_MS - 10)
    seeds.split(stocked, "H-3", "H-4", doses=1, at_ms=NOW_MS - 5)
    with stocked.write() as conn:
        assert holdings.open_gap(conn, "H-1", NOW_MS - 20, "engine", NOW_MS) == ["H-1", "H-3", "H-4"]


def test_the_earliest_gap_stays(stocked: Ledger) -> None:
    for from_ms, changed in ((NOW_MS - 5, ["H-1"]), (NOW_MS - 9, ["H-1"]), (NOW_MS - 7, [])):
        with stocked.write() as conn:
            assert holdings.open_gap(conn, "H-1", from_ms, "engine", NOW_MS) == changed
    assert found(stocked, "H-1").gap_open_from_ms == NOW_MS - 9


def test_only_evidence_or_a_decision_clears_a_gap(stocked: Ledger) -> None:
    with stocked.write() as conn:
        holdings.open_gap(conn, "H-1", NOW_MS - 5, "engine", NOW_MS)
    seeds.judge(stocked)
    assert reason_of(lambda: seeds.dose(stocked)) is RefusalReason.GAP
    with stocked.write() as conn:
        assert holdings.clear_gap(conn, "H-1", ACTOR, "logger read out", NOW_MS)
        assert not holdings.clear_gap(conn, "H-1", ACTOR, "logger read out", NOW_MS)
    assert seeds.dose(stocked).doses_left == 9
    assert [act for act, _ in acts(stocked)][-2:] == ["gap_opened", "gap_cleared"]


def test_a_thaw_is_recorded_once_and_inherited(stocked: Ledger) -> None:
    with stocked.write() as conn:
        assert holdings.thaw_holding(conn, "H-1", ACTOR, NOW_MS - 9, NOW_MS).thawed_at_ms == NOW_MS - 9
    assert reason_of(lambda: thaw(stocked)) == "thawed"
    assert seeds.split(stocked, "H-1", "H-2").thawed_at_ms == NOW_MS - 9
    assert acts(stocked)[-2:] == [("thawed", "H-1"), ("split", "H-1")]


def test_a_thaw_that_is_written_down_late_is_that_of_what_was_split_off_since(stocked: Ledger) -> None:
    seeds.split(stocked, "H-1", "H-2", 3, at_ms=NOW_MS - 20)
    seeds.split(stocked, "H-1", "H-3", 3, at_ms=NOW_MS - 5)
    with stocked.write() as conn:
        holdings.thaw_holding(conn, "H-1", ACTOR, NOW_MS - 9, NOW_MS)
        found = {label: stock.holding_by_id(conn, label).thawed_at_ms for label in ("H-1", "H-2", "H-3")}
    assert found == {"H-1": NOW_MS - 9, "H-2": None, "H-3": NOW_MS - 9}


def thaw(ledger: Ledger) -> None:
    with ledger.write() as conn:
        holdings.thaw_holding(conn, "H-1", ACTOR, NOW_MS, NOW_MS)


UNKNOWN: list[Callable[[Connection], object]] = [
    lambda conn: holdings.move_holding(conn, "H-404", "A-1", EvidenceKind.TELEMETRY, NOW_MS, NOW_MS, ACTOR),
    lambda conn: holdings.move_holding(conn, "H-1", "A-404", EvidenceKind.TELEMETRY, NOW_MS, NOW_MS, ACTOR),
    lambda conn: decided.set_disposition(conn, "H-404", Disposition.QUARANTINED, ACTOR, "x", NOW_MS),
    lambda conn: holdings.give_back_dose(conn, "H-404", NOW_MS),
    lambda conn: holdings.open_gap(conn, "H-404", NOW_MS, ACTOR, NOW_MS),
    lambda conn: holdings.thaw_holding(conn, "H-404", ACTOR, NOW_MS, NOW_MS),
]


@pytest.mark.parametrize("act", UNKNOWN)
def test_what_is_unknown_is_not_found(stocked: Ledger, act: Callable[[Connection], object]) -> None:
    with pytest.raises(NotFound), stocked.write() as conn:
        act(conn)
