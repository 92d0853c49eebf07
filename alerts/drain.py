"""Takes what must be judged again, judges it, and clears it only when the judgement has been committed.

The queue is `dirty_hour` (ingest's) and `rejudge` (the ledger's); a wake-up only hastens the next look. Two SQLite
files have no common commit: a crash between the ledger's transaction and the clearing judges the same hours again,
which changes nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import structlog
from sqlalchemy import bindparam, func, select

from alerts import appliances
from alerts.commits import commit_all, news
from alerts.turns import judged_in_turn, named
from sheetal.contracts.disposition import USABLE
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import Unavailable
from sheetal.contracts.verdict import HOLDING, Ground
from sheetal.ledger import assets, judgement_writes, rejudge, retention, telemetry
from sheetal.ledger.asset_tables import assignment
from sheetal.ledger.histories import in_chunks, touched
from sheetal.ledger.stock_tables import stay
from sheetal.ledger.telemetry_tables import dirty_hour

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from alerts.evaluate import Judged, Stores
    from sheetal.ledger.rejudge import Rejudge
    from sheetal.ledger.telemetry import DirtyHour

HOURS_MAX = 500
HOURS_BESIDE_MAX = 100
MARKS_MAX = 500
READ_MAX = 5_000
WRITES_PER_TRANSACTION = 500
"""So that the gate, which waits for the writer on SQLite, waits a fraction of a second."""
WRITES_OF_A_HOLD = 5
"""A verdict that holds or marks a gap costs as much as so many others."""
SECONDS_UNCOMMITTED_MAX = 1.0
"""What has been judged is committed at least this often, which also prolongs the lease."""
SECONDS_TO_A_HOLD_MAX = 0.2

log = structlog.get_logger()


class Assigned(NamedTuple):
    """A time in which a sensor spoke for an appliance."""

    place: str
    from_ms: int
    until_ms: int | None


_ASSIGNED = select(
    assignment.c.sensor_id, assignment.c.appliance_id, assignment.c.from_ms, assignment.c.until_ms
).where(assignment.c.sensor_id.in_(bindparam("ids", expanding=True)))


_STAYS = (
    select(stay.c.holding_id, stay.c.appliance_id)
    .where(stay.c.holding_id.in_(bindparam("ids", expanding=True)))
    .order_by(stay.c.from_ms, stay.c.id)
)


@dataclass(slots=True)
class Work:
    """What one round has to do: the marks it answers, and all that they touch.

    `idle` hours are of sensors that speak for no appliance: they are cleared and judge nothing. `unfinished` appliances
    have more waiting than this round takes. `since` is the earliest instant of what touches each holding, `late` the
    past holdings to be judged by it. `verdicts` counts what was found anew, `held` the holdings newly held.
    """

    hours: list[DirtyHour]
    marks: list[Rejudge]
    idle: list[DirtyHour] = field(default_factory=list)
    is_full: bool = False
    since: dict[str, int] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    appliances: set[str] = field(default_factory=set)
    unfinished: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    verdicts: Counter[str] = field(default_factory=Counter)
    held: int = 0

    @property
    def holdings(self) -> set[str]:
        """All that is to be judged."""
        return set(self.since)

    def touch(self, holding_ids: Iterable[str], from_ms: int) -> None:
        """Something of this instant, and maybe of later ones, touches these holdings."""
        for holding_id in holding_ids:
            self.since[holding_id] = min(from_ms, self.since.get(holding_id, from_ms))

    @property
    def goes_on(self) -> bool:
        """Whether another round at once would get further: more waits, and something got done."""
        answered = [mark for mark in self.marks if mark.holding_id not in self.failed]
        return self.is_full and bool(self.hours or self.idle or answered)

    def marks_of(self, holding_ids: Iterable[str]) -> list[int]:
        """The marks on these very holdings."""
        asked = set(holding_ids)
        return [mark.id for mark in self.marks if mark.holding_id in asked]


def take_work(stores: Stores) -> Work:
    """What waits to be judged, newest hours first; raises Unavailable."""
    with stores.telemetry.read() as conn:
        waiting = telemetry.dirty_hours(conn, READ_MAX)
        counts = Counter(hour.sensor_id for hour in waiting) if len(waiting) < READ_MAX else _counts(conn)
        newest = _newest_values(conn, waiting) if len(waiting) > HOURS_MAX else {}
    with stores.ledger.read() as conn:
        assigned = _assignments_of(conn, counts)
        hours = [hour for hour in waiting if hour.sensor_id in assigned]
        outside = _outside(conn, hours, newest, assigned)
        marks = rejudge.pending(conn, READ_MAX)
        work = Work(
            hours=_first_of(hours, outside),
            marks=marks[:MARKS_MAX],
            idle=[hour for hour in waiting if hour.sensor_id not in assigned],
            is_full=len(hours) > HOURS_MAX or len(marks) > MARKS_MAX or len(waiting) >= READ_MAX,
        )
        _add_touched(conn, work, assigned)
        counts.subtract(hour.sensor_id for hour in work.hours)
        work.unfinished |= {one.place for sensor, spans in assigned.items() if counts[sensor] > 0 for one in spans}
        work.unfinished |= _marked_places(conn, marks[MARKS_MAX:])
        if len(marks) >= READ_MAX:
            work.unfinished |= {place.id for place in assets.appliances(conn)}
    return work


def _counts(conn: Connection) -> Counter[str]:
    """How many hours of each sensor wait in all."""
    query = select(dirty_hour.c.sensor_id, func.count()).group_by(dirty_hour.c.sensor_id)
    return Counter({row[0]: row[1] for row in conn.execute(query)})


def _newest_values(conn: Connection, waiting: Iterable[DirtyHour]) -> dict[str, int | None]:
    states = telemetry.sensor_states(conn, {hour.sensor_id for hour in waiting})
    return {state.sensor_id: state.centi_celsius for state in states}


def _outside(
    conn: Connection,
    hours: Sequence[DirtyHour],
    newest: Mapping[str, int | None],
    assigned: Mapping[str, Sequence[Assigned]],
) -> set[str]:
    """The sensors whose newest value is outside an appliance that they speak for; asked when more waits than fits."""
    if len(hours) <= HOURS_MAX:
        return set()
    places = assets.appliances_by_id(conn, {one.place for spans in assigned.values() for one in spans})
    return {
        sensor
        for sensor, value in newest.items()
        for one in assigned.get(sensor, ())
        if value is not None and not places[one.place].centi_celsius_min <= value <= places[one.place].centi_celsius_max
    }


def _first_of(hours: Sequence[DirtyHour], outside: Collection[str]) -> list[DirtyHour]:
    """One round's share: what may be an excursion first, with only a few others, so that its hold comes soon."""
    urgent = [hour for hour in hours if hour.sensor_id in outside]
    others = [hour for hour in hours if hour.sensor_id not in outside]
    beside = HOURS_BESIDE_MAX if urgent else HOURS_MAX
    return [*urgent[: HOURS_MAX - HOURS_BESIDE_MAX], *others[:beside]]


