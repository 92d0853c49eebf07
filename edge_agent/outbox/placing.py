"""Where the gateway's own readings stand in time: SQL over the outbox's connection, inside its caller's transaction.

A reading taken before the time is known waits (`schema.WAITING`) with its monotonic instant and a provisional stamp. It
gets its final stamp once, when the timeline is anchored; one whose power failed first may never get one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.clock.timeline import ClockSource, Line
from edge_agent.outbox import schema
from edge_agent.outbox.aside import read_alarm
from edge_agent.outbox.parcel import ROW, UNPLACED
from sheetal.contracts.device_alarm import DeviceAlarm, alarm_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

WITHOUT_INSTANT = "without_instant"
"""Why a value beside temperature is put aside that was measured before any clock and has no place on the wire."""
BELIEVED_ERROR_MS_MAX = 300_000
"""A battery clock found further off than the 5 minutes from which DESIGN section 5 speaks of skew stamps nothing."""
DAY_MS = 86_400_000

_OF_BOOT = "SELECT boot FROM boot WHERE os_boot = ?"
_REBASE = f"UPDATE item SET measured_at_ms = monotonic_ms + ? WHERE state = ? AND boot IN ({_OF_BOOT})"  # noqa: S608 - constants
_PLACE = f"""
UPDATE item SET measured_at_ms = monotonic_ms + ?, monotonic_ms = NULL, state = ?
WHERE state = ? AND boot IN ({_OF_BOOT})
"""  # noqa: S608 - constants
_FINISH = f"""
UPDATE item SET monotonic_ms = NULL, state = ?
WHERE state = ? AND measured_at_ms <= ? AND boot IN ({_OF_BOOT})
"""  # noqa: S608 - constants
_UNPLACE = f"""
UPDATE item SET kind = ?, measured_at_ms = monotonic_ms, monotonic_ms = NULL, state = ?
WHERE state = ? AND kind = ? AND boot IN ({_OF_BOOT})
"""  # noqa: S608 - constants
_PUT_ASIDE = f"""
UPDATE item SET measured_at_ms = monotonic_ms, monotonic_ms = NULL, state = ?, reason = ?, settled_at_ms = ?
WHERE state = ? AND boot IN ({_OF_BOOT})
"""  # noqa: S608 - constants
_EARLIER = """
SELECT DISTINCT os_boot FROM boot WHERE os_boot <> ? AND boot IN (SELECT DISTINCT boot FROM item WHERE state = ?)
"""
_UNSENT = """
SELECT alarm, cleared, body FROM alarm WHERE settled_at_ms IS NULL
AND NOT EXISTS (SELECT 1 FROM alarm AS other WHERE other.alarm = alarm.alarm AND other.settled_at_ms IS NOT NULL)
AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'told/' || alarm.alarm)
"""


class Kept(msgspec.Struct, frozen=True):
    """The timeline as it is remembered; `seen_ms` is the newest anchored instant that is certainly past."""

    line: Line
    seen_ms: int = 0


class Settled(NamedTuple):
    """What became of the readings of earlier boots of the operating system."""

    finished: int
    unplaced: int
    put_aside: int


_kept = msgspec.json.Decoder(Kept)


def os_boot_of(connection: sqlite3.Connection, boot: int) -> str:
    """The boot of the operating system that a boot of the gateway belongs to."""
    return str(connection.execute("SELECT os_boot FROM boot WHERE boot = ?", (boot,)).fetchone()[0])


def recall(connection: sqlite3.Connection, os_boot: str) -> Kept | None:
    """The timeline of one boot of the operating system; None where none is kept."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_mark(os_boot),)).fetchone()
    return _decoded(row[0]) if row else None


def remember(connection: sqlite3.Connection, os_boot: str, kept: Kept) -> None:
    """Keeps the timeline, so that a new process of the same boot of the operating system carries it on."""
    text = msgspec.json.encode(kept).decode()
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_mark(os_boot), text))


def newest_past_ms(connection: sqlite3.Connection) -> int:
    """The newest instant that is certainly past: once anchored, or a day before the newest stamp that was stored.

    Ingest stores nothing stamped further ahead than a day.
    """
    lines = connection.execute("SELECT value FROM meta WHERE name GLOB 'clock/*'").fetchall()
    seen = [kept.seen_ms for (text,) in lines if (kept := _decoded(text)) is not None]
    stored = connection.execute("SELECT max(measured_at_ms) FROM item WHERE state = ?", (schema.DELIVERED,)).fetchone()
    return max([0, *seen, (stored[0] or 0) - DAY_MS])


