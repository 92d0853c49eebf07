"""Takes what must be judged again, judges it, and clears it only when the judgement has been committed.

The queue is `dirty_hour` (ingest's) and `rejudge` (the ledger's); a wake-up only hastens the next look. Two SQLite
files have no common commit: a crash between the ledger's transaction and the clearing judges the same hours again,
which changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from alerts import appliances
from alerts.evaluate import Judged, commit, is_news, judge_holding
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import Problem, Unavailable
from sheetal.ledger import assets, judgement_writes, rejudge, stock, telemetry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from alerts.evaluate import Stores
    from sheetal.ledger.rejudge import Rejudge
    from sheetal.ledger.telemetry import DirtyHour

HOURS_MAX = 500
MARKS_MAX = 500
HOLDINGS_PER_TRANSACTION = 50

log = structlog.get_logger()


@dataclass(slots=True)
class Work:
    """What one round has to do: the marks it answers, and all that they touch."""

    hours: list[DirtyHour]
    marks: list[Rejudge]
    holdings: set[str] = field(default_factory=set)
    appliances: set[str] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        """Whether more may be waiting behind it."""
        return len(self.hours) >= HOURS_MAX or len(self.marks) >= MARKS_MAX

    def marks_of(self, holding_ids: Iterable[str]) -> list[int]:
        """The marks on these very holdings."""
        asked = set(holding_ids)
        return [mark.id for mark in self.marks if mark.holding_id in asked]


def take_work(stores: Stores) -> Work:
    """What waits to be judged, newest hours first; raises Unavailable."""
    with stores.telemetry.read() as conn:
        hours = telemetry.dirty_hours(conn, HOURS_MAX)
    with stores.ledger.read() as conn:
        work = Work(hours, rejudge.pending(conn, MARKS_MAX))
        _add_touched(conn, work)
    return work


def drain_once(stores: Stores, now_ms: int) -> Work:
    """One round: judge what is waiting, commit, then clear. Raises Unavailable; what was not cleared comes again."""
    work = take_work(stores)
    for hour in work.hours:
        stores.hours.forget(hour.sensor_id, hour.hour_ms)
    failed = _judge_all(stores, work, now_ms)
    looks = appliances.look(stores, sorted(work.appliances), now_ms, is_judged=not work.is_full)
    with stores.ledger.write() as conn:
        stores.fence(conn)
        for look in looks:
            judgement_writes.put_appliance_judgement(conn, look)
        _settle(conn, work, failed, now_ms)
    with stores.telemetry.write() as conn:
        judgement_writes.clear_dirty(conn, work.hours)
    return work


def _settle(conn: Connection, work: Work, failed: set[str], now_ms: int) -> None:
    """Take the appliances' marks away; close the gate of each holding that could not be judged."""
    rejudge.clear(conn, [mark.id for mark in work.marks if mark.appliance_id is not None])
    for holding_id in sorted(failed - {mark.holding_id for mark in work.marks}):
        rejudge.mark_holding(conn, holding_id, now_ms, now_ms)


def _add_touched(conn: Connection, work: Work) -> None:
    spans: dict[str, tuple[int, int]] = {}
    for hour in work.hours:
        first, last = spans.get(hour.sensor_id, (hour.hour_ms, hour.hour_ms))
        spans[hour.sensor_id] = (min(first, hour.hour_ms), max(last, hour.hour_ms))
    touched: dict[str, tuple[int, int]] = {}
    for sensor, (first, last) in spans.items():
        for place in assets.appliances_of(conn, sensor, first, last + HOUR_MS):
            begin, end = touched.get(place.appliance, (first, last + HOUR_MS))
            touched[place.appliance] = (min(begin, first), max(end, last + HOUR_MS))
    for appliance_id, (begin, end) in touched.items():
        work.holdings |= {holding.id for holding in stock.holdings_in(conn, appliance_id, begin, end)}
    for mark in work.marks:
        if mark.holding_id is not None:
            work.holdings.add(mark.holding_id)
            work.appliances |= {stay.appliance_id for stay in stock.own_stays(conn, mark.holding_id)[-1:]}
        elif mark.appliance_id is not None:
            work.holdings |= {holding.id for holding in stock.holdings_in(conn, mark.appliance_id, mark.from_ms)}
            work.appliances.add(mark.appliance_id)
    work.appliances |= set(touched)


def _judge_all(stores: Stores, work: Work, now_ms: int) -> set[str]:
    """Judge and commit every touched holding; gives those that could not be judged."""
    failed: set[str] = set()
    waiting: list[Judged] = []
    for holding_id in sorted(work.holdings):
        judged = _try_to_judge(stores, holding_id, now_ms)
        if judged is None:
            failed.add(holding_id)
            continue
        waiting.append(judged)
        if len(waiting) >= HOLDINGS_PER_TRANSACTION:
            failed |= _commit_together(stores, work, waiting, now_ms)
            waiting = []
    return failed | _commit_together(stores, work, waiting, now_ms)


def _try_to_judge(stores: Stores, holding_id: str, now_ms: int) -> Judged | None:
    try:
        return judge_holding(stores, holding_id, now_ms)
    except Unavailable:
        raise
    except (Problem, ValueError, ArithmeticError, LookupError) as problem:
        # One holding that cannot be judged must not stop the judging of all others; its own gate closes.
        log.warning("A holding cannot be judged", holding=holding_id, problem=f"{type(problem).__name__}: {problem}")
        return None


def _commit_together(stores: Stores, work: Work, waiting: Sequence[Judged], now_ms: int) -> set[str]:
    """One transaction for what is new about these holdings and for their marks; gives those that refused it."""
    with stores.ledger.read() as conn:
        marked = {mark.holding_id for mark in work.marks}
        news = [one for one in waiting if one.verdict.holding in marked or is_news(conn, one)]
    if not news:
        return set()
    try:
        _commit(stores, work, news, now_ms)
    except Unavailable:
        raise
    except Problem as problem:
        if len(news) == 1:
            holding_id = news[0].verdict.holding
            log.warning("A verdict cannot be committed", holding=holding_id, problem=problem.message)
            return {holding_id}
        return {failed for one in news for failed in _commit_together(stores, work, [one], now_ms)}
    return set()


def _commit(stores: Stores, work: Work, news: Sequence[Judged], now_ms: int) -> None:
    held: list[str] = []
    with stores.ledger.write() as conn:
        stores.fence(conn)
        for judged in news:
            held += commit(conn, judged, now_ms)
        rejudge.clear(conn, work.marks_of(one.verdict.holding for one in news))
    if held:
        log.warning("Stock is held", holdings=held)
