"""A refusal in the vaccinator's words: what happened, in one line and one sentence, then numbered steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal import formats
from portal.language import marked
from sheetal.contracts.disposition import RefusalReason
from sheetal.contracts.limits import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.vaccinator.schemas import Answer
    from sheetal.contracts.problem import Refused
    from sheetal.contracts.verdict import Reached

    Translate = Callable[..., str]

TITLES: dict[str, str] = {
    RefusalReason.UNKNOWN_HOLDING: marked("Unknown label"),
    RefusalReason.OTHER_FACILITY: marked("Stock of another facility"),
    RefusalReason.OTHER_PRODUCT: marked("Another vaccine"),
    RefusalReason.HELD: marked("Held"),
    RefusalReason.CONDEMNED: marked("Condemned"),
    RefusalReason.EXPIRED: marked("Expired"),
    RefusalReason.NO_DOSES_LEFT: marked("No doses left"),
    RefusalReason.GAP: marked("Cannot confirm this vial"),
    RefusalReason.NOT_REJUDGED: marked("Cannot confirm this vial"),
    RefusalReason.NO_STAY: marked("Cannot confirm this vial"),
    RefusalReason.ENGINE_SILENT: marked("Cannot confirm this vial"),
    RefusalReason.DATA_TOO_OLD: marked("Cannot confirm this vial"),
    "scan_label": marked("Scan the holding's own label"),
}
DETAILS: dict[str, str] = {
    RefusalReason.UNKNOWN_HOLDING: marked("No holding has this label."),
    RefusalReason.OTHER_FACILITY: marked("This holding belongs to another facility."),
    RefusalReason.OTHER_PRODUCT: marked("This session gives another vaccine."),
    RefusalReason.HELD: marked("A named person must decide about this holding first."),
    RefusalReason.CONDEMNED: marked("This holding was condemned."),
    RefusalReason.EXPIRED: marked("The lot's last day has passed."),
    RefusalReason.NO_DOSES_LEFT: marked("Every dose of this holding is used."),
    RefusalReason.GAP: marked("For some time nobody knows how this holding was kept."),
    RefusalReason.NOT_REJUDGED: marked("It has just moved and is still being judged."),
    RefusalReason.NO_STAY: marked("Nobody recorded where it stands."),
    RefusalReason.ENGINE_SILENT: marked("The judging service is silent."),
    RefusalReason.DATA_TOO_OLD: marked("The newest temperature is too old."),
    "scan_label": marked("More than one holding of this lot is here, and not all of it may be used."),
}
CANNOT_CONFIRM = frozenset(
    {
        RefusalReason.GAP,
        RefusalReason.NOT_REJUDGED,
        RefusalReason.NO_STAY,
        RefusalReason.ENGINE_SILENT,
        RefusalReason.DATA_TOO_OLD,
    },
)
PUT_ASIDE = marked("Put this vial in the HELD box. Do not throw it away.")
KEEP_IN_CARRIER = marked("Keep this vial in the carrier, lid closed. It may well be good.")
TRY_AGAIN = marked("Wait a minute, then try again.")
TAKE_BELOW = marked("Take the vial below and scan it.")
CALL = marked("Call the cold-chain officer before you go on.")
SCAN_LABEL = marked("Scan the label on the holding's box, not the vial.")


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal as it is shown and answered."""

    reason: str
    title: str
    detail: str
    steps: list[str]
    cannot_confirm: bool


def told(answer: Answer, refused: Refused, translate: Translate, language: str) -> Told:
    """The refusal in the language that `translate` speaks."""
    reason = str(refused.facts.get("reason", refused.code))
    title, detail = _what_happened(answer, refused, reason, translate, language)
    return Told(
        reason=reason,
        title=title,
        detail=detail,
        steps=[translate(step) for step in _steps(answer, reason)],
        cannot_confirm=reason in CANNOT_CONFIRM,
    )


def _what_happened(
    answer: Answer, refused: Refused, reason: str, translate: Translate, language: str
) -> tuple[str, str]:
    reached = answer.verdict.reached if answer.verdict and reason == RefusalReason.HELD else []
    if reached and reached[0].run is not None:
        return _of_run(answer, reached[0], translate, language)
    title = TITLES.get(reason, refused.message)
    return translate(title), translate(DETAILS.get(reason, refused.message))


def _of_run(answer: Answer, reached: Reached, translate: Translate, language: str) -> tuple[str, str]:
    """Frozen or too warm: on which day, how far, how long against which limit."""
    run = reached.run
    assert run is not None  # noqa: S101 - the caller has looked
    cold = run.side is Side.COLD
    title = marked("Frozen on %(day)s") if cold else marked("Too warm on %(day)s")
    detail = (
        marked("Lot %(lot)s was at %(extreme)s. It was freezing for %(minutes)s min; the limit is %(limit)s.")
        if cold
        else marked("Lot %(lot)s was at %(extreme)s. It was too warm for %(minutes)s min; the limit is %(limit)s.")
    )
    facts = {
        "lot": answer.batch,
        "extreme": formats.temperature(run.extreme_centi_celsius),
        "minutes": max(reached.minutes_confirmed, reached.rule.minutes),
        "limit": reached.rule.minutes,
    }
    return translate(title, day=formats.day(run.first_ms, language)), translate(detail, **facts)


def _steps(answer: Answer, reason: str) -> list[str]:
    if reason == "scan_label":
        return [SCAN_LABEL]
    first = [KEEP_IN_CARRIER, TRY_AGAIN] if reason in CANNOT_CONFIRM else [PUT_ASIDE]
    return [*first, TAKE_BELOW if answer.take_instead else CALL]
