from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import update

from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound
from sheetal.contracts.verdict import Finding
from sheetal.ledger import audit, decisions, holdings, judgement_writes, judgements, rejudge, stock
from sheetal.ledger.decision_rules import ReasonCode
from sheetal.ledger.decision_tables import decision as decision_table
from sheetal.ledger.proofs import ShakeResult
from sheetal.ledger.stock_tables import holding
from tests.sheetal.ledger import deciding, seeds
from tests.sheetal.ledger.deciding import FIRST, SECOND, found, propose, reason_of, sign, wish
from tests.sheetal.ledger.seeds import FACILITY, NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

CONDEMN = {"target": Disposition.CONDEMNED, "reason": ReasonCode.FROZEN, "comment": "frozen solid"}
DESTROY = {"target": Disposition.DESTROYED, "reason": ReasonCode.INCINERATED, "comment": "burnt at the district store"}


@pytest.fixture
def assessed(stocked: Ledger) -> Ledger:
    """H-1 under assessment with one proof in its favour, judged."""
    deciding.assess(stocked)
    deciding.attach(stocked, deciding.SEEN)
    return stocked


def signatures(ledger: Ledger) -> list[tuple[str, str, str]]:
    with ledger.read() as conn:
        assert audit.verify_chain(conn, FACILITY).broken_at is None
        rows = [one for one in reversed(audit.entries(conn, FACILITY, 100)) if one.act == "decision_signed"]
        said = [(one.actor, json.loads(one.detail)) for one in rows]
        return [(actor, detail["signature"], detail["meaning"]) for actor, detail in said]


def test_one_signature_releases_what_is_few(assessed: Ledger) -> None:
    done = propose(assessed)
    assert (done.done_at_ms, done.signers_needed, done.is_open) == (NOW_MS, 1, False)
    assert found(assessed).disposition is Disposition.RELEASED
    assert seeds.refusal(assessed) is None
    assert signatures(assessed) == [("dr-asha", "1 of 1", "releases 10 doses")]


def test_many_doses_wait_for_a_second_person(assessed: Ledger) -> None:
    waiting = propose(assessed, above=9)
    assert (waiting.is_open, waiting.signers_needed) == (True, 2)
    assert found(assessed).disposition is Disposition.UNDER_ASSESSMENT
    assert reason_of(lambda: sign(assessed, waiting, by=FIRST)) == "same_person"
    done = sign(assessed, waiting)
    assert (done.second_signed_by, done.done_at_ms) == ("k-rao", NOW_MS)
    assert found(assessed).disposition is Disposition.RELEASED
    assert [actor for actor, *_ in signatures(assessed)] == ["dr-asha", "k-rao"]
    assert reason_of(lambda: sign(assessed, waiting, by=replace(SECOND, actor="third"))) == "decision_closed"


def test_a_decision_is_made_once_at_a_time(assessed: Ledger) -> None:
    waiting = propose(assessed, above=9)
    assert reason_of(lambda: propose(assessed, above=9)) == "decision_open"
    with assessed.read() as conn:
        assert decisions.open_decision(conn, "H-1") == waiting
        assert decisions.decisions_of(conn, "H-1") == [waiting]


def test_what_waits_can_be_taken_back_and_decided_anew(assessed: Ledger) -> None:
    waiting = propose(assessed, above=9)
    with assessed.write() as conn:
        taken_back = decisions.withdraw(conn, waiting.id, "wrong box", SECOND)
    assert (taken_back.withdrawn_by, taken_back.is_open) == ("k-rao", False)
    assert reason_of(lambda: sign(assessed, waiting)) == "decision_closed"
    assert found(assessed).disposition is Disposition.UNDER_ASSESSMENT
    assert propose(assessed).done_at_ms == NOW_MS


def test_taking_back_says_why_and_happens_once(assessed: Ledger) -> None:
    waiting = propose(assessed, above=9)

    def take_back(why: str) -> None:
        with assessed.write() as conn:
            decisions.withdraw(conn, waiting.id, why, FIRST)

    assert reason_of(lambda: take_back(" ")) == "no_comment"
    take_back("wrong box")
    assert reason_of(lambda: take_back("wrong box")) == "decision_closed"


def test_an_unknown_decision_is_not_found(assessed: Ledger) -> None:
    with assessed.write() as conn, pytest.raises(NotFound):
        decisions.sign(conn, 404, SECOND, None)


