"""A holding's life as it is judged: where it stood under which sensors, in which storage stage, and what people saw.

A stage is a product's own word for how stock is kept ("frozen", "refrigerated"). It changes in one direction only, by a
recorded act: a thaw, or the opening of the vials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sheetal.contracts.limits import Source
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import SensorEvidence
    from sheetal.thermal.paths import Segment

PROGRAMME = "IN"
"""Whose open-vial hours are in force: India's universal immunisation programme."""
THAW, OPEN = "thaw", "open"


class StageSpan(NamedTuple):
    """A storage stage from an instant on, until the next one begins; `minutes_max` is the longest time in it."""

    stage: str
    from_ms: int
    minutes_max: int | None
    source: Source | None


class Packing(NamedTuple):
    """A holding packed into a carrier: what the ice packs were like, and what its vials' monitors showed."""

    stay: int
    at_ms: int
    ice_packs: str | None
    vvm_stage: int | None


class VvmReading(NamedTuple):
    """The darkest stage that a person read on a holding's vial monitors; 3 is the discard point."""

    read_at_ms: int
    stage: int


class Life(NamedTuple):
    """All that a verdict rests on; segments in order of time, each inside one storage stage.

    `vouchers` and `fusion` say of each stay who vouches for its sensors and by which rule several of them are joined.
    """

    holding: str
    product: Product
    segments: Sequence[Segment]
    expires_at_ms: int | None = None
    thawed_at_ms: int | None = None
    opened_at_ms: int | None = None
    packings: tuple[Packing, ...] = ()
    vvm_readings: tuple[VvmReading, ...] = ()
    vouchers: Mapping[int, tuple[SensorEvidence, ...]] = {}
    fusion: Mapping[int, str] = {}
    programme: str = PROGRAMME


def stage_spans(product: Product, thawed_at_ms: int | None, opened_at_ms: int | None) -> list[StageSpan]:
    """The storage stages of a holding in order of time; an act that the product knows no stage for changes none."""
    acts = sorted((ms, act) for ms, act in ((thawed_at_ms, THAW), (opened_at_ms, OPEN)) if ms is not None)
    spans = [StageSpan(product.stage, 0, None, None)]
    for at_ms, act in acts:
        following = next((one for one in product.next_stages if one.after == act), None)
        if following is not None:
            spans.append(StageSpan(following.stage, at_ms, following.minutes_max, following.source))
    return spans


def stage_at(spans: Sequence[StageSpan], at_ms: int) -> str:
    """The stage in force at an instant."""
    return next(span.stage for span in reversed(spans) if span.from_ms <= at_ms)
