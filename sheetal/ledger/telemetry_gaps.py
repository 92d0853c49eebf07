"""Numbers that are missing, for reading: by gateway, since when, and when they were last asked for again.

What `missing` means is the law of `telemetry_sequences`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import case, func, select

from sheetal.ledger.telemetry_tables import resend_request, sequence_range

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, Select

GAPS_MAX = 1_000
COUNTED_GATEWAYS_MAX = 1_000
COUNTED_A_GAP_MAX = 1_000_000_000
"""A gateway may claim any number; a sum of what it claims must stay one."""


class SequenceGap(NamedTuple):
    """Numbers of one boot that are missing, both ends included; `asked_at_ms` None where they were not asked for."""

    gateway_id: str
    boot: int
    first_sequence: int
    last_sequence: int
    since_ms: int
    asked_at_ms: int | None = None
    times: int = 0

    @property
    def numbers(self) -> int:
        """How many numbers are missing."""
        return self.last_sequence - self.first_sequence + 1


def gaps(
    conn: Connection,
    gateway_id: str | None = None,
    limit: int = GAPS_MAX,
    *,
    since_before_ms: int | None = None,
) -> list[SequenceGap]:
    """Gaps, the longest missing first; of one gateway, and only those known before an instant, if given; at most 1,000.

    A gap that is a moment old may only be fresher rows that overtook others.
    """
    table = sequence_range.c
    query = _with_requests().where(table.missing_since_ms.is_not(None))
    if gateway_id is not None:
        query = query.where(table.gateway_id == gateway_id)
    if since_before_ms is not None:
        query = query.where(table.missing_since_ms < since_before_ms)
    in_order = query.order_by(table.missing_since_ms, table.gateway_id, table.boot, table.first_sequence)
    return list(map(SequenceGap._make, conn.execute(in_order.limit(min(limit, GAPS_MAX)))))


def gap_counts(
    conn: Connection,
    limit: int = COUNTED_GATEWAYS_MAX,
    *,
    gateways: Collection[str] | None = None,
    since_before_ms: int | None = None,
) -> dict[str, int]:
    """How many numbers of each gateway are missing, those with the most first, at most 1,000 gateways.

    Gateways without a gap are not in it. No gap counts for more than a thousand million.
    """
    table = sequence_range.c
    missing = func.sum(case((table.missing > COUNTED_A_GAP_MAX, COUNTED_A_GAP_MAX), else_=table.missing))
    query = select(table.gateway_id, missing).where(table.missing_since_ms.is_not(None)).group_by(table.gateway_id)
    if gateways is not None:
        query = query.where(table.gateway_id.in_(sorted(gateways)))
    if since_before_ms is not None:
        query = query.where(table.missing_since_ms < since_before_ms)
    in_order = query.order_by(missing.desc(), table.gateway_id).limit(min(limit, COUNTED_GATEWAYS_MAX))
    return {gateway: int(count) for gateway, count in conn.execute(in_order)}


def _with_requests() -> Select[tuple[str, int, int, int, int, int | None, int]]:
    """Every range's hole with what was asked for any number in it."""
    hole, asked = sequence_range.c, resend_request.c
    begin = hole.first_sequence - hole.missing
    of_hole = (
        asked.gateway_id == hole.gateway_id,
        asked.boot == hole.boot,
        asked.first_sequence < hole.first_sequence,
        asked.last_sequence >= begin,
    )
    newest = select(func.max(asked.asked_at_ms)).where(*of_hole).correlate(sequence_range).scalar_subquery()
    times = select(func.coalesce(func.max(asked.times), 0)).where(*of_hole).correlate(sequence_range).scalar_subquery()
    end = hole.first_sequence - 1
    return select(hole.gateway_id, hole.boot, begin, end, hole.missing_since_ms, newest, times)