def test_stock_is_condemned_then_destroyed_before_a_witness(assessed: Ledger) -> None:
    propose(assessed, wish(assessed, **CONDEMN))
    assert found(assessed).disposition is Disposition.CONDEMNED
    waiting = propose(assessed, wish(assessed, **DESTROY))
    assert waiting.signers_needed == 2
    assert found(assessed).disposition is Disposition.CONDEMNED
    sign(assessed, waiting, by=replace(SECOND, role="handler"))
    assert found(assessed).disposition is Disposition.DESTROYED
    with assessed.read() as conn:
        assert stock.own_stays(conn, "H-1")[-1].until_ms == NOW_MS
    assert [said for *_, said in signatures(assessed)] == [
        "condemns 10 doses",
        "records the destruction of 10 doses",
        "witnesses the destruction of 10 doses",
    ]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"comment": "  "}, "no_comment"),
        ({"reason": ReasonCode.FROZEN}, "reason_code"),
        ({"target": Disposition.QUARANTINED}, "not_a_decision"),
        (DESTROY, "not_allowed"),
        ({"doses": 9}, "count_changed"),
        ({"seen_verdict_id": 77}, "newer_verdict"),
        ({"attachments": ()}, "no_evidence"),
        ({"attachments": (404,)}, "no_such_evidence"),
        ({"reason": ReasonCode.SHAKE_TEST_PASSED}, "no_evidence"),
        ({"reason": ReasonCode.LOT_HOLD_LIFTED}, "lot_not_lifted"),
    ],
)
def test_what_does_not_hold_together_is_not_signed(assessed: Ledger, words: dict[str, object], reason: str) -> None:
    made = wish(assessed, **words)
    assert reason_of(lambda: propose(assessed, made)) == reason
    assert found(assessed).disposition is Disposition.UNDER_ASSESSMENT
    assert signatures(assessed) == []


def test_a_failed_test_counts_though_nobody_ticked_it(assessed: Ledger) -> None:
    deciding.make(assessed, aluminium_adsorbed=True)
    made = wish(assessed)
    deciding.attach(assessed, msgspec.structs.replace(deciding.PASSED, result=ShakeResult.FAILED))
    assert reason_of(lambda: propose(assessed, made)) == "speaks_against"
    assert found(assessed).disposition is Disposition.UNDER_ASSESSMENT


def test_quarantined_stock_is_assessed_before_it_is_decided_on(stocked: Ledger) -> None:
    seeds.hold(stocked, "H-1")
    assert reason_of(lambda: propose(stocked)) == "not_allowed"


def test_nobody_signs_what_is_being_judged_again(assessed: Ledger) -> None:
    with assessed.write() as conn:
        rejudge.mark_holding(conn, "H-1", NOW_MS, NOW_MS)
    assert reason_of(lambda: propose(assessed)) == "not_rejudged"
    seeds.judge(assessed)
    assert propose(assessed).done_at_ms == NOW_MS


def test_no_signature_makes_expired_stock_usable(assessed: Ledger) -> None:
    late = replace(FIRST, at_ms=NOW_MS + 90 * DAY_MS)
    assert reason_of(lambda: propose(assessed, by=late)) == "expired"


def test_a_verdict_found_between_two_signatures_stops_the_second(assessed: Ledger) -> None:
    waiting = propose(assessed, above=9)
    with assessed.write() as conn:
        newer = judgement_writes.append_verdict(conn, seeds.verdict(finding=Finding.PROPOSED_CONDEMNED), NOW_MS)
        assert judgements.latest_hold_id(conn, "H-1") == newer
    for seen in (None, newer):
        assert reason_of(lambda seen=seen: sign(assessed, waiting, seen=seen)) == "newer_verdict"
    assert found(assessed).disposition is Disposition.UNDER_ASSESSMENT


def test_doses_counted_between_two_signatures_stop_the_second(assessed: Ledger) -> None:
    waiting = propose(assessed, above=9)
    with assessed.write() as conn:
        holdings.waste_doses(conn, "H-1", 1, "k-rao", "vial broken", NOW_MS)
    assert reason_of(lambda: sign(assessed, waiting)) == "count_changed"


def test_a_proof_serves_one_decision(assessed: Ledger) -> None:
    propose(assessed)
    deciding.assess(assessed)
    assert reason_of(lambda: propose(assessed)) == "no_evidence"
    deciding.attach(assessed, deciding.SEEN)
    assert propose(assessed).done_at_ms == NOW_MS


def test_held_stock_is_not_split_below_the_size(assessed: Ledger) -> None:
    seeds.split(assessed, "H-1", "H-2", 6)
    seeds.judge(assessed)
    with assessed.read() as conn:
        assert [decisions.case_doses(conn, one) for one in ("H-1", "H-2")] == [10, 10]
    assert propose(assessed, above=9).signers_needed == 2


def test_held_stock_is_not_carried_away_below_the_size(assessed: Ledger) -> None:
    seeds.split(assessed, "H-1", "H-2", 6, appliance_id=seeds.OTHER_APPLIANCE)
    seeds.judge(assessed)
    with assessed.read() as conn:
        assert [decisions.case_doses(conn, one) for one in ("H-1", "H-2")] == [10, 10]
    assert propose(assessed, above=9).signers_needed == 2


