"""Lets readings go when nobody needs them any more: never one that a verdict may still rest on.

Before the readings of a sensor's hours go, their lowest, highest, mean and number are kept, for charts. Both steps may
be broken off anywhere and done again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import structlog
from sqlalchemy import func, select

from ingest.ages import let_go
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import rollup_writes
from sheetal.ledger.retention import Needed, needed_from
from sheetal.ledger.rollups import HourRollup
from sheetal.ledger.telemetry_tables import dirty_hour, sensor_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger
    from sheetal.readings.port import ReadingsStore

KEEP_DAYS_MIN = 90
"""Longer than the 60 days for which gateways send again, so that what is late finds its neighbours."""
MARGIN_MS = 2 * DAY_MS
"""A verdict looks at the reading before a stay too."""
SENSORS_A_PAGE = 100
COARSE_MS = 30 * DAY_MS
ROLLUPS_A_TURN = 50_000

log = structlog.get_logger()


class Keep(NamedTuple):
    """For how long readings and their hourly values are kept at least; None is for ever."""

    readings_days: int | None = None
    rollups_days: int | None = None


class Retention:
    """What the worker that holds the lease does once a day. Raises Unavailable."""

    def __init__(self, ledger: Ledger, telemetry: Ledger, store: ReadingsStore, keep: Keep) -> None:
        self._ledger = ledger
        self._telemetry = telemetry
        self._store = store
        self._keep = keep

    def turn(self, now_ms: int, goes_on: Callable[[], bool]) -> int:
        """Lets go of what may; gives how many readings went. `goes_on` is asked between steps."""
        let_go(self._telemetry, now_ms, goes_on)
        if self._keep.rollups_days is not None:
            with self._telemetry.write() as conn:
                rollup_writes.forget_rollups(conn, now_ms - self._keep.rollups_days * DAY_MS, ROLLUPS_A_TURN)
        before_ms = self.expires_before(now_ms)
        if before_ms is None or not self._roll_up(before_ms, goes_on):
            return 0
        # Keeping the hours may have taken long, and what came meanwhile may need older readings.
        still_ms = self.expires_before(now_ms)
        gone = 0 if still_ms is None else self._store.expire(min(before_ms, still_ms))
        if gone:
            log.info("Readings have expired", readings=gone, before_ms=before_ms)
        return gone

    def expires_before(self, now_ms: int) -> int | None:
        """The whole day before which readings may go now; None while none may."""
        if self._keep.readings_days is None:
            return None
        wanted_ms = now_ms - max(self._keep.readings_days, KEEP_DAYS_MIN) * DAY_MS
        needed = self._needed(now_ms)
        if needed is not None and needed.from_ms - MARGIN_MS < wanted_ms:
            log.info("Readings are kept for a verdict", of=needed.subject, from_ms=needed.from_ms)
            wanted_ms = needed.from_ms - MARGIN_MS
        return wanted_ms // DAY_MS * DAY_MS if wanted_ms >= DAY_MS else None

    def _needed(self, now_ms: int) -> Needed | None:
        with self._ledger.read() as conn:
            found = needed_from(conn, now_ms)
        with self._telemetry.read() as conn:
            hour_ms = conn.execute(select(func.min(dirty_hour.c.hour_ms))).scalar()
        waiting = [] if hour_ms is None else [Needed(int(hour_ms), "an hour to judge")]
        return min([*([found] if found else []), *waiting], default=None)

    def _roll_up(self, before_ms: int, goes_on: Callable[[], bool]) -> bool:
        """Keeps the hours of everything older; False when told to stop."""
        for sensors in self._pages():
            if not goes_on():
                return False
            hours = [hour for start_ms in self._months(sensors, before_ms) for hour in self._hours(sensors, start_ms)]
            kept = [hour for hour in hours if hour.hour_ms < before_ms]
            if kept:
                with self._telemetry.write() as conn:
                    rollup_writes.put_rollups(conn, kept)
        return True

    def _months(self, sensors: list[str], before_ms: int) -> list[int]:
        """Where anything older is, by coarse buckets, so that empty years cost nothing."""
        found = self._store.downsample(sensors, 0, before_ms, COARSE_MS)
        return sorted({bucket.start_ms for buckets in found.values() for bucket in buckets})

    def _hours(self, sensors: list[str], start_ms: int) -> Iterator[HourRollup]:
        found = self._store.downsample(sensors, max(start_ms, 0), start_ms + COARSE_MS, HOUR_MS)
        for sensor, buckets in found.items():
            for bucket in buckets:
                yield HourRollup(sensor, *bucket)

    def _pages(self) -> Iterator[list[str]]:
        after = ""
        while True:
            with self._telemetry.read() as conn:
                page = _sensors(conn, after)
            if not page:
                return
            yield page
            after = page[-1]


def _sensors(conn: Connection, after: str) -> list[str]:
    query = select(sensor_state.c.sensor_id).where(sensor_state.c.sensor_id > after)
    return list(conn.execute(query.order_by(sensor_state.c.sensor_id).limit(SENSORS_A_PAGE)).scalars())