def _assignments_of(conn: Connection, sensors: Iterable[str]) -> dict[str, list[Assigned]]:
    """The appliances that each of the sensors ever spoke for; a sensor that spoke for none is absent.

    One that is assigned a moment later marks its appliance, and that judges all its rows (`assets.assign_sensor`).
    """
    found: dict[str, list[Assigned]] = {}
    for chunk in in_chunks(sensors):
        for row in conn.execute(_ASSIGNED, {"ids": chunk}):
            found.setdefault(row[0], []).append(Assigned(*row[1:]))
    return found


def _marked_places(conn: Connection, marks: Sequence[Rejudge]) -> set[str]:
    """Where what is marked stands: its gate may be closed, but its appliance has not been looked at."""
    places = {mark.appliance_id for mark in marks if mark.appliance_id is not None}
    newest: dict[str, str] = {}
    for chunk in in_chunks({mark.holding_id for mark in marks if mark.holding_id is not None}):
        newest |= {row[0]: row[1] for row in conn.execute(_STAYS, {"ids": chunk})}
    return places | set(newest.values())


def drain_once(stores: Stores, now_ms: int) -> Work:
    """One round: judge what is waiting, commit, then clear. Raises Unavailable; what was not cleared comes again."""
    work = take_work(stores)
    _set_past_aside(stores, work, now_ms)
    stores.hours.read_again([(hour.sensor_id, hour.hour_ms) for hour in (*work.hours, *work.idle)])
    work.failed = _judge_all(stores, work, now_ms)
    looks = appliances.look(stores, sorted(work.appliances), now_ms, unfinished=work.unfinished)
    with stores.ledger.write() as conn:
        stores.fence(conn)
        judgement_writes.put_appliance_judgements(conn, looks)
        _settle(conn, work, now_ms)
    with stores.telemetry.write() as conn:
        judgement_writes.clear_dirty(conn, [*work.hours, *work.idle])
    return work


def _set_past_aside(stores: Stores, work: Work, now_ms: int) -> None:
    """Judge no past holding by what was measured since it is past; what is older and only comes now may do harm."""
    with stores.ledger.read() as conn:
        past = retention.past(conn, work.since, now_ms)
    for holding_id, past_from_ms in past.items():
        if work.since[holding_id] >= past_from_ms:
            del work.since[holding_id]
        else:
            work.late.add(holding_id)


