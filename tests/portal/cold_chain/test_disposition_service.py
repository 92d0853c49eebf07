from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from portal.cold_chain import disposition_service as steps
from portal.errors import Forbidden
from portal.identity.service import Role, Staff
from portal.identity.tables import staff
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.problem import NotFound, Refused, Unavailable
from sheetal.ledger import judgements, stock
from sheetal.ledger.decision_rules import ReasonCode, Wish
from sheetal.ledger.lot_orders import Order
from sheetal.ledger.programme import load_programme
from sheetal.ledger.proofs import Answer, OtherFacts, ReplyFacts

if TYPE_CHECKING:
    from sheetal.ledger.decisions import Decision
    from tests.portal.conftest import Stage

HELD = "H-58213"
LOT = "covishield/CS-2301"
PHOTO = b"\xff\xd8\xff\xe0 a made-up picture"
PROGRAMME = load_programme()
ORDER = Order(authority="State drug controller", reference="SDC/1", reason="particles")


@pytest.fixture
def doctor(seeded: Stage) -> Staff:
    return seeded.add_person(Role.MEDICAL_OFFICER)


@pytest.fixture
def officer_(seeded: Stage) -> Staff:
    return seeded.add_person(Role.COLD_CHAIN_OFFICER)


@pytest.fixture
def handler_(seeded: Stage) -> Staff:
    return seeded.add_person(Role.HANDLER, "F-102")


def release(stage: Stage, who: Staff, **words: object) -> Decision:
    reply = ReplyFacts(answer=Answer.MAY_BE_USED, reference="MFR/1", replied_at_ms=stage.now_ms)
    proof = steps.add_proof(stage.ledger, who, HELD, reply, PHOTO, stage.now_ms)
    with stage.ledger.read() as conn:
        seen = judgements.latest_hold_id(conn, HELD)
    usual: dict[str, object] = {
        "target": Disposition.RELEASED,
        "reason": ReasonCode.MANUFACTURER_ALLOWS,
        "comment": "the manufacturer allows it",
        "doses": 960,
        "seen_verdict_id": seen,
        "attachments": (proof.id,),
    }
    return steps.decide(stage.ledger, who, HELD, Wish(**{**usual, **words}), PROGRAMME, stage.now_ms)


def disposition(stage: Stage) -> Disposition:
    with stage.ledger.read() as conn:
        return stock.holding_by_id(conn, HELD).disposition


def test_two_officers_release_what_the_engine_held(seeded: Stage, doctor: Staff, officer_: Staff) -> None:
    steps.assess(seeded.ledger, officer_, HELD, seeded.now_ms)
    waiting = release(seeded, officer_)
    assert waiting.is_open
    done = steps.sign(seeded.ledger, doctor, HELD, waiting.id, waiting.seen_verdict_id, seeded.now_ms)
    assert done.second_signed_by == doctor.id
    assert disposition(seeded) is Disposition.RELEASED


@pytest.mark.parametrize("change", [{"disabled_at_ms": 5}, {"role": "handler"}, {"role": "admin"}])
def test_a_signature_of_somebody_who_may_not_sign_any_more_is_completed_by_nobody(
    seeded: Stage, doctor: Staff, officer_: Staff, change: dict[str, object]
) -> None:
    steps.assess(seeded.ledger, officer_, HELD, seeded.now_ms)
    waiting = release(seeded, officer_)
    with seeded.ledger.write() as conn:
        conn.execute(update(staff).where(staff.c.id == officer_.id).values(**change))
    with pytest.raises(Refused) as caught:
        steps.sign(seeded.ledger, doctor, HELD, waiting.id, waiting.seen_verdict_id, seeded.now_ms)
    assert caught.value.facts["reason"] == "first_signer"
    assert disposition(seeded) is Disposition.UNDER_ASSESSMENT
    steps.withdraw(seeded.ledger, doctor, HELD, waiting.id, "who signed has left", seeded.now_ms)


def test_who_handles_stock_may_add_evidence_and_decide_nothing(seeded: Stage, handler_: Staff, officer_: Staff) -> None:
    with pytest.raises(Forbidden):
        steps.assess(seeded.ledger, handler_, HELD, seeded.now_ms)
    steps.assess(seeded.ledger, officer_, HELD, seeded.now_ms)
    with pytest.raises(Forbidden):
        release(seeded, handler_)
    waiting = release(seeded, officer_)
    with pytest.raises(Forbidden):
        steps.sign(seeded.ledger, handler_, HELD, waiting.id, waiting.seen_verdict_id, seeded.now_ms)
    with pytest.raises(Forbidden):
        steps.withdraw(seeded.ledger, handler_, HELD, waiting.id, "no", seeded.now_ms)
    with pytest.raises(Forbidden):
        steps.hold_lot(seeded.ledger, handler_, LOT, ORDER, seeded.now_ms)
    with pytest.raises(Forbidden):
        steps.lift_hold(seeded.ledger, handler_, 1, "x", seeded.now_ms)
    assert disposition(seeded) is Disposition.UNDER_ASSESSMENT


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
def test_who_keeps_or_audits_the_system_decides_nothing(seeded: Stage, role: Role) -> None:
    with pytest.raises(Forbidden):
        steps.assess(seeded.ledger, seeded.add_person(role), HELD, seeded.now_ms)


