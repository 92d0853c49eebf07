"""How many readings a second one core takes apart: from a message's bytes to rows that may be stored.

Seal, decoding and acceptance as ingest does them, 60 readings a message. The limit in the same run is msgspec's
decoding of the same bodies and nothing else. `python -m benchmarks.decode_rate` prints each repeat.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmarks.ingest_rig import Fleet
from benchmarks.record import Figure
from ingest.app import tune_interpreter
from ingest.inbox import Message
from ingest.load import Part, take_apart
from sheetal.contracts import seal
from sheetal.contracts.batch import Batch
from sheetal.contracts.clock import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FLEET = Fleet(gateways=500, sensors_a_gateway=4, rows_a_message=60)
MESSAGES = 5_000
REPEATS = 7
GOAL = 1_500_000
_batch = msgspec.json.Decoder(Batch)


class Repeat(NamedTuple):
    """Readings a second of processor time."""

    taken_apart: float
    decoded: float


def measure(messages: int = MESSAGES) -> Figure:
    """The figure `ingest.decode_readings_per_core`: median of the repeats."""
    repeats = measured(messages)
    return Figure(
        value=statistics.median(one.taken_apart for one in repeats),
        unit="readings/s of one core",
        limit="msgspec's decoding of the bodies alone, readings/s of one core",
        limit_value=statistics.median(one.decoded for one in repeats),
        goal=GOAL,
        better="higher",
        runs=[round(one.taken_apart) for one in repeats],
        when=datetime.now(UTC).date().isoformat(),
    )


def measured(count: int) -> list[Repeat]:
    """Every repeat, over the same messages."""
    tune_interpreter()
    messages = [Message(topic, payload, 1, 1, now_ms()) for topic, payload in FLEET.messages(count)]
    bodies = [seal.open_envelope(message.payload).body for message in messages]
    keys = FLEET.keys

    def take(message: Message) -> None:
        is_good = isinstance(take_apart(message, keys.get), Part)
        if not is_good:
            raise RuntimeError("a good message was refused")

    rows = count * FLEET.rows_a_message
    return [Repeat(rows / _seconds(take, messages), rows / _seconds(_batch.decode, bodies)) for _ in range(REPEATS)]


def _seconds(work: Callable[[Message], object] | Callable[[msgspec.Raw], object], items: Sequence[object]) -> float:
    started = time.process_time()
    for item in items:
        work(item)  # type: ignore[arg-type]  # each work has items of its own kind
    return time.process_time() - started


def main() -> int:
    """Print each repeat."""
    for number, (ours, limit) in enumerate(measured(MESSAGES), 1):
        print(f"{number}: {ours:,.0f} readings/s taken apart, {limit:,.0f} by decoding alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
