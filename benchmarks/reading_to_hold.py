"""From a reading's publish to the hold that it decides, while a district sends a thousand readings a second.

A real broker, ingest process, time-series store and evaluator. A thousand refrigerators are told of every second; one
after another, others send the reading that completes an hour of frost. The clock runs from just before that message is
published until another process sees the holding quarantined in the ledger, so until after the commit. Beside it: how
long the broker alone takes from a publish to its PUBACK, meanwhile. `python -m benchmarks.reading_to_hold [holds]`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from sqlalchemy import select

from benchmarks.faults.alerts_takeover import Evaluator
from benchmarks.faults.line import wait_for
from benchmarks.hold_rig import FINE, FROZEN, GATEWAYS, SENSORS_A_GATEWAY, Freezing, fleet, furnish, message
from benchmarks.ingest_rig import best_store, sensor_name, standing
from benchmarks.raw_publisher import RawPublisher
from benchmarks.record import Figure
from demo.broker import free_port
from sheetal.contracts.clock import now_ms
from sheetal.contracts.disposition import Disposition
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.stock_tables import holding
from sheetal.ledger.telemetry import dirty_hours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.ingest_rig import Stand

HOLDS = 200
WARM_SECONDS = 10.0
BETWEEN_SECONDS = 0.25
LEAD_SECONDS = 20.0
PLACES_A_SECOND = 16
"""How quickly, at worst, refrigerators are furnished and judged for the first time."""
SETTLE_SECONDS_MAX = 180.0
GOAL_SECONDS = 2.0
POLL_SECONDS = 0.005


class Measured(NamedTuple):
    """Seconds of each hold and of each of the broker's answers, and how many readings went a second."""

    holds: list[float]
    broker: list[float]
    readings_a_second: float


class Watcher:
    """Sees, by looking at the ledger all the time, when each holding is quarantined."""

    def __init__(self, ledger_url: str) -> None:
        self.seen: dict[str, float] = {}
        self._url = ledger_url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        query = select(holding.c.id).where(holding.c.disposition == Disposition.QUARANTINED.value)
        with closing(open_ledger(self._url)) as ledger:
            while not self._stop.wait(POLL_SECONDS):
                with ledger.read() as conn:
                    found = list(conn.execute(query).scalars())
                at = time.perf_counter()
                for label in found:
                    self.seen.setdefault(label, at)


def measure(holds: int = HOLDS) -> Figure:
    """The figure `verdict.reading_to_hold_p99_seconds`: its limit is what the broker alone takes, at p99, in ms."""
    found = run(holds)
    return Figure(
        value=percentile(found.holds, 99),
        unit=f"s at {found.readings_a_second:,.0f} readings/s (median {statistics.median(found.holds):.2f} s)",
        limit="the broker's own answer to a publish at p99, ms",
        limit_value=percentile(found.broker, 99) * 1_000,
        goal=GOAL_SECONDS,
        better="lower",
        runs=[round(percentile(found.holds, share), 3) for share in (50, 90, 99, 100)],
        when=datetime.now(UTC).date().isoformat(),
    )


def run(holds: int, gateways: int = GATEWAYS) -> Measured:
    """So many holds under load; raises RuntimeError where one does not come."""
    with (
        tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name,
        standing(best_store(), fleet()._replace(gateways=gateways), Path(name)) as stand,
    ):
        steady = [sensor_name(gateway, probe) for gateway in range(gateways) for probe in range(SENSORS_A_GATEWAY)]
        labels = [f"{sensor_name(number % gateways, 0)}x{number}" for number in range(holds)]
        begin_ms = now_ms() + round(1_000 * (LEAD_SECONDS + (len(steady) + holds) / PLACES_A_SECOND))
        freezing = [
            Freezing(label, begin_ms + round(1_000 * (WARM_SECONDS + number * BETWEEN_SECONDS)))
            for number, label in enumerate(labels)
        ]
        furnish(stand, steady, freezing, now_ms())
        with stand.ingest(), _alerts(stand) as evaluator:
            _settle(stand, evaluator)
            if now_ms() > begin_ms:
                raise RuntimeError("the first judging took too long for the plan")
            with Watcher(stand.settings["SHEETAL_LEDGER_URL"]) as watcher, RawPublisher(stand.port) as publisher:
                sent, broker, rate = _publish(publisher, steady, freezing, begin_ms)
                wait_for(lambda: len(watcher.seen) >= holds, SETTLE_SECONDS_MAX, POLL_SECONDS)
                seen = dict(watcher.seen)
    early = [label for label, at in seen.items() if at < sent.get(label, 0)]
    missing = sorted(set(sent) - set(seen))
    if early or missing:
        raise RuntimeError(f"held before their reading: {early[:3]}; never held: {missing[:3]} of {len(missing)}")
    return Measured([seen[label] - at for label, at in sent.items()], broker, rate)


