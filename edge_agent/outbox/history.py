"""Looking back: what one sensor said, its extremes, and what ingest refused.

Everything stands on the index by source and instant, so that the local page stays quick with two million items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.outbox import aside
from edge_agent.outbox.parcel import THINNED, spans
from edge_agent.outbox.schema import PENDING, REFUSED, WAITING
from sheetal.contracts.seal import UNREADABLE

if TYPE_CHECKING:
    import sqlite3

REFUSED_MAX = 100_000
"""So many refused items are looked at for the ranges."""

_HISTORY = """
SELECT measured_at_ms, value, quality, boot, sequence FROM item INDEXED BY item_by_source
WHERE source = ? AND measured_at_ms >= ? AND measured_at_ms < ? AND field = '' ORDER BY measured_at_ms DESC LIMIT ?
"""
_NOT_DELIVERED = """
SELECT boot, sequence FROM item INDEXED BY item_by_state
WHERE state = ? AND measured_at_ms >= ? AND measured_at_ms < ? AND source = ? AND field = ''
"""
_EXTREMES = """
SELECT min(value), max(value) FROM item INDEXED BY item_by_source
WHERE source = ? AND measured_at_ms >= ? AND measured_at_ms < ? AND field = ''
"""
_SPANS = """
SELECT boot, sequence FROM item INDEXED BY item_by_source
WHERE source = ? AND measured_at_ms >= ? AND measured_at_ms < ? AND field = ?
"""
_REFUSED = """
SELECT boot, sequence, reason, measured_at_ms FROM
    (SELECT boot, sequence, reason, measured_at_ms FROM item INDEXED BY item_by_state
     WHERE state = 2 ORDER BY measured_at_ms DESC LIMIT ?)
ORDER BY boot, sequence
"""


class Told(NamedTuple):
    """One reading as it is remembered; `centi_celsius` is None exactly when `quality` names a fault.

    `boot` and `sequence` are its name on the wire.
    """

    measured_at_ms: int
    centi_celsius: int | None
    quality: int
    boot: int = 0
    sequence: int = 0


class RefusedSpan(NamedTuple):
    """Successive items of one boot that ingest refused for one reason, and the instants they lie between."""

    boot: int
    first: int
    last: int
    reason: str
    from_ms: int
    until_ms: int
    items: int


def history(connection: sqlite3.Connection, sensor: str, from_ms: int, until_ms: int, limit: int) -> list[Told]:
    """The newest `limit` readings of a half-open span, oldest first; thinned ones are gone, their edges are there."""
    found = connection.execute(_HISTORY, (sensor, from_ms, until_ms, limit)).fetchall()
    return [Told(*row) for row in reversed(found)]


def not_delivered(connection: sqlite3.Connection, sensor: str, from_ms: int, until_ms: int) -> set[tuple[int, int]]:
    """Boot and sequence of the readings of a half-open span that ingest does not have: waiting or refused."""
    return {
        (int(boot), int(sequence))
        for state in (PENDING, REFUSED, WAITING)
        for boot, sequence in connection.execute(_NOT_DELIVERED, (state, from_ms, until_ms, sensor))
    }


def extremes(connection: sqlite3.Connection, sensor: str, from_ms: int, until_ms: int) -> tuple[int, int] | None:
    """The lowest and the highest centi-degrees of a half-open span and the thinned spans that begin in it, or None."""
    asked = (sensor, from_ms, until_ms)
    found = list(connection.execute(_EXTREMES, asked).fetchone())
    for key in connection.execute(_SPANS, (*asked, THINNED)).fetchall():
        (body,) = connection.execute("SELECT body FROM item WHERE boot = ? AND sequence = ?", key).fetchone()
        try:
            span = spans.decode(body)
        except (*UNREADABLE, TypeError):
            # A damaged one stands aside; it must not darken the page.
            continue
        found += [span.centi_celsius_min, span.centi_celsius_max]
    values = [int(value) for value in found if value is not None]
    return (min(values), max(values)) if values else None


def refused_ranges(connection: sqlite3.Connection) -> list[RefusedSpan]:
    """What was refused, grouped by boot, unbroken numbers and reason, in the order they were given.

    Last come the damaged alarms, which have no boot and no number, as one span of zeros.
    """
    spans_found: list[RefusedSpan] = []
    for boot, sequence, reason, at_ms in connection.execute(_REFUSED, (REFUSED_MAX,)):
        last = spans_found[-1] if spans_found else None
        if last and (boot, sequence, reason) == (last.boot, last.last + 1, last.reason):
            spans_found[-1] = last._replace(
                last=sequence,
                from_ms=min(last.from_ms, at_ms),
                until_ms=max(last.until_ms, at_ms),
                items=last.items + 1,
            )
        else:
            spans_found.append(RefusedSpan(boot, sequence, sequence, str(reason), at_ms, at_ms, 1))
    alarms = [item.added_at_ms for item, _ in aside.alarms_aside(connection, REFUSED_MAX)]
    if alarms:
        spans_found.append(RefusedSpan(0, 0, 0, aside.UNREADABLE, min(alarms), max(alarms), len(alarms)))
    return spans_found
