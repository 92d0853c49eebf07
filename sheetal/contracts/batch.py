"""What a gateway sends: rows, day summaries and aux values, and the application ack that answers them.

Fields that a newer minor version adds are ignored; an unknown major version is refused in `seal.open_envelope`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS_MAX = 1_000
PAYLOAD_BYTES_MAX = 256 * 1024


class Row(msgspec.Struct, array_like=True, frozen=True):
    """One sample, stamped once and for ever: [sequence, ms, sensor, centi-degrees or null, quality]."""

    sequence: int
    measured_at_ms: int
    sensor: str
    centi_celsius: int | None
    quality: int


class AuxRow(msgspec.Struct, array_like=True, frozen=True):
    """One value beside temperature, under its WHO DS01 field name (TAMB, DORV, SVA, BEMD, CMPR, …)."""

    sequence: int
    measured_at_ms: int
    source: str
    field: str
    value: float


class DaySummary(msgspec.Struct, frozen=True):
    """What a 30-day logger without stored readings says of one local day.

    Minutes are the device's own cumulative counts beyond its limits; `minutes_unknown` is time its sensor was
    disconnected. Alarm instants are absent when no alarm fired.
    """

    sequence: int
    sensor: str
    starts_at_ms: int
    ends_at_ms: int
    centi_celsius_min: int | None
    centi_celsius_max: int | None
    low_limit_centi_celsius: int
    low_limit_minutes: int
    high_limit_centi_celsius: int
    high_limit_minutes: int
    minutes_below: int
    minutes_above: int
    minutes_unknown: int
    low_alarm_at_ms: int | None = None
    high_alarm_at_ms: int | None = None


class UnplacedRow(msgspec.Struct, array_like=True, frozen=True):
    """One sample whose instant will never be known: [sequence, monotonic ms, sensor, centi-degrees or null, quality].

    The gateway had no clock when it measured, and lost power before it got one; `monotonic_ms` tells the order and the
    spacing of such rows of one boot.
    """

    sequence: int
    monotonic_ms: int
    sensor: str
    centi_celsius: int | None
    quality: int


class ThinnedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a quarter of an hour of readings inside their limits that a full outbox had to thin.

    `covers` are the sequence numbers (both ends included) of boot `covers_boot` that it stands for; `rows` of them were
    temperatures. `centi_celsius_mean` is rounded half to even.
    """

    sequence: int
    sensor: str
    starts_at_ms: int
    ends_at_ms: int
    centi_celsius_min: int
    centi_celsius_max: int
    centi_celsius_mean: int
    rows: int
    covers_boot: int
    covers: list[tuple[int, int]]


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message on `data`; everything in it has its own sequence number of this boot.

    `boot` is counter * 2**32 + random, so later boots are larger. `sent_at_ms` is the gateway's clock at sending,
    from which ingest measures the offset; `clock_source` says what that clock is worth (`none`, `rtc`, `ack`, `ntp`).
    `monotonic_ms` is echoed in the ack, so that the gateway learns the time; a batch without any row only asks for it.
    `history` marks backlog.
    """

    gateway: str
    boot: int
    sent_at_ms: int
    clock_source: str = ""
    monotonic_ms: int | None = None
    history: bool = False
    rows: list[Row] = []
    aux: list[AuxRow] = []
    days: list[DaySummary] = []
    unplaced: list[UnplacedRow] = []
    thinned: list[ThinnedSpan] = []


class RefusedRange(msgspec.Struct, array_like=True, frozen=True):
    """Sequence numbers that will never be stored, both ends included, and why."""

    first: int
    last: int
    reason: str


class Ack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Exactly the sequence ranges (both ends included) that one worker made durable or refused.

    `at_ms` is ingest's clock when it answered, `monotonic_ms` the newest one among the batches it answers.
    """

    gateway: str
    boot: int
    at_ms: int | None = None
    monotonic_ms: int | None = None
    stored: list[tuple[int, int]] = []
    refused: list[RefusedRange] = []


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The wake-up from ingest to alerts; it carries no truth, `dirty_hour` does."""

    sensors: list[str]
    stored_at_ms: int


def ranges(sequences: list[int]) -> list[tuple[int, int]]:
    """Sorted, merged inclusive ranges that name exactly the given numbers."""
    if sequences and sequences == list(range(sequences[0], sequences[0] + len(sequences))):
        return [(sequences[0], sequences[-1])]
    merged: list[tuple[int, int]] = []
    for number in sorted(set(sequences)):
        if merged and number == merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], number)
        else:
            merged.append((number, number))
    return merged


def union(several: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted, merged inclusive ranges that name exactly what the given ones, in any order and overlapping, name."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(several):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged
