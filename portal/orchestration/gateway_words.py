"""The words of the gateways' pages, by what they stand for; each is translated where it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import segno

from portal.errors import FieldProblem
from portal.formats import INDIA, duration, number
from portal.language import marked
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.twin import CommandKind, TwinState
from sheetal.ledger.telemetry_holes import TIMES_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from portal.orchestration.gateways import Order
    from sheetal.ledger.telemetry import SequenceGap

SPAN_MS_MAX = 60 * DAY_MS
"""Gateways keep what was delivered for 60 days."""
BOOT_RANDOM_BITS = 32

STATES = {
    "online": ("ok", marked("online")),
    "offline": ("nodata", marked("offline")),
    "never": ("nodata", marked("never heard")),
    "retired": ("nodata", marked("retired")),
}
TWINS = {
    TwinState.AS_INSTALLED: ("ok", marked("as installed")),
    TwinState.TRIAL: ("adv", marked("on trial")),
    TwinState.APPLIED: ("ok", marked("applied")),
    TwinState.REFUSED: ("stop", marked("refused")),
    TwinState.ROLLED_BACK: ("stop", marked("rolled back")),
}
PENDING = ("adv", marked("not taken yet"))
ORDERS = {
    CommandKind.IDENTIFY: marked("Identify"),
    CommandKind.TEST_ALARM: marked("Test alarm"),
    CommandKind.SEND_LOG: marked("Fetch the log"),
    CommandKind.RESEND: marked("Send again"),
}
ORDER_NOTES = {
    CommandKind.IDENTIFY: marked("It shows itself to whoever stands in front of it."),
    CommandKind.TEST_ALARM: marked("It sounds its alarm for a moment."),
    CommandKind.SEND_LOG: marked("It sends the newest lines of its log."),
}
ORDER_STATES = {
    "waiting": ("adv", marked("waits")),
    "sent": ("adv", marked("sent")),
    "done": ("ok", marked("done")),
    "failed": ("stop", marked("failed")),
    "no_answer": ("nodata", marked("no answer")),
}
CLOCKS = {
    "ntp": marked("network time"),
    "ack": marked("time from ingest"),
    "rtc": marked("its own clock"),
    "none": marked("no clock"),
}
FIELDS = {
    "interval_ms": (marked("Interval, seconds"), marked("How often it is read.")),
    "range_min_centi_celsius": (marked("Range from, °C"), marked("Readings outside go at once.")),
    "range_max_centi_celsius": (marked("Range to, °C"), ""),
    "freeze_alarm_centi_celsius": (marked("Freeze alarm, °C"), ""),
    "freeze_alarm_minutes": (marked("for, minutes"), marked("0 switches this alarm off.")),
    "heat_alarm_centi_celsius": (marked("Heat alarm, °C"), ""),
    "heat_alarm_minutes": (marked("for, minutes"), marked("0 switches this alarm off.")),
}
SPAN_FIELDS = ("span_from", "span_until")


def skew(offset_ms: int, language: str, say: Callable[..., str]) -> str:
    """How far a gateway's clock is from ours; the offset is ours minus its own."""
    span = duration(abs(offset_ms), language)
    return say(marked("%(span)s slow"), span=span) if offset_ms > 0 else say(marked("%(span)s fast"), span=span)


def outcome_line(order: Order, say: Callable[..., str]) -> str:
    """What came of an order beyond its state: why it failed, or how much goes again."""
    if order.outcome is None or (order.outcome.done and order.command.kind is not CommandKind.RESEND):
        return ""
    detail = order.outcome.detail
    if order.outcome.done and detail.isdecimal():
        return say(marked("%(count)s readings go again"), count=detail)
    return detail


def numbers_line(gap: SequenceGap, say: Callable[..., str]) -> str:
    """Which numbers of which start are missing; a boot is its counter and 32 random bits."""
    boot, first, last = gap.boot >> BOOT_RANDOM_BITS, number(gap.first_sequence), number(gap.last_sequence)
    if gap.numbers == 1:
        return say(marked("start %(boot)s, number %(first)s"), boot=boot, first=first)
    return say(marked("start %(boot)s, numbers %(first)s to %(last)s"), boot=boot, first=first, last=last)


def is_given_up(gap: SequenceGap) -> bool:
    """Whether the gateway was asked for it as often as it ever is."""
    return gap.times >= TIMES_MAX


def qr_svg(text: str) -> str:
    """A QR code as a data address for an image: version as needed, error correction M, four modules of margin."""
    return str(segno.make(text, error="m", micro=False).svg_data_uri(border=4, scale=4, light="#ffffff"))


def pairing(portal_url: str, gateway_id: str, code: str) -> str:
    """What the QR code on the label says: three words, no address that a phone would open and so tell the code."""
    return f"{gateway_id} {code} {portal_url}"


def command(portal_url: str, gateway_id: str) -> str:
    """What a person types on the gateway."""
    return f"python -m edge_agent enrol --portal {portal_url} --gateway {gateway_id}"


def span_of(from_text: str, until_text: str, now_ms: int) -> tuple[int, int]:
    """The half-open span a person typed, in India's time; raises FieldProblem."""
    from_ms, until_ms = _instant(from_text, SPAN_FIELDS[0]), _instant(until_text, SPAN_FIELDS[1])
    if from_ms >= until_ms:
        raise FieldProblem(marked("The end must be later than the beginning."), field=SPAN_FIELDS[1])
    if from_ms > now_ms or now_ms - from_ms > SPAN_MS_MAX:
        raise FieldProblem(marked("Choose a time within the last 60 days."), field=SPAN_FIELDS[0])
    return from_ms, until_ms


def _instant(text: str, name: str) -> int:
    try:
        typed = datetime.fromisoformat(text)
        return round((typed if typed.tzinfo else typed.replace(tzinfo=INDIA)).timestamp() * 1_000)
    except (ValueError, OverflowError) as error:
        raise FieldProblem(marked("Enter a date and a time."), field=name) from error
