"""What a full outbox may let go of one sensor's quarter of an hour, and what then stands for it (pure).

Of each quarter the first and the last reading stay as readings, and so do the neighbours of whatever is notable or
faulty, so that the edges of every run survive; only the middle of what was inside its limits is thinned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.outbox.parcel import ROW, THINNED, Span
from sheetal.contracts.batch import ranges

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from edge_agent.outbox.parcel import Item, Key

STRETCH_ROWS_MIN = 3
"""A span takes the room of about two readings, so fewer are not worth one."""


class Thinned(NamedTuple):
    """What goes: readings that a span stands for, span by span, and items that nothing stands for."""

    spans: list[tuple[Item, ...]]
    dropped: list[Item]


def thin(items: Sequence[Item], fixed: Collection[Key]) -> Thinned:
    """Decides about one sensor's undelivered readings, or one aux field's values, of one quarter, in order of time.

    What is in `fixed` (it is on its way) stays. Aux values and repeated faults have no mean, so they are dropped.
    """
    middle = range(1, len(items) - 1)
    loose = [number for number in middle if not items[number].notable and items[number].key not in fixed]
    if not items or items[0].kind != ROW:
        return Thinned([], [items[number] for number in loose])
    edges = [item.notable or item.value is None for item in items]
    calm = [number for number in loose if not any(edges[number - 1 : number + 2])]
    faults = [number for number in loose if all(one.value is None for one in items[number - 1 : number + 2])]
    return Thinned(_stretches(items, calm), [items[number] for number in faults])


def span_of(stretch: Sequence[Item]) -> Span:
    """What stands for these readings of one sensor and boot, in order of time."""
    values = [int(item.value or 0) for item in stretch]
    return Span(
        ends_at_ms=stretch[-1].measured_at_ms,
        centi_celsius_min=min(values),
        centi_celsius_max=max(values),
        centi_celsius_mean=_mean(values),
        rows=len(values),
        covers_boot=stretch[0].boot,
        covers=ranges([item.sequence for item in stretch]),
    )


def span_item(stretch: Sequence[Item], boot: int, sequence: int, at_ms: int) -> Item:
    """The span of these readings as an item of the outbox, never to be dropped itself."""
    first = stretch[0]
    return first._replace(
        boot=boot,
        sequence=sequence,
        kind=THINNED,
        field=THINNED,
        value=None,
        quality=0,
        body=msgspec.json.encode(span_of(stretch)),
        notable=True,
        added_at_ms=at_ms,
    )


def _stretches(items: Sequence[Item], numbers: Sequence[int]) -> list[tuple[Item, ...]]:
    """The unbroken stretches of one boot that are worth a span."""
    found: list[list[Item]] = []
    before = -2
    for number in numbers:
        if number == before + 1 and items[number].boot == found[-1][-1].boot:
            found[-1].append(items[number])
        else:
            found.append([items[number]])
        before = number
    return [tuple(stretch) for stretch in found if len(stretch) >= STRETCH_ROWS_MIN]


def _mean(values: Sequence[int]) -> int:
    """The mean in whole centi-degrees, half to even, without a float."""
    whole, rest = divmod(sum(values), len(values))
    twice = 2 * rest
    return whole + (twice > len(values) or (twice == len(values) and whole % 2 == 1))
