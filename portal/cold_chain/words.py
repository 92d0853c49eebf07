"""The words of the cold-chain pages by code, as msgids, and the chart's JSON (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from portal import formats
from portal.cold_chain.ahead import line as ahead_line
from portal.cold_chain.rules import Standing, State, Trouble
from portal.cold_chain.work import limit_words
from portal.errors import FieldProblem
from portal.language import marked
from sheetal.contracts.disposition import Disposition, EvidenceKind, RefusalReason
from sheetal.contracts.limits import MINUTE_MS, Side
from sheetal.ledger.alarms import AlarmCause

if TYPE_CHECKING:
    from portal.cold_chain.chart import Watched
    from portal.cold_chain.rules import LimitUsed, WorkRow
    from portal.cold_chain.views import AlarmLine, Chart
    from sheetal.contracts.verdict import Reached, Run
    from sheetal.thermal.runs import Gap

HALF_MS = 2


class Translator(Protocol):
    """gettext with facts."""

    def __call__(self, text: str, **facts: object) -> str:
        """The text in the page's language, its places filled."""


TROUBLE_WORDS = {
    Trouble.FREEZING: marked("Freezing"),
    Trouble.WARM: marked("Warm"),
    Trouble.NO_DATA: marked("No data"),
    Trouble.HELD: marked("Held"),
    Trouble.NOT_JUDGED: marked("Not judged"),
    Trouble.WARMING: marked("Warming"),
    Trouble.COOLING: marked("Cooling"),
}
TROUBLE_TONES = {Trouble.NOT_JUDGED: "nodata", Trouble.WARMING: "adv", Trouble.COOLING: "adv"}
STATE_WORDS = {
    State.FREEZING: marked("Freezing"),
    State.WARM: marked("Warm"),
    State.NO_DATA: marked("No data"),
    State.IN_RANGE: marked("In range"),
}
STATE_FOR = {
    State.FREEZING: marked("Freezing for %(span)s"),
    State.WARM: marked("Warm for %(span)s"),
    State.NO_DATA: marked("No data for %(span)s"),
}
STRIP_WORDS = {
    "f": marked("Freezing"),
    "w": marked("Warm"),
    "n": marked("No data"),
    "h": marked("Holds held stock"),
    "o": marked("In range"),
}
SPAN_WORDS = {"24h": marked("24 h"), "7d": marked("7 days"), "30d": marked("30 days")}
STANDING_WORDS = {
    Standing.USABLE: ("ok", marked("Usable")),
    Standing.USE_FIRST: ("adv", marked("Use first")),
    Standing.HELD: ("held", marked("Held")),
    Standing.NOT_JUDGED: ("nodata", marked("Not judged, do not use")),
    Standing.CANNOT_CONFIRM: ("nodata", marked("Cannot confirm, do not use")),
    Standing.EXPIRED: ("stop", marked("Expired, do not use")),
    Standing.CONDEMNED: ("stop", marked("Condemned, do not use")),
}
DISPOSITION_WORDS = {
    Disposition.AVAILABLE: ("ok", marked("Available")),
    Disposition.QUARANTINED: ("held", marked("Quarantined")),
    Disposition.UNDER_ASSESSMENT: ("held", marked("Under assessment")),
    Disposition.RELEASED: ("ok", marked("Released")),
    Disposition.RELEASED_USE_FIRST: ("adv", marked("Released, use first")),
    Disposition.CONDEMNED: ("stop", marked("Condemned")),
    Disposition.DESTROYED: ("stop", marked("Destroyed")),
}
REFUSAL_WORDS = {
    RefusalReason.UNKNOWN_HOLDING: marked("There is no such holding."),
    RefusalReason.OTHER_FACILITY: marked("It belongs to another facility."),
    RefusalReason.OTHER_PRODUCT: marked("It is another product."),
    RefusalReason.HELD: marked("It is held."),
    RefusalReason.CONDEMNED: marked("It is condemned."),
    RefusalReason.EXPIRED: marked("It has expired."),
    RefusalReason.NO_DOSES_LEFT: marked("No dose is left."),
    RefusalReason.GAP: marked("There is a time without data that nobody has explained."),
    RefusalReason.NOT_REJUDGED: marked("Its last move is still being judged."),
    RefusalReason.NO_STAY: marked("Nobody recorded where it stands."),
    RefusalReason.ENGINE_SILENT: marked("The engine has not judged for ten minutes."),
    RefusalReason.DATA_TOO_OLD: marked("The newest temperature is too old."),
}
ALARM_WORDS = {
    "freeze": ("freeze", marked("Freezing")),
    "heat": ("warm", marked("Warm")),
    "no_data": ("nodata", marked("No data")),
    "missed_check": ("adv", marked("Check missed")),
    "needs_attention": ("adv", marked("Needs attention")),
    "spoilage_warning": ("adv", marked("Limit near")),
}
DRAWN_ALARMS = frozenset({"freeze", "heat", "no_data"})
"""What belongs beside a trace; a flag that stands for a month would hide it."""
CAUSES = {
    AlarmCause.POWER_CUT: ("P1", marked("Mains failure")),
    AlarmCause.APPLIANCE_FAULT: ("E1", marked("Compressor or unit fault")),
    AlarmCause.THERMOSTAT: ("E2", marked("Thermostat set wrong")),
    AlarmCause.SENSOR_FAULT: ("N1", marked("Probe fault")),
    AlarmCause.GATEWAY_FAULT: ("N2", marked("Gateway fault")),
    AlarmCause.LOST_CONTACT: ("N3", marked("Contact lost")),
    AlarmCause.DOOR_OPEN: ("D1", marked("Door left open")),
    AlarmCause.STOCK_LOADED: ("S1", marked("Stock being moved")),
    AlarmCause.DEFROST: ("M1", marked("Defrost or cleaning")),
    AlarmCause.TEST: ("T1", marked("Test")),
    AlarmCause.OTHER: ("U0", marked("Not known yet")),
}
KINDS = {
    "ilr": marked("Ice-lined refrigerator"),
    "deep_freezer": marked("Deep freezer"),
    "walk_in_cooler": marked("Walk-in cooler"),
    "walk_in_freezer": marked("Walk-in freezer"),
    "cold_box": marked("Cold box"),
    "carrier": marked("Vaccine carrier"),
}
EVIDENCE = {
    EvidenceKind.TELEMETRY: marked("live readings"),
    EvidenceKind.LOGGER_FILE: marked("logger file"),
    EvidenceKind.TWICE_DAILY: marked("twice-daily record"),
    EvidenceKind.PACKED_CARRIER: marked("packed carrier"),
}
ACTS = {
    "holding_received": ("ok", marked("Received")),
    "held": ("held", marked("Held")),
    "moved": ("next", marked("Moved")),
    "split": ("next", marked("Split")),
    "thawed": ("next", marked("Thawed")),
    "gap_opened": ("nodata", marked("Time without data marked")),
    "gap_cleared": ("ok", marked("Time without data explained")),
    "doses_wasted": ("stop", marked("Doses wasted")),
    "disposition_set": ("held", marked("Decided")),
    "recall_opened": ("adv", marked("Recall opened")),
    "decision_signed": ("next", marked("Signed")),
    "decision_withdrawn": ("next", marked("Decision withdrawn")),
    "evidence_added": ("next", marked("Evidence added")),
    "vvm_read": ("next", marked("Vial monitor read")),
}

