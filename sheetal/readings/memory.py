"""The readings store of tests and small tools: everything in this process, nothing kept after it."""

from __future__ import annotations

from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING

from sheetal.readings.port import (
    Bucket,
    Capabilities,
    Health,
    WriteResult,
    check_bucket_width,
    clamp_span,
)
from sheetal.readings.sift import sift

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.contracts.reading import Reading


class MemoryReadings:
    """A store in a dictionary; the first sample under a key stays."""

    capabilities = Capabilities(
        durable_on_ack=False,
        rows_per_request_max=5_000,
        supports_delete=True,
        partial_batch_possible=False,
        reads_are_durable=True,
    )

    def __init__(self) -> None:
        self._by_sensor: dict[str, dict[int, Reading]] = {}
        self._lock = Lock()

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        """Keep the batch; see the port."""
        good, _, refused = sift(batch)
        with self._lock:
            for reading in good:
                self._by_sensor.setdefault(reading.sensor, {}).setdefault(reading.measured_at_ms, reading)
        return WriteResult(len(good), refused)

    def read(
        self, sensor: str, start_ms: int, end_ms: int, *, limit: int | None = None, after_ms: int | None = None
    ) -> list[Reading]:
        """The samples of one sensor in time order; see the port."""
        first_ms, until_ms = clamp_span(start_ms, end_ms, after_ms)
        with self._lock:
            samples = self._by_sensor.get(sensor, {})
            instants = sorted(instant for instant in samples if first_ms <= instant < until_ms)
            return [samples[instant] for instant in instants[:limit]]

    def read_many(self, spans: Sequence[tuple[str, int, int]]) -> list[Reading]:
        """The samples of many spans; see the port."""
        return [reading for span in spans for reading in self.read(*span)]

    def newest_ms(self, sensors: Sequence[str], start_ms: int, end_ms: int) -> dict[str, int]:
        """The newest instant of each sensor in the range; see the port."""
        found = ((sensor, self.read(sensor, start_ms, end_ms)) for sensor in sensors)
        return {sensor: samples[-1].measured_at_ms for sensor, samples in found if samples}

    def downsample(
        self, sensors: Sequence[str], start_ms: int, end_ms: int, every_ms: int, *, origin_ms: int = 0
    ) -> dict[str, list[Bucket]]:
        """Buckets for each sensor asked; see the port."""
        check_bucket_width(every_ms)
        return {sensor: buckets_of(self.read(sensor, start_ms, end_ms), every_ms, origin_ms) for sensor in sensors}

    def count(self, sensor: str, start_ms: int, end_ms: int) -> int:
        """How many samples the range holds; see the port."""
        return len(self.read(sensor, start_ms, end_ms))

    def expire(self, before_ms: int) -> int:
        """Forget samples older than the instant; see the port."""
        gone = 0
        with self._lock:
            for sensor, samples in self._by_sensor.items():
                kept = {instant: sample for instant, sample in samples.items() if instant >= before_ms}
                gone += len(samples) - len(kept)
                self._by_sensor[sensor] = kept
        return gone

    def health(self) -> Health:
        """Always well."""
        return Health(ok=True, detail="in memory, lost when this process ends")

    def close(self) -> None:
        """Nothing is open."""


def buckets_of(readings: Iterable[Reading], every_ms: int, origin_ms: int) -> list[Bucket]:
    """Summarise samples in time order; the plain definition that every engine's own arithmetic is held against."""
    return [
        _summary(origin_ms + number * every_ms, [value for _, value in group])
        for number, group in groupby(
            (
                ((reading.measured_at_ms - origin_ms) // every_ms, reading.centi_celsius)
                for reading in readings
                if reading.centi_celsius is not None
            ),
            key=lambda numbered: numbered[0],
        )
    ]


def _summary(start_ms: int, values: list[int]) -> Bucket:
    return Bucket(start_ms, len(values), min(values), max(values), sum(values) / len(values), values[0], values[-1])
