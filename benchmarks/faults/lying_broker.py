"""A broker that says "I have it" and has not: only ingest's own answer may let a gateway forget a reading.

Three ways to lie: the broker is killed with all it confirmed while nobody listened; it confirms for nobody and throws
away without any crash; a link confirms in its name and lets nothing through. Some lies fall into one running line; then
all is honest again, drains, and the truth log, the outboxes and the store are compared.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.faults.line import EMBEDDED, Line, brokers, wait_for
from benchmarks.faults.link import LyingLink
from benchmarks.faults.scene import Scene
from benchmarks.faults.settled import DRAIN_SECONDS_MAX, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.faults.reconcile import Report

FULL = 30
GROUP = 5
HOW = (
    "data messages PUBACKed and then lost: broker killed after its PUBACKs with nobody subscribed, broker without a "
    "subscriber, link that PUBACKs and drops; then truth log = outboxes = store, each reading once"
)
SCENE = Scene(gateways=2, probes=8, interval_seconds=10, history_minutes=240, story_minutes=230, catch_up_seconds=40)
LIES_MIN = 5
"""So many messages must have been confirmed and lost, or there was no lie to be taken in by."""
LIE_SECONDS_MAX = 20.0


def run(first: int, count: int, broker: str = "") -> int:
    """Lies number `first` and on, in groups; how many of them failed."""
    failed = 0
    for start in range(first, first + count, GROUP):
        lies = min(GROUP, first + count - start)
        kind = broker or (brokers()[0] if start // GROUP % 2 else EMBEDDED)
        with tempfile.TemporaryDirectory(prefix="sheetal-lies-") as folder:
            line = Line(Path(folder), SCENE._replace(seed=start + 1), broker=kind)
            failed += 0 if group(line, start, lies).held else lies
    return failed


def group(line: Line, start: int, lies: int, ways: Sequence[str] = (), seconds: float = DRAIN_SECONDS_MAX) -> Report:
    """So many lies in one line, drained within so many seconds; what was kept and is missing, doubled or changed."""
    chance = random.Random(f"lies {start}")
    with line, LyingLink(line.broker_port) as link:
        line.gateway_broker = link.url
        line.start()
        told = [_lie(line, link, chance.choice(ways or list(WAYS)), chance) for _ in range(lies)]
        line.start()
        report = settle(line, seconds)
        report.problems.extend(f"no lie by {way}" for way, lost in told if lost < LIES_MIN)
        ways_told = ", ".join(f"{count} × {way}" for way, count in sorted(Counter(way for way, _ in told).items()))
        lost_in_all = sum(lost for _, lost in told)
        print(f"  seed {start}: {ways_told}; {lost_in_all} messages confirmed and lost; {report}", flush=True)
    return report


def _lie(line: Line, link: LyingLink, way: str, chance: random.Random) -> tuple[str, int]:
    """One lie, once readings flow; the way and how many messages were confirmed and lost."""
    before_rows = line.stored_count()
    wait_for(lambda: line.stored_count() > before_rows, LIE_SECONDS_MAX, 0.02)
    return way, WAYS[way](line, link, chance.uniform(0.2, 1.0))


def _killed_broker(line: Line, link: LyingLink, seconds: float) -> int:
    """Nobody is subscribed while the broker confirms; then it is killed with what it may have held."""
    line.ingest.kill()
    lost = _confirmed(link, seconds)
    line.broker.kill()
    line.start(line.broker, line.ingest)
    return lost


def _no_subscriber(line: Line, link: LyingLink, seconds: float) -> int:
    """The broker goes on, and confirms what it has nobody to give to."""
    line.ingest.kill()
    lost = _confirmed(link, seconds)
    line.start(line.ingest)
    return lost


def _dropping_link(_line: Line, link: LyingLink, seconds: float) -> int:
    """The broker and ingest are well; what is confirmed in the broker's name never reaches it."""
    link.lying = True
    try:
        return _confirmed(link, seconds)
    finally:
        link.lying = False


WAYS: dict[str, Callable[[Line, LyingLink, float], int]] = {
    "killed broker": _killed_broker,
    "no subscriber": _no_subscriber,
    "dropping link": _dropping_link,
}


def _confirmed(link: LyingLink, seconds: float) -> int:
    """Waits for some confirmations and a moment longer; how many there were."""
    before = link.confirmed
    wait_for(lambda: link.confirmed >= before + LIES_MIN, LIE_SECONDS_MAX, 0.02)
    time.sleep(seconds)
    return link.confirmed - before
