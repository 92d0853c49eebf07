"""A refusal in the vaccinator's words: what happened, in one line and one sentence, then numbered steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from portal import formats
from portal.language import marked
from sheetal.contracts.disposition import RefusalReason
from sheetal.contracts.limits import Side
from sheetal.ledger.gate import JUDGED_BOUND_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.vaccinator.schemas import Answer
    from sheetal.contracts.problem import Refused
    from sheetal.contracts.verdict import Reached, Verdict

    Translate = Callable[..., str]

SCAN_LABEL = "scan_label"
CANNOT_CONFIRM = frozenset(
    {
        RefusalReason.GAP,
        RefusalReason.NOT_REJUDGED,
        RefusalReason.NO_STAY,
        RefusalReason.ENGINE_SILENT,
        RefusalReason.DATA_TOO_OLD,
    },
)
CANNOT_CONFIRM_TITLE = marked("Cannot confirm this vial")
TITLES: dict[str, str] = {
    RefusalReason.UNKNOWN_HOLDING: marked("Unknown label"),
    RefusalReason.OTHER_FACILITY: marked("Stock of another facility"),
    RefusalReason.OTHER_PRODUCT: marked("Another vaccine"),
    RefusalReason.HELD: marked("Held"),
    RefusalReason.CONDEMNED: marked("Condemned"),
    RefusalReason.EXPIRED: marked("Expired"),
    RefusalReason.NO_DOSES_LEFT: marked("No doses left"),
    SCAN_LABEL: marked("Scan the holding's own label"),
}
DETAILS: dict[str, str] = {
    RefusalReason.UNKNOWN_HOLDING: marked("No holding has this label."),
    RefusalReason.OTHER_FACILITY: marked("This holding belongs to another facility."),
    RefusalReason.OTHER_PRODUCT: marked("This session gives another vaccine."),
    RefusalReason.HELD: marked("A named person must decide about this holding first."),
    RefusalReason.CONDEMNED: marked("This holding was condemned."),
    RefusalReason.EXPIRED: marked("The lot's last day has passed."),
    RefusalReason.NO_DOSES_LEFT: marked("Every dose of this holding is used."),
    RefusalReason.GAP: marked("Nobody knows how it was kept since %(moment)s. A new reading does not change that."),
    RefusalReason.NOT_REJUDGED: marked("It has just moved and is still being judged."),
    RefusalReason.NO_STAY: marked("Nobody recorded where it stands."),
    RefusalReason.ENGINE_SILENT: marked("Nothing has been judged for %(age)s. A judgement counts for %(bound)s."),
    RefusalReason.DATA_TOO_OLD: marked("The newest temperature is %(age)s old. It counts for %(bound)s."),
}
# Where nothing is known at all there is no age to tell.
DETAILS_OF_NOTHING: dict[str, str] = {
    RefusalReason.ENGINE_SILENT: marked("Nothing has been judged here yet."),
    RefusalReason.DATA_TOO_OLD: marked("No temperature is known here yet."),
}
PUT_ASIDE = marked("Put this vial in the HELD box. Do not throw it away.")
KEEP_IN_CARRIER = marked("Keep this vial in the carrier, lid closed. It may well be good.")
TRY_AGAIN = marked("Wait a minute, then try again.")
TAKE_BELOW = marked("Take the vial below and scan it.")
CALL = marked("Call the cold-chain officer before you go on.")
FIRST_STEPS: dict[str, tuple[str, ...]] = {
    RefusalReason.UNKNOWN_HOLDING: (
        marked("Scan the label again, or type it letter by letter."),
        marked("Still unknown? Keep this vial cold and apart."),
    ),
    RefusalReason.OTHER_FACILITY: (marked("Keep this vial cold and apart. It must be transferred before use."),),
    RefusalReason.OTHER_PRODUCT: (marked("Put this vial back into the cold."),),
    RefusalReason.HELD: (PUT_ASIDE,),
    RefusalReason.CONDEMNED: (marked("Put this vial with the condemned stock."),),
    RefusalReason.EXPIRED: (marked("Put this vial with the expired stock."),),
    RefusalReason.NO_DOSES_LEFT: (marked("A vial is left all the same? Keep it cold and have the stock counted."),),
    RefusalReason.GAP: (KEEP_IN_CARRIER, marked("The officer reads out its logger, or decides.")),
    RefusalReason.NOT_REJUDGED: (KEEP_IN_CARRIER, TRY_AGAIN),
    RefusalReason.NO_STAY: (KEEP_IN_CARRIER, marked("Have its refrigerator or carrier recorded.")),
    RefusalReason.ENGINE_SILENT: (KEEP_IN_CARRIER, TRY_AGAIN),
    RefusalReason.DATA_TOO_OLD: (KEEP_IN_CARRIER, TRY_AGAIN),
    SCAN_LABEL: (marked("Scan the label on the holding's box, not the vial."),),
}
OF_RUN = {
    Side.COLD: (
        marked("Frozen on %(day)s"),
        marked("Lot %(lot)s was at %(extreme)s. It was freezing for %(minutes)s min; the limit is %(limit)s."),
        marked(
            "Lot %(lot)s was at %(extreme)s. It may have been freezing for %(minutes)s min; the limit is %(limit)s."
        ),
    ),
    Side.HOT: (
        marked("Too warm on %(day)s"),
        marked("Lot %(lot)s was at %(extreme)s. It was too warm for %(minutes)s min; the limit is %(limit)s."),
        marked(
            "Lot %(lot)s was at %(extreme)s. It may have been too warm for %(minutes)s min; the limit is %(limit)s."
        ),
    ),
}
OF_SUM = {
    Side.COLD: (
        marked("Too cold for too long"),
        marked("Lot %(lot)s was too cold for %(minutes)s min in all; the limit is %(limit)s."),
    ),
    Side.HOT: (
        marked("Too warm for too long"),
        marked("Lot %(lot)s was too warm for %(minutes)s min in all; the limit is %(limit)s."),
    ),
}


@dataclass(frozen=True, slots=True)
class Speaker:
    """The language that is spoken and when."""

    translate: Translate
    language: str
    now_ms: int

    def span(self, span_ms: int) -> str:
        """A duration in words."""
        return formats.duration(span_ms, self.language)


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal as it is shown and answered."""

    reason: str
    title: str
    detail: str
    steps: list[str]
    cannot_confirm: bool = False


