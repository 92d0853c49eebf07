"""The lives of many holdings in a few queries: each with its stays and what people read on its vials.

What a holding was split off is part of its past up to the split, so its ancestors' stays and readings count until then
(`stock.stays_of` and `vvm_readings.readings_of` say the same of one holding).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlalchemy import bindparam, func, select

from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.problem import NotFound
from sheetal.ledger.decision_tables import vvm_reading
from sheetal.ledger.stock import Holding, Stay
from sheetal.ledger.stock_tables import holding, lot, stay

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import BindParameter, Connection, Select
    from sqlalchemy.engine import Row

IDS_A_QUERY = 500
"""Each database takes as many parameters, and one statement of this size stays in the cache of both."""


Found = TypeVar("Found")


class VvmLook(NamedTuple):
    """A stage that a person read on the vials' monitors."""

    read_at_ms: int
    stage: int


class Kin(NamedTuple):
    """A label whose past is shared up to an instant; all of it where `until_ms` is None."""

    label: str
    until_ms: int | None


class History(NamedTuple):
    """One holding with its stays, oldest first, and what was read on its vials, ancestors' included.

    `kin` is the label itself and those it was split off, the nearest first.
    """

    holding: Holding
    stays: tuple[Stay, ...]
    vvm_looks: tuple[VvmLook, ...]
    kin: tuple[Kin, ...]


_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)
_HOLDING_COLUMNS = [holding.c[name] if name in holding.c else lot.c[name] for name in Holding.__slots__]
_HOLDINGS = select(*_HOLDING_COLUMNS).join(lot, lot.c.id == holding.c.lot_id).where(holding.c.id.in_(_IDS))
_STAYS = (
    select(*(stay.c[name] for name in Stay.__slots__))
    .where(stay.c.holding_id.in_(_IDS))
    .order_by(stay.c.holding_id, stay.c.from_ms, stay.c.id)
)
_LOOKS = (
    select(vvm_reading.c.holding_id, vvm_reading.c.read_at_ms, vvm_reading.c.stage)
    .where(vvm_reading.c.holding_id.in_(_IDS))
    .order_by(vvm_reading.c.read_at_ms, vvm_reading.c.id)
)
_STOOD = select(stay.c.appliance_id, stay.c.holding_id, stay.c.from_ms, stay.c.until_ms).where(
    stay.c.appliance_id.in_(_IDS)
)
_CHILDREN = (
    select(holding.c.id, holding.c.parent_id, func.min(stay.c.from_ms))
    .join(stay, stay.c.holding_id == holding.c.id)
    .where(holding.c.parent_id.in_(_IDS))
    .group_by(holding.c.id, holding.c.parent_id)
)
_DISPOSITIONS = {word.value: word for word in Disposition}
_EVIDENCE = {word.value: word for word in EvidenceKind}


def histories(conn: Connection, holding_ids: Collection[str]) -> dict[str, History]:
    """The histories of these holdings, by id; a holding that is not there is absent."""
    family = _families(conn, holding_ids)
    stays = _by_label(_rows(conn, _STAYS, family), _stay)
    looks = _by_label(_rows(conn, _LOOKS, family), _look)
    asked = (family[one] for one in holding_ids if one in family)
    return {one.id: _history(one, family, stays, looks) for one in asked}


def history_of(conn: Connection, holding_id: str) -> History:
    """One history; raises NotFound."""
    found = histories(conn, [holding_id])
    if holding_id not in found:
        raise NotFound("no such holding", holding=holding_id)
    return found[holding_id]


def holding_ids_in(conn: Connection, appliance_id: str, from_ms: int, until_ms: int | None = None) -> list[str]:
    """Every holding whose exposure touches this appliance in [from_ms, until_ms), in order of id (`touched`)."""
    return sorted(touched(conn, {appliance_id: (from_ms, until_ms)}))


