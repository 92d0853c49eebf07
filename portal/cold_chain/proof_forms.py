"""The forms of evidence: from what was typed to facts, or to the field that needs another answer (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.errors import FieldProblem
from portal.language import marked
from sheetal.ledger.proofs import (
    STAGES,
    TEXT_CHARACTERS_MAX,
    Answer,
    Facts,
    Kind,
    OtherFacts,
    ReplyFacts,
    ShakeFacts,
    ShakeResult,
    VvmFacts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS = {
    Kind.VVM_STAGE: ("stage", "vials"),
    Kind.SHAKE_TEST: ("result", "vials", "control_batch", "control_frozen_solid"),
    Kind.MANUFACTURER_REPLY: ("answer", "reference"),
    Kind.OTHER: ("text",),
}
"""What each form asks, in its order."""
REFERENCE_CHARACTERS_MAX = 120
VIALS_MAX = 10_000


def facts_of(kind: Kind, typed: Mapping[str, str], now_ms: int) -> Facts:
    """The facts of a filled-in form, seen just now; raises FieldProblem."""
    match kind:
        case Kind.VVM_STAGE:
            return VvmFacts(stage=_stage(typed), vials=_vials(typed), read_at_ms=now_ms)
        case Kind.SHAKE_TEST:
            return ShakeFacts(
                result=_result(typed),
                vials=_vials(typed),
                tested_at_ms=now_ms,
                control_batch=_text(
                    typed, "control_batch", marked("Write the lot of the control vial."), REFERENCE_CHARACTERS_MAX
                ),
                control_frozen_solid=_is_frozen(typed),
            )
        case Kind.MANUFACTURER_REPLY:
            missing = marked("Write the reference of the letter.")
            reference = _text(typed, "reference", missing, REFERENCE_CHARACTERS_MAX)
            return ReplyFacts(answer=_answer(typed), reference=reference, replied_at_ms=now_ms)
    missing = marked("Say in words what it shows.")
    return OtherFacts(text=_text(typed, "text", missing, TEXT_CHARACTERS_MAX))


def _stage(typed: Mapping[str, str]) -> int:
    text = typed.get("stage", "")
    if text not in {str(stage) for stage in STAGES}:
        raise FieldProblem(marked("Choose the stage of the darkest vial."), field="stage")
    return int(text)


def _vials(typed: Mapping[str, str]) -> int:
    text = typed.get("vials", "").strip()
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(VIALS_MAX))
    if not (is_number and 0 < int(text) <= VIALS_MAX):
        raise FieldProblem(marked("Write how many vials were looked at, from 1 to 10,000."), field="vials")
    return int(text)


def _result(typed: Mapping[str, str]) -> ShakeResult:
    text = typed.get("result", "")
    if text not in set(ShakeResult):
        raise FieldProblem(marked("Choose what the test showed."), field="result")
    return ShakeResult(text)


def _is_frozen(typed: Mapping[str, str]) -> bool:
    if typed.get("control_frozen_solid") != "yes":
        raise FieldProblem(
            marked("The test counts only against a control that was frozen solid on purpose."),
            field="control_frozen_solid",
        )
    return True


def _answer(typed: Mapping[str, str]) -> Answer:
    text = typed.get("answer", "")
    if text not in set(Answer):
        raise FieldProblem(marked("Choose what the manufacturer answered."), field="answer")
    return Answer(text)


def _text(typed: Mapping[str, str], field: str, missing: str, characters_max: int) -> str:
    text = typed.get(field, "").strip()[:characters_max]
    if not text:
        raise FieldProblem(missing, field=field)
    return text
