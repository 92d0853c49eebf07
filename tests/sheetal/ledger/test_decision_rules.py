from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, Side
from sheetal.contracts.verdict import Ground, Proposal, Reached, Run, Verdict
from sheetal.ledger import decision_rules as rules
from sheetal.ledger import holding_checks as checks
from sheetal.ledger.decision_rules import Case, Doubt, ReasonCode, Wish
from sheetal.ledger.proofs import Answer, Attachment, Facts, Kind, ShakeResult, kind_of
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.deciding import ALLOWED, PASSED, SEEN, STAGE_1, reason_of
from tests.sheetal.ledger.seeds import NOW_MS, SOURCE

BATCH = PASSED.control_batch
ALUMINIUM = seeds.product(aluminium_adsorbed=True, vvm_type="VVM14")


def held_for(*doubts: Side | Ground) -> Verdict:
    base = seeds.verdict()
    (rule,) = seeds.product().hold_rules
    reached = [
        Reached(
            rule=msgspec.structs.replace(rule, side=side),
            appliance="A-1",
            stay=1,
            run=None,
            minutes_confirmed=60,
            minutes_possible=60,
            compromised_from_ms=NOW_MS,
            borderline=False,
        )
        for side in doubts
        if isinstance(side, Side)
    ]
    proposals = [
        Proposal(ground=ground, condemns=True, since_ms=NOW_MS, compromised_from_ms=None, source=SOURCE)
        for ground in doubts
        if isinstance(ground, Ground)
    ]
    return msgspec.structs.replace(base, reached=reached, proposals=proposals)


def case(*doubts: Side | Ground, **words: object) -> Case:
    usual: dict[str, object] = {
        "product": ALUMINIUM,
        "batch": BATCH,
        "verdict": held_for(*doubts) if doubts else None,
        "vvm_stage": None,
        "was_held_by_order": False,
    }
    return Case(**{**usual, **words})


def wish(reason: ReasonCode, target: Disposition = Disposition.RELEASED) -> Wish:
    return Wish(target=target, reason=reason, comment="seen", doses=10, seen_verdict_id=None)


def proof(facts: Facts) -> Attachment:
    return Attachment(
        id=1,
        holding_id="H-1",
        kind=kind_of(facts),
        facts=facts,
        media_type=None,
        size_bytes=0,
        sha256=None,
        actor="x",
        attached_at_ms=NOW_MS,
    )


def test_only_signed_steps_have_reasons() -> None:
    assert set(rules.REASONS) == checks.SIGNED - {Disposition.AVAILABLE}
    assert set(rules.MEANINGS) == set(rules.REASONS)


@pytest.mark.parametrize(
    ("target", "doses", "people"),
    [
        (Disposition.RELEASED, 500, 1),
        (Disposition.RELEASED, 501, 2),
        (Disposition.CONDEMNED, 500, 1),
        (Disposition.CONDEMNED, 501, 2),
        (Disposition.DESTROYED, 1, 2),
    ],
)
def test_two_people_sign_above_the_size(target: Disposition, doses: int, people: int) -> None:
    assert rules.signers_needed(target, doses, 500) == people


def test_a_signature_says_what_it_means() -> None:
    assert rules.meaning(Disposition.RELEASED_USE_FIRST, 7, is_second=True) == "releases, to be used first, 7 doses"
    assert rules.meaning(Disposition.DESTROYED, 7, is_second=False) == "records the destruction of 7 doses"
    assert rules.meaning(Disposition.DESTROYED, 7, is_second=True) == "witnesses the destruction of 7 doses"


def test_doubts_are_those_of_the_verdict() -> None:
    assert rules.doubts_of(None) == frozenset()
    assert rules.doubts_of(held_for(Side.COLD, Ground.VVM_STAGE)) == {Doubt.COLD, Doubt.HEAT}
    assert rules.doubts_of(held_for(Ground.EXPIRED)) == {Doubt.AGE}
    assert set(rules.DOUBT_OF_GROUND) == set(Ground)


@pytest.mark.parametrize(
    ("doubt", "reason", "facts"),
    [
        (Side.COLD, ReasonCode.SHAKE_TEST_PASSED, PASSED),
        (Ground.PACKED_FROZEN, ReasonCode.SHAKE_TEST_PASSED, PASSED),
        (Side.HOT, ReasonCode.VVM_USABLE, STAGE_1),
        (Side.COLD, ReasonCode.MANUFACTURER_ALLOWS, ALLOWED),
        (Side.HOT, ReasonCode.MANUFACTURER_ALLOWS, ALLOWED),
        (Ground.OPEN_TOO_LONG, ReasonCode.MANUFACTURER_ALLOWS, ALLOWED),
        (Side.COLD, ReasonCode.SENSOR_WRONG, SEEN),
        (Side.HOT, ReasonCode.NOT_EXPOSED, SEEN),
    ],
)
def test_evidence_that_answers_the_doubt_releases(doubt: Side | Ground, reason: ReasonCode, facts: Facts) -> None:
    rules.check_release(wish(reason), case(doubt), [proof(facts)])