def _settle(conn: Connection, work: Work, now_ms: int) -> None:
    """Take the appliances' marks away; close the gate of each holding that could not be judged.

    Its marks go to the end of the queue, so that what cannot be judged never keeps the rest from being judged.
    """
    for holding_id in sorted(work.failed):
        rejudge.mark_holding(conn, holding_id, now_ms, now_ms)
    stale = [mark.id for mark in work.marks if mark.appliance_id is not None]
    rejudge.clear(conn, [*stale, *work.marks_of(work.failed)])


def _add_touched(conn: Connection, work: Work, assigned: Mapping[str, Sequence[Assigned]]) -> None:
    windows: dict[str, tuple[int, int | None]] = {}
    for hour in work.hours:
        end_ms = hour.hour_ms + HOUR_MS
        for one in assigned[hour.sensor_id]:
            if one.from_ms < end_ms and (one.until_ms is None or one.until_ms > hour.hour_ms):
                windows[one.place] = _wider(windows.get(one.place), (hour.hour_ms, end_ms))
    work.appliances |= {*windows, *_marked_places(conn, work.marks)}
    for mark in work.marks:
        if mark.holding_id is not None:
            work.touch([mark.holding_id], mark.from_ms)
        elif mark.appliance_id is not None:
            windows[mark.appliance_id] = _wider(windows.get(mark.appliance_id), (mark.from_ms, None))
    for holding_id, from_ms in touched(conn, windows).items():
        work.touch([holding_id], from_ms)


def _wider(one: tuple[int, int | None] | None, other: tuple[int, int | None]) -> tuple[int, int | None]:
    if one is None:
        return other
    until_ms = None if one[1] is None or other[1] is None else max(one[1], other[1])
    return min(one[0], other[0]), until_ms


def _judge_all(stores: Stores, work: Work, now_ms: int) -> set[str]:
    """Judge and commit every touched holding; gives those that could not be judged."""
    failed: set[str] = set()
    waiting: list[Judged] = []
    committed_at, writes, is_hold = time.monotonic(), 0, False
    for judged in judged_in_turn(stores, work.holdings, now_ms, failed):
        waiting.append(judged)
        is_hold = is_hold or _is_to_be_held(judged)
        writes += WRITES_OF_A_HOLD if judged.gaps or judged.verdict.finding in HOLDING else 1
        seconds = time.monotonic() - committed_at
        is_late = seconds > (SECONDS_TO_A_HOLD_MAX if is_hold else SECONDS_UNCOMMITTED_MAX)
        if is_late or writes >= WRITES_PER_TRANSACTION:
            failed |= _commit_together(stores, work, waiting, now_ms)
            waiting, writes, is_hold = [], 0, False
        if is_late:
            _prolong(stores)
            committed_at = time.monotonic()
    return failed | _commit_together(stores, work, waiting, now_ms)


def _commit_together(stores: Stores, work: Work, waiting: Sequence[Judged], now_ms: int) -> set[str]:
    """One transaction for what is new about these holdings and for their marks; gives those that refused it."""
    marked = {mark.holding_id for mark in work.marks}
    waiting = [one for one in waiting if one.verdict.holding not in work.late or _shows_harm(one)]
    with stores.ledger.read() as conn:
        fresh = {one.verdict.holding for one in news(conn, waiting)} | marked
    told = [one for one in waiting if one.verdict.holding in fresh]
    if not told:
        return set()
    try:
        _commit(stores, work, told, now_ms)
    except Unavailable:
        raise
    except Exception as problem:  # noqa: BLE001  # one holding must not keep the others' verdicts; its gate closes
        if len(told) == 1:
            holding_id = told[0].verdict.holding
            log.warning("A verdict cannot be committed", holding=holding_id, problem=named(problem))
            return {holding_id}
        return {failed for one in told for failed in _commit_together(stores, work, [one], now_ms)}
    return set()


def _is_to_be_held(judged: Judged) -> bool:
    return judged.verdict.finding in HOLDING and judged.holding.disposition in USABLE


def _prolong(stores: Stores) -> None:
    """A long round keeps its lease, also where it finds nothing new."""
    with stores.ledger.write() as conn:
        stores.fence(conn)


def _shows_harm(judged: Judged) -> bool:
    """What may be said of a past holding; its other readings may be gone, so that its last verdict knows the rest.

    That it is past its date is no news.
    """
    grounds = {one.ground for one in judged.verdict.proposals}
    return bool(judged.verdict.reached) or Ground.VVM_LIFE in grounds


def _commit(stores: Stores, work: Work, told: Sequence[Judged], now_ms: int) -> None:
    with stores.ledger.write() as conn:
        stores.fence(conn)
        held = commit_all(conn, told, now_ms)
        rejudge.clear(conn, work.marks_of(one.verdict.holding for one in told))
    work.verdicts.update(one.verdict.finding.value for one in told)
    work.held += len(held)
    if held:
        log.warning("Stock is held", holdings=held)
