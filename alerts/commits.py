"""The transaction that makes verdicts count: each with its hold, compromises, gap mark, audit entries and notices.

The engine holds at once and never releases (promise 6): what a person has released is held again only for a reason that
the person had not seen. Many holdings go through it together, each as it would alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.decisions import ENGINE, decided_through
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import Side
from sheetal.contracts.verdict import HOLDING, Ground
from sheetal.ledger import holdings, judgement_writes, stock
from sheetal.ledger.judgement_writes import NewCompromise
from sheetal.ledger.latest_verdicts import newest_verdicts, on_record, standing_compromises
from sheetal.thermal.exposure_report import reason_of
from sheetal.thermal.proposals import side_of
from sheetal.thermal.verdict import reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from alerts.evaluate import Judged
    from sheetal.contracts.verdict import Proposal, Reached, Verdict
    from sheetal.ledger.latest_verdicts import OnRecord

RELEASED = frozenset({Disposition.RELEASED, Disposition.RELEASED_USE_FIRST})
SEEN_BY_PERSONS = frozenset({Ground.VVM_STAGE, Ground.PACKED_FROZEN})
HELD, GAP = "holding_held", "holding_gap"


def news(conn: Connection, judged: Sequence[Judged]) -> list[Judged]:
    """Those of which committing would write anything."""
    known = on_record(conn, [one.verdict.holding for one in judged])
    return [one for one in judged if _is_changed(one, known) or one.gaps or one.holding.gap_open_from_ms is not None]


def commit_all(conn: Connection, judged: Sequence[Judged], now_ms: int) -> list[str]:
    """Write what is new about these holdings; gives the ids newly held. To be called inside one ledger transaction."""
    known = on_record(conn, [one.verdict.holding for one in judged])
    changed = [one for one in judged if _is_changed(one, known)]
    holds = [one.verdict.holding for one in changed if one.verdict.finding in HOLDING and _held_before(one, known)]
    before = newest_verdicts(conn, holds)
    numbers = judgement_writes.append_verdicts(conn, [(one.verdict, one.digest) for one in changed], now_ms)
    _state_compromises(conn, changed, numbers, now_ms)
    held = _hold_all(conn, changed, (known, numbers), before, now_ms)
    for one in judged:
        _mark_gaps(conn, one, now_ms)
    return held


def commit(conn: Connection, judged: Judged, now_ms: int) -> list[str]:
    """Write what is new about one holding; gives the ids newly held."""
    return commit_all(conn, [judged], now_ms)


def mark_gap(conn: Connection, facility_id: str, holding_id: str, from_ms: int, now_ms: int) -> bool:
    """Mark a gap on a holding, and tell, once for each beginning; False when it was marked before."""
    marked = holdings.open_gap(conn, holding_id, from_ms, ENGINE, now_ms)
    if not marked:
        return False
    for label, place in {holding_id: facility_id, **_elsewhere(conn, facility_id, marked)}.items():
        facts = {"holding": label, "from_ms": from_ms, "proposal": "hold"}
        judgement_writes.add_notice(conn, f"{GAP}/{label}/{from_ms}", GAP, place, facts, now_ms)
    return True


def _elsewhere(conn: Connection, facility_id: str, labels: Sequence[str]) -> dict[str, str]:
    """Those of these holdings that are in other facilities, and in which: there too somebody must be told."""
    found = {label: stock.holding_by_id(conn, label).facility_id for label in labels}
    return {label: place for label, place in found.items() if place != facility_id}


def _is_changed(one: Judged, known: Mapping[str, OnRecord]) -> bool:
    before = known.get(one.verdict.holding)
    return before is None or before.digest != one.digest


def _hold_all(
    conn: Connection,
    changed: Sequence[Judged],
    numbered: tuple[Mapping[str, OnRecord], Mapping[str, int]],
    before: Mapping[str, Verdict],
    now_ms: int,
) -> list[str]:
    known, numbers = numbered
    held: list[str] = []
    for one in changed:
        label = one.verdict.holding
        is_holding = one.verdict.finding in HOLDING
        if is_holding and _is_new_reason(conn, before.get(label), one, is_first=label not in known):
            held += _hold(conn, one, before.get(label), numbers[label], now_ms)
    return held


def _held_before(one: Judged, known: Mapping[str, OnRecord]) -> bool:
    before = known.get(one.verdict.holding)
    return before is not None and before.finding in HOLDING


def _is_new_reason(conn: Connection, before: Verdict | None, one: Judged, *, is_first: bool) -> bool:
    """Whether it holds for something that nobody has decided on; what was split off released stock shares the decision.

    The part keeps its own verdict from then on, and each later run that reaches a rule is news.
    """
    decided = before
    of = one.holding
    if decided is None and is_first and of.parent_id is not None and of.disposition in RELEASED:
        decided = newest_verdicts(conn, [of.parent_id]).get(of.parent_id)
    return decided is None or not reasons(one.verdict) <= reasons(decided)


def _hold(
    conn: Connection,
    judged: Judged,
    before: Verdict | None,
    verdict_id: int,
    now_ms: int,
) -> list[str]:
    """Hold, and tell; also who is deciding on a holding that was held before, when it has suffered anew."""
    found = judged.verdict
    reason = reason_of(found)
    held = holdings.hold(conn, found.holding, verdict_id, ENGINE, reason, now_ms, digest=judged.digest)
    if held or _has_suffered_anew(found, before):
        facts = _hold_facts(judged, verdict_id, reason) | {"held": held}
        key = f"{HELD}/{found.holding}/{verdict_id}"
        judgement_writes.add_notice(conn, key, HELD, judged.holding.facility_id, facts, now_ms)
        for label, place in _elsewhere(conn, judged.holding.facility_id, held).items():
            own = {"holding": label, "held": [label], "doses_left": stock.holding_by_id(conn, label).doses_left}
            judgement_writes.add_notice(conn, f"{HELD}/{label}/{verdict_id}", HELD, place, facts | own, now_ms)
    return held


def _has_suffered_anew(found: Verdict, before: Verdict | None) -> bool:
    """Whether there is a reason to hold that was not known; a run that late data lengthens stays the same run."""
    known = before.reached if before else []
    grounds = {_seen(one) for one in before.proposals} if before else set()
    return any(all(not _is_same(hit, one) for one in known) for hit in found.reached) or any(
        _seen(one) not in grounds for one in found.proposals
    )


def _seen(one: Proposal) -> tuple[Ground, int | None]:
    """Which ground it is; what a person saw is another each time that it is seen."""
    return one.ground, one.since_ms if one.ground in SEEN_BY_PERSONS else None


def _is_same(hit: Reached, before: Reached) -> bool:
    if hit.rule.rule != before.rule.rule:
        return False
    if hit.run is None or before.run is None:
        return hit.compromised_from_ms == before.compromised_from_ms
    begins_in_time = hit.run.earliest_possible_start_ms <= before.run.last_ms
    return begins_in_time and before.run.earliest_possible_start_ms <= hit.run.last_ms


def _hold_facts(judged: Judged, verdict_id: int, reason: str) -> dict[str, object]:
    """What who is told must know; a ground that no run of readings gives stands in the rule's place."""
    found = judged.verdict
    facts: dict[str, object] = {
        "holding": found.holding,
        "lot": judged.holding.lot_id,
        "verdict": verdict_id,
        "finding": found.finding.value,
        "reason": reason,
        "grounds": [one.ground.value for one in found.proposals],
        "doses_left": judged.holding.doses_left,
    }
    return facts | (_facts_of_rule(found.reached[0]) if found.reached else _facts_of_ground(found))


