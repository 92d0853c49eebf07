"""Alarms that nobody acknowledges: told when their muting ends, told again each half hour, and told up the ladder.

All that is due follows from the ledger: when an alarm was told, and which notices stand there. So a restart forgets
nothing, and what fell due meanwhile is made up for by one notice, not by many.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from alerts.telling import batched, facts_of, group_of, severity_of, standing_keys, tell_began, told_at
from sheetal.contracts.limits import MINUTE_MS
from sheetal.ledger import assets, judgement_writes, mutes
from sheetal.ledger.alarms import unacknowledged
from sheetal.ledger.checks_due import zone_of
from sheetal.ledger.judgements import Severity
from sheetal.ledger.ladders import AFTER_MINUTES_MAX, ladders

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.alarms import Alarm
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.ladders import Ladders
    from sheetal.ledger.mutes import Muted

UNACKNOWLEDGED, REMINDER = "alarm_unacknowledged", "alarm_reminder"
MS_PER_SECOND = 1_000


class Patience(NamedTuple):
    """The programme's minutes: until the next person is told, and between two reminders."""

    escalate_minutes: int = 15
    remind_minutes: int = 30


class Due(NamedTuple):
    """A notice to be written; `contacts` are the people of one step, nobody in particular where it is empty."""

    key: str
    kind: str
    minutes: int
    contacts: tuple[int, ...] = ()


class Watch(NamedTuple):
    """What all alarms of one turn are looked at with."""

    muted: Muted
    ladders: Ladders
    zones: dict[str, str]
    patience: Patience
    now_ms: int


def escalate(ledger: Ledger, now_ms: int, patience: Patience = Patience()) -> int:  # noqa: B008 -- it never changes
    """Write the notices that are due; gives how many are new. Raises Unavailable."""
    with ledger.read() as conn:
        late = unacknowledged(conn)
        told = told_at(conn, late)
        watch = Watch(mutes.muted_at(conn, now_ms), ladders(conn), _zones(conn), patience, now_ms)
        wanted = {one.id: due_of(one, told.get(one.id), watch) for one in late}
        standing = standing_keys(conn, [due.key for found in wanted.values() for due in found])
    work = [(one, [due for due in wanted[one.id] if due.key not in standing]) for one in late]
    work = [(one, due) for one, due in work if due or (one.id not in told and not _is_muted(one, watch))]
    written = 0
    for part in batched(work):
        with ledger.write() as conn:
            written += sum(_write(conn, one, due, watch, is_told=one.id in told) for one, due in part)
    return written


def due_of(one: Alarm, told_ms: int | None, watch: Watch) -> list[Due]:
    """The notices that an unacknowledged alarm calls for by now (pure).

    Nothing before it was told or after a week, nothing while it is muted, and nothing for what can wait for office
    hours. An alarm that is over goes up the ladder like any other, but nobody is reminded of it.
    """
    if told_ms is None or _is_muted(one, watch) or severity_of(one.kind) is not Severity.URGENT:
        return []
    waited = (watch.now_ms - told_ms) // MINUTE_MS
    if waited > AFTER_MINUTES_MAX:
        return []
    found = _up_the_ladder(one, waited, watch)
    turn = waited // watch.patience.remind_minutes
    if turn and one.cleared_at_ms is None:
        found.append(Due(f"{REMINDER}/{one.id}/{turn}", REMINDER, waited))
    return found


def minute_of_day(now_ms: int, zone: str) -> int:
    """The minute of the day by a place's own clock."""
    there = datetime.fromtimestamp(now_ms // MS_PER_SECOND, zone_of(zone))
    return there.hour * 60 + there.minute


def _is_muted(one: Alarm, watch: Watch) -> bool:
    return watch.muted.window_of(one.facility_id, one.appliance_id, one.kind) is not None


def _up_the_ladder(one: Alarm, waited: int, watch: Watch) -> list[Due]:
    """The steps due; where the ladder leads to nobody at this hour, everybody after the programme's patience."""
    minute = minute_of_day(watch.now_ms, watch.zones[one.facility_id])
    steps = [step for step in watch.ladders.due(one.facility_id, waited, minute) if step.after_minutes > 0]
    key = f"{UNACKNOWLEDGED}/{one.id}"
    if steps:
        return [Due(f"{key}/{step.id}", UNACKNOWLEDGED, waited, (step.contact_id,)) for step in steps]
    has_later = any(step.after_minutes > waited and step.covers(minute) for step in watch.ladders.of(one.facility_id))
    return [] if waited < watch.patience.escalate_minutes or has_later else [Due(key, UNACKNOWLEDGED, waited)]


def _write(conn: Connection, one: Alarm, due: list[Due], watch: Watch, *, is_told: bool) -> int:
    written = 0 if is_told else int(tell_began(conn, one, watch.muted, watch.now_ms))
    for notice in due:
        facts = facts_of(conn, one) | {"minutes": notice.minutes}
        if notice.contacts:
            facts["contacts"] = list(notice.contacts)
        written += judgement_writes.add_notice(
            conn,
            notice.key,
            notice.kind,
            one.facility_id,
            facts,
            watch.now_ms,
            group_key=group_of(one.facility_id),
        )
    return written


def _zones(conn: Connection) -> dict[str, str]:
    return {place.id: place.time_zone for place in assets.facilities(conn)}