def test_a_handler_witnesses_a_destruction(seeded: Stage, officer_: Staff, doctor: Staff, handler_: Staff) -> None:
    steps.assess(seeded.ledger, officer_, HELD, seeded.now_ms)
    condemned = release(seeded, officer_, target=Disposition.CONDEMNED, reason=ReasonCode.FROZEN)
    steps.sign(seeded.ledger, doctor, HELD, condemned.id, None, seeded.now_ms)
    burnt = {"target": Disposition.DESTROYED, "reason": ReasonCode.INCINERATED, "attachments": ()}
    waiting = release(seeded, officer_, **burnt)
    steps.sign(seeded.ledger, handler_, HELD, waiting.id, None, seeded.now_ms)
    assert disposition(seeded) is Disposition.DESTROYED


def test_who_signed_takes_it_back(seeded: Stage, officer_: Staff) -> None:
    steps.assess(seeded.ledger, officer_, HELD, seeded.now_ms)
    waiting = release(seeded, officer_)
    steps.withdraw(seeded.ledger, officer_, HELD, waiting.id, "wrong box", seeded.now_ms)
    panel = steps.panel(seeded.ledger, officer_, HELD, PROGRAMME, seeded.now_ms)
    assert panel.decision is None


def test_the_panel_says_what_stands_and_what_this_person_may_do(
    seeded: Stage, officer_: Staff, doctor: Staff, handler_: Staff
) -> None:
    steps.assess(seeded.ledger, officer_, HELD, seeded.now_ms)
    waiting = release(seeded, officer_)
    own = steps.panel(seeded.ledger, officer_, HELD, PROGRAMME, seeded.now_ms)
    assert (own.own_decision, own.may_sign_second, own.signer_name) == (True, False, "Person cold_chain_officer")
    other = steps.panel(seeded.ledger, doctor, HELD, PROGRAMME, seeded.now_ms)
    assert (other.may_sign_second, other.decision, other.people) == (True, waiting, 2)
    assert [(line.actor_name, line.is_used) for line in other.proofs] == [("Person cold_chain_officer", False)]
    theirs = steps.panel(seeded.ledger, handler_, HELD, PROGRAMME, seeded.now_ms)
    assert (theirs.is_signer, theirs.may_sign_second, theirs.may_withdraw) == (False, False, False)
    assert own.seen_verdict_id is not None


def test_another_facilitys_stock_is_not_there(seeded: Stage) -> None:
    stranger = seeded.add_person(Role.HANDLER, "F-101", "stranger")
    facts = OtherFacts(text="x")
    for act in (
        lambda: steps.panel(seeded.ledger, stranger, HELD, PROGRAMME, seeded.now_ms),
        lambda: steps.add_proof(seeded.ledger, stranger, HELD, facts, None, seeded.now_ms),
        lambda: steps.file_of(seeded.ledger, stranger, HELD, 1),
        lambda: steps.panel(seeded.ledger, stranger, "H-404", PROGRAMME, seeded.now_ms),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_decision_is_signed_on_its_own_holding(seeded: Stage, officer_: Staff, doctor: Staff) -> None:
    steps.assess(seeded.ledger, officer_, HELD, seeded.now_ms)
    waiting = release(seeded, officer_)
    with pytest.raises(NotFound):
        steps.sign(seeded.ledger, doctor, "H-1", waiting.id, None, seeded.now_ms)


def test_a_file_comes_back_as_it_was_added(seeded: Stage, handler_: Staff) -> None:
    reply = ReplyFacts(answer=Answer.MAY_BE_USED, reference="MFR/1", replied_at_ms=seeded.now_ms)
    proof = steps.add_proof(seeded.ledger, handler_, HELD, reply, PHOTO, seeded.now_ms)
    assert steps.file_of(seeded.ledger, handler_, HELD, proof.id) == ("image/jpeg", PHOTO)


def test_a_lot_is_held_and_let_go_by_name(seeded: Stage, officer_: Staff, doctor: Staff) -> None:
    held = steps.hold_lot(seeded.ledger, officer_, LOT, ORDER, seeded.now_ms)
    assert sorted(held.holdings) == ["H-1", "H-4"]
    steps.lift_hold(seeded.ledger, doctor, held.id, "SDC/9", seeded.now_ms)
    (order,) = steps.orders_on(seeded.ledger, LOT)
    assert (order.actor, order.lifted_by) == (officer_.id, doctor.id)
    names = steps.names_on(seeded.ledger, LOT)
    assert names == {officer_.id: "Person cold_chain_officer", doctor.id: "Person medical_officer"}


def test_a_write_over_many_is_tried_again(seeded: Stage, officer_: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    once = steps.lot_orders.hold_lot
    away = iter([True, True, False])

    def sometimes(*args: object) -> object:
        if next(away):
            raise Unavailable("deadlock")
        return once(*args)

    monkeypatch.setattr(steps.lot_orders, "hold_lot", sometimes)
    assert len(steps.hold_lot(seeded.ledger, officer_, LOT, ORDER, seeded.now_ms).holdings) == 2


def test_a_server_that_stays_away_is_told(seeded: Stage, officer_: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object) -> None:
        raise Unavailable("deadlock")

    monkeypatch.setattr(steps.lot_orders, "hold_lot", never)
    with pytest.raises(Unavailable):
        steps.hold_lot(seeded.ledger, officer_, LOT, ORDER, seeded.now_ms)


def test_what_is_refused_changes_nothing(seeded: Stage, officer_: Staff) -> None:
    steps.assess(seeded.ledger, officer_, HELD, seeded.now_ms)
    with pytest.raises(Refused):
        release(seeded, officer_, doses=1)
    assert disposition(seeded) is Disposition.UNDER_ASSESSMENT
