"""The words of the pages of alarms, windows and checks by code, as msgids (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal import formats
from portal.errors import FieldProblem
from portal.language import marked
from sheetal.ledger.alarms import AlarmEnd, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.cold_chain.alarm_views import CheckPage, ToldLine
    from portal.cold_chain.views import AlarmLine
    from portal.cold_chain.words import Translator

CENTI = 100
ORIGINS = {Origin.DEVICE.value: marked("says the gateway"), Origin.SERVER.value: marked("says the server")}
ENDS = {
    AlarmEnd.SENSOR_FAULT.value: ("N1", marked("The probe was at fault, not the appliance")),
    AlarmEnd.LOST_CONTACT.value: ("N3", marked("Contact is lost, and nobody can fix it now")),
}
ENDED = {
    AlarmEnd.FIXED.value: marked("Fixed"),
    AlarmEnd.SENSOR_FAULT.value: marked("Probe fault"),
    AlarmEnd.LOST_CONTACT.value: marked("Contact lost"),
}
MUTED_KINDS = {
    "freeze": marked("Freezing"),
    "heat": marked("Warm"),
    "no_data": marked("No data"),
    "missed_check": marked("Check missed"),
    "needs_attention": marked("Needs attention"),
    "spoilage_warning": marked("Limit near"),
}
TITLES = {
    "freeze": marked("%(appliance)s is freezing"),
    "heat": marked("%(appliance)s is warm"),
    "no_data": marked("%(appliance)s is silent"),
    "missed_check": marked("%(appliance)s was not checked"),
    "needs_attention": marked("%(appliance)s needs attention"),
    "spoilage_warning": marked("%(appliance)s nears a limit"),
}


def title(alarm: AlarmLine, say: Translator) -> str:
    """`ILR-2 is warm`."""
    return say(TITLES[alarm.kind], appliance=alarm.appliance_name or alarm.sensor or alarm.facility_name)


def detail(kind: str, facts: Mapping[str, object], language: str, say: Translator) -> str:
    """What an alarm of the server rests on, in one sentence; empty where its figures say all."""
    if kind == "needs_attention":
        text = marked("Hot for %(hot_percent)s percent of the last %(days)s days; alarms in that time: %(alarms)s.")
        return say(text, **facts)
    if kind == "spoilage_warning":
        sooner = formats.minutes(_whole(facts.get("minutes_low")), language)
        return say(
            marked("Its stock reaches a hold rule in about %(span)s, maybe in %(sooner)s, if it goes on like this."),
            span=formats.minutes(_whole(facts.get("minutes")), language),
            sooner=sooner,
        )
    if kind == "missed_check":
        return say(marked("Nobody has read its thermometer since the hour at which that was due."))
    return ""


def told_line(line: ToldLine, language: str, say: Translator) -> str:
    """What became of the notice of an alarm."""
    if line.told is None:
        return say(marked("not told: muted")) if line.mute is not None else say(marked("not told yet"))
    if line.told.sent_at_ms is None:
        return say(marked("on its way since %(time)s"), time=formats.clock(line.told.written_at_ms))
    time = formats.moment(line.told.sent_at_ms, language)
    if line.told.reached < line.told.asked:
        facts = {"reached": line.told.reached, "asked": line.told.asked, "time": time}
        return say(marked("told %(time)s, %(reached)s of %(asked)s people"), **facts)
    return say(marked("told %(time)s"), time=time)


def end_problem(ended_as: str, comment: str) -> FieldProblem | None:
    """What is missing where a person ends an alarm."""
    if ended_as not in ENDS:
        return FieldProblem(marked("Choose how it ends."), field="ended_as")
    if not comment.strip():
        return FieldProblem(
            marked("Write how you know, for example “Two other thermometers read 4 °C”."), field="end_comment"
        )
    return None


def prepared_check(page: CheckPage, at: str) -> dict[str, str]:
    """The fields of a check as they are filled in before anybody writes."""
    return {
        "at": at,
        "now": "",
        "low": _degrees(page.low),
        "high": _degrees(page.high),
        "initials": "",
        "done": "",
    }


def _degrees(centi_celsius: int | None) -> str:
    return "" if centi_celsius is None else f"{centi_celsius / CENTI:.1f}"


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
