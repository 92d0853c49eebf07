"""What a signed decision on a holding must rest on (pure): reasons, evidence, and how many people sign.

A vaccine vial monitor tells heat only, a shake test freezing only, and the latter only of aluminium-adsorbed vaccine
against a deliberately frozen control of the same lot (Kartoglu 2010, Bull WHO 88:624). Nothing the engine reckons
releases what it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.limits import MINUTE_MS, Side
from sheetal.contracts.problem import Refused
from sheetal.contracts.verdict import Ground
from sheetal.ledger.proofs import Answer, Attachment, Kind, ReplyFacts, ShakeFacts, ShakeResult, VvmFacts, seen_at_ms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Verdict

SIGNERS_MAX = 2
STAGE_USE_FIRST = 2
STAGE_DISCARD = 3
"""A monitor at or past its discard point: the inner square is as dark as the ring or darker (WHO VVM guidance)."""


class ReasonCode(StrEnum):
    """Why a person decided, by code; the comment says it in words."""

    SHAKE_TEST_PASSED = "shake_test_passed"
    VVM_USABLE = "vvm_usable"
    MANUFACTURER_ALLOWS = "manufacturer_allows"
    SENSOR_WRONG = "sensor_wrong"
    NOT_EXPOSED = "not_exposed"
    LOT_HOLD_LIFTED = "lot_hold_lifted"
    FROZEN = "frozen"
    SHAKE_TEST_FAILED = "shake_test_failed"
    HEAT_EXPOSED = "heat_exposed"
    VVM_DISCARD = "vvm_discard"
    MANUFACTURER_REFUSES = "manufacturer_refuses"
    EXPIRED = "expired"
    LOT_WITHDRAWN = "lot_withdrawn"
    DAMAGED = "damaged"
    INCINERATED = "incinerated"
    AUTOCLAVED = "autoclaved"
    RETURNED = "returned"
    OTHER_METHOD = "other_method"


_RELEASES = (
    ReasonCode.SHAKE_TEST_PASSED,
    ReasonCode.VVM_USABLE,
    ReasonCode.MANUFACTURER_ALLOWS,
    ReasonCode.SENSOR_WRONG,
    ReasonCode.NOT_EXPOSED,
    ReasonCode.LOT_HOLD_LIFTED,
)
REASONS: dict[Disposition, tuple[ReasonCode, ...]] = {
    Disposition.RELEASED: _RELEASES,
    Disposition.RELEASED_USE_FIRST: _RELEASES,
    Disposition.CONDEMNED: (
        ReasonCode.FROZEN,
        ReasonCode.SHAKE_TEST_FAILED,
        ReasonCode.HEAT_EXPOSED,
        ReasonCode.VVM_DISCARD,
        ReasonCode.MANUFACTURER_REFUSES,
        ReasonCode.EXPIRED,
        ReasonCode.LOT_WITHDRAWN,
        ReasonCode.DAMAGED,
    ),
    Disposition.DESTROYED: (
        ReasonCode.INCINERATED,
        ReasonCode.AUTOCLAVED,
        ReasonCode.RETURNED,
        ReasonCode.OTHER_METHOD,
    ),
}
"""What may be decided by signature, and the reasons for it; for a destruction they are its methods."""
KIND_OF = {
    ReasonCode.SHAKE_TEST_PASSED: Kind.SHAKE_TEST,
    ReasonCode.VVM_USABLE: Kind.VVM_STAGE,
    ReasonCode.MANUFACTURER_ALLOWS: Kind.MANUFACTURER_REPLY,
    ReasonCode.SENSOR_WRONG: Kind.OTHER,
    ReasonCode.NOT_EXPOSED: Kind.OTHER,
}


class Doubt(StrEnum):
    """What a verdict holds stock for, as far as evidence can answer it."""

    COLD = "cold"
    HEAT = "heat"
    AGE = "age"


DOUBT_OF_SIDE = {Side.COLD: Doubt.COLD, Side.HOT: Doubt.HEAT}
DOUBT_OF_GROUND = {
    Ground.FROZEN: Doubt.COLD,
    Ground.PACKED_FROZEN: Doubt.COLD,
    Ground.VVM_STAGE: Doubt.HEAT,
    Ground.VVM_LIFE: Doubt.HEAT,
    Ground.EXPIRED: Doubt.AGE,
    Ground.OPEN_TOO_LONG: Doubt.AGE,
    Ground.STAGE_TOO_LONG: Doubt.AGE,
}
MEANINGS = {
    Disposition.RELEASED: "releases",
    Disposition.RELEASED_USE_FIRST: "releases, to be used first,",
    Disposition.CONDEMNED: "condemns",
    Disposition.DESTROYED: "records the destruction of",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signs, in which role, for which facility, and when."""

    actor: str
    role: str
    facility_id: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants to decide on a holding, as the person saw it: its doses and the newest verdict that holds."""

    target: Disposition
    reason: ReasonCode
    comment: str
    doses: int
    seen_verdict_id: int | None
    attachments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a release is weighed against; `known` is all evidence on this stock, whether somebody chose it or not."""

    product: Product
    batch: str
    verdict: Verdict | None
    vvm_stage: int | None
    was_held_by_order: bool
    known: Sequence[Attachment] = ()


