from __future__ import annotations

import pytest

from portal.cold_chain import proof_forms
from portal.errors import FieldProblem
from sheetal.ledger.proofs import Answer, Kind, OtherFacts, ReplyFacts, ShakeFacts, ShakeResult, VvmFacts, kind_of

NOW_MS = 1_795_000_000_000
TYPED = {
    Kind.VVM_STAGE: {"stage": "2", "vials": " 10 "},
    Kind.SHAKE_TEST: {"result": "passed", "vials": "3", "control_batch": " B-1 ", "control_frozen_solid": "yes"},
    Kind.MANUFACTURER_REPLY: {"answer": "must_not_be_used", "reference": "MFR/7"},
    Kind.OTHER: {"text": " the probe lay outside "},
}
FACTS = {
    Kind.VVM_STAGE: VvmFacts(stage=2, vials=10, read_at_ms=NOW_MS),
    Kind.SHAKE_TEST: ShakeFacts(
        result=ShakeResult.PASSED, vials=3, tested_at_ms=NOW_MS, control_batch="B-1", control_frozen_solid=True
    ),
    Kind.MANUFACTURER_REPLY: ReplyFacts(answer=Answer.MUST_NOT_BE_USED, reference="MFR/7", replied_at_ms=NOW_MS),
    Kind.OTHER: OtherFacts(text="the probe lay outside"),
}


@pytest.mark.parametrize("kind", Kind)
def test_a_form_that_is_filled_in_gives_its_facts(kind: Kind) -> None:
    facts = proof_forms.facts_of(kind, TYPED[kind], NOW_MS)
    assert facts == FACTS[kind]
    assert kind_of(facts) is kind


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in Kind for field in proof_forms.FIELDS[kind]])
def test_every_field_is_asked_for(kind: Kind, field: str) -> None:
    for missing in (TYPED[kind] | {field: "  "}, {name: text for name, text in TYPED[kind].items() if name != field}):
        with pytest.raises(FieldProblem) as caught:
            proof_forms.facts_of(kind, missing, NOW_MS)
        assert caught.value.field == field


@pytest.mark.parametrize(
    ("kind", "field", "text"),
    [
        (Kind.VVM_STAGE, "stage", "5"),
        (Kind.VVM_STAGE, "stage", "1; DROP"),
        (Kind.VVM_STAGE, "vials", "0"),
        (Kind.VVM_STAGE, "vials", "-3"),
        (Kind.VVM_STAGE, "vials", "१०"),
        (Kind.VVM_STAGE, "vials", "99999999999"),
        (Kind.VVM_STAGE, "vials", "000000001" + "9" * 30),
        (Kind.SHAKE_TEST, "result", "perhaps"),
        (Kind.SHAKE_TEST, "control_frozen_solid", "no"),
        (Kind.MANUFACTURER_REPLY, "answer", "maybe"),
    ],
)
def test_an_impossible_answer_is_asked_again(kind: Kind, field: str, text: str) -> None:
    with pytest.raises(FieldProblem) as caught:
        proof_forms.facts_of(kind, TYPED[kind] | {field: text}, NOW_MS)
    assert caught.value.field == field


def test_long_words_are_cut() -> None:
    facts = proof_forms.facts_of(Kind.OTHER, {"text": "x" * 900}, NOW_MS)
    assert isinstance(facts, OtherFacts)
    assert len(facts.text) == 500
