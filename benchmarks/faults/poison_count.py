"""What a flood must leave behind by its own fates and the slow acceptance, and what it did leave in ingest's stores."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.faults.poison_corpus import hostile
from benchmarks.faults.poison_fate import PREFIX, keys
from ingest.inbox import Message
from ingest.reasons import Reason
from tests.ingest.acceptance import judged_message

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.faults.poison_fate import Hostile
    from sheetal.contracts.reading import Reading

COUNTED = ("conflicts", "aux_values", "day_summaries", "unplaced", "thinned")


_KEYS = keys()


@dataclass
class Due:
    """What so many hostile messages must leave: letters by reason, at least and at most, rows, and ingest's counts."""

    messages: int = 0
    perhaps: int = 0
    letters: Counter[str] = field(default_factory=Counter)
    letters_perhaps: Counter[str] = field(default_factory=Counter)
    readings: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, one: Hostile, now_ms: int) -> None:
        """One more message, sent and arrived once."""
        fate = one.fate
        if not fate.heard:
            return
        if not fate.certain:
            self.perhaps += 1
            self.letters_perhaps.update(reason.value for reason in fate.refused)
            return
        self.messages += 1
        # Which of its possible reasons a message has is asked of the slow acceptance, never of ingest.
        found = judged_message(Message(one.topic.decode(), one.payload, 1, 1, now_ms), _KEYS.get)
        reasons = {reason for _, reason in found.refused} | ({found.reason} if found.reason else set())
        self.letters.update(reasons | ({Reason.CONTRADICTING.value} if fate.contradicting else set()))
        self.readings += fate.readings
        told = (fate.conflicts, fate.aux, fate.days, fate.unplaced, fate.thinned)
        self.counts.update(dict(zip(COUNTED, told, strict=True)))


def due(first: int, count: int, now_ms: int) -> Due:
    """What messages number `first` and on must leave."""
    total = Due()
    for number in range(first, first + count):
        total.add(hostile(number), now_ms)
    return total


@dataclass
class Left:
    """What is found: letters by reason (kept, repeated or let go and counted), mad gateways' rows, ingest's counts."""

    letters: Counter[str]
    kept: int
    readings: int
    counts: dict[str, int]


def wrong(expected: Due, found: Left) -> list[str]:
    """One line for each number that does not agree."""
    problems = []
    for reason in sorted(expected.letters | expected.letters_perhaps | found.letters):
        least = expected.letters[reason]
        most = least + expected.letters_perhaps[reason]
        if not least <= found.letters[reason] <= most:
            problems.append(f"{found.letters[reason]:,} letters for {reason}, due are {least:,} to {most:,}")
    least = expected.letters.total()
    if not least <= found.letters.total() <= least + expected.perhaps:
        problems.append(f"{found.letters.total():,} letters, due are {least:,} and perhaps {expected.perhaps:,} more")
    if found.readings != expected.readings:
        problems.append(f"{found.readings:,} rows of mad gateways are stored, due are {expected.readings:,}")
    for name, number in expected.counts.items():
        if found.counts[name] != number:
            problems.append(f"{found.counts[name]:,} {name}, due are {number:,}")
    if found.counts["dead_letters"] != found.letters.total():
        problems.append(f"ingest counts {found.counts['dead_letters']:,} letters, {found.letters.total():,} stand")
    return problems


def letters_in(telemetry: Path) -> tuple[Counter[str], int]:
    """Every letter by its reason, repeated and dropped ones too; and how many rows are kept of them."""
    with closing(sqlite3.connect(f"file:{telemetry}?mode=ro", uri=True, timeout=10)) as store:
        kept = list(store.execute("SELECT reason, count(*), sum(repeats) FROM dead_letter GROUP BY reason"))
        gone = list(store.execute("SELECT reason, sum(dropped) FROM dead_letter_dropped GROUP BY reason"))
    letters = Counter({reason: rows + repeats for reason, rows, repeats in kept})
    letters.update(dict(gone))
    return letters, sum(rows for _, rows, _ in kept)


def is_mad(reading: Reading) -> bool:
    """Whether a stored row came from a mad gateway."""
    return reading.sensor.startswith(f"{PREFIX}-")


def mad_rows(stored: Iterable[Reading]) -> int:
    """How many stored rows came from mad gateways."""
    return sum(map(is_mad, stored))