SERVICES = {"alerts": marked("the engine"), "engine": marked("the engine"), "portal.worker": marked("the portal")}
"""What acts without a person, by the name it has in the audit chain."""
POSITION_WORDS = {
    "coldest": marked("coldest point"),
    "coldest point": marked("coldest point"),
    "warmest": marked("warmest point"),
    "warmest point": marked("warmest point"),
    "vial": marked("in a vial"),
    "beside the vials": marked("beside the vials"),
}
"""Where probes usually hang; another place is said in the words of whoever hung it there."""
LETTER_WORDS = {
    "bad_json": marked("Not readable"),
    "wrong_version": marked("Unknown wire version"),
    "foreign_gateway": marked("Spoke for another gateway"),
    "wrong_mac": marked("Seal does not fit"),
    "bad_body": marked("Body not of its kind"),
    "too_big": marked("Too big"),
    "bad_topic": marked("Unknown topic"),
    "unprocessable": marked("Could not be taken apart"),
    "unknown_gateway": marked("Unknown gateway"),
    "foreign_sensor": marked("Sensor of another gateway"),
    "implausible": marked("Impossible temperature"),
    "future_stamp": marked("Stamped in the future"),
    "contradicting": marked("Contradicts what is stored"),
    "conflict": marked("Contradicts what is stored"),
    "store_refused": marked("Refused by the store"),
}


