"""The readings port: what every store of temperature samples promises, whatever engine stands behind it.

Times are UTC epoch milliseconds, ranges are half-open `[start, end)`, temperatures are centi-degrees, and a sample's
key is (sensor, measured_at_ms). Sending a batch again is always safe. Which of two *different* samples under one key
stays is the engine's affair (SQLite keeps the first, InfluxDB the last), so conflicts are found before the port.
Every store may be used from several threads at once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sheetal.contracts.reading import Reading, is_plausible

if TYPE_CHECKING:
    from collections.abc import Sequence

YEAR_2100_MS = 4_102_444_800_000
"""2100-01-01T00:00:00Z: no sample is later."""

INTEGER_MAX = 2**63 - 1
"""The largest integer that SQLite and InfluxDB can hold."""

SENSOR_CHARACTERS_MAX = 200

IMPLAUSIBLE = "implausible"
TIME_OUT_OF_RANGE = "time_out_of_range"
BAD_NUMBER = "bad_number"
BAD_SENSOR_NAME = "bad_sensor_name"


class WriteResult(NamedTuple):
    """What became of a batch.

    `accepted` rows are durable now (rows that were there before count too); each of `rejected` is the row's index in
    the batch and why it can never be stored.
    """

    accepted: int
    rejected: list[tuple[int, str]]


class Bucket(NamedTuple):
    """The temperatures of one sensor in `[start_ms, start_ms + every_ms)`, all in centi-degrees.

    `n` counts samples that carry a temperature; faults are no part of it, and a bucket without any is absent.
    """

    start_ms: int
    n: int
    centi_celsius_min: int
    centi_celsius_max: int
    centi_celsius_mean: float
    centi_celsius_first: int
    centi_celsius_last: int


class Health(NamedTuple):
    """Whether the store answers now, with one line for the person who looks."""

    ok: bool
    detail: str


class Capabilities(NamedTuple):
    """What an adapter can do; `rows_per_request_max` is how many rows it sends at a time, larger batches are cut."""

    durable_on_ack: bool
    rows_per_request_max: int
    supports_delete: bool
    partial_batch_possible: bool


class ReadingsStore(Protocol):
    """One store of readings. All but `health` and `close` raise Unavailable while the engine is away."""

    @property
    def capabilities(self) -> Capabilities:
        """What this adapter can do."""

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        """Store a batch and return only when it is durable.

        Raises:
            Unavailable: the engine did not take it all; send the whole batch again.
            Rejected: the engine refused the request itself; sending it again cannot help.
        """

    def read(
        self, sensor: str, start_ms: int, end_ms: int, *, limit: int | None = None, after_ms: int | None = None
    ) -> list[Reading]:
        """The samples of one sensor in time order, faults included; page with `limit` and the last page's instant."""

    def downsample(
        self, sensors: Sequence[str], start_ms: int, end_ms: int, every_ms: int, *, origin_ms: int = 0
    ) -> dict[str, list[Bucket]]:
        """Buckets of `every_ms` counted from `origin_ms`, for each sensor asked; for charts, never for verdicts."""

    def count(self, sensor: str, start_ms: int, end_ms: int) -> int:
        """How many samples of one sensor the range holds, faults included."""

    def expire(self, before_ms: int) -> int:
        """Delete samples older than the instant; how many went, 0 where the engine's own retention does it."""

    def health(self) -> Health:
        """Ask the engine whether it answers; never raises."""

    def close(self) -> None:
        """Let go of connections; a call that waits gives up. The store cannot be used after it."""


def refusal_of(reading: Reading) -> str | None:
    """Why no store may keep this sample, or None when it may."""
    sensor, measured_at_ms, centi_celsius, quality, boot, sequence = reading
    if not 0 < measured_at_ms < YEAR_2100_MS:
        return TIME_OUT_OF_RANGE
    if not is_plausible(reading):
        return IMPLAUSIBLE
    if not (_is_count(measured_at_ms) and _is_count(quality) and _is_count(boot) and _is_count(sequence)):
        return BAD_NUMBER
    if quality == 0 and centi_celsius.__class__ is not int:
        return BAD_NUMBER
    return None if _is_sensor_name(sensor) else BAD_SENSOR_NAME


def sift(batch: Sequence[Reading]) -> tuple[list[int], list[tuple[int, str]]]:
    """The indexes that may be stored and, apart, those refused at the port's edge with the reason."""
    stored: list[int] = []
    refused: list[tuple[int, str]] = []
    for index, reading in enumerate(batch):
        reason = refusal_of(reading)
        if reason is None:
            stored.append(index)
        else:
            refused.append((index, reason))
    return stored, refused


def clamp_span(start_ms: int, end_ms: int, after_ms: int | None = None) -> tuple[int, int]:
    """The part of a range in which samples can be, so that no engine sees an instant it cannot hold."""
    first_ms = start_ms if after_ms is None else max(start_ms, after_ms + 1)
    return min(max(first_ms, 1), YEAR_2100_MS), min(max(end_ms, 1), YEAR_2100_MS)


def check_bucket_width(every_ms: int) -> None:
    """Raises ValueError unless buckets have a width."""
    if every_ms <= 0:
        message = f"a bucket needs a width above 0 ms, not {every_ms}"
        raise ValueError(message)


def _is_count(number: int) -> bool:
    """Whether a number is whole, also at run time, and fits every engine."""
    return isinstance(number, int) and 0 <= number <= INTEGER_MAX


@lru_cache(maxsize=65_536)
def _is_sensor_name(sensor: str) -> bool:
    """Printable, not empty, bounded, and free of the backslash, which line protocol cannot carry everywhere."""
    return 0 < len(sensor) <= SENSOR_CHARACTERS_MAX and sensor.isprintable() and "\\" not in sensor
