"""One configured probe: its limits, its device alarms and what it said last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_agent.keeper.silence import Silence
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS
from sheetal.contracts.reading import Quality
from sheetal.thermal.device_alarm import AlarmRule, AlarmState, AlarmWatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.sample import Sample
    from edge_agent.settings.source import ProbeSetting

CAP_INTERVALS = 3
"""A run may bridge a gap of at most this many intervals (DESIGN section 7)."""

_states = msgspec.json.Decoder(dict[str, AlarmState] | tuple[AlarmState, ...])


class Probe:
    """One configured probe: its limits, its device alarms and what it said last."""

    def __init__(self, sensor: str, appliance: str, setting: ProbeSetting, states: str | None) -> None:
        self.sensor = sensor
        self.appliance = appliance
        self.setting = setting
        self.newest: Sample | None = None
        rules = alarm_rules(setting)
        self.watch = AlarmWatch(rules, CAP_INTERVALS * setting.interval_ms, _decode_states(states, rules))
        self.silence = Silence(0)

    def remembered(self) -> str:
        """Runs and standing alarms by their kind, so that a rule that is switched on or off costs no other its own."""
        pairs = zip(self.watch.rules, self.watch.states, strict=True)
        return msgspec.json.encode({rule.kind.value: state for rule, state in pairs}).decode()

    def is_notable(self, sample: Sample) -> bool:
        """Whether the sample is outside the limits or the probe broke or came back."""
        was = self.newest.quality if self.newest else Quality.OK
        if sample.quality != was:
            return True
        value = sample.centi_celsius
        return value is not None and self.is_outside(value)

    def is_outside(self, centi_celsius: int) -> bool:
        """Whether a value lies outside the range or beyond a device alarm's limit."""
        inside = self.setting.range_min_centi_celsius <= centi_celsius <= self.setting.range_max_centi_celsius
        return not inside or any(rule.violated_by(centi_celsius) for rule in self.watch.rules)

    def standing_alarms(self) -> list[AlarmKind]:
        """The device alarms that fired and did not clear."""
        pairs = zip(self.watch.rules, self.watch.states, strict=True)
        kinds = [rule.kind for rule, state in pairs if state.fired_at_ms is not None]
        return kinds if self.silence.state.fired_at_ms is None else [*kinds, AlarmKind.NO_DATA]

    def is_at_rest(self) -> bool:
        """Whether no violation runs and no alarm stands."""
        return not self.standing_alarms() and all(state.began_at_ms is None for state in self.watch.states)

    def minutes_left(self) -> int | None:
        """Minutes until the first running violation fires, None where none runs or one has fired."""
        if self.standing_alarms():
            return None
        left = [
            rule.minutes - (state.last_ms - state.began_at_ms) // MINUTE_MS
            for rule, state in zip(self.watch.rules, self.watch.states, strict=True)
            if state.began_at_ms is not None and state.last_ms is not None
        ]
        return min(left, default=None)


def alarm_rules(setting: ProbeSetting) -> list[AlarmRule]:
    """The probe's device alarms that are switched on."""
    rules = [
        AlarmRule(
            AlarmKind.FREEZE,
            setting.freeze_alarm_centi_celsius,
            setting.freeze_alarm_inclusive,
            setting.freeze_alarm_minutes,
            setting.alarm_closing_centi_celsius,
        ),
        AlarmRule(
            AlarmKind.HEAT,
            setting.heat_alarm_centi_celsius,
            setting.heat_alarm_inclusive,
            setting.heat_alarm_minutes,
            setting.alarm_closing_centi_celsius,
        ),
    ]
    return [rule for rule in rules if rule.minutes > 0]


def _decode_states(text: str | None, rules: Sequence[AlarmRule]) -> tuple[AlarmState, ...]:
    """The rules' states, of which an earlier software kept the bare list."""
    kinds = [rule.kind.value for rule in rules]
    try:
        told = _states.decode(text or "{}")
    except msgspec.DecodeError:
        return ()
    if isinstance(told, tuple):
        return told
    last_ms = max((state.last_ms for state in told.values() if state.last_ms is not None), default=None)
    return tuple(told.get(kind, AlarmState(last_ms)) for kind in kinds)
