"""Full counts of one fault suite, or of a family of them in order; only this writes docs/figures/faults.json.

`make soak SUITE=edge.kill9` · `SUITE=all-edge`, `all-ingest`, `all-alerts`: what was broken off goes on from there.
`python -m benchmarks.soak NAME FIRST COUNT` plays some tries again, by the seed of a failure, and keeps nothing.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks import journey_story
from benchmarks.faults import (
    alerts_channel_down,
    alerts_kill9,
    alerts_lost_notice,
    alerts_takeover,
    audit_tamper,
    clock,
    disk_full,
    duplicate_reorder,
    false_holds,
    forged,
    ingest_broker_restart,
    ingest_disk_full,
    ingest_kill9,
    ingest_slow_consumer,
    ingest_store_down,
    kill9,
    lying_broker,
    missed_excursions,
    partition_72h,
    poison,
    power_cut,
    restore_backup,
    split_hold_race,
    storm,
    workers,
    wrong_credentials,
)
from benchmarks.record import FAULTS, ROOT, Fault, keep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRESS = ROOT / ".demo" / "soak"
FAMILIES = {"all-edge": "edge.", "all-ingest": "ingest.", "all-alerts": "alerts."}
"""What all suites of a family are called by, and how their names begin."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One counted promise: how often in full, how it was tried, and how tries go.

    `run(first, count)` plays tries number `first` and on and says how many failed; `group` is how many it is best
    given at once, and the most that are lost when a run is broken off.
    """

    count: int
    how: str
    run: Callable[[int, int], int]
    group: int = 1


def each(attempt: Callable[[int], bool]) -> Callable[[int, int], int]:
    """A run out of single tries, each True when it held."""
    return lambda first, count: sum(not attempt(number) for number in range(first, first + count))


SUITES = {
    "alerts.takeover": Suite(alerts_takeover.FULL, alerts_takeover.HOW, alerts_takeover.run, alerts_takeover.GROUP),
    "journey.story": Suite(10, journey_story.HOW, each(journey_story.attempt)),
    "edge.forged": Suite(forged.FULL, forged.HOW, forged.run, forged.GROUP),
    "edge.clock": Suite(clock.FULL, clock.HOW, clock.run, clock.GROUP),
    "edge.kill9": Suite(kill9.FULL, kill9.HOW, kill9.run, kill9.GROUP),
    "edge.power_cut": Suite(power_cut.FULL, power_cut.HOW, power_cut.run, power_cut.GROUP),
    "edge.lying_broker": Suite(lying_broker.FULL, lying_broker.HOW, lying_broker.run, lying_broker.GROUP),
    "edge.partition_72h": Suite(partition_72h.FULL, partition_72h.HOW, partition_72h.run),
    "edge.duplicate_reorder": Suite(
        duplicate_reorder.FULL, duplicate_reorder.HOW, duplicate_reorder.run, duplicate_reorder.GROUP
    ),
    "alerts.false_holds": Suite(false_holds.FULL, false_holds.HOW, false_holds.run, false_holds.GROUP),
    "alerts.missed_excursions": Suite(
        missed_excursions.FULL, missed_excursions.HOW, missed_excursions.run, missed_excursions.GROUP
    ),
    "edge.disk_full": Suite(disk_full.FULL, disk_full.HOW, disk_full.run),
    "ingest.poison": Suite(poison.FULL, poison.HOW, poison.run, poison.GROUP),
    "edge.wrong_credentials": Suite(wrong_credentials.FULL, wrong_credentials.HOW, wrong_credentials.run),
    "ingest.kill9": Suite(ingest_kill9.FULL, ingest_kill9.HOW, ingest_kill9.run, ingest_kill9.GROUP),
    "ingest.store_down": Suite(ingest_store_down.FULL, ingest_store_down.HOW, ingest_store_down.run),
    "ingest.broker_restart": Suite(ingest_broker_restart.FULL, ingest_broker_restart.HOW, ingest_broker_restart.run),
    "ingest.disk_full": Suite(ingest_disk_full.FULL, ingest_disk_full.HOW, ingest_disk_full.run),
    "ingest.worker_killed": Suite(workers.FULL, workers.HOW, workers.run, workers.GROUP),
    "ingest.reconnect_storm": Suite(storm.FULL, storm.HOW, storm.run),
    "restore.backup": Suite(restore_backup.FULL, restore_backup.HOW, restore_backup.run),
    "holding.split_hold_race": Suite(
        split_hold_race.FULL, split_hold_race.HOW, split_hold_race.run, split_hold_race.GROUP
    ),
    "audit.tamper": Suite(audit_tamper.FULL, audit_tamper.HOW, audit_tamper.run, audit_tamper.GROUP),
    "alerts.kill9": Suite(alerts_kill9.FULL, alerts_kill9.HOW, alerts_kill9.run, alerts_kill9.GROUP),
    "alerts.lost_notice": Suite(
        alerts_lost_notice.FULL, alerts_lost_notice.HOW, alerts_lost_notice.run, alerts_lost_notice.GROUP
    ),
    "alerts.channel_down": Suite(
        alerts_channel_down.FULL, alerts_channel_down.HOW, alerts_channel_down.run, alerts_channel_down.GROUP
    ),
    "ingest.slow_consumer": Suite(ingest_slow_consumer.FULL, ingest_slow_consumer.HOW, ingest_slow_consumer.run),
}


def main(arguments: list[str]) -> int:
    """Play what is named to its full count; exit 1 when any try failed, 2 for an unknown name."""
    match arguments:
        case [family] if family in FAMILIES:
            return max(soak(name) for name in SUITES if name.startswith(FAMILIES[family]))
        case [name] if name in SUITES:
            return soak(name)
        case [name, first, count] if name in SUITES:
            failed = SUITES[name].run(int(first), int(count))
            print(f"{name}: {count} from {first} on, {failed} failed")
            return 1 if failed else 0
    print(f"make soak SUITE=<name>; there are: {', '.join([*SUITES, *FAMILIES])}")
    return 2


def soak(name: str) -> int:
    """One suite to its full count, its entry kept; 1 when any try failed."""
    suite = SUITES[name]
    progress = PROGRESS / f"{name}.json"
    tried, failed = _read(progress)
    while tried < suite.count:
        count = min(suite.group, suite.count - tried)
        failed += suite.run(tried, count)
        tried += count
        _write(progress, tried, failed)
        print(f"{name}: {tried} of {suite.count}, {failed} failed", flush=True)
    progress.unlink(missing_ok=True)
    keep(FAULTS, name, Fault(tried, failed, suite.how, datetime.now(UTC).date().isoformat()))
    return 1 if failed else 0


def _read(progress: Path) -> tuple[int, int]:
    if not progress.exists():
        return 0, 0
    state = json.loads(progress.read_text())
    return int(state["tried"]), int(state["failed"])


def _write(progress: Path, tried: int, failed: int) -> None:
    progress.parent.mkdir(parents=True, exist_ok=True)
    progress.write_text(json.dumps({"tried": tried, "failed": failed}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