def signers_needed(target: Disposition, doses: int, second_person_above_doses: int) -> int:
    """One person, or two above the programme's size; a destruction always has a witness."""
    if target is Disposition.DESTROYED or doses > second_person_above_doses:
        return SIGNERS_MAX
    return 1


def meaning(target: Disposition, doses: int, *, is_second: bool) -> str:
    """What a signature says, for the audit chain."""
    if target is Disposition.DESTROYED and is_second:
        return f"witnesses the destruction of {doses} doses"
    return f"{MEANINGS[target]} {doses} doses"


def check_wish(wish: Wish) -> None:
    """Refuse (`not_a_decision`, `reason_code`, `no_comment`) what is no whole decision."""
    if wish.target not in REASONS:
        raise Refused("this is not decided by signature", reason="not_a_decision", target=wish.target)
    if wish.reason not in REASONS[wish.target]:
        facts = {"target": wish.target, "reason_code": wish.reason}
        raise Refused(
            "this is no reason for this decision", next_step="choose another reason", reason="reason_code", **facts
        )
    if not wish.comment.strip():
        raise Refused("a decision says why", next_step="write the reason in your words", reason="no_comment")


def doubts_of(verdict: Verdict | None) -> frozenset[Doubt]:
    """What evidence must answer; nothing when a person or an authority holds the stock."""
    if verdict is None:
        return frozenset()
    sides = {DOUBT_OF_SIDE[hit.rule.side] for hit in verdict.reached}
    return frozenset(sides | {DOUBT_OF_GROUND[one.ground] for one in verdict.proposals})


def check_release(wish: Wish, case: Case, evidence: Sequence[Attachment]) -> None:
    """Refuse a release that its evidence does not carry; each refusal names what is missing.

    Reasons: `vvm_discard`, `use_first`, `lot_not_lifted`, `no_evidence`, `shake_test_not_for`, `not_answered`,
    `too_early`, `speaks_against`.
    """
    if wish.target not in USABLE:
        return
    _check_monitor(wish, case.vvm_stage)
    if wish.reason is not ReasonCode.LOT_HOLD_LIFTED:
        _check_answered(wish, case, evidence)
    elif not case.was_held_by_order or doubts_of(case.verdict):
        raise Refused("no lifted order held this stock alone", reason="lot_not_lifted")
    _check_known(case.known)


def harmed_through_ms(verdict: Verdict | None, doubt: Doubt) -> int:
    """The last instant at which, by a verdict, harm of this kind was done; 0 without any.

    Age does its harm all the time, and an answer on it may come before.
    """
    if verdict is None or doubt is Doubt.AGE:
        return 0
    hits = [hit for hit in verdict.reached if DOUBT_OF_SIDE[hit.rule.side] is doubt]
    instants = [hit.run.last_ms if hit.run else hit.compromised_from_ms for hit in hits]
    instants += [one.since_ms for one in verdict.proposals if DOUBT_OF_GROUND[one.ground] is doubt]
    return max(instants, default=0)


def answered(case: Case, wish: Wish, evidence: Iterable[Attachment]) -> frozenset[Doubt]:
    """The doubts that this evidence answers in the stock's favour; raises Refused (`shake_test_not_for`)."""
    found = [(one, doubt) for one in evidence for doubt in _speaks_of(case, wish, one)]
    return frozenset(doubt for one, doubt in found if _is_after(one, harmed_through_ms(case.verdict, doubt)))


