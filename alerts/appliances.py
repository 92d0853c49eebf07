"""How far each appliance's data reaches and what it says now."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import structlog
from sqlalchemy import bindparam, func, select

from alerts import receipts
from alerts.known import FUTURE_MS_MAX
from alerts.known_through import LOOK_BACK_MS, Place, known_through, state_of
from alerts.lives import heard_in
from alerts.witnesses import witnesses
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.problem import NotFound
from sheetal.ledger import assets, judgements, stock
from sheetal.ledger.histories import in_chunks
from sheetal.ledger.judgements import ApplianceJudgement
from sheetal.ledger.stock_tables import holding, manual_check, stay
from sheetal.thermal.cuts import days_heard

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from alerts.evaluate import Stores
    from alerts.hours import Hours
    from alerts.receipts import ReceivedDay
    from alerts.witnesses import Witness
    from sheetal.ledger.assets import Appliance
    from sheetal.thermal.cuts import Hung
    from sheetal.thermal.runs import Sample


log = structlog.get_logger()


class _Told(NamedTuple):
    """What the ledger and ingest say of some appliances and their sensors."""

    witnesses: Mapping[str, Witness]
    checked_ms: Mapping[str, int]
    days: Mapping[str, Sequence[ReceivedDay]]
    believed_ms: Mapping[str, int]


_RESTS_ON_DEVICES = (
    select(stay.c.id)
    .join(holding, holding.c.id == stay.c.holding_id)
    .where(
        stay.c.appliance_id == manual_check.c.appliance_id,
        stay.c.until_ms.is_(None),
        stay.c.evidence_kind.in_([EvidenceKind.TELEMETRY.value, EvidenceKind.LOGGER_FILE.value]),
        holding.c.doses_left > 0,
    )
    .correlate(manual_check)
)
"""Stock inside that what persons write down says nothing of: their word must not open its gate."""
_NEWEST_CHECKS = (
    select(manual_check.c.appliance_id, func.max(manual_check.c.checked_at_ms))
    .where(
        ~_RESTS_ON_DEVICES.exists(),
        manual_check.c.appliance_id.in_(bindparam("ids", expanding=True)),
        manual_check.c.checked_at_ms.between(bindparam("from_ms"), bindparam("until_ms")),
    )
    .group_by(manual_check.c.appliance_id)
)


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
    if not appliance_ids:
        return []
    with stores.ledger.read() as conn:
        known = judgements.appliance_judgements(conn)
        places = _places(conn, appliance_ids)
        seen = witnesses(conn, appliance_ids)
        checked_ms = _checked(conn, appliance_ids, now_ms)
    sensors = {hung.sensor for one in seen.values() for hung in _hung_lately(one, now_ms)}
    with stores.telemetry.read() as conn:
        told = _Told(seen, checked_ms, _days_of(conn, sensors), receipts.believed_through(conn, sensors))
    looks: list[ApplianceJudgement] = []
    for place in places:
        before, is_judged = known.get(place.id), place.id not in unfinished
        if is_judged or before is not None:
            through_ms = now_ms if is_judged or before is None else before.judged_through_ms
            looks.append(_look_at(stores.hours, place, (told, before), (now_ms, through_ms)))
    return looks


def place_of(appliance: Appliance) -> Place:
    """What the appliance may be; an appliance without a freeze alarm may be as cold as it likes."""
    return Place(
        centi_celsius_min=appliance.centi_celsius_min,
        centi_celsius_max=appliance.centi_celsius_max,
        is_freeze_watched=appliance.freeze_alarm_centi_celsius is not None,
        silence_ms_max=stock.known_bound_ms(appliance, EvidenceKind.TELEMETRY),
    )


def _places(conn: Connection, appliance_ids: Sequence[str]) -> list[Appliance]:
    found = assets.appliances_by_id(conn, appliance_ids)
    for missing in sorted(set(appliance_ids) - found.keys()):
        raise NotFound("no such appliance", id=missing)
    return list(found.values())


def _checked(conn: Connection, appliance_ids: Sequence[str], now_ms: int) -> dict[str, int]:
    """When a person last looked at each of the appliances; absent where nobody has, or where it proves nothing."""
    span = {"from_ms": max(0, now_ms - LOOK_BACK_MS), "until_ms": now_ms}
    chunks = in_chunks(appliance_ids)
    return {row[0]: row[1] for chunk in chunks for row in conn.execute(_NEWEST_CHECKS, {"ids": chunk, **span})}


def _hung_lately(witness: Witness, now_ms: int) -> list[Hung]:
    since_ms = now_ms - LOOK_BACK_MS
    return [one for one in witness.hung if one.from_ms <= now_ms and (one.until_ms is None or one.until_ms > since_ms)]


def _look_at(
    hours: Hours,
    appliance: Appliance,
    known: tuple[_Told, ApplianceJudgement | None],
    instants_ms: tuple[int, int],
) -> ApplianceJudgement:
    (told, before), (now_ms, judged_through_ms) = known, instants_ms
    witness = told.witnesses[appliance.id]
    hung = _hung_lately(witness, now_ms)
    newest = {one: _newest(hours, (witness, one), now_ms, is_ahead=one.sensor in told.believed_ms) for one in hung}
    reached = [_reached(one, sample, told.believed_ms) for one, sample in newest.items()]
    days = [_day_through(one, day) for one in hung for day in _heard_days(witness, told.days[one.sensor], one, now_ms)]
    before_ms = None if before is None else before.known_through_ms
    through_ms = known_through(before_ms, [*reached, *days, told.checked_ms.get(appliance.id)], now_ms)
    standing = [sample for one, sample in newest.items() if sample is not None and one.until_ms is None]
    return ApplianceJudgement(
        appliance_id=appliance.id,
        judged_through_ms=judged_through_ms,
        known_through_ms=through_ms,
        state=state_of(place_of(appliance), standing, through_ms, now_ms),
    )


def _days_of(conn: Connection, sensors: Collection[str]) -> Mapping[str, Sequence[ReceivedDay]]:
    """Their day summaries; a sensor of which one cannot be read tells nothing, and keeps no other appliance back."""
    try:
        return receipts.days_of(conn, sensors)
    except msgspec.DecodeError:
        return {sensor: _readable(conn, sensor) for sensor in sensors}


def _readable(conn: Connection, sensor: str) -> Sequence[ReceivedDay]:
    try:
        return receipts.days_of(conn, [sensor])[sensor]
    except msgspec.DecodeError:
        log.warning("The day summaries of a sensor cannot be read", sensor=sensor)
        return ()


def _reached(hung: Hung, newest: Sample | None, believed_ms: Mapping[str, int]) -> int | None:
    """How far a sensor's newest value proves anything."""
    return None if newest is None else min(newest[0], believed_ms.get(hung.sensor, newest[0]))


