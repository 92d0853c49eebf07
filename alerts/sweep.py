"""The sweep: says that the engine is alive, and that an appliance has fallen silent.

Silence stops `known_through`, not `judged_through`: the gate refuses past the stay's bound, and the stock that stood
there carries the gap's mark until evidence covers it or a person decides (promise 5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import structlog

from alerts.appliances import place_of
from alerts.commits import mark_gap
from alerts.decisions import decided_by
from alerts.evaluate import no_fence
from alerts.known_through import NO_DATA, is_silent
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.ledger import assets, judgement_writes, judgements, stock
from sheetal.ledger.histories import histories
from sheetal.ledger.judgements import ApplianceJudgement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Connection

    from sheetal.ledger.assets import Appliance
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.stock import Stay

MARKED_AT_ONCE = 100
"""So that the gate, which waits for the writer on SQLite, waits a fraction of a second."""

log = structlog.get_logger()


class Overdue(NamedTuple):
    """A holding whose unknown time has grown too long, and since when it goes on."""

    holding_id: str
    facility_id: str
    since_ms: int


def sweep(
    ledger: Ledger,
    pending: Collection[str],
    now_ms: int,
    fence: Callable[[Connection], None] = no_fence,
) -> int:
    """Move `judged_through` of every appliance that has nothing pending; gives how many holdings got a gap's mark.

    Raises Unavailable.
    """
    with ledger.read() as conn:
        known = judgements.appliance_judgements(conn)
        places = [place for place in assets.appliances(conn) if place.id not in pending]
        silent = [place for place in places if _is_silent(place, known.get(place.id), now_ms)]
        overdue = [found for place in silent for found in _overdue_in(conn, place, known.get(place.id), now_ms)]
    silent_ids = {place.id for place in silent}
    with ledger.write() as conn:
        fence(conn)
        judgement_writes.put_appliance_judgements(
            conn,
            [_swept(place.id, known.get(place.id), now_ms, is_dark=place.id in silent_ids) for place in places],
        )
    marked: list[str] = []
    for first in range(0, len(overdue), MARKED_AT_ONCE):
        with ledger.write() as conn:
            fence(conn)
            marked += [one.holding_id for one in overdue[first : first + MARKED_AT_ONCE] if _mark(conn, one, now_ms)]
    if marked:
        log.warning("Stock stands in a silent appliance for too long", holdings=marked)
    return len(marked)


def _overdue_in(
    conn: Connection,
    place: Appliance,
    known: ApplianceJudgement | None,
    now_ms: int,
) -> list[Overdue]:
    late = [
        (stay, since_ms)
        for stay in stock.unmarked_stays_in(conn, place.id)
        if (since_ms := silent_since(stay, known)) + stay.known_bound_ms < now_ms
    ]
    decided_ms = decided_by(conn, list(histories(conn, [stay.holding_id for stay, _ in late]).values()))
    found: list[Overdue] = []
    for stay, silent_ms in late:
        since_ms = max(silent_ms, decided_ms.get(stay.holding_id, 0))
        if since_ms + stay.known_bound_ms < now_ms:
            found.append(Overdue(stay.holding_id, place.facility_id, since_ms))
    return found


def silent_since(stay: Stay, known: ApplianceJudgement | None) -> int:
    """From when nobody knows how the holding stands; a packed carrier keeps its cold from its packing on."""
    if stay.evidence_kind is EvidenceKind.PACKED_CARRIER and stay.packed_at_ms is not None:
        return stay.packed_at_ms
    through_ms = 0 if known is None or known.known_through_ms is None else known.known_through_ms
    return max(stay.from_ms, through_ms)


def _is_silent(place: Appliance, known: ApplianceJudgement | None, now_ms: int) -> bool:
    return is_silent(known.known_through_ms if known else None, place_of(place).silence_ms_max, now_ms)


def _swept(appliance_id: str, known: ApplianceJudgement | None, now_ms: int, *, is_dark: bool) -> ApplianceJudgement:
    if known is None:
        return ApplianceJudgement(
            appliance_id=appliance_id,
            judged_through_ms=now_ms,
            known_through_ms=None,
            state=NO_DATA,
        )
    return replace(known, judged_through_ms=now_ms, state=NO_DATA if is_dark else known.state)


def _may_be_marked(conn: Connection, holding_id: str) -> bool:
    holding = stock.holding_by_id(conn, holding_id)
    return holding.gap_open_from_ms is None and holding.disposition is not Disposition.DESTROYED


def _mark(conn: Connection, one: Overdue, now_ms: int) -> bool:
    if not _may_be_marked(conn, one.holding_id):
        return False
    return mark_gap(conn, one.facility_id, one.holding_id, one.since_ms, now_ms)