def _check_answered(wish: Wish, case: Case, evidence: Sequence[Attachment]) -> None:
    doubts = doubts_of(case.verdict)
    needed = KIND_OF[wish.reason]
    if needed not in {one.kind for one in evidence}:
        next_step = "add the evidence that the reason names, and choose it"
        raise Refused("a release rests on evidence", next_step=next_step, reason="no_evidence", kind=needed)
    open_doubts = doubts - answered(case, wish, evidence)
    if not open_doubts:
        return
    if not doubts - {doubt for one in evidence for doubt in _speaks_of(case, wish, one)}:
        next_step = "look at the vials again, or ask the manufacturer again"
        raise Refused("this evidence is older than the harm", next_step=next_step, reason="too_early")
    raise Refused(
        "this evidence does not answer why the stock is held",
        next_step="add what does: a shake test for cold, the monitor for heat, or the manufacturer's reply",
        reason="not_answered",
        doubts=" ".join(sorted(open_doubts)),
    )


def _speaks_of(case: Case, wish: Wish, one: Attachment) -> Collection[Doubt]:
    match one.facts:
        case ShakeFacts() as shake:
            check_shake_test(case.product, case.batch, shake)
            return {Doubt.COLD} if shake.result is ShakeResult.PASSED else ()
        case VvmFacts() as monitor:
            return {Doubt.HEAT} if case.product.vvm_type and monitor.stage < STAGE_DISCARD else ()
        case ReplyFacts() as reply:
            return set(Doubt) if reply.answer is Answer.MAY_BE_USED else ()
    # Words alone prove a wrong probe or another place, and nothing beside a test that speaks of something else.
    return {Doubt.COLD, Doubt.HEAT} if KIND_OF[wish.reason] is Kind.OTHER else ()


def _is_after(one: Attachment, harm_ms: int) -> bool:
    """Whether it was seen after the harm; the minute of a form may hide the seconds. Words have no instant."""
    at_ms = seen_at_ms(one.facts)
    return at_ms is None or at_ms + MINUTE_MS > harm_ms


def _check_known(known: Iterable[Attachment]) -> None:
    """Refuse (`speaks_against`) by a failed shake test or the manufacturer's no, unless it said yes since."""
    last_word = None
    for one in sorted(known, key=lambda one: (seen_at_ms(one.facts) or 0, one.id)):
        match one.facts:
            case ShakeFacts(result=ShakeResult.FAILED) | ReplyFacts(answer=Answer.MUST_NOT_BE_USED):
                last_word = one
            case ReplyFacts(answer=Answer.MAY_BE_USED):
                last_word = None
    if last_word is not None:
        raise Refused(
            "evidence on this stock speaks against its use",
            next_step="condemn this holding, or ask the manufacturer again",
            reason="speaks_against",
            attachment=last_word.id,
        )


def check_shake_test(product: Product, batch: str, shake: ShakeFacts) -> None:
    """Refuse (`shake_test_not_for`, `shake_test_control`) a shake test that proves nothing of this stock."""
    if product.aluminium_adsorbed is not True:
        raise Refused(
            "a shake test proves nothing of this vaccine: it is only for aluminium-adsorbed ones",
            next_step="ask the manufacturer",
            reason="shake_test_not_for",
            product=product.product,
        )
    if shake.control_batch != batch or not shake.control_frozen_solid:
        raise Refused(
            "a shake test needs a control vial of the same lot, frozen solid on purpose",
            next_step="repeat it with such a control",
            reason="shake_test_control",
            control=shake.control_batch,
        )


def _check_monitor(wish: Wish, stage: int | None) -> None:
    if stage is not None and stage >= STAGE_DISCARD:
        raise Refused(
            "the vial monitor is at its discard point",
            next_step="condemn this holding",
            reason="vvm_discard",
            stage=stage,
        )
    if stage == STAGE_USE_FIRST and wish.target is not Disposition.RELEASED_USE_FIRST:
        raise Refused(
            "the vial monitor has darkened: this stock goes before any other",
            next_step="release it to be used first",
            reason="use_first",
            stage=stage,
        )
