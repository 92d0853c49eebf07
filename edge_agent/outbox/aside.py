"""What cannot be put into the words of the wire stands aside as refused here: kept, counted, and in nobody's way."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING

import msgspec

from edge_agent.outbox import schema
from edge_agent.outbox.parcel import Item, is_readable
from sheetal.contracts.device_alarm import DeviceAlarm
from sheetal.contracts.seal import UNREADABLE as UNDECODABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Name = tuple[object, object]
    Change = Callable[[Callable[[sqlite3.Connection], None]], None]

_log = logging.getLogger(__name__)

UNREADABLE = "unreadable"
"""The gateway's own reason for an item whose row in the file is damaged."""
ALARM = "alarm"
"""The kind under which a damaged alarm is shown."""
NEVER_MS = 2**63 - 1
"""When a damaged alarm was settled: no span of keeping ever passes it."""

_ITEM_ASIDE = f"""
UPDATE item SET state = {schema.REFUSED}, settled_at_ms = ?, reason = ? WHERE boot = ? AND sequence = ? AND state = ?
"""  # noqa: S608 - constants
_ALARM_ASIDE = "UPDATE alarm SET settled_at_ms = ? WHERE alarm = ? AND cleared = ? AND settled_at_ms IS NULL"
_ALARMS_ASIDE = """
SELECT alarm, added_at_ms, body FROM alarm WHERE settled_at_ms = ? ORDER BY added_at_ms DESC, alarm, cleared LIMIT ?
"""


def sift(items: Sequence[Item], change: Change, at_ms: int) -> list[Item]:
    """Those that can be sent, in their order; the others are put aside by `change`, a transaction of the outbox."""
    sound = [item for item in items if is_readable(item)]
    kept = {item.key for item in sound}
    damaged: list[Name] = [item.key for item in items if item.key not in kept]
    given = [(at_ms, UNREADABLE, *name, schema.PENDING) for name in damaged]
    _put_aside(_ITEM_ASIDE, given, damaged, change)
    return sound


def sift_alarms(found: Iterable[tuple[str, int, bytes]], change: Change) -> list[DeviceAlarm]:
    """The alarms of these rows (name, cleared, body) that can be sent; the others are put aside by `change`."""
    read = [((name, cleared), read_alarm(body)) for name, cleared, body in found]
    damaged: list[Name] = [name for name, alarm in read if alarm is None]
    _put_aside(_ALARM_ASIDE, [(NEVER_MS, *name) for name in damaged], damaged, change)
    return [alarm for _, alarm in read if alarm is not None]


def read_alarm(body: bytes) -> DeviceAlarm | None:
    """The alarm of a body; None where it is damaged."""
    try:
        return msgspec.json.decode(body, type=DeviceAlarm)
    except (*UNDECODABLE, TypeError):
        return None


def alarms_aside(connection: sqlite3.Connection, limit: int) -> list[tuple[Item, str]]:
    """Damaged alarms, newest first, in the shape of refused items: `source` is the alarm's name, its number is 0."""
    found = connection.execute(_ALARMS_ASIDE, (NEVER_MS, limit)).fetchall()
    return [
        (Item(0, 0, ALARM, name, "", at_ms, None, 0, body, notable=True, added_at_ms=at_ms), UNREADABLE)
        for name, at_ms, body in found
    ]


def count_alarms(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many alarms wait, and how many stand aside."""
    query = "SELECT count(*) FILTER (WHERE settled_at_ms IS NULL), count(*) FILTER (WHERE settled_at_ms = ?) FROM alarm"
    waiting, aside = connection.execute(query, (NEVER_MS,)).fetchone()
    return int(waiting), int(aside)


def _put_aside(query: str, given: Sequence[tuple[object, ...]], names: list[Name], change: Change) -> None:
    if not given:
        return

    def step(connection: sqlite3.Connection) -> None:
        connection.executemany(query, given)

    try:
        change(step)
    except sqlite3.Error:
        # A failing disk is told by whoever keeps what comes; the next look at the outbox tries this again.
        return
    _log.error("damaged in the outbox and put aside as %s: %s", UNREADABLE, ", ".join(map(str, names)))