def answer_of(refused: Refused | None) -> str:
    """The gate's answer in one fixed word, for counting: `use`, or why not."""
    return "use" if refused is None else reason_of(refused)


def reason_of(refused: Refused) -> str:
    """The refusal's own word."""
    return str(refused.facts.get("reason", refused.code))


def is_of_vial(refused: Refused) -> bool:
    """Whether the refusal concerns the vial; otherwise the person, the code or the post."""
    return reason_of(refused) in FIRST_STEPS


def use(speaker: Speaker) -> Told:
    """The answer of an open gate."""
    return Told("", speaker.translate(marked("USE")), "", [])


def told(answer: Answer, refused: Refused, speaker: Speaker) -> Told:
    """A refusal in the speaker's language."""
    reason = reason_of(refused)
    if not is_of_vial(refused):
        return _of_person(refused, reason, speaker)
    title, detail = _what_happened(answer, refused, reason, speaker)
    return Told(
        reason=reason,
        title=title,
        detail=detail,
        steps=[speaker.translate(step) for step in _steps(answer, reason)],
        cannot_confirm=reason in CANNOT_CONFIRM,
    )


def _of_person(refused: Refused, reason: str, speaker: Speaker) -> Told:
    detail = ""
    if (due_on := refused.facts.get("due_on")) is not None:
        noon = datetime.fromisoformat(f"{due_on}T12:00").replace(tzinfo=UTC)
        day = formats.date(int(noon.timestamp()) * 1_000, speaker.language)
        detail = speaker.translate(marked("It is due on %(day)s."), day=day)
    steps = [speaker.translate(refused.next_step)] if refused.next_step else []
    return Told(reason, speaker.translate(refused.message), detail, steps)


def _what_happened(answer: Answer, refused: Refused, reason: str, speaker: Speaker) -> tuple[str, str]:
    if reason == RefusalReason.HELD and answer.verdict is not None and answer.verdict.reached:
        return _of_verdict(answer, answer.verdict, speaker)
    title = speaker.translate(TITLES.get(reason, CANNOT_CONFIRM_TITLE))
    if reason == SCAN_LABEL:
        return title, speaker.translate(refused.message)
    return title, _detail(refused, reason, speaker)


def _detail(refused: Refused, reason: str, speaker: Speaker) -> str:
    """The sentence with its age and bound, as far as the gate knows them."""
    facts = refused.facts
    if reason == RefusalReason.GAP:
        return speaker.translate(
            DETAILS[reason], moment=formats.moment(_ms(facts, "gap_open_from_ms"), speaker.language)
        )
    since_ms, bound_ms = None, 0
    if reason == RefusalReason.ENGINE_SILENT:
        since_ms, bound_ms = _ms(facts, "judged_through_ms"), JUDGED_BOUND_MS
    elif reason == RefusalReason.DATA_TOO_OLD:
        since_ms, bound_ms = _ms(facts, "known_through_ms"), _ms(facts, "known_bound_ms") or 0
    if since_ms is not None:
        age, bound = speaker.span(speaker.now_ms - since_ms), speaker.span(bound_ms)
        return speaker.translate(DETAILS[reason], age=age, bound=bound)
    return speaker.translate(DETAILS_OF_NOTHING.get(reason, DETAILS[reason]))


def _of_verdict(answer: Answer, verdict: Verdict, speaker: Speaker) -> tuple[str, str]:
    """Frozen or too warm: on which day, how far, how long against which limit; a run before a sum."""
    reached = next((one for one in verdict.reached if one.run is not None), verdict.reached[0])
    side = reached.rule.side
    if reached.run is None:
        title, detail = OF_SUM[side]
        minutes = max(reached.minutes_confirmed, reached.minutes_possible)
        facts = {"lot": answer.batch, "minutes": minutes, "limit": reached.rule.minutes}
        return speaker.translate(title), speaker.translate(detail, **facts)
    title, surely, possibly = OF_RUN[side]
    is_sure = reached.minutes_confirmed >= reached.rule.minutes
    run_facts = {
        "lot": answer.batch,
        "extreme": formats.temperature(reached.run.extreme_centi_celsius),
        "minutes": reached.minutes_confirmed if is_sure else reached.minutes_possible,
        "limit": reached.rule.minutes,
    }
    day = formats.day(_began_ms(reached), speaker.language)
    return speaker.translate(title, day=day), speaker.translate(surely if is_sure else possibly, **run_facts)


def _began_ms(reached: Reached) -> int:
    return reached.run.first_ms if reached.run is not None else reached.compromised_from_ms


def _steps(answer: Answer, reason: str) -> list[str]:
    first = list(FIRST_STEPS[reason])
    if reason == SCAN_LABEL:
        return first
    return [*first, TAKE_BELOW if answer.take_instead else CALL]


def _ms(facts: dict[str, object], name: str) -> int | None:
    value = facts.get(name)
    return value if isinstance(value, int) else None