def _publish(
    publisher: RawPublisher,
    steady: Sequence[str],
    freezing: Sequence[Freezing],
    begin_ms: int,
) -> tuple[dict[str, float], list[float], float]:
    """Publish every message at its instant; gives when each deciding one went, and the broker's times."""
    groups = [steady[first : first + SENSORS_A_GATEWAY] for first in range(0, len(steady), SENSORS_A_GATEWAY)]
    sequences: dict[str, int] = {}
    end_ms = freezing[-1].decides_at_ms + 2_000
    every_ms = 1_000 / len(groups)
    plan: list[tuple[float, Sequence[str], Freezing | None]] = [
        (begin_ms + turn * every_ms, groups[turn % len(groups)], None)
        for turn in range(round((end_ms - begin_ms) / every_ms))
    ]
    plan += [(float(one.decides_at_ms), [one.sensor], one) for one in freezing]
    sent: dict[str, float] = {}
    broker: list[float] = []
    for at_ms, sensors, one in sorted(plan, key=lambda step: step[0]):
        time.sleep(max(0.0, at_ms / 1_000 - time.time()))
        gateway = sensors[0].partition(".")[0]
        sequence = sequences.get(gateway, 0)
        sequences[gateway] = sequence + len(sensors)
        made = message(sensors, FROZEN if one else FINE, round(at_ms), sequence)
        began = time.perf_counter()
        if one is not None:
            sent[one.holding] = began
        publisher.publish(*made)
        publisher.flush()
        broker.append(time.perf_counter() - began)
    took = (now_ms() - begin_ms) / 1_000
    return sent, broker, sum(sequences.values()) / took


def _alerts(stand: Stand) -> _Alerts:
    return _Alerts(stand)


class _Alerts:
    """The evaluator's process; a context manager."""

    def __init__(self, stand: Stand) -> None:
        port = free_port()
        environment = {**stand.settings, "SHEETAL_HEALTH_PORT": str(port)}
        command = [sys.executable, "-m", "alerts"]
        self._process = Evaluator(command, stand.folder / "alerts.log", environment=environment)
        self._process.health_port = port
        self._process.ready = lambda: self._process.said().get("ok") is True

    def __enter__(self) -> Evaluator:
        return self._process.start()

    def __exit__(self, *_: object) -> None:
        self._process.kill()


def _settle(stand: Stand, evaluator: Evaluator) -> None:
    """Wait until all that was furnished is judged."""

    def is_judged() -> bool:
        with telemetry.read() as conn:
            return not dirty_hours(conn, 1)

    with closing(open_telemetry(stand.settings["SHEETAL_TELEMETRY_URL"])) as telemetry:
        if not wait_for(lambda: is_judged() and evaluator.is_leader, SETTLE_SECONDS_MAX, 0.2):
            raise RuntimeError(f"the evaluator does not come to an end:\n{evaluator.log_tail()}")


def percentile(values: Sequence[float], share: int) -> float:
    """The value below which so many in a hundred lie, the largest for 100."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, share * len(ordered) // 100)]


def main(arguments: list[str]) -> int:
    """Print the distribution."""
    found = run(int(arguments[0]) if arguments else HOLDS)
    for name, values in (("reading to hold", found.holds), ("broker alone", found.broker)):
        shares = ", ".join(f"p{share} {percentile(values, share):.3f} s" for share in (50, 90, 99, 100))
        print(f"{name}: {shares} ({len(values)} of them, {found.readings_a_second:,.0f} readings/s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
