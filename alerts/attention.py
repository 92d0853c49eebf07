"""The needs-attention flag: an appliance that was hot for too much of a month, or alarmed too often.

It looks at a few appliances a turn and goes round, so that a large fleet costs little at any time and each appliance
is looked at about once a day. Time without data is neither hot nor good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from alerts.server_rules import Changes, changes_of
from alerts.watch_rules import keep
from sheetal.contracts.limits import DAY_MS, MINUTE_MS
from sheetal.ledger import alarms as ledger_alarms
from sheetal.ledger import assets
from sheetal.ledger.alarm_writes import Raised
from sheetal.ledger.alarms import AlarmCause, AlarmEnd, ServerRule, uncleared

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sheetal.ledger.alarms import Alarm
    from sheetal.ledger.assets import Appliance
    from sheetal.ledger.connect import Ledger
    from sheetal.readings.port import Bucket, ReadingsStore

EVERY_MS = 10 * MINUTE_MS
AT_ONCE = 20
"""One sensor's month is 4,320 buckets; 20 appliances a minute are 28,800 a day."""
COUNTED = frozenset({ServerRule.HEAT.value, ServerRule.FREEZE.value, ServerRule.NO_DATA.value})
"""What says something of the appliance; a missed check or a warning does not."""


class Tolerance(NamedTuple):
    """The programme's bounds: above this share of hot time, or from this many alarms on, over these days."""

    hot_percent: int
    alarms: int
    days: int

    @property
    def span_ms(self) -> int:
        """How far back is looked."""
        return self.days * DAY_MS


class Month(NamedTuple):
    """What an appliance went through: the share of its known time that was hot, and how often it alarmed."""

    hot_percent: int
    alarms: int

    def is_too_much(self, tolerance: Tolerance) -> bool:
        """More than the share, or at least the number."""
        return self.hot_percent > tolerance.hot_percent or self.alarms >= tolerance.alarms


class Attention:
    """Goes round the appliances; for one thread."""

    def __init__(self, ledger: Ledger, readings: ReadingsStore, tolerance: Tolerance, at_once: int = AT_ONCE) -> None:
        self._ledger = ledger
        self._readings = readings
        self._tolerance = tolerance
        self._at_once = at_once
        self._after = ""

    def turn(self, now_ms: int) -> Changes:
        """Look at the next few appliances; raises Unavailable, and then they come again."""
        since_ms = now_ms - self._tolerance.span_ms
        with self._ledger.read() as conn:
            places = self._next(assets.appliances(conn))
            spans = {place.id: assets.sensors_of(conn, place.id, since_ms, now_ms) for place in places}
            rung = {place.id: ledger_alarms.alarms(conn, appliance_id=place.id) for place in places}
            standing = [one for one in uncleared(conn) if one.kind == ServerRule.NEEDS_ATTENTION.value]
        found = []
        for place in places:
            hot = max((self._hot(place, span, now_ms) for span in spans[place.id]), default=0)
            month = Month(hot, count(rung[place.id], since_ms))
            if month.is_too_much(self._tolerance):
                found.append(_raised(place, month, self._tolerance, now_ms))
        changes = changes_of(found, standing, {(place.id, ServerRule.NEEDS_ATTENTION) for place in places})
        if changes.raised or changes.over:
            keep(self._ledger, changes, now_ms)
        self._after = places[-1].id if places else ""
        return changes

    def _next(self, places: Sequence[Appliance]) -> list[Appliance]:
        later = [place for place in places if place.id > self._after]
        return list((later or places)[: self._at_once])

    def _hot(self, place: Appliance, span: assets.SensorSpan, now_ms: int) -> int:
        until_ms = now_ms if span.until_ms is None else min(span.until_ms, now_ms)
        from_ms = max(span.from_ms, now_ms - self._tolerance.span_ms)
        if from_ms >= until_ms:
            return 0
        buckets = self._readings.downsample([span.sensor], from_ms, until_ms, EVERY_MS)
        return hot_percent(buckets.get(span.sensor, []), place.centi_celsius_max)


def hot_percent(buckets: Iterable[Bucket], limit_centi_celsius: int) -> int:
    """The share of known time whose mean lies above a limit, in whole percent; the part of a percent is left off."""
    hot = [bucket.centi_celsius_mean > limit_centi_celsius for bucket in buckets]
    return 100 * sum(hot) // len(hot) if hot else 0


def count(rung: Iterable[Alarm], since_ms: int) -> int:
    """How many alarms of a month say something of the appliance; tests and faulty probes do not."""
    return sum(
        one.kind in COUNTED
        and one.fired_at_ms >= since_ms
        and one.cause not in {AlarmCause.TEST.value, AlarmCause.SENSOR_FAULT.value}
        and one.ended_as != AlarmEnd.SENSOR_FAULT.value
        for one in rung
    )


def _raised(place: Appliance, month: Month, tolerance: Tolerance, now_ms: int) -> Raised:
    return Raised(
        rule=ServerRule.NEEDS_ATTENTION,
        facility_id=place.facility_id,
        appliance_id=place.id,
        began_at_ms=now_ms,
        limit_centi_celsius=place.centi_celsius_max,
        facts={"hot_percent": month.hot_percent, "alarms": month.alarms, "days": tolerance.days},
    )