def trouble_tone(trouble: Trouble) -> str:
    """The glyph and tone of a worklist row."""
    return TROUBLE_TONES.get(trouble, trouble.value)


def next_action(row: WorkRow, say: Translator) -> str:
    """What to do about a row, verb first."""
    if row.trouble is Trouble.HELD:
        return say(marked("Assess held stock"))
    if row.trouble is Trouble.NOT_JUDGED:
        return say(marked("Explain the gap"))
    if row.move_to is not None:
        return say(marked("Move stock to %(appliance)s"), appliance=row.move_to)
    if row.trouble is Trouble.NO_DATA:
        return say(marked("Call facility, read display"))
    if row.trouble in {Trouble.FREEZING, Trouble.COOLING}:
        return say(marked("Raise thermostat, recheck"))
    return say(marked("Check mains and door"))


def limit_line(row: WorkRow, language: str, say: Translator) -> str:
    """`41 of 60 min at ≤ −0.5 °C`, how much of the holdover silence has used, or when a limit will be passed."""
    if row.limit is not None:
        return used_line(row.limit, language, say)
    return "" if row.ahead is None else ahead_line(row.ahead, language, say)


def used_line(limit: LimitUsed, language: str, say: Translator) -> str:
    """As `limit_line`, of a limit alone."""
    used = formats.minutes(limit.minutes_used, language)
    whole = formats.minutes(limit.minutes_limit, language)
    rule = limit.rule
    if rule is None:
        return say(marked("%(used)s of %(limit)s without data"), used=used, limit=whole)
    sign = formats.limit(rule.limit_centi_celsius, inclusive=rule.inclusive, cold=rule.side is Side.COLD)
    return say(marked("%(used)s of %(limit)s at %(sign)s"), used=used, limit=whole, sign=sign)


def hold_line(hit: Reached, say: Translator) -> str:
    """`Frozen: at or below −0.5 °C for 74 min, limit 60 min`."""
    found = limit_words(hit.rule)
    minutes = max(hit.minutes_confirmed, hit.minutes_possible if hit.minutes_confirmed < hit.rule.minutes else 0)
    text = (
        marked("Frozen: %(limit)s for %(minutes)s min, limit %(rule)s min")
        if hit.rule.side is Side.COLD
        else marked("Too warm: %(limit)s for %(minutes)s min, limit %(rule)s min")
    )
    said = {"minutes": formats.number(minutes), "rule": formats.number(hit.rule.minutes)}
    return say(text, limit=say(found.text, **found.facts), **said)


def position(text: str, say: Translator) -> str:
    """Where a probe hangs."""
    return say(POSITION_WORDS[text]) if text in POSITION_WORDS else text


def acknowledgement_problem(cause: str, comment: str) -> FieldProblem | None:
    """What is missing in an acknowledgement."""
    if cause not in set(AlarmCause):
        return FieldProblem(marked("Choose a cause."), field="cause")
    if not comment.strip():
        return FieldProblem(
            marked("Write what was done, for example “Technician called, generator on by 16:00”."),
            field="comment",
        )
    return None


