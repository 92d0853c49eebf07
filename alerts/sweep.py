"""The sweep: says that the engine is alive, and that an appliance has fallen silent.

Silence stops `known_through`, not `judged_through`: the gate refuses past the stay's bound, and the stock that stood
there carries the gap's mark until evidence covers it or a person decides (promise 5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from alerts.appliances import place_of
from alerts.evaluate import mark_gap
from alerts.known_through import NO_DATA, is_silent
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.ledger import assets, judgement_writes, judgements, stock
from sheetal.ledger.judgements import ApplianceJudgement

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from sheetal.ledger.assets import Appliance
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.stock import Stay

log = structlog.get_logger()


def sweep(ledger: Ledger, pending: Collection[str], now_ms: int) -> int:
    """Move `judged_through` of every appliance that has nothing pending; gives how many holdings got a gap's mark.

    Raises Unavailable.
    """
    with ledger.read() as conn:
        known = judgements.appliance_judgements(conn)
        places = [place for place in assets.appliances(conn) if place.id not in pending]
        silent = [place for place in places if _is_silent(place, known.get(place.id), now_ms)]
        overdue = [
            (place, stay, since_ms)
            for place in silent
            for stay in stock.open_stays_in(conn, place.id)
            if (since_ms := silent_since(stay, known.get(place.id))) + stay.known_bound_ms < now_ms
        ]
    silent_ids = {place.id for place in silent}
    with ledger.write() as conn:
        for place in places:
            judgement_writes.put_appliance_judgement(
                conn,
                _swept(place.id, known.get(place.id), now_ms, is_dark=place.id in silent_ids),
            )
        marked = [stay.holding_id for place, stay, since_ms in overdue if _mark(conn, place, stay, since_ms, now_ms)]
    if marked:
        log.warning("Stock stands in a silent appliance for too long", holdings=marked)
    return len(marked)


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


def _mark(conn: Connection, place: Appliance, stay: Stay, since_ms: int, now_ms: int) -> bool:
    holding = stock.holding_by_id(conn, stay.holding_id)
    if holding.gap_open_from_ms is not None or holding.disposition is Disposition.DESTROYED:
        return False
    return mark_gap(conn, place.facility_id, holding.id, since_ms, now_ms)
