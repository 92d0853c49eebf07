"""Full counts of one fault suite; only this writes docs/figures/faults.json.

A suite that was broken off goes on where it stopped.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks import journey_story
from benchmarks.record import FAULTS, ROOT, Fault, keep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRESS = ROOT / ".demo" / "soak"


@dataclass(frozen=True, slots=True)
class Suite:
    """One counted promise: how often in full, how one try goes (True when it held), and how it was tried."""

    count: int
    attempt: Callable[[int], bool]
    how: str


SUITES = {
    "journey.story": Suite(10, journey_story.attempt, journey_story.HOW),
}


def main(names: list[str]) -> int:
    """Play one suite to its full count; exit 1 when any try failed."""
    if len(names) != 1 or names[0] not in SUITES:
        print(f"make soak SUITE=<name>; there are: {', '.join(SUITES)}")
        return 2
    name = names[0]
    suite = SUITES[name]
    progress = PROGRESS / f"{name}.json"
    tried, failed = _read(progress)
    while tried < suite.count:
        held = suite.attempt(tried)
        tried, failed = tried + 1, failed + (not held)
        _write(progress, tried, failed)
        print(f"{name}: {tried} of {suite.count}, {failed} failed", flush=True)
    progress.unlink()
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
