"""Messages of one reading each: the real ingest process against a bare paho-mqtt subscriber of the same messages.

Both take them from the same Mosquitto, one after the other, in each repeat. Ingest is done when every reading is
stored, durably, and named by an application ack that its gateway's topic brought; the peer only counts.
`python -m benchmarks.ingest_single [sqlite|influxdb1]` prints each repeat.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.ack_counter import AckCounter
from benchmarks.bare_paho import seconds_taken
from benchmarks.ingest_rig import Fleet, Stand, best_store, carry, standing
from benchmarks.raw_publisher import RawPublisher, prepared
from benchmarks.record import Figure

FLEET = Fleet(gateways=1_000)
MESSAGES = 60_000
"""Fewer than the 100,000 that Mosquitto is told to queue for one subscriber: more would be dropped in silence."""
REPEATS = 3
GOAL = 0.6


class Repeat(NamedTuple):
    """The two rates of one repeat, in messages a second."""

    ingest: float
    paho: float


def measure(store: str = "", messages: int = MESSAGES, fleet: Fleet = FLEET) -> Figure:
    """The figure `ingest.single_over_paho`: median of the repeats."""
    store = store or best_store()
    repeats = [repeat(store, messages, fleet) for _ in range(REPEATS)]
    ratios = [one.ingest / one.paho for one in repeats]
    return Figure(
        value=statistics.median(ratios),
        unit=f"× ({statistics.median(one.ingest for one in repeats):,.0f} messages/s of one reading, into {store})",
        limit="bare paho-mqtt subscriber of the same messages and broker, messages/s",
        limit_value=statistics.median(one.paho for one in repeats),
        goal=GOAL,
        better="higher",
        runs=[round(ratio, 3) for ratio in ratios],
        when=datetime.now(UTC).date().isoformat(),
    )


def repeat(store: str, messages: int, fleet: Fleet) -> Repeat:
    """Both rates at one broker, one after the other, over fresh files."""
    with (
        tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name,
        standing(store, fleet, Path(name)) as stand,
        RawPublisher(stand.port) as publisher,
    ):
        warm, main = prepared(fleet.messages(fleet.gateways)), prepared(fleet.messages(messages, fleet.gateways))
        paho_seconds = seconds_taken(stand.port, publisher, main, messages)
        with stand.ingest(), AckCounter(stand.port) as acks:
            carry(publisher, warm, acks, fleet.gateways)
            ingest_seconds = carry(publisher, main, acks, messages)
        _check(stand, fleet, fleet.gateways + messages)
    return Repeat(messages / ingest_seconds, messages / paho_seconds)


def _check(stand: Stand, fleet: Fleet, rows: int) -> None:
    stored = stand.rows_stored(fleet)
    if stored != rows:
        message = f"{rows} readings were acknowledged, but {stored} are stored"
        raise RuntimeError(message)


def main(arguments: list[str]) -> int:
    """Print each repeat."""
    store = arguments[0] if arguments else best_store()
    for number in range(REPEATS):
        ours, limit = repeat(store, MESSAGES, FLEET)
        print(f"{number + 1}: {ours:,.0f} messages/s stored, {limit:,.0f} by bare paho: {ours / limit:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