def rebase(connection: sqlite3.Connection, os_boot: str, base_ms: int) -> int:
    """Moves the provisional stamps of what waits; returns how many."""
    return connection.execute(_REBASE, (base_ms, schema.WAITING, os_boot)).rowcount


def place(connection: sqlite3.Connection, os_boot: str, base_ms: int) -> int:
    """Gives what waits its final stamp, once, and lets it go; returns how many."""
    return connection.execute(_PLACE, (base_ms, schema.PENDING, schema.WAITING, os_boot)).rowcount


def settle_earlier(connection: sqlite3.Connection, os_boot: str, now_ms: int, battery_error_ms: int | None) -> Settled:
    """What waits from earlier boots of the operating system goes now, as it can; to be asked once anchored.

    A stamp of a plausible battery clock is final, unless it lies ahead of `now_ms` or that clock has just been found
    wrong (`battery_error_ms`, None where it was not seen). The rest has no instant: its power failed too early.
    """
    found = Settled(0, 0, 0)
    for (earlier,) in connection.execute(_EARLIER, (os_boot, schema.WAITING)).fetchall():
        kept = recall(connection, earlier)
        stamped = kept is not None and kept.line.source >= ClockSource.RTC
        if stamped and (battery_error_ms is None or battery_error_ms <= BELIEVED_ERROR_MS_MAX):
            finished = connection.execute(_FINISH, (schema.PENDING, schema.WAITING, now_ms, earlier)).rowcount
            found = found._replace(finished=found.finished + finished)
        row = (UNPLACED, schema.PENDING, schema.WAITING, ROW, earlier)
        aside = (schema.REFUSED, WITHOUT_INSTANT, now_ms, schema.WAITING, earlier)
        found = found._replace(
            unplaced=found.unplaced + connection.execute(_UNPLACE, row).rowcount,
            put_aside=found.put_aside + connection.execute(_PUT_ASIDE, aside).rowcount,
        )
    # What is anchored moves no more: neither the lines of earlier boots nor the alarms that were told are needed.
    connection.execute("DELETE FROM meta WHERE name GLOB 'clock/*' AND name <> ?", (_mark(os_boot),))
    connection.execute("DELETE FROM meta WHERE name GLOB 'told/*'")
    return found


def told(alarm: str) -> str:
    """The mark of an alarm that was sent with a provisional instant, which it therefore keeps."""
    return f"told/{alarm}"


def boots_by_battery_clock(connection: sqlite3.Connection, os_boot: str) -> list[str]:
    """The earlier boots of the operating system that had a battery clock and never an anchor."""
    names = connection.execute(
        "SELECT substr(name, 7) FROM meta WHERE name GLOB 'clock/*' AND name <> ?", (_mark(os_boot),)
    )
    lines = {name: recall(connection, name) for (name,) in names.fetchall()}
    return [name for name, kept in lines.items() if kept is not None and kept.line.source is ClockSource.RTC]


def shift_alarms(
    connection: sqlite3.Connection, os_boots: Collection[str], sensors: Collection[str], delta_ms: int
) -> set[str]:
    """Moves the alarms of these sensors that these boots raised and that nobody has heard of; returns their old names.

    The name holds the instant at which the alarm began, so it changes with it.
    """
    boots = {boot for name in os_boots for (boot,) in connection.execute(_OF_BOOT, (name,))}
    moved: set[str] = set()
    for name, cleared, body in connection.execute(_UNSENT).fetchall():
        alarm = read_alarm(body)
        if alarm is None or alarm.boot not in boots or alarm.sensor not in sensors:
            continue
        later = _shifted(alarm, delta_ms)
        connection.execute(
            "UPDATE OR REPLACE alarm SET alarm = ?, body = ?, added_at_ms = added_at_ms + ? "
            "WHERE alarm = ? AND cleared = ?",
            (later.alarm, msgspec.json.encode(later), delta_ms, name, cleared),
        )
        moved.add(name)
    return moved


def _decoded(text: str) -> Kept | None:
    try:
        return _kept.decode(text)
    except msgspec.DecodeError:
        return None


def _shifted(alarm: DeviceAlarm, delta_ms: int) -> DeviceAlarm:
    began_at_ms = alarm.began_at_ms + delta_ms
    return msgspec.structs.replace(
        alarm,
        alarm=alarm_id(alarm.sensor, alarm.kind, began_at_ms),
        began_at_ms=began_at_ms,
        fired_at_ms=alarm.fired_at_ms + delta_ms,
        cleared_at_ms=None if alarm.cleared_at_ms is None else alarm.cleared_at_ms + delta_ms,
    )


def _mark(os_boot: str) -> str:
    return f"clock/{os_boot}"
