"""The WHO PQS device rule: an alarm is an unbroken run beyond a limit, judged on event time (pure, standard library).

    value  beyond   beyond   beyond            beyond     in range
             │        │        │                 │           │
    time   began    +1 min   +60 min: fires      …         clears
             └─ a gap longer than the cap anywhere here cuts the run: it begins anew at the next violating value

A run starts at the first violating value and ends at the first non-violating one (science.md section 1); a gap never
extends it (section 4, lesson 2). Whether a value exactly on the limit violates is a field of the rule (lesson 4).
Hysteresis is for closing alone: it never helps to fire, it only keeps an alarm that has fired from closing and firing
again while the value trembles at the limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Sequence


class AlarmRule(NamedTuple):
    """`minutes` of unbroken violation fire; `inclusive` counts a value exactly on the limit as violating.

    A fired alarm closes at the first value that would not violate a limit `closing_centi_celsius` further in.
    """

    kind: AlarmKind
    limit_centi_celsius: int
    inclusive: bool
    minutes: int
    closing_centi_celsius: int = 0

    def violated_by(self, centi_celsius: int) -> bool:
        """Whether one value lies beyond the limit: below it for freezing, above it for heat."""
        if centi_celsius == self.limit_centi_celsius:
            return self.inclusive
        return (centi_celsius < self.limit_centi_celsius) == (self.kind is AlarmKind.FREEZE)

    def keeps_open(self, centi_celsius: int) -> bool:
        """Whether a fired alarm stays at this value: beyond the limit, or not yet far enough within it."""
        outward = -self.closing_centi_celsius if self.kind is AlarmKind.FREEZE else self.closing_centi_celsius
        return self.violated_by(centi_celsius + outward)


class AlarmState(NamedTuple):
    """What is remembered between two values; four integers, so that it can be kept over a restart."""

    last_ms: int | None = None
    began_at_ms: int | None = None
    fired_at_ms: int | None = None
    extreme_centi_celsius: int | None = None


class AlarmFact(NamedTuple):
    """An alarm that fired, or with `cleared_at_ms` its end. The two share `began_at_ms`."""

    rule: AlarmRule
    began_at_ms: int
    fired_at_ms: int
    cleared_at_ms: int | None
    extreme_centi_celsius: int


class AlarmWatch:
    """Judges one sensor by several rules; `states`, one a rule, continue an earlier watch.

    `cap_ms` is the longest gap between two values that a run may bridge.
    """

    def __init__(self, rules: Sequence[AlarmRule], cap_ms: int, states: Sequence[AlarmState] = ()) -> None:
        self.rules = tuple(rules)
        self.cap_ms = cap_ms
        self.states = tuple(states) if len(states) == len(self.rules) else (AlarmState(),) * len(self.rules)

    @property
    def last_ms(self) -> int | None:
        """The instant of the newest value."""
        return max((state.last_ms for state in self.states if state.last_ms is not None), default=None)

    def feed(self, measured_at_ms: int, centi_celsius: int | None) -> list[AlarmFact]:
        """What one more value makes happen; a value not newer than the last one and a missing value say nothing."""
        if centi_celsius is None:
            return []
        steps = [
            _step(rule, state, measured_at_ms, centi_celsius, self.cap_ms)
            for rule, state in zip(self.rules, self.states, strict=True)
        ]
        self.states = tuple(state for state, _ in steps)
        return [fact for _, fact in steps if fact is not None]

    def cut(self) -> None:
        """Elapsed time is unknown here (a clock was set): runs begin anew, a fired alarm stands until it clears."""
        self.states = tuple(_cut(state)._replace(last_ms=None) for state in self.states)


def _step(
    rule: AlarmRule,
    state: AlarmState,
    at_ms: int,
    centi_celsius: int,
    cap_ms: int,
) -> tuple[AlarmState, AlarmFact | None]:
    if state.last_ms is not None and at_ms <= state.last_ms:
        return state, None
    if state.last_ms is not None and at_ms - state.last_ms > cap_ms:
        state = _cut(state)
    if state.fired_at_ms is not None and rule.keeps_open(centi_celsius):
        extreme = _worse(rule, centi_celsius, state.extreme_centi_celsius)
        return state._replace(last_ms=at_ms, extreme_centi_celsius=extreme), None
    if not rule.violated_by(centi_celsius):
        return AlarmState(last_ms=at_ms), _cleared(rule, state, at_ms)
    began_at_ms = at_ms if state.began_at_ms is None else state.began_at_ms
    extreme = _worse(rule, centi_celsius, state.extreme_centi_celsius)
    if at_ms - began_at_ms < rule.minutes * MINUTE_MS:
        return AlarmState(at_ms, began_at_ms, None, extreme), None
    return AlarmState(at_ms, began_at_ms, at_ms, extreme), AlarmFact(rule, began_at_ms, at_ms, None, extreme)


def _cut(state: AlarmState) -> AlarmState:
    """Silence neither extends a run nor says that a fired alarm is over."""
    return state if state.fired_at_ms is not None else AlarmState(last_ms=state.last_ms)


def _cleared(rule: AlarmRule, state: AlarmState, at_ms: int) -> AlarmFact | None:
    if state.fired_at_ms is None or state.began_at_ms is None or state.extreme_centi_celsius is None:
        return None
    # A clock that was set back must not make an alarm end before it fired.
    ended_at_ms = max(at_ms, state.fired_at_ms)
    return AlarmFact(rule, state.began_at_ms, state.fired_at_ms, ended_at_ms, state.extreme_centi_celsius)


def _worse(rule: AlarmRule, first: int, second: int | None) -> int:
    if second is None:
        return first
    return min(first, second) if rule.kind is AlarmKind.FREEZE else max(first, second)
