"""Readings a second from a publisher through a real broker and the real ingest process into a durable store.

Each repeat has three runs over the same servers, none of which overlap:

- idle: the store's own bulk rate, nothing else running;
- loaded: the same, while as many messages as rows were written go through the broker to a subscriber that throws them
  away: what ingest can reach when decoding, judging, recording and acknowledging cost nothing;
- end to end: the messages go to ingest, until the last reading is durable and named by an application ack.

`python -m benchmarks.ingest_end_to_end [sqlite|influxdb1] [messages]` prints each repeat.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.ack_counter import AckCounter
from benchmarks.bulk_writer import ROWS_A_BATCH, Slice, bulk_writer
from benchmarks.discarding_subscriber import discarding
from benchmarks.ingest_rig import Fleet, best_store, carry, standing
from benchmarks.raw_publisher import RawPublisher, prepared
from benchmarks.record import Figure

if TYPE_CHECKING:
    from benchmarks.ingest_rig import Stand

SIXTY = Fleet(gateways=1_000, sensors_a_gateway=4, rows_a_message=60, interval_ms=60_000)
"""A gateway with four probes that catches up: a quarter of an hour of each, a minute apart, in one message."""
TEN = Fleet(gateways=1_000, sensors_a_gateway=1, rows_a_message=10, interval_ms=60_000)
ROWS = 600_000
REPEATS = 5
GOAL = 0.8
TEN_GOAL = 0.25
"""A floor for ten rows a message on two cores that broker, publisher, ingest and store share."""


class Repeat(NamedTuple):
    """The rates of one repeat, in readings a second."""

    idle: float
    loaded: float
    end_to_end: float


def measure_over_loaded_bulk() -> Figure:
    """The figure `ingest.e2e60_over_loaded_bulk`."""
    repeats = _repeats(best_store(), SIXTY)
    what = "bulk write of the same rows while the same messages go to a discarding subscriber, readings/s"
    return _figure(repeats, [one.loaded for one in repeats], what, GOAL)


def measure_over_idle_bulk() -> Figure:
    """The figure `ingest.e2e60_over_idle_bulk`, out of the same runs; reported, no goal of its own."""
    repeats = _repeats(best_store(), SIXTY)
    return _figure(repeats, [one.idle for one in repeats], "bulk write of the same rows, machine idle, readings/s", 0.0)


def measure_embedded() -> Figure:
    """The figure `readings.embedded_over_write`."""
    repeats = _repeats("sqlite", SIXTY)
    return _figure(repeats, [one.idle for one in repeats], "the embedded store's own write() alone, readings/s", GOAL)


def measure_ten() -> Figure:
    """The figure `ingest.end_to_end_over_store_bulk`: ten rows a message, as gateways send when all is well."""
    repeats = _repeats(best_store(), TEN)
    return _figure(repeats, [one.idle for one in repeats], "bulk write of the same rows, readings/s", TEN_GOAL)


@cache
def _repeats(store: str, fleet: Fleet) -> list[Repeat]:
    return [repeat(store, fleet, ROWS // fleet.rows_a_message) for _ in range(REPEATS)]


def repeat(store: str, fleet: Fleet, count: int) -> Repeat:
    """All three rates over fresh servers; ingest's rows are the newest, as a gateway's are."""
    with (
        tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name,
        standing(store, fleet, Path(name)) as stand,
        RawPublisher(stand.port) as publisher,
    ):
        idle = _idle(stand, Slice(fleet, 0, count))
        loaded = _loaded(stand, Slice(fleet, count, count), publisher)
        end_to_end = _end_to_end(stand, Slice(fleet, 2 * count, count), publisher)
        _check(stand, fleet, 3 * count + fleet.gateways)
    return Repeat(idle, loaded, end_to_end)


def _idle(stand: Stand, part: Slice) -> float:
    with bulk_writer(stand.readings_url, part) as writer:
        for _ in writer.begin():
            pass
        return part.rows / writer.seconds


def _loaded(stand: Stand, part: Slice, publisher: RawPublisher) -> float:
    bundles = prepared(part.fleet.messages(part.count, part.first))
    with discarding(stand.port, part.count), bulk_writer(stand.readings_url, part) as writer:
        sent = 0
        for batches in writer.begin():
            while bundles and sent * part.fleet.rows_a_message < batches * ROWS_A_BATCH:
                sent += bundles[0].count
                publisher.carry(bundles[:1])
                del bundles[0]
        return part.rows / writer.seconds


def _end_to_end(stand: Stand, part: Slice, publisher: RawPublisher) -> float:
    fleet, gateways = part.fleet, part.fleet.gateways
    warm = prepared(fleet.messages(gateways, part.first))
    main = prepared(fleet.messages(part.count, part.first + gateways))
    with stand.ingest(), AckCounter(stand.port) as acks:
        carry(publisher, warm, acks, gateways * fleet.rows_a_message)
        return part.rows / carry(publisher, main, acks, part.rows)


def _check(stand: Stand, fleet: Fleet, messages: int) -> None:
    stored = stand.rows_stored(fleet)
    if stored != messages * fleet.rows_a_message:
        message = f"{messages * fleet.rows_a_message} readings were acknowledged, but {stored} are stored"
        raise RuntimeError(message)


def _figure(repeats: list[Repeat], limits: list[float], limit: str, goal: float) -> Figure:
    ratios = [one.end_to_end / limit_rate for one, limit_rate in zip(repeats, limits, strict=True)]
    rate = statistics.median(one.end_to_end for one in repeats)
    return Figure(
        value=statistics.median(ratios),
        unit=f"× ({rate:,.0f} readings/s end to end)",
        limit=limit,
        limit_value=statistics.median(limits),
        goal=goal,
        better="higher",
        runs=[round(ratio, 3) for ratio in ratios],
        when=datetime.now(UTC).date().isoformat(),
    )


def main(arguments: list[str]) -> int:
    """Print each repeat."""
    store, *others = arguments or [best_store()]
    count = int(others[0]) if others else ROWS // SIXTY.rows_a_message
    for number in range(1, REPEATS + 1):
        idle, loaded, ours = repeat(store, SIXTY, count)
        shares = f"{ours / loaded:.2f} of loaded bulk {loaded:,.0f}, {ours / idle:.2f} of idle bulk {idle:,.0f}"
        print(f"{number}: {ours:,.0f} readings/s end to end, {shares}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
