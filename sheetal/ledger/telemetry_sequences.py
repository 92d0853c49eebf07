"""Which numbers of a boot are settled, and so which are missing.

The law. A gateway numbers everything it sends to ingest from 1 on in each boot, without a hole: readings, values beside
temperature, day summaries, readings without an instant, and spans of thinned readings. Alarms have no numbers. A number
is settled once it was stored or refused here, or is covered by a span that was. Settled numbers stand as ranges, as few
as there can be: no order, repetition or cutting of what is told changes them. Every number below a boot's last settled
one that is not settled is missing, numbers before its first range too: each range tells how many are `missing` right
before it and since when, so a gap is seen without comparing rows and is gone with the row that told it.

What may seem missing and is not: a number that was acknowledged in the last seconds of a worker that died before it
told so, and a range let go at the bound. Both are asked for again, and found stored. What stays missing was let go by
the gateway itself (`dropped` from a full outbox, unreadable on its disk) or is still on its way behind fresher rows.

At the bound of a boot its shortest ranges are let go, the lowest first, so that gaps grow; none is hidden. At the
bound of a gateway, which only one that invents boots comes to, whole boots are let go, those settled longest ago.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal, select, tuple_

from sheetal.contracts.batch import union
from sheetal.ledger.bulk import Into, put
from sheetal.ledger.changes import LOCK_NAMESPACE
from sheetal.ledger.telemetry_tables import coverage, sequence_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

RANGES_A_BOOT_MAX = 1_000
KEPT_PART = 4
"""At the bound a quarter of the ranges goes at once, so that the others are seldom sorted."""
RANGES_A_GATEWAY_MAX = 2_000
BOOTS_A_QUERY = 200

Boot = tuple[str, int]
"""A gateway and one of its boots."""


class Settled(NamedTuple):
    """One range of settled numbers, both ends included; `since_ms` the numbers right before it are missing."""

    first: int
    last: int
    missing: int = 0
    since_ms: int | None = None


class _Neighbourhood(NamedTuple):
    """Told ranges and the unbroken row of ranges that stand around them."""

    told: list[tuple[int, int]]
    were: list[Settled]


_NEAR = """
s.first_sequence >= coalesce((SELECT max(before.first_sequence) FROM {ranges} AS before
    WHERE before.gateway_id = told.gateway_id AND before.boot = told.boot AND before.first_sequence <= told.low), 0)
AND s.first_sequence <= coalesce((SELECT min(behind.first_sequence) FROM {ranges} AS behind
    WHERE behind.gateway_id = told.gateway_id AND behind.boot = told.boot AND behind.first_sequence > told.high),
    9223372036854775807)
"""
_NEAR_IN_FILE = f"""
SELECT s.gateway_id, s.boot, told.low, s.first_sequence, s.last_sequence, s.missing, s.missing_since_ms
FROM (SELECT json_extract(value, '$[0]') AS gateway_id, json_extract(value, '$[1]') AS boot,
    json_extract(value, '$[2]') AS low, json_extract(value, '$[3]') AS high FROM json_each(?)) AS told
CROSS JOIN {sequence_range.name} AS s
WHERE s.gateway_id = told.gateway_id AND s.boot = told.boot AND {_NEAR.format(ranges=sequence_range.name)}
"""  # noqa: S608 - our own names
_NEAR_ON_SERVER = f"""
SELECT told.gateway_id, told.boot, told.low, near.*
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[]) AS told (gateway_id, boot, low, high)
CROSS JOIN LATERAL (SELECT s.first_sequence, s.last_sequence, s.missing, s.missing_since_ms
    FROM {sequence_range.fullname} AS s
    WHERE s.gateway_id = told.gateway_id AND s.boot = told.boot AND {_NEAR.format(ranges=sequence_range.fullname)}
    OFFSET 0) AS near