def _facts_of_rule(hit: Reached) -> dict[str, object]:
    return {
        "rule": hit.rule.rule,
        "source": hit.rule.source.citation,
        "default_of": hit.rule.source.default_of,
        "appliance": hit.appliance,
        "minutes_confirmed": hit.minutes_confirmed,
        "minutes_possible": hit.minutes_possible,
        "compromised_from_ms": hit.compromised_from_ms,
    }


def _facts_of_ground(found: Verdict) -> dict[str, object]:
    ground = found.proposals[0]
    return {
        "rule": ground.ground.value,
        "source": ground.source.citation,
        "default_of": ground.source.default_of,
        "appliance": found.stays[-1].appliance if found.stays else None,
        "compromised_from_ms": ground.compromised_from_ms,
    }


def _state_compromises(
    conn: Connection,
    changed: Sequence[Judged],
    numbers: Mapping[str, int],
    now_ms: int,
) -> None:
    """Make the standing compromises those of these verdicts: add what is new, withdraw what late data has disproved."""
    standing = standing_compromises(conn, [one.verdict.holding for one in changed])
    new: list[NewCompromise] = []
    for one in changed:
        label = one.verdict.holding
        known, wanted = standing.get(label, []), _compromises_of(one.verdict)
        for said in known:
            if (said.side, said.from_ms) not in wanted:
                judgement_writes.withdraw_compromise(conn, said.id, now_ms)
        said_before = {(said.side, said.from_ms) for said in known}
        new += [
            NewCompromise(label, numbers[label], Side(side), from_ms) for side, from_ms in sorted(wanted - said_before)
        ]
    judgement_writes.add_compromises(conn, new, now_ms)


def _compromises_of(found: Verdict) -> set[tuple[str, int]]:
    by_rules = {(hit.rule.side.value, hit.compromised_from_ms) for hit in found.reached}
    by_grounds = {
        (side_of(one.ground).value, one.compromised_from_ms)
        for one in found.proposals
        if one.compromised_from_ms is not None
    }
    return by_rules | by_grounds


def _mark_gaps(conn: Connection, judged: Judged, now_ms: int) -> None:
    """Mark time that nothing covers, unless a person has decided on it; take the mark off once data covers it."""
    holding_id = judged.verdict.holding
    if not judged.gaps and judged.holding.gap_open_from_ms is None:
        return
    marked_from_ms = stock.holding_by_id(conn, holding_id).gap_open_from_ms
    if marked_from_ms is not None:
        if any(gap.until_ms > marked_from_ms for gap in judged.gaps):
            return
        holdings.clear_gap(conn, holding_id, ENGINE, "data covers the gap", now_ms)
    decided_ms = decided_through(conn, holding_id) if judged.gaps else 0
    for gap in judged.gaps:
        if gap.until_ms > decided_ms:
            mark_gap(conn, judged.holding.facility_id, holding_id, gap.from_ms, now_ms)
            return
