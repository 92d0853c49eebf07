"""What the tests of the pipeline share: a store that fails when told to, and what was stored and acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.problem import Unavailable
from tests.ingest.given import BOOT, GATEWAY, NOW_MS, SENSOR, opened_ack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.contracts.reading import Reading
    from sheetal.readings.port import ReadingsStore, WriteResult
    from tests.ingest.conftest import RememberingBus, Stores

ACK_TOPIC = f"cc/v1/{GATEWAY}/ack"


class FailingReadings:
    """Stands before the real store and fails as often as told, before or after the real write."""

    def __init__(self, real: ReadingsStore) -> None:
        self._real = real
        self.before = 0
        self.after = 0
        self.error: Exception = Unavailable("away", retry_after_seconds=0)

    def write(self, rows: Sequence[Reading]) -> WriteResult:
        if self.before:
            self.before -= 1
            raise self.error
        result = self._real.write(rows)
        if self.after:
            self.after -= 1
            raise self.error
        return result

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def rows_of(stores: Stores, sensor: str = SENSOR) -> list[Reading]:
    return stores.readings.read(sensor, 0, NOW_MS * 2)


def acked(bus: RememberingBus, boot: int = BOOT) -> set[int]:
    """Every sequence that some ack called stored."""
    answers = [opened_ack(payload) for topic, payload in bus.done if topic == ACK_TOPIC and isinstance(payload, bytes)]
    spans = [span for answer in answers if answer.boot == boot for span in answer.stored]
    return {number for first, last in spans for number in range(first, last + 1)}