"""  # noqa: S608 - our own names
"""OFFSET 0 keeps the server from joining everything first."""

_ROW = Into(
    sequence_range,
    (
        "gateway_id",
        "boot",
        "first_sequence",
        "last_sequence",
        "missing",
        "missing_since_ms",
        "settled_at_ms",
    ),
    ("gateway_id", "boot", "first_sequence"),
    "last_sequence = excluded.last_sequence, missing = excluded.missing, "
    "missing_since_ms = excluded.missing_since_ms, settled_at_ms = excluded.settled_at_ms",
)


def settle_ranges(
    conn: Connection,
    settled: Mapping[Boot, Iterable[tuple[int, int]]],
    now_ms: int,
    ranges_max: int = RANGES_A_BOOT_MAX,
) -> int:
    """Remember numbers of each (gateway, boot) as settled; gives how many ranges were let go at the bounds."""
    boots = sorted(settled)
    if boots and conn.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock(literal(LOCK_NAMESPACE), func.hashtext(sequence_range.name))
        conn.execute(select(lock))
    grown: list[Boot] = []
    for first in range(0, len(boots), BOOTS_A_QUERY):
        grown += _settle(conn, {boot: settled[boot] for boot in boots[first : first + BOOTS_A_QUERY]}, now_ms)
    lost = _bound_boots(conn, grown, ranges_max, now_ms)
    return lost + _bound_gateways(conn, sorted({gateway for gateway, _ in grown}))


def merged(standing: Sequence[Settled], told: Iterable[tuple[int, int]], now_ms: int) -> list[Settled]:
    """The ranges of one boot once these numbers are settled too, in order.

    `standing` are neighbours: all from the last that begins before what is told to the first that begins behind it. A
    hole keeps the instant since which it is known when it is cut or narrowed; a new one is known from now on.
    """
    joined: list[tuple[int, int]] = []
    for first, last in sorted([*((one.first, one.last) for one in standing), *told]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return _with_holes(joined, standing, now_ms)


def within(ranges: Sequence[Settled], ranges_max: int, now_ms: int) -> list[Settled]:
    """At most so many of them: the longest, and of equals the highest."""
    if len(ranges) <= ranges_max:
        return list(ranges)
    longest = sorted(ranges, key=lambda one: (one.last - one.first, one.first))[len(ranges) - ranges_max :]
    return _with_holes(sorted((one.first, one.last) for one in longest), ranges, now_ms)


def _with_holes(joined: Sequence[tuple[int, int]], standing: Sequence[Settled], now_ms: int) -> list[Settled]:
    """Each range with what is missing before it; a hole is as old as the oldest that it is part of or made of."""
    holes = [one for one in standing if one.missing]
    starts = [one.first - one.missing for one in holes]
    ends = [one.first for one in holes]
    found: list[Settled] = []
    begin = max(standing[0].first - standing[0].missing, 1) if standing else 1
    for first, last in joined:
        if first <= begin:
            found.append(Settled(first, last))
        else:
            known = holes[bisect_right(ends, begin) : bisect_left(starts, first)]
            since_ms = min((one.since_ms for one in known if one.since_ms is not None), default=now_ms)
            found.append(Settled(first, last, first - begin, since_ms))
        begin = max(begin, last + 1)
    return found


def _settle(conn: Connection, settled: Mapping[Boot, Iterable[tuple[int, int]]], now_ms: int) -> list[Boot]:
    """Gives the boots that have more ranges than before."""
    told = {boot: union(list(ranges)) for boot, ranges in settled.items()}
    grown: list[Boot] = []
    gone: list[tuple[str, int, int]] = []
    changed: list[tuple[object, ...]] = []
    for boot, parts in _neighbourhoods(conn, told).items():
        found = [(part.were, merged(part.were, part.told, now_ms)) for part in parts]
        if sum(map(len, (new for _, new in found))) > sum(map(len, (were for were, _ in found))):
            grown.append(boot)
        for were, new in found:
            gone += [(*boot, first) for first in {one.first for one in were} - {one.first for one in new}]
            changed += [(*boot, *one, now_ms) for one in set(new) - set(were)]
    _forget(conn, gone)
    put(conn, _ROW, changed)
    return grown


def _bound_boots(conn: Connection, boots: Sequence[Boot], ranges_max: int, now_ms: int) -> int:
    """Let go of the shortest ranges of these boots beyond the bound; gives how many."""
    table = sequence_range.c
    key = (table.gateway_id, table.boot)
    lost = 0
    for first in range(0, len(boots), BOOTS_A_QUERY):
        count = select(*key).where(tuple_(*key).in_(boots[first : first + BOOTS_A_QUERY])).group_by(*key)
        for gateway, boot in conn.execute(count.having(func.count() > ranges_max)).all():
            of_boot = select(table.first_sequence, table.last_sequence, table.missing, table.missing_since_ms).where(
                table.gateway_id == gateway, table.boot == boot
            )
            were = list(map(Settled._make, conn.execute(of_boot.order_by(table.first_sequence))))
            kept = within(were, ranges_max - ranges_max // KEPT_PART, now_ms)
            gone = {one.first for one in were} - {one.first for one in kept}
            _forget(conn, [(gateway, boot, number) for number in gone])
            put(conn, _ROW, [(gateway, boot, *one, now_ms) for one in set(kept) - set(were)])
            lost += len(gone)
    return lost


def _bound_gateways(conn: Connection, gateways: Sequence[str]) -> int:
    """Let go of whole boots of these gateways, the ones settled longest ago, beyond the bound; gives how many."""
    table = sequence_range.c
    lost = 0
    for first in range(0, len(gateways), BOOTS_A_QUERY):
        these = table.gateway_id.in_(gateways[first : first + BOOTS_A_QUERY])
        count = select(table.gateway_id).where(these).group_by(table.gateway_id)
        for gateway in conn.execute(count.having(func.count() > RANGES_A_GATEWAY_MAX)).scalars().all():
            lost += _bound_gateway(conn, gateway)
    return lost


def _bound_gateway(conn: Connection, gateway: str) -> int:
    table = sequence_range.c
    newest_ms = func.max(table.settled_at_ms)
    boots = select(table.boot, func.count()).where(table.gateway_id == gateway).group_by(table.boot)
    ranges, gone = 0, []
    for boot, count in conn.execute(boots.order_by(newest_ms.desc(), table.boot.desc())):
        ranges += count
        if ranges > RANGES_A_GATEWAY_MAX:
            gone.append(boot)
    lost = 0
    for first in range(0, len(gone), BOOTS_A_QUERY):
        these = gone[first : first + BOOTS_A_QUERY]
        of_boots = (table.gateway_id == gateway, table.boot.in_(these))
        lost += conn.execute(delete(sequence_range).where(*of_boots)).rowcount
        conn.execute(delete(coverage).where(coverage.c.gateway_id == gateway, coverage.c.boot.in_(these)))
    return lost


def _neighbourhoods(
    conn: Connection, told: Mapping[Boot, Sequence[tuple[int, int]]]
) -> dict[Boot, list[_Neighbourhood]]:
    """What is told, by what stands around it: parts of a boot that share no range are settled each by itself."""
    near = _near(conn, [(*boot, *one) for boot, ranges in told.items() for one in ranges])
    parts: dict[Boot, list[_Neighbourhood]] = {}
    for boot, ranges in told.items():
        of_boot = parts.setdefault(boot, [])
        for one in ranges:
            around = sorted(near.get((*boot, one[0]), ()))
            last = of_boot[-1] if of_boot else None
            if last is not None and (not around or (last.were and around[0] <= last.were[-1])):
                last.told.append(one)
                last.were.extend(ranged for ranged in around if ranged > last.were[-1])
            else:
                of_boot.append(_Neighbourhood([one], around))
    return parts


def _near(conn: Connection, told: Sequence[tuple[str, int, int, int]]) -> dict[tuple[str, int, int], list[Settled]]:
    """By the first number of each told range: what stands from the last range begun before it to the next behind it."""
    if conn.dialect.name == "postgresql":
        rows = conn.exec_driver_sql(_NEAR_ON_SERVER, tuple(map(list, zip(*told, strict=True)))) if told else ()
    else:
        rows = conn.exec_driver_sql(_NEAR_IN_FILE, (json.dumps(told),))
    found: dict[tuple[str, int, int], list[Settled]] = {}
    for gateway, boot, low, *one in rows:
        found.setdefault((gateway, boot, low), []).append(Settled(*one))
    return found


def _forget(conn: Connection, gone: Sequence[tuple[str, int, int]]) -> None:
    if not gone:
        return
    table = sequence_range.c
    one = and_(
        table.gateway_id == bindparam("of_gateway"),
        table.boot == bindparam("of_boot"),
        table.first_sequence == bindparam("of_first"),
    )
    named = [dict(zip(("of_gateway", "of_boot", "of_first"), key, strict=True)) for key in gone]
    conn.execute(delete(sequence_range).where(one), named)
