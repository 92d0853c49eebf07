"""What a person writes into the forms of alarms, windows and checks, taken apart (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from portal.errors import FieldProblem
from portal.formats import MINUS
from portal.language import marked
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.ledger.base import EPOCH_MS_MAX
from sheetal.ledger.checks_due import zone_of
from sheetal.ledger.mutes import KINDS, WINDOW_MS_MAX, NewMute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sheetal.ledger.ladders import Ladders

MS_PER_SECOND = 1_000
CENTI = 100
CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX = -10_000, 8_000
"""What a thermometer of a vaccine store can show."""
INITIALS_MAX = 8
WINDOW_MS = 2 * HOUR_MS
_DEGREES = re.compile(r"([+-]?)(\d{1,3})(?:[.,](\d{1,2}))?")


@dataclass(frozen=True)
class Escalation:
    """Who is told next of an alarm that nobody acknowledges, and when; `contact_id` None is everybody."""

    at_ms: int
    contact_id: int | None


@dataclass(frozen=True)
class CheckRead:
    """A reading by eye as it was written down."""

    checked_at_ms: int
    centi_celsius: int
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    initials: str


def centi_celsius_of(text: str, field: str) -> int:
    """`4.5`, `4,5`, `−0.9` as centi-degrees; raises FieldProblem."""
    found = _DEGREES.fullmatch(text.strip().replace(MINUS, "-").removesuffix("°C").strip())
    if found is None:
        raise FieldProblem(marked("Write the temperature in °C, such as 4.5"), field=field)
    sign, whole, parts = found.groups()
    value = (int(whole) * CENTI + int((parts or "0").ljust(2, "0"))) * (-1 if sign == "-" else 1)
    if not CENTI_CELSIUS_MIN <= value <= CENTI_CELSIUS_MAX:
        raise FieldProblem(marked("Write the temperature in °C, such as 4.5"), field=field)
    return value


def instant_of(text: str, zone: str, field: str) -> int:
    """`2026-11-23T14:20` by a place's own clock, as an instant that the ledger can keep; raises FieldProblem."""
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise FieldProblem(marked("Write day and time, such as 2026-11-23T14:20"), field=field) from error
    at_ms = round(local.replace(tzinfo=zone_of(zone)).timestamp()) * MS_PER_SECOND
    if local.tzinfo is not None or not 0 <= at_ms <= EPOCH_MS_MAX:
        raise FieldProblem(marked("Write day and time, such as 2026-11-23T14:20"), field=field)
    return at_ms


def written(at_ms: int, zone: str) -> str:
    """An instant as a form's field takes it: `2026-11-23T14:20` by a place's own clock."""
    return datetime.fromtimestamp(at_ms // MS_PER_SECOND, zone_of(zone)).strftime("%Y-%m-%dT%H:%M")


def mute_of(fields: Mapping[str, str], facility_id: str, zone: str, now_ms: int) -> NewMute:
    """A muting window as it was asked for; raises FieldProblem that names the field."""
    from_ms = instant_of(fields["from"], zone, "from")
    until_ms = instant_of(fields["until"], zone, "until")
    if until_ms <= max(from_ms, now_ms):
        raise FieldProblem(marked("The end lies after the beginning, and in the future."), field="until")
    if until_ms - from_ms > WINDOW_MS_MAX:
        raise FieldProblem(marked("At most seven days at a time."), field="until")
    if until_ms > now_ms + WINDOW_MS_MAX:
        raise FieldProblem(marked("At most seven days from now; a longer silence is decided again."), field="until")
    if fields["kind"] and fields["kind"] not in KINDS:
        raise FieldProblem(marked("Choose a kind of alarm, or all."), field="kind")
    if not fields["reason"].strip():
        raise FieldProblem(marked("Write why nobody is to be told, for example “Defrosting”."), field="reason")
    return NewMute(
        facility_id=facility_id,
        appliance_id=fields["appliance"] or None,
        kind=fields["kind"] or None,
        from_ms=from_ms,
        until_ms=until_ms,
        reason=fields["reason"].strip(),
    )


def check_of(fields: Mapping[str, str], zone: str, now_ms: int) -> CheckRead:
    """A check as it was written down; raises FieldProblem that names the field."""
    at_ms = instant_of(fields["at"], zone, "at")
    # The field knows no seconds: what was written within this minute is now.
    if now_ms < at_ms < now_ms + MINUTE_MS:
        at_ms = now_ms
    if at_ms > now_ms:
        raise FieldProblem(marked("A reading cannot lie in the future."), field="at")
    value = centi_celsius_of(fields["now"], "now")
    low = centi_celsius_of(fields["low"], "low") if fields["low"].strip() else None
    high = centi_celsius_of(fields["high"], "high") if fields["high"].strip() else None
    if low is not None and low > value:
        raise FieldProblem(marked("The lowest cannot lie above the temperature now."), field="low")
    if high is not None and high < value:
        raise FieldProblem(marked("The highest cannot lie below the temperature now."), field="high")
    initials = fields["initials"].strip()
    if not 1 <= len(initials) <= INITIALS_MAX:
        raise FieldProblem(marked("Write your initials, at most 8 letters."), field="initials")
    return CheckRead(at_ms, value, low, high, initials)


def escalation_of(
    facility_id: str,
    told_ms: int,
    ladders: Ladders,
    escalate_minutes: int,
    now_ms: int,
) -> Escalation | None:
    """The next telling of an unacknowledged alarm; None when all have been told. The hours on duty are left aside."""
    waited = (now_ms - told_ms) // MINUTE_MS
    ahead = [step for step in ladders.of(facility_id) if step.after_minutes > max(waited, 0)]
    if ahead:
        return Escalation(told_ms + ahead[0].after_minutes * MINUTE_MS, ahead[0].contact_id)
    has_steps = any(step.after_minutes > 0 for step in ladders.of(facility_id))
    if has_steps or waited >= escalate_minutes:
        return None
    return Escalation(told_ms + escalate_minutes * MINUTE_MS, None)