def _newest(hours: Hours, of: tuple[Witness, Hung], now_ms: int, *, is_ahead: bool) -> Sample | None:
    """A sensor's newest value that is heard; of one whose clock runs ahead what it says now stands in the future."""
    witness, hung = of
    from_ms = max(hung.from_ms, now_ms - LOOK_BACK_MS)
    until_ms = now_ms + (FUTURE_MS_MAX if is_ahead else 1)
    until_ms = until_ms if hung.until_ms is None else min(hung.until_ms, until_ms)
    own = [fault for fault in witness.faults if fault.sensor == hung.sensor]
    for begin_ms, end_ms in reversed(heard_in((from_ms, until_ms), own) if from_ms < until_ms else []):
        found = hours.last_sample(hung.sensor, begin_ms, end_ms)
        if found is not None:
            return found
    return None


def _heard_days(witness: Witness, days: Sequence[ReceivedDay], hung: Hung, now_ms: int) -> list[ReceivedDay]:
    own = [fault for fault in witness.faults if fault.sensor == hung.sensor]
    return [day for day in days if _is_of(hung, day, now_ms) and days_heard([day.cut], own)]


def _is_of(hung: Hung, day: ReceivedDay, now_ms: int) -> bool:
    """Whether a day summary tells of the time in which the sensor hung there, and not only of long ago."""
    from_ms = max(hung.from_ms, now_ms - LOOK_BACK_MS)
    return day.starts_at_ms < now_ms and day.ends_at_ms > from_ms and day.cut.ends_at_ms > day.cut.starts_at_ms


def _day_through(hung: Hung, day: ReceivedDay) -> int:
    """The end of a day that a logger has summarised; one that lies after its receipt proves none."""
    return day.cut.ends_at_ms if hung.until_ms is None else min(day.cut.ends_at_ms, hung.until_ms)
