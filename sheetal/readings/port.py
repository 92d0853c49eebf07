"""The readings port: what every store of temperature samples promises, whatever engine stands behind it.

Times are UTC epoch milliseconds, ranges are half-open `[start, end)`, temperatures are centi-degrees, and a sample's
key is (sensor, measured_at_ms). Sending a batch again is always safe. Which of two *different* samples under one key
stays is the engine's affair (SQLite keeps the first, InfluxDB the last), so conflicts are found before the port.
Every store may be used from several threads at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.reading import Reading

YEAR_2100_MS = 4_102_444_800_000
"""2100-01-01T00:00:00Z: no sample is later."""

INTEGER_MAX = 2**63 - 1
"""The largest integer that SQLite and InfluxDB can hold."""


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
    """What an adapter can do; `rows_per_request_max` is how many rows it sends at a time, larger batches are cut.

    Where not `reads_are_durable`, a row that can be read may be lost all the same: InfluxDB 1.x shows points of a write
    that failed to reach its log (measured on 1.6.7 with a full disk).
    """

    durable_on_ack: bool
    rows_per_request_max: int
    supports_delete: bool
    partial_batch_possible: bool
    reads_are_durable: bool


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

    def read_many(self, spans: Sequence[tuple[str, int, int]]) -> list[Reading]:
        """The samples of many spans `(sensor, start_ms, end_ms)`, in any order; spans of one sensor do not overlap.

        For hundreds of short spans, in a fraction of the requests that reading them one by one would take.
        """

    def newest_ms(self, sensors: Sequence[str], start_ms: int, end_ms: int) -> dict[str, int]:
        """The newest instant in the range of each sensor that has any; for a short range and many sensors."""

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


def clamp_span(start_ms: int, end_ms: int, after_ms: int | None = None) -> tuple[int, int]:
    """The part of a range in which samples can be, so that no engine sees an instant it cannot hold."""
    first_ms = start_ms if after_ms is None else max(start_ms, after_ms + 1)
    return min(max(first_ms, 1), YEAR_2100_MS), min(max(end_ms, 1), YEAR_2100_MS)


def check_bucket_width(every_ms: int) -> None:
    """Raises ValueError unless buckets have a width."""
    if every_ms <= 0:
        message = f"a bucket needs a width above 0 ms, not {every_ms}"
        raise ValueError(message)
