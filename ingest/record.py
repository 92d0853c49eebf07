"""The telemetry transaction of one load: what must be judged again, what contradicts, what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.load import contradicting
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger import telemetry, telemetry_writes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from ingest.conflicts import Conflict
    from ingest.load import Letter, Load
    from ingest.writer import Written
    from sheetal.contracts.batch import DaySummary, ThinnedSpan
    from sheetal.ledger.connect import Ledger


def record(store: Ledger, load: Load, written: Written, now_ms: int) -> None:
    """Commits everything of a load that is not a reading; repeating it is harmless. Raises Unavailable."""
    days, unplaced, thinned = load.days, load.unplaced, load.thinned
    if not (written.instants or days or unplaced or thinned or load.letters):
        return
    with store.write() as connection:
        telemetry_writes.mark_dirty(connection, dirty_hours(written.instants, days, thinned))
        telemetry_writes.put_day_summaries(connection, days, now_ms)
        new = telemetry_writes.add_unplaced_rows(connection, unplaced, now_ms)
        new += telemetry_writes.add_thinned_spans(connection, thinned, now_ms)
        if new < len(unplaced) + len(thinned):
            _put_contradicting(connection, load, now_ms)
        telemetry_writes.add_conflicts(connection, [_kept(one, now_ms) for one in written.conflicting])
        for letter in load.letters:
            put_letter(connection, letter, now_ms)


def dirty_hours(
    instants: Mapping[str, Sequence[int]], days: Iterable[DaySummary], thinned: Iterable[ThinnedSpan] = ()
) -> set[tuple[str, int]]:
    """The (sensor, hour) pairs that these rows touch; those of a re-send too, since it may answer a lost judgement.

    `instants` are those of each sensor, sorted.
    """
    hours: set[tuple[str, int]] = set()
    for sensor, sorted_ms in instants.items():
        first_ms, last_ms = sorted_ms[0] // HOUR_MS * HOUR_MS, sorted_ms[-1] // HOUR_MS * HOUR_MS
        hours.add((sensor, first_ms))
        if last_ms > first_ms:
            hours.update((sensor, one_ms // HOUR_MS * HOUR_MS) for one_ms in sorted_ms)
    for day in days:
        first_ms = day.starts_at_ms // HOUR_MS * HOUR_MS
        hours.update((day.sensor, hour_ms) for hour_ms in range(first_ms, day.ends_at_ms, HOUR_MS))
    for span in thinned:
        first_ms = span.starts_at_ms // HOUR_MS * HOUR_MS
        hours.update((span.sensor, hour_ms) for hour_ms in range(first_ms, span.ends_at_ms + 1, HOUR_MS))
    return hours


def put_letter(connection: Connection, letter: Letter, now_ms: int) -> None:
    """Keeps one dead letter."""
    topic, payload, reason, detail = letter
    telemetry_writes.add_dead_letter(connection, topic, payload, reason.value, detail, now_ms)


def _put_contradicting(connection: Connection, load: Load, now_ms: int) -> None:
    """The first that was told stands, as with readings; what contradicts it is kept as a dead letter."""
    for part in load.parts:
        rows = [(part.believed.batch.boot, row) for row in part.accepted.unplaced]
        found = telemetry_writes.contradicting(connection, rows, part.accepted.thinned)
        if found:
            put_letter(connection, contradicting(part, [one.sequence for one in found]), now_ms)


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
