"""Verdicts on holdings: read in bulk, judged once for each life that is different.

A verdict depends on a holding's life alone, never on its name. Holdings of one delivery that stood together have equal
lives, so one of them is judged and the others get the same verdict under their own names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from alerts.decisions import decided_by
from alerts.gaps import open_gaps
from alerts.known import Known, Sources
from alerts.lives import allowances_of, key_of, life_of
from sheetal.ledger.histories import history_of
from sheetal.thermal.verdict import digest, judge_life

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

    from sqlalchemy import Connection

    from alerts.gaps import Allowance
    from alerts.hours import Hours
    from sheetal.contracts.verdict import Verdict
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.histories import History
    from sheetal.ledger.stock import Holding
    from sheetal.thermal.paths import Segment
    from sheetal.thermal.runs import Gap


LIVES_MAX = 2_000
"""Different lives that a round remembers: at a month each some 50 MB."""


def no_fence(conn: Connection) -> None:
    """Nobody else writes."""
    del conn


@dataclass(frozen=True, slots=True)
class Stores:
    """What judging reads and writes; `fence` opens each writing transaction and refuses it to a process overtaken."""

    ledger: Ledger
    telemetry: Ledger
    hours: Hours
    fence: Callable[[Connection], None] = no_fence


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on a holding as of one look, not yet committed; `digest` is that of the verdict."""

    history: History
    verdict: Verdict
    digest: str
    gaps: list[Gap]

    @property
    def holding(self) -> Holding:
        """The holding as it stood when it was looked at."""
        return self.history.holding


class _Found(NamedTuple):
    """What was found on a life, whoever lives it; `gaps` before anybody has decided on them."""

    verdict: Verdict
    digest: str
    gaps: list[Gap]
    segments: Sequence[Segment]
    allowances: Mapping[int, Allowance]


class Judge:
    """Judges holdings by all that is known at one instant; for one round and one thread."""

    def __init__(self, stores: Stores, now_ms: int) -> None:
        self._ledger = stores.ledger
        self._now_ms = now_ms
        self._known = Known(Sources(stores.ledger, stores.telemetry, stores.hours), now_ms)
        self._found: dict[Hashable, _Found] = {}
        self._together: Collection[History] = ()
        self._decided_ms: dict[str, int] | None = None

    def learn(self, about: Collection[History]) -> None:
        """Read what judging these holdings needs; raises Unavailable."""
        self._known.learn(about)
        self._together, self._decided_ms = about, None

    def judge(self, history: History) -> Judged:
        """The verdict on a holding that has been learnt of; raises NotFound, and Unavailable while a store is away."""
        found = self._find(history)
        return Judged(history, _named(found.verdict, history), found.digest, self._gaps_of(found, history))

    def _find(self, history: History) -> _Found:
        key = key_of(history)
        if key not in self._found:
            if len(self._found) >= LIVES_MAX:
                self._found.clear()
                self._known.forget_exposures()
            life = life_of(history, self._known)
            verdict = judge_life(life, self._now_ms)
            allowances = allowances_of(history, self._known)
            gaps = open_gaps(life.segments, allowances, self._now_ms, believed_ms=self._known.believed_ms)
            self._found[key] = _Found(verdict, digest(verdict), gaps, life.segments, allowances)
        return self._found[key]

    def _gaps_of(self, found: _Found, history: History) -> list[Gap]:
        """The unknown time that nobody answers for; decisions matter only to a holding that carries no mark."""
        if not found.gaps or history.holding.gap_open_from_ms is not None:
            return found.gaps
        decided_ms = self._decided(history)
        if not decided_ms:
            return found.gaps
        known = self._known
        return open_gaps(
            found.segments,
            found.allowances,
            self._now_ms,
            believed_ms=known.believed_ms,
            decided_through_ms=decided_ms,
        )

    def _decided(self, history: History) -> int:
        """Asked for all that were learnt of together, by the first that has a gap."""
        if self._decided_ms is None:
            with self._ledger.read() as conn:
                self._decided_ms = decided_by(conn, self._together)
        return self._decided_ms.get(history.holding.id, 0)


def judge_holding(stores: Stores, holding_id: str, now_ms: int) -> Judged:
    """Judge one holding; raises NotFound, and Unavailable while a store is away."""
    with stores.ledger.read() as conn:
        history = history_of(conn, holding_id)
    judge = Judge(stores, now_ms)
    judge.learn([history])
    return judge.judge(history)


def _named(verdict: Verdict, history: History) -> Verdict:
    """A verdict on a nameless life as one on this holding and its stays."""
    numbers = [stay.id for stay in history.stays]
    return replace(
        verdict,
        holding=history.holding.id,
        reached=[replace(hit, stay=numbers[hit.stay]) for hit in verdict.reached],
        stays=[replace(stay, stay=numbers[stay.stay]) for stay in verdict.stays],
    )