def test_words_prove_nothing_beside_a_test_that_speaks_of_something_else() -> None:
    for reason, facts, doubt in (
        (ReasonCode.VVM_USABLE, STAGE_1, Side.COLD),
        (ReasonCode.SHAKE_TEST_PASSED, PASSED, Side.HOT),
    ):
        weighed, evidence = case(doubt), [proof(facts), proof(SEEN)]
        assert reason_of(lambda: rules.check_release(wish(reason), weighed, evidence)) == "not_answered"  # noqa: B023 -- called at once


@pytest.mark.parametrize(
    ("ground", "reason", "facts"),
    [
        (Ground.FROZEN, ReasonCode.SHAKE_TEST_PASSED, PASSED),
        (Ground.VVM_LIFE, ReasonCode.VVM_USABLE, STAGE_1),
        (Ground.FROZEN, ReasonCode.MANUFACTURER_ALLOWS, ALLOWED),
    ],
)
def test_what_was_seen_before_the_harm_answers_nothing(ground: Ground, reason: ReasonCode, facts: Facts) -> None:
    held = held_for(ground)
    (one,) = held.proposals
    again = msgspec.structs.replace(held, proposals=[one, msgspec.structs.replace(one, since_ms=NOW_MS + MINUTE_MS)])
    rules.check_release(wish(reason), case(ground), [proof(facts)])
    assert reason_of(lambda: rules.check_release(wish(reason), case(verdict=again), [proof(facts)])) == "too_early"


def test_the_harm_lasts_as_long_as_the_run() -> None:
    held = held_for(Side.COLD)
    (hit,) = held.reached
    run = Run(
        sensor="gw-1.a",
        side=Side.COLD,
        limit_centi_celsius=-50,
        first_ms=NOW_MS - HOUR_MS,
        last_ms=NOW_MS + HOUR_MS,
        earliest_possible_start_ms=NOW_MS - HOUR_MS,
        confirmed_half_ms=HOUR_MS,
        possible_half_ms=HOUR_MS,
        extreme_centi_celsius=-120,
        samples=60,
        open=False,
    )
    long = msgspec.structs.replace(held, reached=[msgspec.structs.replace(hit, run=run)])
    assert rules.harmed_through_ms(long, Doubt.COLD) == NOW_MS + HOUR_MS
    assert rules.harmed_through_ms(long, Doubt.HEAT) == 0
    asked = wish(ReasonCode.SHAKE_TEST_PASSED)
    assert reason_of(lambda: rules.check_release(asked, case(verdict=long), [proof(PASSED)])) == "too_early"


def test_a_reply_on_age_may_come_before_it() -> None:
    early = msgspec.structs.replace(ALLOWED, replied_at_ms=NOW_MS - 365 * DAY_MS)
    rules.check_release(wish(ReasonCode.MANUFACTURER_ALLOWS), case(Ground.STAGE_TOO_LONG), [proof(early)])


@pytest.mark.parametrize(
    "against",
    [
        msgspec.structs.replace(PASSED, result=ShakeResult.FAILED, tested_at_ms=NOW_MS - 9),
        msgspec.structs.replace(ALLOWED, answer=Answer.MUST_NOT_BE_USED, replied_at_ms=NOW_MS - 9),
    ],
)
@pytest.mark.parametrize("reason", [ReasonCode.SHAKE_TEST_PASSED, ReasonCode.NOT_EXPOSED, ReasonCode.LOT_HOLD_LIFTED])
def test_nobody_passes_over_what_speaks_against_the_stock(against: Facts, reason: ReasonCode) -> None:
    weighed = case(was_held_by_order=True, known=[proof(against), proof(PASSED)])
    evidence = [proof(PASSED), proof(SEEN)]
    assert reason_of(lambda: rules.check_release(wish(reason), weighed, evidence)) == "speaks_against"
    later = replace(weighed, known=[proof(ALLOWED), *weighed.known])
    rules.check_release(wish(reason), later, evidence)


def test_the_makers_last_word_counts() -> None:
    no = msgspec.structs.replace(ALLOWED, answer=Answer.MUST_NOT_BE_USED, replied_at_ms=NOW_MS)
    weighed = case(known=[proof(no), proof(ALLOWED)])
    asked = wish(ReasonCode.MANUFACTURER_ALLOWS)
    assert reason_of(lambda: rules.check_release(asked, weighed, [proof(ALLOWED)])) == "speaks_against"


