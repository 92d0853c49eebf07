"""Grounds to hold or to condemn that no limit of temperature gives: what people saw, and what the calendar says (pure).

The engine proposes to condemn only on what is certain: a discard point that a person read, a date that has passed, a
freeze beyond a limit that the product's own maker sourced. All else it holds, and a person decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import MINUTE_MS, Side, Source
from sheetal.contracts.verdict import Ground, Proposal
from sheetal.thermal.life import VvmReading, stage_at, stage_spans
from sheetal.thermal.measures import PPM_WHOLE, vvm_spent_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sheetal.contracts.verdict import Reached, VvmUse
    from sheetal.thermal.life import Life

VVM_DISCARD_STAGE = 3
ALIKE_MAX = 20
"""Grounds of one kind beside the first."""
FROZEN_PACKS = "frozen"
SIDES = {Ground.FROZEN: Side.COLD, Ground.PACKED_FROZEN: Side.COLD}
"""The side of the compromise that a ground states; the others are of heat or of age."""

VVM_SOURCE = Source(
    citation="WHO vial vaccine monitor: at stage 3 the square matches the ring, the discard point (Temptime)",
    confidence="high",
)
EXPIRY_SOURCE = Source(citation="the lot's expiry date, as received", confidence="high")
PACKS_SOURCE = Source(
    citation="WHO and India UIP: carriers are packed with conditioned ice packs; unconditioned ones freeze vaccine",
    confidence="high",
)


def proposals_of(life: Life, reached: Sequence[Reached], vvm: VvmUse | None, judged_through_ms: int) -> list[Proposal]:
    """Every ground that stands at this instant, in order of time."""
    found = [
        *_frozen(life, reached),
        *_discard_point(life, judged_through_ms),
        *_spent_life(life, vvm),
        *_expired(life, judged_through_ms),
        *_too_long(life, judged_through_ms),
        *_packed_frozen(life, judged_through_ms),
    ]
    return sorted(found, key=lambda one: (one.since_ms, one.ground.value))


def side_of(ground: Ground) -> Side:
    """The side of the limit that a compromise by this ground is told under."""
    return SIDES.get(ground, Side.HOT)


def _frozen(life: Life, reached: Sequence[Reached]) -> list[Proposal]:
    """A confirmed freeze by the maker's own limit; the programme's default only holds: a shake test may follow."""
    if not life.product.freeze_sensitive:
        return []
    for hit in reached:
        rule = hit.rule
        is_own = rule.source.default_of is None
        if (
            rule.side is Side.COLD
            and rule.limit_centi_celsius <= 0
            and is_own
            and hit.minutes_confirmed >= rule.minutes
        ):
            since_ms = hit.compromised_from_ms
            return [_proposal(Ground.FROZEN, since_ms, since_ms, rule.source)]
    return []


def _discard_point(life: Life, judged_through_ms: int) -> list[Proposal]:
    """Each monitor read at its discard point; doses since the last good reading before it are doubted.

    Each reading is a ground of its own: a person who released in spite of the first one has not decided on the next.
    """
    packed = [VvmReading(one.at_ms, one.vvm_stage) for one in life.packings if one.vvm_stage is not None]
    good_ms = min((segment.from_ms for segment in life.segments), default=0)
    found: dict[int, Proposal] = {}
    for read_at_ms, stage in sorted([*life.vvm_readings, *packed]):
        if read_at_ms > judged_through_ms:
            break
        if stage < VVM_DISCARD_STAGE:
            good_ms = read_at_ms
        elif read_at_ms not in found:
            found[read_at_ms] = _proposal(Ground.VVM_STAGE, read_at_ms, min(good_ms, read_at_ms), VVM_SOURCE)
    return _first_and_newest(found)


def _spent_life(life: Life, vvm: VvmUse | None) -> list[Proposal]:
    """The computed end of a monitor's life: it is no reading, so it holds until somebody reads the vials."""
    if vvm is None or vvm.ppm < PPM_WHOLE:
        return []
    spent_ms = vvm_spent_ms(life, vvm.vvm_type)
    return [_proposal(Ground.VVM_LIFE, spent_ms, spent_ms, vvm.source, condemns=False)]


def _expired(life: Life, judged_through_ms: int) -> list[Proposal]:
    if life.expires_at_ms is None or judged_through_ms < life.expires_at_ms:
        return []
    return [_proposal(Ground.EXPIRED, life.expires_at_ms, life.expires_at_ms, EXPIRY_SOURCE)]


def _too_long(life: Life, judged_through_ms: int) -> list[Proposal]:
    """Longer in a stage, or open, than the product allows."""
    found = []
    spans = stage_spans(life.product, life.thawed_at_ms, life.opened_at_ms)
    for number, span in enumerate(spans):
        until_ms = spans[number + 1].from_ms if number + 1 < len(spans) else judged_through_ms
        if span.minutes_max is not None and span.source is not None:
            end_ms = span.from_ms + span.minutes_max * MINUTE_MS
            found += [_proposal(Ground.STAGE_TOO_LONG, end_ms, end_ms, span.source)] if end_ms <= until_ms else []
    allowed = next((one for one in life.product.open_vials if one.programme == life.programme), None)
    if life.opened_at_ms is not None and allowed is not None:
        end_ms = life.opened_at_ms + allowed.minutes * MINUTE_MS
        if end_ms <= judged_through_ms:
            found.append(_proposal(Ground.OPEN_TOO_LONG, end_ms, end_ms, allowed.source))
    return found


def _packed_frozen(life: Life, judged_through_ms: int) -> list[Proposal]:
    """Stock that must not freeze among ice packs straight from the freezer, once for each such packing."""
    packed = {
        one.at_ms
        for one in life.packings
        if one.ice_packs == FROZEN_PACKS and one.at_ms <= judged_through_ms and _must_not_freeze(life, one.at_ms)
    }
    return _first_and_newest(
        {at_ms: _proposal(Ground.PACKED_FROZEN, at_ms, at_ms, PACKS_SOURCE, condemns=False) for at_ms in packed}
    )


def _must_not_freeze(life: Life, at_ms: int) -> bool:
    """Whether it is freeze-sensitive, or its stage then has a rule against cold: once thawed, never again."""
    spans = stage_spans(life.product, life.thawed_at_ms, life.opened_at_ms)
    stage, first = stage_at(spans, at_ms), life.product.stage
    return life.product.freeze_sensitive or any(
        rule.side is Side.COLD and (rule.stage or first) == stage for rule in life.product.hold_rules
    )


def _first_and_newest(found: Mapping[int, Proposal]) -> list[Proposal]:
    """In order of their instants: the first, from which doses are doubted, and the newest, on which nobody decided."""
    in_order = [found[at_ms] for at_ms in sorted(found)]
    return in_order[:1] + in_order[1:][-ALIKE_MAX:]


def _proposal(
    ground: Ground, since_ms: int, compromised_from_ms: int | None, source: Source, *, condemns: bool = True
) -> Proposal:
    return Proposal(
        ground=ground,
        condemns=condemns,
        since_ms=since_ms,
        compromised_from_ms=compromised_from_ms,
        source=source,
    )