def touched(conn: Connection, windows: Mapping[str, tuple[int, int | None]]) -> dict[str, int]:
    """Every holding whose exposure touches one of these appliances in its window, and from when on.

    Those that stood there, and those split off them after that, wherever they are now.
    """
    found: dict[str, int] = {}
    for appliance_id, label, begun_ms, ended_ms in _rows(conn, _STOOD, windows):
        from_ms, until_ms = windows[appliance_id]
        if (ended_ms is None or ended_ms > from_ms) and (until_ms is None or begun_ms < until_ms):
            found[label] = min(from_ms, found.get(label, from_ms))
    wave = found
    while wave:
        born = _rows(conn, _CHILDREN, wave)
        wave = {child: wave[parent] for child, parent, born_ms in born if born_ms > wave[parent]}
        wave = {child: from_ms for child, from_ms in wave.items() if from_ms < found.get(child, from_ms + 1)}
        found |= wave
    return found


def in_chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids in order, as many at once as one query takes."""
    ordered = sorted(ids)
    for first in range(0, len(ordered), IDS_A_QUERY):
        yield ordered[first : first + IDS_A_QUERY]


def _families(conn: Connection, holding_ids: Collection[str]) -> dict[str, Holding]:
    """These holdings and all that they were split off."""
    found: dict[str, Holding] = {}
    wave = set(holding_ids)
    while wave:
        born = {row[0]: _holding(row) for row in _rows(conn, _HOLDINGS, wave)}
        found |= born
        wave = {one.parent_id for one in born.values() if one.parent_id is not None} - found.keys()
    return found


def _history(
    of: Holding,
    family: Mapping[str, Holding],
    stays: Mapping[str, Sequence[Stay]],
    looks: Mapping[str, Sequence[VvmLook]],
) -> History:
    own = tuple(stays.get(of.id, ()))
    if of.parent_id is None:
        return History(of, own, tuple(looks.get(of.id, ())), (Kin(of.id, None),))
    lineage = _lineage(of, family, stays)
    stood = [
        _cut(one, until_ms)
        for label, until_ms in reversed(lineage)
        for one in stays.get(label, ())
        if until_ms is None or one.from_ms < until_ms
    ]
    seen = sorted(
        one
        for label, until_ms in lineage
        for one in looks.get(label, ())
        if until_ms is None or one.read_at_ms < until_ms
    )
    return History(of, tuple(stood), tuple(seen), tuple(lineage))


def _lineage(of: Holding, family: Mapping[str, Holding], stays: Mapping[str, Sequence[Stay]]) -> list[Kin]:
    """The label itself and those it was split off, the nearest first, each with the instant of the split."""
    found = [Kin(of.id, None)]
    while of.parent_id is not None:
        until_ms = found[-1].until_ms
        own = [one.from_ms for one in stays.get(of.id, ()) if until_ms is None or one.from_ms < until_ms]
        found.append(Kin(of.parent_id, own[0] if own else until_ms))
        of = family[of.parent_id]
    return found


def _cut(one: Stay, until_ms: int | None) -> Stay:
    if until_ms is None or (one.until_ms is not None and one.until_ms <= until_ms):
        return one
    return replace(one, until_ms=until_ms)


def _rows(
    conn: Connection,
    query: Select[*tuple[Any, ...]],
    ids: Iterable[str],
) -> Iterator[Row[*tuple[Any, ...]]]:
    for chunk in in_chunks(ids):
        yield from conn.execute(query, {"ids": chunk})


def _by_label(
    rows: Iterable[Row[*tuple[Any, ...]]],
    make: Callable[[Row[*tuple[Any, ...]]], tuple[str, Found]],
) -> dict[str, list[Found]]:
    found: dict[str, list[Found]] = {}
    for row in rows:
        label, one = make(row)
        found.setdefault(label, []).append(one)
    return found


def _holding(row: Row[*tuple[Any, ...]]) -> Holding:
    words = dict(zip(Holding.__slots__, row, strict=True))
    return Holding(**{**words, "disposition": _DISPOSITIONS[words["disposition"]]})


def _stay(row: Row[*tuple[Any, ...]]) -> tuple[str, Stay]:
    words = dict(zip(Stay.__slots__, row, strict=True))
    one = Stay(**{**words, "evidence_kind": _EVIDENCE[words["evidence_kind"]]})
    return one.holding_id, one


def _look(row: Row[*tuple[Any, ...]]) -> tuple[str, VvmLook]:
    return row[0], VvmLook(row[1], row[2])
