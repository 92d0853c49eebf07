"""The telemetry transaction of one load: what must be judged again, what contradicts, what was refused."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from ingest.load import contradicting
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger import telemetry, telemetry_writes
from sheetal.ledger.telemetry_letters import DeadLetterRow, add_dead_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from ingest.conflicts import Conflict
    from ingest.load import Letter, Load
    from ingest.writer import Written
    from sheetal.contracts.batch import DaySummary, ThinnedSpan
    from sheetal.ledger.connect import Ledger


def record(store: Ledger, load: Load, written: Written, now_ms: int) -> None:
    """Commits everything of a load that is not a reading; repeating it is harmless. Raises Unavailable."""
    days, unplaced, thinned = load.days, load.unplaced, load.thinned
    if not (written.instants or days or unplaced or thinned or load.aux or load.letters):
        return
    with store.write() as connection:
        telemetry_writes.mark_dirty(connection, dirty_hours(written.instants, days, thinned))
        telemetry_writes.put_day_summaries(connection, days, now_ms)
        new = telemetry_writes.add_unplaced_rows(connection, unplaced, now_ms)
        new += telemetry_writes.add_thinned_spans(connection, thinned, now_ms)
        is_contradicted = new < len(unplaced) + len(thinned)
        contradicted = list(_contradicting(connection, load)) if is_contradicted else []
        telemetry_writes.add_aux_values(connection, load.aux, now_ms)
        telemetry_writes.add_conflicts(connection, [_kept(one, now_ms) for one in written.conflicting])
        put_letters(connection, [*load.letters, *contradicted], now_ms)
    load.letters += contradicted


def dirty_hours(
    instants: Mapping[str, Sequence[int]], days: Iterable[DaySummary], thinned: Iterable[ThinnedSpan] = ()
) -> set[tuple[str, int]]:
    """The (sensor, hour) pairs that these rows touch; those of a re-send too, since it may answer a lost judgement.

    `instants` are those of each sensor, sorted.
    """
    hours: set[tuple[str, int]] = set()
    for sensor, sorted_ms in instants.items():
        following = 0
        while following < len(sorted_ms):
            hour_ms = sorted_ms[following] // HOUR_MS * HOUR_MS
            hours.add((sensor, hour_ms))
            following = bisect_left(sorted_ms, hour_ms + HOUR_MS, following)
    for day in days:
        first_ms = day.starts_at_ms // HOUR_MS * HOUR_MS
        hours.update((day.sensor, hour_ms) for hour_ms in range(first_ms, day.ends_at_ms, HOUR_MS))
    for span in thinned:
        first_ms = span.starts_at_ms // HOUR_MS * HOUR_MS
        hours.update((span.sensor, hour_ms) for hour_ms in range(first_ms, span.ends_at_ms + 1, HOUR_MS))
    return hours


def put_letters(connection: Connection, letters: Iterable[Letter], now_ms: int) -> None:
    """Keeps dead letters."""
    rows = [DeadLetterRow(one.gateway, one.topic, one.payload, one.reason.value, one.detail) for one in letters]
    add_dead_letters(connection, rows, now_ms)


def _contradicting(connection: Connection, load: Load) -> Iterator[Letter]:
    """The first that was told stands, as with readings; what contradicts it is kept as a dead letter."""
    for part in load.parts:
        rows = [(part.believed.batch.boot, row) for row in part.accepted.unplaced]
        found = telemetry_writes.contradicting(connection, rows, part.accepted.thinned)
        if found:
            yield contradicting(part, [one.sequence for one in found])


def _kept(conflict: Conflict, now_ms: int) -> telemetry.Conflict:
    stored, offered = conflict
    return telemetry.Conflict(
        sensor_id=offered.sensor,
        measured_at_ms=offered.measured_at_ms,
        stored_centi_celsius=stored.centi_celsius,
        offered_centi_celsius=offered.centi_celsius,
        offered_quality=offered.quality,
        boot=offered.boot,
        sequence=offered.sequence,
        received_at_ms=now_ms,
    )
