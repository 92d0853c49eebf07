"""Which rows of a believed batch may be stored, and why the others may not (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ingest.plain import INTEGER_MAX, MEASURED_AT_MS_MIN, PlainBatch, plain_readings, speaks_for
from ingest.reasons import Reason
from sheetal.contracts.batch import AuxRow, DaySummary, Row, ThinnedSpan, UnplacedRow, ranges
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN, Quality, Reading

if TYPE_CHECKING:
    from sheetal.contracts.batch import Batch

FUTURE_MS_MAX = DAY_MS
DAY_LENGTH_MS_MAX = 25 * HOUR_MS
"""The longest local day, when a clock is set back by an hour."""
MINUTES_MAX = 366 * 24 * 60
TEXT_LENGTH_MAX = 128
RANGES_OF_A_SPAN_MAX = 1_000
ROWS_OF_A_SPAN_MAX = 100_000
"""A quarter of an hour of one sensor at a hundred a second is less."""

Item = TypeVar("Item", AuxRow, DaySummary, UnplacedRow, ThinnedSpan)
_FAULTS = frozenset(Quality) - {Quality.OK}


class Refusal(NamedTuple):
    """One sequence number that will never be stored."""

    sequence: int
    reason: Reason


class Accepted(NamedTuple):
    """A batch taken apart: what may be stored, and what is refused for good."""

    readings: list[Reading]
    aux: list[AuxRow]
    days: list[DaySummary]
    refused: list[Refusal]
    unplaced: list[UnplacedRow]
    thinned: list[ThinnedSpan]

    @property
    def stored(self) -> list[tuple[int, int]]:
        """The sequence ranges of everything that may be stored."""
        numbers = [row[5] for row in self.readings]
        for items in (self.aux, self.days, self.unplaced, self.thinned):
            numbers += [item.sequence for item in items]
        return ranges(numbers)


def accept(batch: Batch, received_at_ms: int) -> Accepted:
    """Judges every row by itself, so that one bad probe costs nothing but its own rows."""
    latest_ms = received_at_ms + FUTURE_MS_MAX
    readings = plain_readings(batch, latest_ms) if isinstance(batch, PlainBatch) else None
    accepted = Accepted(readings or [], [], [], [], [], [])
    if readings is None:
        _accept_rows(batch, latest_ms, accepted)
    _accept_others(batch, latest_ms, accepted)
    return accepted


def _accept_rows(batch: Batch, latest_ms: int, accepted: Accepted) -> None:
    rows = [Row(*row) for row in batch.rows] if isinstance(batch, PlainBatch) else batch.rows
    for row in rows:
        reason = _why_not_row(row, batch.gateway, latest_ms)
        if reason is None:
            accepted.readings.append(
                Reading(row.sensor, row.measured_at_ms, row.centi_celsius, row.quality, batch.boot, row.sequence),
            )
        else:
            accepted.refused.append(Refusal(row.sequence, reason))


def _why_not_row(row: Row, gateway: str, latest_ms: int) -> Reason | None:
    if not speaks_for(gateway, row.sensor):
        return Reason.FOREIGN_SENSOR
    if reason := _why_not_stamp(row.measured_at_ms, latest_ms):
        return reason
    return None if _is_sample(row.centi_celsius, row.quality) else Reason.IMPLAUSIBLE


def _accept_others(batch: Batch, latest_ms: int, accepted: Accepted) -> None:
    for aux in batch.aux:
        _sort(aux, _why_not_aux(aux, latest_ms), accepted.aux, accepted.refused)
    for day in batch.days:
        _sort(day, _why_not_day(day, batch.gateway, latest_ms), accepted.days, accepted.refused)
    for lost in batch.unplaced:
        _sort(lost, _why_not_unplaced(lost, batch.gateway), accepted.unplaced, accepted.refused)
    for span in batch.thinned:
        _sort(span, _why_not_thinned(span, batch.gateway, latest_ms), accepted.thinned, accepted.refused)


def _sort(item: Item, reason: Reason | None, good: list[Item], refused: list[Refusal]) -> None:
    if reason is None:
        good.append(item)
    else:
        refused.append(Refusal(item.sequence, reason))


def _why_not_stamp(measured_at_ms: int, latest_ms: int) -> Reason | None:
    if measured_at_ms > latest_ms:
        return Reason.FUTURE_STAMP
    return Reason.IMPLAUSIBLE if measured_at_ms < MEASURED_AT_MS_MIN else None


def _is_sample(centi_celsius: int | None, quality: int) -> bool:
    if quality == Quality.OK:
        return centi_celsius is not None and CENTI_CELSIUS_MIN <= centi_celsius <= CENTI_CELSIUS_MAX
    return centi_celsius is None and quality in _FAULTS


def _why_not_aux(aux: AuxRow, latest_ms: int) -> Reason | None:
    if not (_is_name(aux.source) and _is_name(aux.field)):
        return Reason.IMPLAUSIBLE
    return _why_not_stamp(aux.measured_at_ms, latest_ms)


def _why_not_day(day: DaySummary, gateway: str, latest_ms: int) -> Reason | None:
    """A day is told of only once it has begun, so even by the fastest clock believed it begins before `latest_ms`."""
    if not speaks_for(gateway, day.sensor):
        return Reason.FOREIGN_SENSOR
    if day.starts_at_ms >= latest_ms:
        return Reason.FUTURE_STAMP
    if day.starts_at_ms < MEASURED_AT_MS_MIN or not _is_sound(day):
        return Reason.IMPLAUSIBLE
    return None


def _is_sound(day: DaySummary) -> bool:
    extremes = [value for value in (day.centi_celsius_min, day.centi_celsius_max) if value is not None]
    values = [*extremes, day.low_limit_centi_celsius, day.high_limit_centi_celsius]
    minutes = (day.low_limit_minutes, day.high_limit_minutes, day.minutes_below, day.minutes_above, day.minutes_unknown)
    alarms = [instant for instant in (day.low_alarm_at_ms, day.high_alarm_at_ms) if instant is not None]
    return (
        0 < day.ends_at_ms - day.starts_at_ms <= DAY_LENGTH_MS_MAX
        and extremes == sorted(extremes)
        and all(CENTI_CELSIUS_MIN <= value <= CENTI_CELSIUS_MAX for value in values)
        and all(0 <= count <= MINUTES_MAX for count in minutes)
        and all(day.starts_at_ms <= instant <= day.ends_at_ms for instant in alarms)
    )


def _why_not_unplaced(row: UnplacedRow, gateway: str) -> Reason | None:
    if not speaks_for(gateway, row.sensor):
        return Reason.FOREIGN_SENSOR
    is_sound = _is_sample(row.centi_celsius, row.quality) and 0 <= row.monotonic_ms <= INTEGER_MAX
    return None if is_sound else Reason.IMPLAUSIBLE


def _why_not_thinned(span: ThinnedSpan, gateway: str, latest_ms: int) -> Reason | None:
    if not speaks_for(gateway, span.sensor):
        return Reason.FOREIGN_SENSOR
    if not _is_whole(span):
        return Reason.IMPLAUSIBLE
    return _why_not_stamp(span.ends_at_ms, latest_ms) or _why_not_stamp(span.starts_at_ms, latest_ms)


def _is_whole(span: ThinnedSpan) -> bool:
    low, mean, high = span.centi_celsius_min, span.centi_celsius_mean, span.centi_celsius_max
    return (
        0 <= span.ends_at_ms - span.starts_at_ms <= HOUR_MS
        and CENTI_CELSIUS_MIN <= low <= mean <= high <= CENTI_CELSIUS_MAX
        and 0 < span.rows <= _covered(span.covers) <= ROWS_OF_A_SPAN_MAX
        and 0 <= span.covers_boot <= INTEGER_MAX
    )


def _covered(ranges: list[tuple[int, int]]) -> int:
    """How many sequence numbers these name; 0 where one is named twice, none is, one is none, or there are too many."""
    free, covered = 0, 0
    if len(ranges) > RANGES_OF_A_SPAN_MAX:
        return 0
    for first, last in ranges:
        if not free <= first <= last <= INTEGER_MAX:
            return 0
        free, covered = last + 1, covered + last - first + 1
    return covered


def _is_name(text: str) -> bool:
    return 0 < len(text) <= TEXT_LENGTH_MAX and text.isprintable()
