"""Compares the three witnesses after a fault: the simulator's truth log, the outboxes and the readings store (pure).

Nothing that a gateway said it had kept may be missing, there twice or changed; nothing may be there that never was.
An outbox gives each item the next number of its boot and keeps delivered ones for weeks, so a number that is missing
is an item that was kept and is gone, whatever the witnesses beside it say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from benchmarks.faults.line import Kept
    from sheetal.contracts.reading import Reading

Key = tuple[str, int]
"""Sensor and instant."""
EXAMPLES_MAX = 3
DELIVERED = 1


class Report(NamedTuple):
    """How many readings were at stake, and one line for each way in which a promise was broken."""

    truth: int
    kept: int
    stored: int
    problems: list[str]

    @property
    def held(self) -> bool:
        """Whether every promise held."""
        return not self.problems

    def __str__(self) -> str:
        counts = f"{self.truth:,} true, {self.kept:,} kept, {self.stored:,} stored"
        return "; ".join([counts, *self.problems])


class Witnesses(NamedTuple):
    """What each says: `truth` by sensor and instant; `due` are those that must have arrived by now."""

    truth: Mapping[Key, int | None]
    kept: Sequence[Kept]
    stored: Sequence[Reading]
    due: Collection[Key] = ()


def reconcile(seen: Witnesses) -> Report:
    """Everything that does not agree, each kind of disagreement as one line with examples."""
    copies = Counter((reading.sensor, reading.measured_at_ms) for reading in seen.stored)
    stored = {(reading.sensor, reading.measured_at_ms): reading for reading in seen.stored}
    kept = {(row.sensor, row.measured_at_ms): row for row in seen.kept}
    problems = {
        "kept and not stored": kept.keys() - stored.keys(),
        "stored more than once": {key for key, count in copies.items() if count > 1},
        "stored otherwise than kept": {
            key
            for key, row in kept.items()
            if key in stored and (stored[key].centi_celsius, stored[key].quality) != (row.centi_celsius, row.quality)
        },
        "kept and not yet settled": {key for key, row in kept.items() if row.state != DELIVERED},
        "kept otherwise than true": {
            key for key, row in kept.items() if key in seen.truth and seen.truth[key] != row.centi_celsius
        },
        "kept and never true": kept.keys() - seen.truth.keys(),
        "stored and never true": stored.keys() - seen.truth.keys(),
        "stored otherwise than true": {
            key for key, reading in stored.items() if key in seen.truth and seen.truth[key] != reading.centi_celsius
        },
        "true, told and not stored": set(seen.due) - stored.keys(),
    }
    lines = [f"{len(keys)} {what}, as {_examples(keys)}" for what, keys in problems.items() if keys]
    return Report(len(seen.truth), len(seen.kept), len(seen.stored), lines)


def missing_numbers(numbers: Iterable[tuple[int, int]]) -> list[str]:
    """One line for each boot whose sequence numbers (boot, sequence) do not run from 1 on without a hole."""
    by_boot: defaultdict[int, set[int]] = defaultdict(set)
    for boot, sequence in numbers:
        by_boot[boot].add(sequence)
    return [
        f"boot {boot >> 32}: {max(found) - len(found)} of {max(found)} items vanished from the outbox"
        for boot, found in by_boot.items()
        if max(found) != len(found)
    ]


def _examples(keys: Collection[Key]) -> str:
    return ", ".join(f"{sensor} at {at_ms}" for sensor, at_ms in sorted(keys)[:EXAMPLES_MAX])
