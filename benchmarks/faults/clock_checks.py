"""Whether every reading stands where it was measured: probe, outbox, store and alarms compared (pure)."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.faults.ticking_probe import Said
    from sheetal.contracts.device_alarm import DeviceAlarm
    from sheetal.contracts.reading import Reading

TOLERANCE_MS = 1_500
"""Half of a round trip, and what a busy machine puts between reading a probe and looking at a clock."""
INTERVAL_MS = 1_000
GAP_MS_MAX = 3 * INTERVAL_MS + TOLERANCE_MS
FREEZE_CENTI_CELSIUS = -50
ROW, UNPLACED = "row", "unplaced"
DELIVERED = 1


class Item(NamedTuple):
    """One reading in the outbox; `is_before_the_cut` when another boot of the operating system measured it."""

    boot: int
    sequence: int
    kind: str
    measured_at_ms: int
    centi_celsius: int | None
    state: int
    is_before_the_cut: bool


class Seen(NamedTuple):
    """What each witness says of one gateway."""

    truth: Sequence[Said]
    cold: Sequence[tuple[int, int]]
    outbox: Sequence[Item]
    stored: Sequence[Reading]
    unplaced: Sequence[tuple[int, int]]
    alarms: Sequence[DeviceAlarm]


def problems(seen: Seen, *, is_lost: bool) -> list[str]:
    """One line for each way in which a promise was broken."""
    return [
        *_kinds(seen, is_lost=is_lost),
        *_delivery(seen),
        *_instants(seen),
        *_order(seen.stored),
        *_excursions(seen, is_lost=is_lost),
        *_alarms(seen, is_lost=is_lost),
    ]


def _kinds(seen: Seen, *, is_lost: bool) -> Iterable[str]:
    wrong = [one for one in seen.outbox if (one.kind == UNPLACED) is not (is_lost and one.is_before_the_cut)]
    if wrong:
        yield f"{len(wrong)} rows are placed that cannot be, or are not that could be, as {wrong[0]}"
    if not any(one.kind == ROW and one.state == DELIVERED for one in seen.outbox):
        yield "no reading was ever placed and delivered"
    if is_lost and not seen.unplaced:
        yield "nothing arrived without an instant"


def _delivery(seen: Seen) -> Iterable[str]:
    """Each delivered reading is stored once, as it was kept; and nothing else is stored."""
    kept = Counter(
        (one.boot, one.sequence, one.measured_at_ms, one.centi_celsius)
        for one in seen.outbox
        if one.kind == ROW and one.state == DELIVERED
    )
    stored = Counter((one.boot, one.sequence, one.measured_at_ms, one.centi_celsius) for one in seen.stored)
    if kept - stored:
        yield f"{len(kept - stored)} readings are called delivered and are not in the store"
    known = {(one.boot, one.sequence) for one in seen.outbox}
    strange = [key for key in stored - kept if key[:2] not in known or stored[key] > 1]
    if strange:
        yield f"{len(strange)} readings are in the store that nobody kept, or twice, as {strange[0]}"
    lost = {(one.boot, one.sequence) for one in seen.outbox if one.kind == UNPLACED and one.state == DELIVERED}
    if lost != set(seen.unplaced) or len(seen.unplaced) != len(lost):
        yield f"{len(lost)} readings without an instant are called delivered, {len(seen.unplaced)} arrived"
    if {(one.boot, one.sequence) for one in seen.stored} & set(seen.unplaced):
        yield "a reading has an instant and has none"


def _instants(seen: Seen) -> Iterable[str]:
    said = {one.centi_celsius: one for one in seen.truth}
    for one in seen.stored:
        true = said.get(one.centi_celsius) if one.centi_celsius is not None else None
        if true is None:
            yield f"{one.centi_celsius} was never measured"
        elif not true.from_ms - TOLERANCE_MS <= one.measured_at_ms <= true.until_ms + TOLERANCE_MS:
            yield f"stored {one.measured_at_ms - true.from_ms} ms from when it was measured ({one.centi_celsius})"


def _order(stored: Sequence[Reading]) -> Iterable[str]:
    in_order = sorted(stored, key=lambda one: (one.boot, one.sequence))
    for before, after in itertools.pairwise(in_order):
        if after.measured_at_ms <= before.measured_at_ms:
            yield f"{after.sequence} does not come after {before.sequence}"


def _excursions(seen: Seen, *, is_lost: bool) -> Iterable[str]:
    """What froze is in the store from end to end, and nothing else there froze."""
    frozen = [one.measured_at_ms for one in seen.stored if (one.centi_celsius or 0) <= FREEZE_CENTI_CELSIUS]
    for at_ms in frozen:
        if not any(from_ms - TOLERANCE_MS <= at_ms <= until_ms + TOLERANCE_MS for from_ms, until_ms in seen.cold):
            yield f"the store says it froze at {at_ms}, when it did not"
    if is_lost:
        if not any((one.centi_celsius or 0) <= FREEZE_CENTI_CELSIUS for one in seen.outbox if one.kind == UNPLACED):
            yield "the excursion is not among what has no instant"
        return
    for from_ms, until_ms in seen.cold:
        instants = [from_ms, *sorted(at_ms for at_ms in frozen if from_ms <= at_ms <= until_ms), until_ms]
        widest = max(after - before for before, after in itertools.pairwise(instants))
        if widest > GAP_MS_MAX:
            yield f"{widest} ms of an excursion are missing from the store"


def _alarms(seen: Seen, *, is_lost: bool) -> Iterable[str]:
    """One alarm for each excursion, raised and cleared under one name, at its instants where those are known."""
    names = {one.alarm for one in seen.alarms}
    if len(names) != len(seen.cold):
        yield f"{len(seen.cold)} excursions, {len(names)} alarms"
        return
    ordered = sorted(names, key=lambda name: min(one.began_at_ms for one in seen.alarms if one.alarm == name))
    for name, (from_ms, until_ms) in zip(ordered, seen.cold, strict=True):
        cleared = [one for one in seen.alarms if one.alarm == name and one.cleared_at_ms is not None]
        if not cleared:
            yield f"{name} was never cleared"
        elif not is_lost:
            one = cleared[-1]
            ends = ((from_ms, one.began_at_ms), (until_ms, one.cleared_at_ms or 0))
            yield from (
                f"{name} is {told_ms - true_ms} ms from the truth"
                for true_ms, told_ms in ends
                if not -TOLERANCE_MS <= told_ms - true_ms <= GAP_MS_MAX
            )
