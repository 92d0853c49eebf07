"""What a gateway costs while nothing happens: memory and processor time, eight Modbus probes at ten seconds.

Modbus is the heaviest of its drivers. One run gives both figures: after a minute of settling the process is looked at
every second for a minute, the largest resident set counts, and the processor time of that minute.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from benchmarks.edge_rig import gateway, rig, weigh
from benchmarks.record import Figure

REPEATS = 3
SETTLE_SECONDS = 60
LOOK_SECONDS = 60
RSS_MB_MAX = 40.0
CPU_PERCENT_MAX = 2.0
HOW = "eight probes every 10 s over Modbus TCP, own page on, connected and acknowledged"


class Idle(NamedTuple):
    """One minute of one gateway."""

    rss_mb_max: float
    cpu_percent: float


def measure_rss() -> Figure:
    """The figure `edge.idle_rss_mb`: the median of the largest resident sets."""
    runs = [one.rss_mb_max for one in idle_runs(REPEATS)]
    return Figure(
        value=statistics.median(runs),
        unit=f"MB ({HOW})",
        limit="the named goal, MB",
        limit_value=RSS_MB_MAX,
        goal=RSS_MB_MAX,
        better="lower",
        runs=[round(run, 2) for run in runs],
        when=datetime.now(UTC).date().isoformat(),
    )


def measure_cpu() -> Figure:
    """The figure `edge.idle_cpu_percent`: the median of the minutes' processor time, in percent of one core."""
    runs = [one.cpu_percent for one in idle_runs(REPEATS)]
    return Figure(
        value=statistics.median(runs),
        unit=f"% of one core ({HOW})",
        limit="the named goal, % of one core",
        limit_value=CPU_PERCENT_MAX,
        goal=CPU_PERCENT_MAX,
        better="lower",
        runs=[round(run, 2) for run in runs],
        when=datetime.now(UTC).date().isoformat(),
    )


@cache
def idle_runs(repeats: int) -> list[Idle]:
    """Fresh processes each time; both figures look at the same runs."""
    return [idle() for _ in range(repeats)]


def idle(settle_seconds: float = SETTLE_SECONDS, look_seconds: float = LOOK_SECONDS) -> Idle:
    """One run."""
    with rig("modbus") as made, gateway(made) as process:
        time.sleep(settle_seconds)
        began, began_seconds = weigh(process), time.monotonic()
        largest = began.rss_mb
        while time.monotonic() - began_seconds < look_seconds:
            time.sleep(1)
            largest = max(largest, weigh(process).rss_mb)
        spent = weigh(process).cpu_seconds - began.cpu_seconds
        return Idle(largest, 100 * spent / (time.monotonic() - began_seconds))