def test_kin_decided_on_do_not_count(assessed: Ledger) -> None:
    seeds.split(assessed, "H-1", "H-3", 6)
    propose(assessed, wish(assessed, "H-3", **CONDEMN), holding_id="H-3")
    with assessed.read() as conn:
        assert decisions.case_doses(conn, "H-1") == 4


def test_a_release_answers_for_time_that_nobody_knows(assessed: Ledger) -> None:
    with assessed.write() as conn:
        holdings.open_gap(conn, "H-1", NOW_MS - 5, "engine", NOW_MS)
    made = propose(assessed)
    assert found(assessed).gap_open_from_ms is None
    with assessed.read() as conn:
        entry = next(one for one in audit.entries(conn, FACILITY, 9) if one.act == "gap_cleared")
    assert (entry.actor, json.loads(entry.detail)["reason"]) == ("dr-asha", f"decision {made.id}: {made.comment}")


def test_a_gap_found_between_two_signatures_stops_the_second(assessed: Ledger) -> None:
    waiting = propose(assessed, above=9)
    later = replace(SECOND, at_ms=NOW_MS + 9)
    with assessed.write() as conn:
        holdings.open_gap(conn, "H-1", NOW_MS - 5, "engine", NOW_MS + 1)
    assert reason_of(lambda: sign(assessed, waiting, by=later)) == "gap_since"
    assert found(assessed).gap_open_from_ms == NOW_MS - 5
    with assessed.write() as conn:
        holdings.clear_gap(conn, "H-1", "engine", "data covers the gap", NOW_MS + 2)
    assert sign(assessed, waiting, by=later).done_at_ms == NOW_MS + 9


def test_condemning_clears_no_gap(assessed: Ledger) -> None:
    with assessed.write() as conn:
        holdings.open_gap(conn, "H-1", NOW_MS - 5, "engine", NOW_MS)
    propose(assessed, wish(assessed, **CONDEMN))
    assert found(assessed).gap_open_from_ms == NOW_MS - 5


def test_a_child_waits_for_its_parents_case(assessed: Ledger) -> None:
    seeds.split(assessed, "H-1", "H-2", 3)
    seeds.judge(assessed)
    deciding.attach(assessed, deciding.SEEN, holding_id="H-2")
    assert reason_of(lambda: propose(assessed, holding_id="H-2")) == "ancestor_held"


@pytest.mark.parametrize("target", sorted(USABLE - {Disposition.AVAILABLE}))
@pytest.mark.parametrize(
    "spoiled",
    [
        {"signers_needed": 2, "second_signed_by": None},
        {"done_at_ms": NOW_MS},
        {"withdrawn_at_ms": NOW_MS, "withdrawn_by": "x"},
        {"doses": 9},
        {"target": "CONDEMNED"},
        {"holding_id": "H-2"},
    ],
)
def test_the_update_itself_asks_for_the_signatures(
    assessed: Ledger, target: Disposition, spoiled: dict[str, object]
) -> None:
    """Whoever calls it: without a whole, open decision on this very stock nothing becomes usable."""
    seeds.receive(assessed, "H-2")
    with assessed.write() as conn:
        row = decision_table.insert().values(
            holding_id="H-1",
            target=target.value,
            reason_code="not_exposed",
            comment="x",
            doses=10,
            attachments="[]",
            signers_needed=1,
            signed_by="a",
            signed_at_ms=NOW_MS,
        )
        number = conn.execute(row.returning(decision_table.c.id)).scalar_one()
        conn.execute(update(decision_table).values(**spoiled))

    def force(decision_id: int | None) -> None:
        with assessed.write() as conn:
            holdings.set_disposition(conn, "H-1", target, "a", "x", NOW_MS, decision_id=decision_id)

    for offered in (None, number, 404):
        assert reason_of(lambda offered=offered: force(offered)) == "not_signed"
    assert found(assessed).disposition is Disposition.UNDER_ASSESSMENT


def test_the_signatures_of_a_row_are_of_two_people(assessed: Ledger) -> None:
    waiting = propose(assessed, above=9)
    with assessed.write() as conn, pytest.raises(Exception, match="two_people"):
        conn.execute(update(decision_table).values(second_signed_by=waiting.signed_by))


def test_evidence_of_a_done_decision_is_not_left(assessed: Ledger) -> None:
    with assessed.read() as conn:
        assert len(decisions.evidence_left(conn, "H-1")) == 1
    propose(assessed)
    with assessed.read() as conn:
        assert decisions.evidence_left(conn, "H-1") == []
        assert conn.execute(holding.select()).mappings().one()["disposition"] == "RELEASED"
