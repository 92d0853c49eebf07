"""The words of the pages of contacts and reports (pure)."""

from __future__ import annotations

import re

from portal.errors import FieldProblem
from portal.language import marked
from sheetal.ledger.contacts import ChannelKind, Hears

HEARS = {
    Hears.URGENT: marked("Alarms, holds and escalations"),
    Hears.ROUTINE: marked("What can wait"),
    Hears.DIGEST: marked("The digest each morning"),
    Hears.REPORT: marked("The report each month"),
}
CHANNELS = {
    ChannelKind.EMAIL: marked("Mail"),
    ChannelKind.SMS: marked("SMS"),
    ChannelKind.CHAT: marked("Chat"),
    ChannelKind.WEBHOOK: marked("Webhook"),
}
KINDS = {
    "holding_held": marked("Holding held"),
    "holding_gap": marked("Unknown time"),
    "device_alarm": marked("Alarm"),
    "server_alarm": marked("Alarm"),
    "alarm_unacknowledged": marked("Escalation"),
    "alarm_reminder": marked("Reminder"),
    "device_alarm_cleared": marked("End of an alarm"),
    "server_alarm_cleared": marked("End of an alarm"),
    "lot_held": marked("Lot held"),
    "daily_digest": marked("Daily digest"),
    "monthly_report": marked("Monthly report"),
}
REFUSALS = {
    "no_name": (marked("Write the post, for example “Cold chain officer, North”."), "name"),
    "no_address": (marked("Write one to four addresses, one on each line."), "addresses"),
    "bad_address": (
        marked(
            "One of these is not the address of a channel. It begins like mailtos://, smseagles://, mmosts:// or jsons://."
        ),
        "addresses",
    ),
    "bad_option": (
        marked("One of these has an option behind its ? that is not taken here, such as a file, a wait or a retry."),
        "addresses",
    ),
    "hears_nothing": (marked("Choose what this contact is told."), "hears"),
    "bad_minutes": (marked("Write minutes from 0 to 10080."), "after_minutes"),
    "bad_hours": (marked("Begin and end must differ."), "from"),
}
SCHEMES_SHOWN = ("mailtos://", "smseagles://", "mmosts://", "jsons://")
TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
DAY_MINUTES = 1_440


def refusal(reason: object) -> FieldProblem | None:
    """The problem at the field that a refusal of the ledger is about; None for any other."""
    found = REFUSALS.get(str(reason))
    return None if found is None else FieldProblem(found[0], field=found[1])


def minute_of(typed: str, *, is_end: bool) -> int:
    """`22:00` as the minute of the day; an end at midnight is the day's. Raises FieldProblem."""
    found = TIME.fullmatch(typed.strip())
    if found is None:
        raise FieldProblem(marked("Write a time like 08:30."), field="until" if is_end else "from")
    minute = int(found[1]) * 60 + int(found[2])
    return DAY_MINUTES if is_end and minute == 0 else minute


def clock_of(minute: int) -> str:
    """The minute of the day as `22:00`; the day's end is `24:00`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def minutes_of(typed: str) -> int:
    """A number of minutes as it was typed; raises FieldProblem."""
    text = typed.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= len("10080")):
        raise FieldProblem(REFUSALS["bad_minutes"][0], field="after_minutes")
    return int(text)
