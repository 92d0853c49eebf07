"""How observations come to the sink: at the device's cost where it keeps the rest, else from a bounded memory."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import deque
from typing import TYPE_CHECKING

from sheetal.contracts.problem import Problem

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from edge_agent.sample import Observation, Sink

_log = logging.getLogger(__name__)

COMMIT_AGAIN_SECONDS = 2.0
WAITING_SAMPLES_MAX = 10_000
"""Some 3 MB: twenty minutes of eight probes a second, three hours of eight at 10 s."""
AT_ONCE_MAX = 200
NOT_KEPT = (sqlite3.Error, Problem)
"""What a sink raises when it kept nothing and the same call may succeed later."""


def hand_over(observations: Sequence[Observation], sink: Sink, stopping: threading.Event) -> bool:
    """Waits until they are on the disk; the device keeps what comes meanwhile.

    Where the gateway stops it is tried once all the same, since the device has told them; False where that failed.
    """
    while observations:
        try:
            sink(observations)
        except NOT_KEPT as error:
            _log.error("the outbox cannot be written, trying again: %s", error)
            if stopping.wait(COMMIT_AGAIN_SECONDS):
                return False
        else:
            return True
    return True


class Outgoing:
    """What a device that keeps nothing itself has said, until the sink has it; the oldest goes when it is too much."""

    def __init__(self, sink: Sink, samples_max: int = WAITING_SAMPLES_MAX) -> None:
        self._sink = sink
        self._samples_max = samples_max
        self._waiting: deque[Observation] = deque()
        self._samples = 0
        self._again_seconds = 0.0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, observations: Sequence[Observation]) -> None:
        """Takes them and hands over what waits, unless the disk failed a moment ago."""
        for observation in observations:
            self._waiting.append(observation)
            self._samples += _weight(observation)
        while self._samples > self._samples_max:
            gone = _weight(self._waiting.popleft())
            self._samples -= gone
            self.dropped += gone
        self.flush()

    def flush(self) -> None:
        """Hands over what waits, oldest first, unless the disk failed a moment ago."""
        while self._waiting and time.monotonic() >= self._again_seconds:
            first = [self._waiting[number] for number in range(min(AT_ONCE_MAX, len(self._waiting)))]
            try:
                self._sink(first)
            except NOT_KEPT as error:
                _log.error("the outbox cannot be written, %d samples wait in memory: %s", self._samples, error)
                self._again_seconds = time.monotonic() + COMMIT_AGAIN_SECONDS
                return
            except Exception:  # noqa: BLE001 - one that can never be taken must not keep back all that follow
                _log.exception("%d observations cannot be taken and are let go", len(first))
            for _ in first:
                self._samples -= _weight(self._waiting.popleft())
            if self.dropped:
                _log.error("%d samples were lost while the outbox could not be written", self.dropped)
                self.dropped = 0


def _weight(observation: Observation) -> int:
    return 1 + len(observation.samples) + len(observation.aux)
