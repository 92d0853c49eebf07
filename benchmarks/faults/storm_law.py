"""The reconnect storm as arithmetic: the gateways' own law of waiting against a broker that lets in so many a second.

`python -m benchmarks.faults.storm_law` prints a table for what no machine here can play: more gateways, or a broker
that shakes hands slowly, as with TLS. The broker serves in order; who has waited five seconds gives up and comes
again, and the broker's work on it is lost.
"""

from __future__ import annotations

import heapq
import random
import sys
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.settings.uplink import UplinkSetting
from edge_agent.uplink.reconnect import fruitless_after, pause_seconds
from edge_agent.uplink.uplink import CONNECT_SECONDS_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    Law = Callable[[int, random.Random], float]

SETTING = UplinkSetting()
CASES = ((30_000, 3.0), (30_000, 600.0), (300_000, 3.0))
RATES = (500, 2_000, 10_000)


class Course(NamedTuple):
    """Seconds from the broker's return until half, 99 % and all were let in, tries in all and in the worst second."""

    half_seconds: float
    most_seconds: float
    all_seconds: float
    tries: int
    tries_a_second_max: int


def shipped(fruitless: int, chance: random.Random) -> float:
    """What `edge_agent` waits."""
    return pause_seconds(fruitless, SETTING.reconnect_seconds_min, SETTING.reconnect_seconds_max, chance.uniform)


def play(gateways: int, away_seconds: float, a_second: float, law: Law = shipped, seed: int = 1) -> Course:
    """All lose the broker at 0, it is back after so long, and lets in so many a second."""
    chance = random.Random(seed)
    tries = [(law(0, chance), number, 0) for number in range(gateways)]
    heapq.heapify(tries)
    free_at, count, served = away_seconds, 0, []
    by_second: dict[int, int] = {}
    while tries:
        now, number, fruitless = heapq.heappop(tries)
        count += 1
        by_second[int(now)] = by_second.get(int(now), 0) + 1
        begins = max(now, free_at)
        lasted = 0.0
        if now >= away_seconds:
            free_at = begins + 1 / a_second
            if free_at - now <= CONNECT_SECONDS_MAX:
                served.append(free_at - away_seconds)
                continue
            lasted = CONNECT_SECONDS_MAX
            if begins - now > CONNECT_SECONDS_MAX:
                free_at = begins  # nobody stands there any more when its turn comes
        fruitless = fruitless_after(fruitless, lasted)
        heapq.heappush(tries, (now + lasted + law(fruitless, chance), number, fruitless))
    half, most = served[len(served) // 2], served[int(len(served) * 0.99)]
    return Course(half, most, served[-1], count, max(by_second.values()))


def main() -> int:
    """The table."""
    print("| gateways | away, s | let in a second | half, s | 99 %, s | all, s | tries each | most tries in a second |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    for gateways, away_seconds in CASES:
        for rate in RATES:
            seen = play(gateways, away_seconds, rate)
            times = f"{seen.half_seconds:,.0f} | {seen.most_seconds:,.0f} | {seen.all_seconds:,.0f}"
            print(
                f"| {gateways:,} | {away_seconds:.0f} | {rate:,} | {times} "
                f"| {seen.tries / gateways:.1f} | {seen.tries_a_second_max:,} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
