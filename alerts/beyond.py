"""The device rule by the server's own eyes, for appliances whose gateway says nothing: it reads only what is new.

A watch is kept only for a sensor whose newest value lies beyond a limit. It begins by reading the past that the longest
rule needs, so a restart loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS
from sheetal.thermal.device_alarm import AlarmFact, AlarmRule, AlarmWatch
from sheetal.thermal.runs import samples_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.server_rules import Probe
    from sheetal.ledger.assets import Appliance
    from sheetal.readings.port import ReadingsStore

GAP_INTERVALS = 3
INTERVAL_MS = MINUTE_MS
ROWS_MAX = 5_000


class Hanging(NamedTuple):
    """A probe in its appliance."""

    probe: Probe
    appliance: Appliance

    @property
    def key(self) -> tuple[str, str]:
        """A probe that moves begins anew."""
        return self.probe.sensor, self.appliance.id


class Beyond:
    """Remembers the runs that go on; for one thread."""

    def __init__(self, readings: ReadingsStore) -> None:
        self._readings = readings
        self._watches: dict[tuple[str, str], AlarmWatch] = {}

    def look(self, hanging: Sequence[Hanging], now_ms: int) -> dict[tuple[str, str], list[AlarmFact]]:
        """The alarms that a device would have standing, by sensor and appliance; raises Unavailable."""
        suspects = [one for one in hanging if one.key in self._watches or is_beyond(one)]
        self._watches = {one.key: self._fed(one, now_ms) for one in suspects}
        self._watches = {key: watch for key, watch in self._watches.items() if _is_running(watch)}
        return {key: facts for key, watch in self._watches.items() if (facts := _facts(watch))}

    def _fed(self, one: Hanging, now_ms: int) -> AlarmWatch:
        watch = self._watches.get(one.key) or AlarmWatch(rules_of(one.appliance), _cap_ms(one.probe))
        longest_ms = max(rule.minutes for rule in watch.rules) * MINUTE_MS + watch.cap_ms
        from_ms = max(one.probe.since_ms, now_ms - longest_ms if watch.last_ms is None else watch.last_ms + 1)
        if from_ms <= now_ms:
            rows = self._readings.read(one.probe.sensor, from_ms, now_ms + 1, limit=ROWS_MAX)
            for ms, centi_celsius in samples_of(rows):
                watch.feed(ms, centi_celsius)
        return watch


def rules_of(appliance: Appliance) -> list[AlarmRule]:
    """The appliance's own limits as the device rule: freezing inclusive, heat strict (science.md section 1)."""
    heat = AlarmRule(
        AlarmKind.HEAT, appliance.heat_alarm_centi_celsius, inclusive=False, minutes=appliance.heat_alarm_minutes
    )
    if appliance.freeze_alarm_centi_celsius is None or appliance.freeze_alarm_minutes is None:
        return [heat]
    limit, minutes = appliance.freeze_alarm_centi_celsius, appliance.freeze_alarm_minutes
    return [AlarmRule(AlarmKind.FREEZE, limit, inclusive=True, minutes=minutes), heat]


def is_beyond(one: Hanging) -> bool:
    """Whether the newest value lies beyond any of the appliance's limits."""
    value = one.probe.centi_celsius
    return value is not None and any(rule.violated_by(value) for rule in rules_of(one.appliance))


def _cap_ms(probe: Probe) -> int:
    return GAP_INTERVALS * (probe.interval_ms or INTERVAL_MS)


def _is_running(watch: AlarmWatch) -> bool:
    return any(state.began_at_ms is not None for state in watch.states)


def _facts(watch: AlarmWatch) -> list[AlarmFact]:
    return [
        AlarmFact(rule, state.began_at_ms, state.fired_at_ms, None, state.extreme_centi_celsius)
        for rule, state in zip(watch.rules, watch.states, strict=True)
        if state.fired_at_ms is not None and state.began_at_ms is not None and state.extreme_centi_celsius is not None
    ]
