"""The words of the disposition pages by code, as msgids (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.errors import FieldProblem
from portal.language import marked
from sheetal.contracts.disposition import Disposition
from sheetal.ledger.decision_rules import ReasonCode
from sheetal.ledger.proofs import Answer, Kind, ShakeResult

if TYPE_CHECKING:
    from sheetal.contracts.problem import Refused

TARGETS = {
    Disposition.RELEASED: marked("Release"),
    Disposition.RELEASED_USE_FIRST: marked("Release, use first"),
    Disposition.CONDEMNED: marked("Condemn"),
    Disposition.DESTROYED: marked("Destroy"),
}
REASONS = {
    ReasonCode.SHAKE_TEST_PASSED: marked("Shake test passed: not frozen"),
    ReasonCode.VVM_USABLE: marked("Vial monitors still usable: heat only"),
    ReasonCode.MANUFACTURER_ALLOWS: marked("Manufacturer allows its use"),
    ReasonCode.SENSOR_WRONG: marked("The probe was wrong"),
    ReasonCode.NOT_EXPOSED: marked("The stock was not exposed"),
    ReasonCode.LOT_HOLD_LIFTED: marked("The order on the lot was lifted"),
    ReasonCode.FROZEN: marked("Frozen"),
    ReasonCode.SHAKE_TEST_FAILED: marked("Shake test failed"),
    ReasonCode.HEAT_EXPOSED: marked("Exposed to heat"),
    ReasonCode.VVM_DISCARD: marked("Vial monitors at the discard point"),
    ReasonCode.MANUFACTURER_REFUSES: marked("Manufacturer forbids its use"),
    ReasonCode.EXPIRED: marked("Expired"),
    ReasonCode.LOT_WITHDRAWN: marked("Lot withdrawn by an authority"),
    ReasonCode.DAMAGED: marked("Damaged or unreadable label"),
    ReasonCode.INCINERATED: marked("Incinerated"),
    ReasonCode.AUTOCLAVED: marked("Autoclaved, then disposed of"),
    ReasonCode.RETURNED: marked("Handed back to the manufacturer"),
    ReasonCode.OTHER_METHOD: marked("Another way, named below"),
}
KINDS = {
    Kind.VVM_STAGE: marked("VVM stage"),
    Kind.SHAKE_TEST: marked("Shake test"),
    Kind.MANUFACTURER_REPLY: marked("Maker's reply"),
    Kind.OTHER: marked("Other evidence"),
}
RESULTS = {
    ShakeResult.PASSED: ("ok", marked("Passed")),
    ShakeResult.FAILED: ("stop", marked("Failed")),
}
ANSWERS = {
    Answer.MAY_BE_USED: ("ok", marked("May be used")),
    Answer.MUST_NOT_BE_USED: ("stop", marked("Must not be used")),
}
STAGES = {
    1: marked("Stage 1: inner square lighter than the ring"),
    2: marked("Stage 2: inner square darker, still lighter than the ring"),
    3: marked("Stage 3: discard point, inner square as dark as the ring"),
    4: marked("Stage 4: inner square darker than the ring"),
}
MEANINGS = {
    Disposition.RELEASED: marked("releases %(doses)s doses"),
    Disposition.RELEASED_USE_FIRST: marked("releases %(doses)s doses, to be used first"),
    Disposition.CONDEMNED: marked("condemns %(doses)s doses"),
    Disposition.DESTROYED: marked("records the destruction of %(doses)s doses"),
}
WITNESSED = marked("witnesses the destruction of %(doses)s doses")
REFUSALS = {
    "not_allowed": marked("This step does not follow from how the holding stands now. Look at it again."),
    "not_signed": marked("This takes a signed decision."),
    "decision_open": marked("A decision waits for its second signature. Sign it or withdraw it first."),
    "decision_closed": marked("This decision is closed. Look at the holding again."),
    "same_person": marked("The same person cannot sign twice. Another person signs second."),
    "first_signer": marked("Who signed first may not sign any more. Withdraw the decision, then decide anew."),
    "count_changed": marked("The number of doses has changed. Count again, then decide."),
    "newer_verdict": marked("A newer verdict holds this holding. Read it, then decide."),
    "ancestor_held": marked("The holding that this was split off is still held. Decide on that one first."),
    "lot_held": marked("An authority's order holds the whole lot. Wait until it is lifted."),
    "expired": marked("This lot has expired. Nothing makes it usable; condemn it."),
    "gap_since": marked("Time without data was found since the first signature. Withdraw it, then decide anew."),
    "not_rejudged": marked("This holding is being judged again. Wait a moment, read the verdict, then decide."),
    "reason_code": marked("This is no reason for this decision. Choose another."),
    "no_comment": marked("Write the reason in your words."),
    "no_evidence": marked("A release rests on evidence. Add what the reason names, and tick it."),
    "no_such_evidence": marked("This evidence belongs to another holding."),
    "not_answered": marked(
        "The evidence does not answer why the stock is held: a shake test answers cold, the vial monitor heat, the "
        "maker's reply both."
    ),
    "too_early": marked("This evidence is older than the harm. Look at the vials again, or ask the maker again."),
    "speaks_against": marked(
        "A failed shake test or the maker's reply speaks against this stock. "
        "Only a newer reply of the maker changes it."
    ),
    "lot_not_lifted": marked("No lifted order held this stock alone. Choose another reason."),
    "vvm_discard": marked("A vial monitor is at its discard point. Condemn this holding."),
    "use_first": marked("A vial monitor has darkened: release this stock to be used first."),
    "shake_test_not_for": marked(
        "A shake test proves nothing of this vaccine: it is only for aluminium-adsorbed ones."
    ),
    "shake_test_control": marked("A shake test needs a control vial of the same lot, frozen solid on purpose."),
    "no_file": marked("This evidence needs a picture. Add a photo or the letter."),
    "too_big": marked("A file may have two megabytes. Make the picture smaller."),
    "media_type": marked("A file is a JPEG, a PNG or a PDF."),
    "too_many": marked("This holding has all the evidence it can carry."),
    "no_reference": marked("Write who ordered it, the reference of the letter, and why."),
    "held_already": marked("This order holds the lot already."),
    "not_standing": marked("This order holds nothing any more."),
}


FIELDS = {"no_comment": "comment", "reason_code": "reason-code", "no_reference": "reference"}
"""The field that a refusal is about, where it is about one."""


def problem_of(refused: Refused, field: str) -> FieldProblem:
    """A refusal of the ledger in the page's words, at its field or else at this one; any other is raised as it is."""
    reason = str(refused.facts.get("reason"))
    if reason not in REFUSALS:
        raise refused
    return FieldProblem(REFUSALS[reason], field=FIELDS.get(reason, field))
