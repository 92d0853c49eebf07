"""One holding's verdict, and the transaction that makes it count.

`judge_holding` reads and decides; `commit` writes the verdict with everything that follows from it: hold, compromise,
gap mark, audit entries and notices, together or not at all. The engine holds at once and never releases (promise 6):
what a person has released is held again only for a reason that the person had not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from alerts import receipts
from alerts.decisions import ENGINE, decided_through
from alerts.gaps import open_gaps
from alerts.lives import life_of, segments_of, with_records
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.verdict import Finding
from sheetal.ledger import holdings, judgement_writes, judgements, stock
from sheetal.ledger.stock_tables import compromise
from sheetal.thermal.exposure_report import reason_of
from sheetal.thermal.verdict import digest, digest_of_reached, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from alerts.hours import Hours
    from alerts.lives import Life
    from sheetal.contracts.verdict import Reached, Verdict
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.judgements import StoredVerdict
    from sheetal.thermal.paths import Segment
    from sheetal.thermal.runs import Gap

RELEASED = frozenset({Disposition.RELEASED, Disposition.RELEASED_USE_FIRST})
HELD, GAP = "holding_held", "holding_gap"


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
    """A verdict on a holding as of one look, not yet committed."""

    life: Life
    verdict: Verdict
    gaps: list[Gap]


def judge_holding(stores: Stores, holding_id: str, now_ms: int) -> Judged:
    """Judge a holding by all that is known; raises NotFound, and Unavailable while a store is away."""
    with stores.ledger.read() as conn:
        life = life_of(conn, holding_id, now_ms)
    segments = segments_of(life, stores.hours, stores.telemetry, now_ms)
    verdict = judge(holding_id, life.product, with_records(life, segments), now_ms)
    return Judged(life, verdict, _gaps_of(stores, life, segments, now_ms))


def _gaps_of(stores: Stores, life: Life, segments: Sequence[Segment], now_ms: int) -> list[Gap]:
    """The unknown time that nobody answers for; decisions matter only to a holding that carries no mark."""
    with stores.telemetry.read() as conn:
        believed_ms = receipts.believed_through(conn, {trace.sensor for one in segments for trace in one.traces})
    found = open_gaps(segments, life.allowances, now_ms, believed_ms=believed_ms)
    if not found or life.holding.gap_open_from_ms is not None:
        return found
    with stores.ledger.read() as conn:
        decided_ms = decided_through(conn, life.holding.id)
    return open_gaps(segments, life.allowances, now_ms, believed_ms=believed_ms, decided_through_ms=decided_ms)


def is_news(conn: Connection, judged: Judged) -> bool:
    """Whether committing would write anything."""
    known = judgements.latest_verdict(conn, judged.verdict.holding)
    if known is None or digest(known.verdict) != digest(judged.verdict):
        return True
    return bool(judged.gaps) or judged.life.holding.gap_open_from_ms is not None


def commit(conn: Connection, judged: Judged, now_ms: int) -> list[str]:
    """Write what is new about a holding; gives the ids newly held. To be called inside one ledger transaction."""
    found = judged.verdict
    known = judgements.latest_verdict(conn, found.holding)
    held: list[str] = []
    if known is None or digest(known.verdict) != digest(found):
        verdict_id = judgement_writes.append_verdict(conn, found, now_ms)
        _state_compromises(conn, found, verdict_id, now_ms)
        if found.finding is Finding.HOLD and _is_new_reason(conn, known, judged):
            held = _hold(conn, judged, known, verdict_id, now_ms)
    _mark_gaps(conn, judged, now_ms)
    return held


def _is_new_reason(conn: Connection, known: StoredVerdict | None, judged: Judged) -> bool:
    """Whether it holds for something that nobody has decided on; what was split off released stock shares the decision.

    The part keeps its own verdict from then on, and each later run that reaches a rule is news.
    """
    if known is not None:
        return digest_of_reached(known.verdict) != digest_of_reached(judged.verdict)
    of = judged.life.holding
    shared = judgements.latest_verdict(conn, of.parent_id) if of.parent_id and of.disposition in RELEASED else None
    return shared is None or any(hit not in shared.verdict.reached for hit in judged.verdict.reached)


def _hold(
    conn: Connection,
    judged: Judged,
    known: StoredVerdict | None,
    verdict_id: int,
    now_ms: int,
) -> list[str]:
    """Hold, and tell; also who is deciding on a holding that was held before, when it has suffered anew."""
    found = judged.verdict
    reason = reason_of(found)
    held = holdings.hold(conn, found.holding, verdict_id, ENGINE, reason, now_ms)
    if held or _has_suffered_anew(found, known.verdict.reached if known else ()):
        facts = _hold_facts(judged, verdict_id, reason) | {"held": held}
        key = f"{HELD}/{found.holding}/{verdict_id}"
        judgement_writes.add_notice(conn, key, HELD, judged.life.facility_id, facts, now_ms)
    return held


def _has_suffered_anew(found: Verdict, known: Sequence[Reached]) -> bool:
    """Whether there is a reason to hold that was not known; a run that late data lengthens stays the same run."""
    return any(all(not _is_same(hit, before) for before in known) for hit in found.reached)


def _is_same(hit: Reached, before: Reached) -> bool:
    if hit.rule.rule != before.rule.rule:
        return False
    if hit.run is None or before.run is None:
        return hit.compromised_from_ms == before.compromised_from_ms
    begins_in_time = hit.run.earliest_possible_start_ms <= before.run.last_ms
    return begins_in_time and before.run.earliest_possible_start_ms <= hit.run.last_ms


def _hold_facts(judged: Judged, verdict_id: int, reason: str) -> dict[str, object]:
    hit = judged.verdict.reached[0]
    return {
        "holding": judged.verdict.holding,
        "lot": judged.life.holding.lot_id,
        "verdict": verdict_id,
        "reason": reason,
        "rule": hit.rule.rule,
        "source": hit.rule.source.citation,
        "default_of": hit.rule.source.default_of,
        "appliance": hit.appliance,
        "minutes_confirmed": hit.minutes_confirmed,
        "minutes_possible": hit.minutes_possible,
        "compromised_from_ms": hit.compromised_from_ms,
        "doses_left": judged.life.holding.doses_left,
    }


def _state_compromises(conn: Connection, found: Verdict, verdict_id: int, now_ms: int) -> None:
    """Make the standing compromises those of this verdict: add what is new, withdraw what late data has disproved."""
    standing = _standing_compromises(conn, found.holding)
    wanted: dict[tuple[str, int], Reached] = {
        (hit.rule.side.value, hit.compromised_from_ms): hit for hit in found.reached
    }
    for number, said in standing.items():
        if said not in wanted:
            judgement_writes.withdraw_compromise(conn, number, now_ms)
    for (_, from_ms), hit in sorted(wanted.items(), key=lambda item: item[0]):
        if (hit.rule.side.value, from_ms) not in standing.values():
            judgement_writes.add_compromise(conn, found.holding, verdict_id, hit.rule.side, from_ms, now_ms)


def _standing_compromises(conn: Connection, holding_id: str) -> dict[int, tuple[str, int]]:
    query = select(compromise.c.id, compromise.c.side, compromise.c.compromised_from_ms).where(
        compromise.c.holding_id == holding_id,
        compromise.c.withdrawn_at_ms.is_(None),
    )
    return {row.id: (row.side, row.compromised_from_ms) for row in conn.execute(query)}


def _mark_gaps(conn: Connection, judged: Judged, now_ms: int) -> None:
    """Mark time that nothing covers, unless a person has decided on it; take the mark off once data covers it."""
    holding_id = judged.verdict.holding
    marked_from_ms = stock.holding_by_id(conn, holding_id).gap_open_from_ms
    if marked_from_ms is not None:
        if any(gap.until_ms > marked_from_ms for gap in judged.gaps):
            return
        holdings.clear_gap(conn, holding_id, ENGINE, "data covers the gap", now_ms)
    decided_ms = decided_through(conn, holding_id) if judged.gaps else 0
    for gap in judged.gaps:
        if gap.until_ms > decided_ms:
            mark_gap(conn, judged.life.facility_id, holding_id, gap.from_ms, now_ms)
            return


def mark_gap(conn: Connection, facility_id: str, holding_id: str, from_ms: int, now_ms: int) -> bool:
    """Mark a gap on a holding, and tell, once for each beginning; False when it was marked before."""
    if not holdings.open_gap(conn, holding_id, from_ms, ENGINE, now_ms):
        return False
    facts = {"holding": holding_id, "from_ms": from_ms, "proposal": "hold"}
    judgement_writes.add_notice(conn, f"{GAP}/{holding_id}/{from_ms}", GAP, facility_id, facts, now_ms)
    return True
