"""The first stage: show each new notice on the screens and in the log, and choose who is told."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from alerts.notify.channels.screen import Shown
from alerts.notify.escalate import REMINDER, UNACKNOWLEDGED
from alerts.notify.grouping import AGAIN_MS, first_try_ms, group_of
from alerts.notify.local_time import minute_of_day
from alerts.notify.message import text_of
from sheetal.ledger import assets, contacts, deliveries
from sheetal.ledger.contacts import Hears

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.deliveries import Told

NOTICES_AT_ONCE = 200
NAMED = "contacts"
"""The fact by which an escalation names the contacts that it is for."""
ALARM = "alarm"
"""The fact that a notice of an alarm has."""


def announce(ledger: Ledger, show: Callable[[Shown], object], now_ms: int) -> int:
    """Show and address what is new; gives how many notices. Raises Unavailable.

    It is shown before it is remembered, so a crash shows twice rather than never.
    """
    with ledger.read() as conn:
        new = deliveries.unaddressed(conn, NOTICES_AT_ONCE)
    if not new:
        return 0
    for shown in shown_of(new):
        show(shown)
    with ledger.read() as conn:
        audiences = [_audience(conn, one, now_ms) for one in new]
    with ledger.write() as conn:
        for one, audience in zip(new, audiences, strict=True):
            deliveries.address(conn, one.id, audience, now_ms)
    return len(new)


def shown_of(notices: Sequence[Told]) -> list[Shown]:
    """One line for each facility and group, the oldest first."""
    ordered = sorted(notices, key=lambda one: (group_of(one), one.id))
    bundles = sorted((tuple(found) for _, found in groupby(ordered, key=group_of)), key=lambda bundle: bundle[0].id)
    return [
        Shown(bundle[0].kind, bundle[0].facility_id, text_of(bundle), tuple(one.id for one in bundle))
        for bundle in bundles
    ]


def _audience(conn: Connection, notice: Told, now_ms: int) -> dict[int, int]:
    """Who is told, each from when on."""
    named = notice.facts.get(NAMED)
    if isinstance(named, list) and (standing := contacts.standing(conn, named)):
        return dict.fromkeys(standing, notice.created_at_ms)
    place = assets.facility_by_id(conn, notice.facility_id)
    minute = minute_of_day(now_ms, place.time_zone) if ALARM in notice.facts else None
    hears = Hears(notice.severity) if notice.severity in set(Hears) else Hears.URGENT
    hearing = [] if notice.kind == UNACKNOWLEDGED else contacts.hearers(conn, notice.facility_id, hears, minute)
    if not hearing and notice.kind in {UNACKNOWLEDGED, REMINDER}:
        # Nobody has answered, and the ladder leads to nobody at this hour: whoever hears such notices at all.
        hearing = contacts.hearers(conn, notice.facility_id, hears)
    told: dict[int, int] = {}
    if notice.group_key is not None:
        told = deliveries.last_told_ms(conn, notice.facility_id, notice.group_key, now_ms - AGAIN_MS)
    return {one: first_try_ms(notice, told.get(one)) for one in hearing}
