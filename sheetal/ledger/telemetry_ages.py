"""How long ingest's own tables keep what nobody changes any more, and letting it go a portion at a time.

Readings, day summaries, thinned spans, hours to judge and newest values are not here: verdicts rest on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, func, select, tuple_

from sheetal.contracts.limits import DAY_MS
from sheetal.ledger.telemetry_letters import expire_letters
from sheetal.ledger.telemetry_tables import (
    aux_value,
    conflict,
    coverage,
    dead_letter_dropped,
    sequence_range,
    unplaced_row,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Table

VALUE_KEPT_MS = 400 * DAY_MS
"""A year and a month, so that a season can be held against the same one a year ago."""
EVIDENCE_KEPT_MS = 3 * 365 * DAY_MS
"""Conflicts and rows without an instant: as long as a holding's history may be asked for."""
LETTER_KEPT_MS = 90 * DAY_MS
"""Gateways keep what was refused for 60 days."""
BOOT_KEPT_MS = 90 * DAY_MS
"""What is missing of a boot longer than the 60 days of a gateway's memory can never come."""
COUNT_KEPT_MS = 400 * DAY_MS


class Age(NamedTuple):
    """What goes once nothing came of it for so long; `forget` lets at most so many go before an instant."""

    name: str
    kept_ms: int
    forget: Callable[[Connection, int, int, int], int]


def forget_values(conn: Connection, before_ms: int, most: int, _now_ms: int) -> int:
    """Values beside temperature that were received before; gives how many went."""
    return _forget_received(conn, aux_value, before_ms, most)


def forget_unplaced(conn: Connection, before_ms: int, most: int, _now_ms: int) -> int:
    """Rows without an instant that were received before; gives how many went."""
    return _forget_received(conn, unplaced_row, before_ms, most)


def forget_conflicts(conn: Connection, before_ms: int, most: int, _now_ms: int) -> int:
    """Conflicts that were received before, the first numbers first; gives how many went."""
    first = select(conflict.c.id, conflict.c.received_at_ms).order_by(conflict.c.id).limit(most).subquery()
    old = select(first.c.id).where(first.c.received_at_ms < before_ms)
    return conn.execute(delete(conflict).where(conflict.c.id.in_(old))).rowcount


def forget_letters(conn: Connection, before_ms: int, most: int, now_ms: int) -> int:
    """Dead letters that came last before; they are counted as let go. Gives how many went."""
    return expire_letters(conn, before_ms, most, now_ms)


def forget_counts(conn: Connection, before_ms: int, most: int, _now_ms: int) -> int:
    """Counts of letters let go, where the last went before; gives how many."""
    table = dead_letter_dropped
    key = list(table.primary_key.columns)
    old = select(*key).where(table.c.last_at_ms < before_ms).limit(most)
    return conn.execute(delete(table).where(tuple_(*key).in_(old))).rowcount


def forget_boots(conn: Connection, before_ms: int, most: int, _now_ms: int) -> int:
    """Boots of which nothing was settled since, with their gaps and what `coverage` knows; gives how many.

    The one of each gateway that was settled last stays: a gateway that was away so long goes on with it.
    """
    table = sequence_range.c
    newest_ms = func.max(table.settled_at_ms)
    rank = func.row_number().over(partition_by=table.gateway_id, order_by=(newest_ms.desc(), table.boot.desc()))
    quiet = select(table.gateway_id, table.boot, rank.label("rank")).group_by(table.gateway_id, table.boot)
    old = quiet.having(newest_ms < before_ms).subquery()
    found = conn.execute(select(old.c.gateway_id, old.c.boot).where(old.c.rank > 1).limit(most)).all()
    boots = [tuple(boot) for boot in found]
    if boots:
        conn.execute(delete(sequence_range).where(tuple_(table.gateway_id, table.boot).in_(boots)))
        conn.execute(delete(coverage).where(tuple_(coverage.c.gateway_id, coverage.c.boot).in_(boots)))
    return len(boots)


AGES = (
    Age("values beside temperature", VALUE_KEPT_MS, forget_values),
    Age("rows without an instant", EVIDENCE_KEPT_MS, forget_unplaced),
    Age("conflicts", EVIDENCE_KEPT_MS, forget_conflicts),
    Age("dead letters", LETTER_KEPT_MS, forget_letters),
    Age("counts of letters let go", COUNT_KEPT_MS, forget_counts),
    Age("boots", BOOT_KEPT_MS, forget_boots),
)


def _forget_received(conn: Connection, table: Table, before_ms: int, most: int) -> int:
    key = list(table.primary_key.columns)
    old = select(*key).where(table.c.received_at_ms < before_ms).order_by(table.c.received_at_ms).limit(most)
    return conn.execute(delete(table).where(tuple_(*key).in_(old))).rowcount
