"""What this process has done since it started, counted where it is done; `alerts.metrics` reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sheetal.tally import Buckets, Tally

if TYPE_CHECKING:
    from alerts.drain import Work


@dataclass(slots=True)
class Counts:
    """Kept by the engine's thread and the clockwork's, each its own fields."""

    rounds: int = 0
    rounds_failed: int = 0
    hours_judged: int = 0
    holdings_failed: int = 0
    holdings_held: int = 0
    verdicts: Tally = field(default_factory=Tally)
    round_seconds: Buckets = field(default_factory=Buckets)
    notices_sent: int = 0

    def add(self, work: Work, seconds: float) -> None:
        """One round that ended well."""
        self.rounds += 1
        self.hours_judged += len(work.hours)
        self.holdings_failed += len(work.failed)
        self.holdings_held += work.held
        for finding, times in work.verdicts.items():
            self.verdicts.add(finding, times=times)
        self.round_seconds.observe(seconds)
