"""When a message goes, and what is in it (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sheetal.contracts.batch import AuxRow, Batch, DaySummary, Row, ThinnedSpan, UnplacedRow
from sheetal.contracts.seal import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edge_agent.sample import DaySummaryDraft
    from edge_agent.settings.uplink import DepartureRule

Key = tuple[int, int]
"""Boot and sequence: the name of one item for ever."""

BYTES_MAX = 200 * 1024
"""Below the wire's 256 KiB, with room for the envelope."""

ROW = "row"
AUX = "aux"
DAY = "day"
THINNED = "thinned"
QUARTER_MS = 900_000
"""A thinned span stands for readings of one quarter of an hour (edge.md section 9)."""
UNPLACED = "unplaced"
"""A reading whose instant will never be known; its `measured_at_ms` is the monotonic one."""


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A `contracts.batch.ThinnedSpan` as an item's body: what the item's own columns do not say."""

    ends_at_ms: int
    centi_celsius_min: int
    centi_celsius_max: int
    centi_celsius_mean: int
    rows: int
    covers_boot: int
    covers: list[tuple[int, int]]


spans = msgspec.json.Decoder(Span)


class Item(NamedTuple):
    """One thing in the outbox as its table keeps it; `value` is centi-degrees for a row, a float for an aux value."""

    boot: int
    sequence: int
    kind: str
    source: str
    field: str
    measured_at_ms: int
    value: float | None
    quality: int
    body: bytes | None
    notable: bool
    added_at_ms: int

    @property
    def key(self) -> Key:
        """Its name."""
        return self.boot, self.sequence


class Parcel(NamedTuple):
    """The items of one message, all of one boot."""

    boot: int
    history: bool
    items: tuple[Item, ...]

    @property
    def keys(self) -> frozenset[Key]:
        """The names of everything in it."""
        return frozenset(item.key for item in self.items)


def departs(fresh: Iterable[Item], now_ms: int, rule: DepartureRule) -> bool:
    """Whether fresh items go now: ten rows, or the oldest old enough, or one outside limits or a change of state.

    An item that seems to come from the future (the clock was set back) does not wait.
    """
    rows = 0
    for item in fresh:
        rows += item.kind == ROW
        age_ms = now_ms - item.added_at_ms
        if rows >= rule.rows or item.notable or age_ms >= rule.age_ms or age_ms < 0:
            return True
    return False


def pack(items: Sequence[Item], *, history: bool, items_max: int) -> Parcel | None:
    """As many items of the first one's boot as one message may carry, in their order; None where there are none."""
    if not items:
        return None
    chosen: list[Item] = []
    bytes_left = BYTES_MAX
    for item in items:
        if item.boot != items[0].boot:
            continue
        bytes_left -= _bytes_of(item)
        if len(chosen) == items_max or bytes_left < 0:
            break
        chosen.append(item)
    return Parcel(items[0].boot, history, tuple(chosen))


class Moment(NamedTuple):
    """When a message is sent, by the gateway's clock and by its monotonic one, and what the clock is worth."""

    at_ms: int
    monotonic_ms: int | None = None
    clock_source: str = ""


def to_batch(parcel: Parcel, gateway: str, sent: Moment) -> Batch:
    """The parcel in the words of the wire."""
    return Batch(
        gateway=gateway,
        boot=parcel.boot,
        sent_at_ms=sent.at_ms,
        clock_source=sent.clock_source,
        monotonic_ms=sent.monotonic_ms,
        history=parcel.history,
        rows=[_row(item) for item in parcel.items if item.kind == ROW],
        aux=[_aux(item) for item in parcel.items if item.kind == AUX],
        days=[_day(item) for item in parcel.items if item.kind == DAY],
        unplaced=[_unplaced(item) for item in parcel.items if item.kind == UNPLACED],
        thinned=[_thinned(item) for item in parcel.items if item.kind == THINNED],
    )


def is_readable(item: Item) -> bool:
    """Whether it can be put into the words of the wire and be understood there."""
    words = _WORDS.get(item.kind)
    numbers = (item.boot, item.sequence, item.measured_at_ms, item.quality, item.added_at_ms, item.value or 0)
    if words is None or not all(isinstance(number, (int, float)) for number in numbers):
        return False
    try:
        said = words(item)
        msgspec.json.decode(msgspec.json.encode(said), type=type(said))
        return _bytes_of(item) <= BYTES_MAX
    except (*UNREADABLE, TypeError, ValueError, OverflowError):
        return False


def day_body(draft: DaySummaryDraft) -> bytes:
    """A day summary as the outbox keeps it."""
    return msgspec.json.encode(draft)


def _row(item: Item) -> Row:
    value = None if item.value is None else int(item.value)
    return Row(item.sequence, item.measured_at_ms, item.source, value, item.quality)


def _unplaced(item: Item) -> UnplacedRow:
    value = None if item.value is None else int(item.value)
    return UnplacedRow(item.sequence, item.measured_at_ms, item.source, value, item.quality)


def _aux(item: Item) -> AuxRow:
    return AuxRow(item.sequence, item.measured_at_ms, item.source, item.field, float(item.value or 0))


def _day(item: Item) -> DaySummary:
    fields = msgspec.json.decode(item.body or b"{}", type=dict[str, object])
    return msgspec.convert({**fields, "sequence": item.sequence}, DaySummary)


def _thinned(item: Item) -> ThinnedSpan:
    span = spans.decode(item.body or b"")
    fields = {name: getattr(span, name) for name in span.__struct_fields__}
    return ThinnedSpan(sequence=item.sequence, sensor=item.source, starts_at_ms=item.measured_at_ms, **fields)


_WORDS: dict[str, Callable[[Item], msgspec.Struct]] = {
    ROW: _row,
    AUX: _aux,
    DAY: _day,
    UNPLACED: _unplaced,
    THINNED: _thinned,
}


def _bytes_of(item: Item) -> int:
    """An upper bound of its bytes on the wire: two 20-digit numbers, the id, punctuation and the value."""
    return 80 + len(item.source) + len(item.field) + 2 * len(item.body or b"")