def chart_json(found: Chart, language: str, say: Translator) -> dict[str, object]:
    """All that the chart script draws; temperatures in centi-degrees, times in ms."""
    points = found.drawn.points
    return {
        "sensor": found.sensor,
        "from_ms": found.from_ms,
        "until_ms": found.until_ms,
        "at": [point.at_ms for point in points],
        "mean": [None if point.mean is None else round(point.mean) for point in points],
        "low": [point.low for point in points],
        "high": [point.high for point in points],
        "band": [found.watched.centi_celsius_min, found.watched.centi_celsius_max],
        "limits": _limits(found.watched, language, say),
        "gaps": [_gap(gap, language, say) for gap in found.drawn.gaps],
        "runs": [_run(run, number, language, say) for number, run in enumerate(found.drawn.runs, 1)],
        "stays": [
            {"from_ms": start, "until_ms": end, "text": say(marked("%(count)s holdings"), count=count)}
            for start, end, count in found.stays
        ],
        "alarms": [_alarm(alarm, found, say) for alarm in found.alarms if alarm.kind in DRAWN_ALARMS],
        "words": {
            "band": say(
                marked("Storage range %(low)s to %(high)s"),
                low=formats.degrees(found.watched.centi_celsius_min, signed=True),
                high=formats.temperature(found.watched.centi_celsius_max, signed=True),
            ),
            "stays": say(marked("Stays")),
            "alarms": say(marked("Alarms")),
            "now": say(marked("now")),
        },
    }


def _limits(watched: Watched, language: str, say: Translator) -> list[dict[str, object]]:
    heat = {
        "side": "hot",
        "at": watched.heat_centi_celsius,
        "short": formats.limit(watched.heat_centi_celsius, inclusive=False, cold=False),
        "text": say(
            marked("Heat limit: above %(limit)s for %(span)s"),
            limit=formats.temperature(watched.heat_centi_celsius, signed=True),
            span=formats.duration(watched.heat_minutes * MINUTE_MS, language),
        ),
    }
    if watched.freeze_centi_celsius is None:
        return [heat]
    freeze = {
        "side": "cold",
        "at": watched.freeze_centi_celsius,
        "short": formats.limit(watched.freeze_centi_celsius, inclusive=True, cold=True),
        "text": say(
            marked("Freeze limit: at or below %(limit)s for %(minutes)s min"),
            limit=formats.temperature(watched.freeze_centi_celsius, signed=True),
            minutes=watched.freeze_minutes,
        ),
    }
    return [heat, freeze]


def _gap(gap: Gap, language: str, say: Translator) -> dict[str, object]:
    span = formats.duration(gap.until_ms - gap.from_ms, language)
    return {"from_ms": gap.from_ms, "until_ms": gap.until_ms, "text": say(marked("Unknown")), "span": span}


def _run(run: Run, number: int, language: str, say: Translator) -> dict[str, object]:
    confirmed = formats.duration(run.confirmed_half_ms // HALF_MS, language)
    possible = formats.duration(run.possible_half_ms // HALF_MS, language)
    if run.open:
        text = say(marked("Run %(number)s, ongoing %(span)s"), number=number, span=confirmed)
    else:
        text = say(
            marked("Run %(number)s: %(span)s, at most %(possible)s"),
            number=number,
            span=confirmed,
            possible=possible,
        )
    return {"side": run.side.value, "from_ms": run.first_ms, "until_ms": run.last_ms, "text": text, "open": run.open}


def _alarm(alarm: AlarmLine, found: Chart, say: Translator) -> dict[str, object]:
    tone, text = ALARM_WORDS[alarm.kind]
    until_ms = found.until_ms if alarm.cleared_at_ms is None else alarm.cleared_at_ms
    return {"from_ms": max(alarm.began_at_ms, found.from_ms), "until_ms": until_ms, "tone": tone, "text": say(text)}
