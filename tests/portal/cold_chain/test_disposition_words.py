from __future__ import annotations

import pytest

from portal.cold_chain import disposition_words as words
from sheetal.contracts.problem import Refused
from sheetal.ledger.decision_rules import REASONS, ReasonCode
from sheetal.ledger.proofs import STAGES, Answer, Kind, ShakeResult

LEDGER_REASONS = [
    "not_allowed",
    "not_signed",
    "decision_open",
    "decision_closed",
    "same_person",
    "first_signer",
    "count_changed",
    "newer_verdict",
    "ancestor_held",
    "lot_held",
    "expired",
    "not_rejudged",
    "reason_code",
    "no_comment",
    "no_evidence",
    "no_such_evidence",
    "not_answered",
    "too_early",
    "gap_since",
    "speaks_against",
    "lot_not_lifted",
    "vvm_discard",
    "use_first",
    "shake_test_not_for",
    "shake_test_control",
    "no_file",
    "too_big",
    "media_type",
    "too_many",
    "no_reference",
    "held_already",
    "not_standing",
]


def test_every_code_has_its_words() -> None:
    assert set(words.TARGETS) == set(REASONS)
    assert set(words.MEANINGS) == set(REASONS)
    assert set(words.REASONS) == set(ReasonCode)
    assert set(words.KINDS) == set(Kind)
    assert set(words.RESULTS) == set(ShakeResult)
    assert set(words.ANSWERS) == set(Answer)
    assert set(words.STAGES) == set(STAGES)


@pytest.mark.parametrize("reason", LEDGER_REASONS)
def test_what_the_ledger_refuses_is_said_in_the_pages_words(reason: str) -> None:
    said = words.problem_of(Refused("in the ledger's English", reason=reason), "decision")
    assert said.message == words.REFUSALS[reason]
    assert said.message != "in the ledger's English"


def test_a_refusal_stands_at_its_field() -> None:
    assert words.problem_of(Refused("x", reason="no_comment"), "decision").field == "comment"
    assert words.problem_of(Refused("x", reason="newer_verdict"), "decision").field == "decision"


def test_another_refusal_stays_what_it_is() -> None:
    refused = Refused("something else", reason="something_else")
    with pytest.raises(Refused) as caught:
        words.problem_of(refused, "decision")
    assert caught.value is refused


def test_no_words_are_without_a_refusal() -> None:
    assert sorted(words.REFUSALS) == sorted(LEDGER_REASONS)
