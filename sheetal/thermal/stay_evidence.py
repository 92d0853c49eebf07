"""What each stay of a life contributed to its verdict, so that the same rows can be read again (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.verdict import StayEvidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.thermal.life import Life
    from sheetal.thermal.paths import Segment

HALF_MS_PER_MINUTE = 2 * MINUTE_MS


def stay_evidence(life: Life, judged_through_ms: int) -> list[StayEvidence]:
    """What each stay contributed, in order of time."""
    stays: dict[int, list[Segment]] = {}
    for segment in life.segments:
        stays.setdefault(segment.stay, []).append(segment)
    return [_evidence_of(life, parts, judged_through_ms) for parts in stays.values()]


def _evidence_of(life: Life, parts: Sequence[Segment], judged_through_ms: int) -> StayEvidence:
    exposures = [trace.exposure for part in parts for trace in part.traces]
    lows = [low for exposure in exposures if (low := exposure.centi_celsius_min) is not None]
    highs = [high for exposure in exposures if (high := exposure.centi_celsius_max) is not None]
    known = [last for part in parts if (last := part.known_through_ms()) is not None]
    return StayEvidence(
        stay=parts[0].stay,
        appliance=parts[0].appliance,
        evidence_kind=parts[0].evidence_kind,
        from_ms=parts[0].from_ms,
        until_ms=parts[-1].until_ms,
        sensors=sorted({trace.sensor for part in parts for trace in part.traces}),
        readings=sum(exposure.readings for exposure in exposures),
        centi_celsius_min=min(lows, default=None),
        centi_celsius_max=max(highs, default=None),
        minutes_unknown=sum(part.unknown_half_ms() for part in parts) // HALF_MS_PER_MINUTE,
        known_through_ms=no_later(max(known, default=None), judged_through_ms),
        stage=parts[-1].stage or life.product.stage,
        fusion=life.fusion.get(parts[0].stay, "worst"),
        vouchers=list(life.vouchers.get(parts[0].stay, ())),
    )


def no_later(instant_ms: int | None, judged_through_ms: int) -> int | None:
    """A reading stamped by a clock that runs ahead is judged, but nothing is known of the future."""
    return None if instant_ms is None else min(instant_ms, judged_through_ms)