@pytest.mark.parametrize(
    ("doubt", "reason", "facts"),
    [
        (Side.HOT, ReasonCode.SHAKE_TEST_PASSED, PASSED),
        (Side.COLD, ReasonCode.VVM_USABLE, STAGE_1),
        (Ground.FROZEN, ReasonCode.VVM_USABLE, STAGE_1),
        (Ground.EXPIRED, ReasonCode.SENSOR_WRONG, SEEN),
        (Side.COLD, ReasonCode.SHAKE_TEST_PASSED, msgspec.structs.replace(PASSED, result=ShakeResult.FAILED)),
        (
            Side.HOT,
            ReasonCode.MANUFACTURER_ALLOWS,
            msgspec.structs.replace(ALLOWED, answer=Answer.MUST_NOT_BE_USED),
        ),
    ],
)
def test_evidence_that_answers_another_question_does_not(
    doubt: Side | Ground, reason: ReasonCode, facts: Facts
) -> None:
    assert reason_of(lambda: rules.check_release(wish(reason), case(doubt), [proof(facts)])) == "not_answered"


def test_two_doubts_need_two_answers() -> None:
    both, asked = case(Side.COLD, Side.HOT), wish(ReasonCode.SHAKE_TEST_PASSED)
    assert reason_of(lambda: rules.check_release(asked, both, [proof(PASSED)])) == "not_answered"
    rules.check_release(asked, both, [proof(PASSED), proof(STAGE_1)])


def test_a_monitor_speaks_only_for_a_product_that_has_one() -> None:
    bare = case(Side.HOT, product=seeds.product(vvm_type=None))
    assert reason_of(lambda: rules.check_release(wish(ReasonCode.VVM_USABLE), bare, [proof(STAGE_1)])) == "not_answered"


@pytest.mark.parametrize("reason", [one for one in rules.KIND_OF if one is not ReasonCode.LOT_HOLD_LIFTED])
def test_the_reason_brings_its_own_proof(reason: ReasonCode) -> None:
    others = [proof(facts) for facts in (PASSED, STAGE_1, ALLOWED, SEEN) if kind_of(facts) is not rules.KIND_OF[reason]]
    assert reason_of(lambda: rules.check_release(wish(reason), case(), others)) == "no_evidence"


@pytest.mark.parametrize("target", sorted(USABLE - {Disposition.AVAILABLE}))
@pytest.mark.parametrize("stage", [3, 4])
def test_nothing_releases_vials_past_the_discard_point(target: Disposition, stage: int) -> None:
    asked, past = wish(ReasonCode.MANUFACTURER_ALLOWS, target), case(vvm_stage=stage)
    assert reason_of(lambda: rules.check_release(asked, past, [proof(ALLOWED)])) == "vvm_discard"


def test_darker_vials_go_first() -> None:
    asked, dark = wish(ReasonCode.MANUFACTURER_ALLOWS), case(vvm_stage=2)
    assert reason_of(lambda: rules.check_release(asked, dark, [proof(ALLOWED)])) == "use_first"
    rules.check_release(replace(asked, target=Disposition.RELEASED_USE_FIRST), dark, [proof(ALLOWED)])


@pytest.mark.parametrize("aluminium", [False, None])
def test_a_shake_test_proves_nothing_of_other_vaccine(aluminium: bool | None) -> None:  # noqa: FBT001 - the value under test
    plain = case(Side.COLD, product=seeds.product(aluminium_adsorbed=aluminium))
    asked = wish(ReasonCode.SHAKE_TEST_PASSED)
    assert reason_of(lambda: rules.check_release(asked, plain, [proof(PASSED)])) == "shake_test_not_for"


@pytest.mark.parametrize("changes", [{"control_batch": "other"}, {"control_frozen_solid": False}])
def test_a_shake_test_needs_its_control(changes: dict[str, object]) -> None:
    loose = msgspec.structs.replace(PASSED, **changes)
    assert reason_of(lambda: rules.check_shake_test(ALUMINIUM, BATCH, loose)) == "shake_test_control"


@pytest.mark.parametrize(("by_order", "doubts"), [(False, ()), (True, (Side.COLD,))])
def test_a_lifted_order_releases_only_what_it_alone_held(by_order: bool, doubts: tuple[Side, ...]) -> None:  # noqa: FBT001 - the value under test
    weighed = case(*doubts, was_held_by_order=by_order)
    assert reason_of(lambda: rules.check_release(wish(ReasonCode.LOT_HOLD_LIFTED), weighed, [])) == "lot_not_lifted"


def test_a_lifted_order_is_its_own_evidence() -> None:
    rules.check_release(wish(ReasonCode.LOT_HOLD_LIFTED), case(was_held_by_order=True), [])


def test_condemning_needs_no_evidence() -> None:
    rules.check_release(wish(ReasonCode.FROZEN, Disposition.CONDEMNED), case(Side.COLD, vvm_stage=4), [])


@pytest.mark.parametrize("kind", set(Kind) - {Kind.OTHER})
def test_every_kind_of_proof_has_its_reason(kind: Kind) -> None:
    assert kind in rules.KIND_OF.values()
