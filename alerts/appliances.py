"""How far each appliance's data reaches and what it says now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts import receipts
from alerts.known import FUTURE_MS_MAX
from alerts.known_through import LOOK_BACK_MS, Place, known_through, state_of
from sheetal.contracts.disposition import EvidenceKind
from sheetal.ledger import assets, judgements, stock
from sheetal.ledger.judgements import ApplianceJudgement
from sheetal.ledger.manual_checks import manual_checks

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from alerts.evaluate import Stores
    from sheetal.ledger.assets import Appliance, SensorSpan
    from sheetal.thermal.runs import Sample


def look(
    stores: Stores,
    appliance_ids: Sequence[str],
    now_ms: int,
    *,
    unfinished: Collection[str] = (),
) -> list[ApplianceJudgement]:
    """The judgement of each appliance as of now; raises Unavailable and NotFound.

    `judged_through_ms` goes on only where nothing is left to judge: not in an unfinished appliance.
    """
    with stores.ledger.read() as conn:
        known = judgements.appliance_judgements(conn)
        places = [assets.appliance_by_id(conn, appliance_id) for appliance_id in appliance_ids]
        spans = {place.id: assets.sensors_of(conn, place.id, now_ms - LOOK_BACK_MS, now_ms + 1) for place in places}
    looks: list[ApplianceJudgement] = []
    for place in places:
        before, is_judged = known.get(place.id), place.id not in unfinished
        if is_judged or before is not None:
            through_ms = now_ms if is_judged or before is None else before.judged_through_ms
            looks.append(_look_at(stores, place, (spans[place.id], before), (now_ms, through_ms)))
    return looks


def place_of(appliance: Appliance) -> Place:
    """What the appliance may be; an appliance without a freeze alarm may be as cold as it likes."""
    return Place(
        centi_celsius_min=appliance.centi_celsius_min,
        centi_celsius_max=appliance.centi_celsius_max,
        is_freeze_watched=appliance.freeze_alarm_centi_celsius is not None,
        silence_ms_max=stock.known_bound_ms(appliance, EvidenceKind.TELEMETRY),
    )


def _look_at(
    stores: Stores,
    appliance: Appliance,
    known: tuple[Sequence[SensorSpan], ApplianceJudgement | None],
    instants_ms: tuple[int, int],
) -> ApplianceJudgement:
    (spans, before), (now_ms, judged_through_ms) = known, instants_ms
    with stores.telemetry.read() as conn:
        believed_ms = receipts.believed_through(conn, {span.sensor for span in spans})
    newest = {span: _newest(stores, span, now_ms, is_ahead=span.sensor in believed_ms) for span in spans}
    reached = [_reached(span, sample, believed_ms) for span, sample in newest.items()]
    before_ms = None if before is None else before.known_through_ms
    told = [*_days_through(stores, spans, now_ms), *_checks_through(stores, appliance, now_ms)]
    through_ms = known_through(before_ms, [*reached, *told], now_ms)
    standing = [sample for span, sample in newest.items() if sample is not None and span.until_ms is None]
    return ApplianceJudgement(
        appliance_id=appliance.id,
        judged_through_ms=judged_through_ms,
        known_through_ms=through_ms,
        state=state_of(place_of(appliance), standing, through_ms, now_ms),
    )


def _reached(span: SensorSpan, newest: Sample | None, believed_ms: Mapping[str, int]) -> int | None:
    """How far a sensor's newest value proves anything."""
    return None if newest is None else min(newest[0], believed_ms.get(span.sensor, newest[0]))


def _newest(stores: Stores, span: SensorSpan, now_ms: int, *, is_ahead: bool) -> Sample | None:
    """A sensor's newest value; of one whose clock runs ahead what it says now stands in the future."""
    from_ms = max(span.from_ms, now_ms - LOOK_BACK_MS)
    until_ms = now_ms + (FUTURE_MS_MAX if is_ahead else 1)
    until_ms = until_ms if span.until_ms is None else min(span.until_ms, until_ms)
    return stores.hours.last_sample(span.sensor, from_ms, until_ms) if from_ms < until_ms else None


def _days_through(stores: Stores, spans: Sequence[SensorSpan], now_ms: int) -> list[int]:
    """The ends of the day summaries that its loggers have given lately; one that lies after its receipt proves none."""
    with stores.telemetry.read() as conn:
        return [
            day.ends_at_ms if span.until_ms is None else min(day.ends_at_ms, span.until_ms)
            for span in spans
            for day in receipts.day_summaries(conn, span.sensor, max(span.from_ms, now_ms - LOOK_BACK_MS), now_ms)
            if day.ends_at_ms > day.starts_at_ms
        ]


def _checks_through(stores: Stores, appliance: Appliance, now_ms: int) -> list[int]:
    with stores.ledger.read() as conn:
        checks = manual_checks(conn, appliance.id, now_ms - LOOK_BACK_MS, now_ms + 1)
    return [check.checked_at_ms for check in checks[-1:]]
