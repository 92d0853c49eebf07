"""One keeper takes over from another: runs and standing alarms go on where a rule still watches them (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.keeper.silence import SilenceFact
from sheetal.thermal.device_alarm import AlarmFact, AlarmState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.keeper.probe import Probe
    from sheetal.thermal.device_alarm import AlarmRule


class Ended(NamedTuple):
    """An alarm that stood at a probe and that nothing watches any more."""

    probe: Probe
    fact: AlarmFact | SilenceFact


def hand_over(before: Mapping[str, Probe], after: Mapping[str, Probe], at_ms: int) -> list[Ended]:
    """Moves what `before` remembers to the probes of the same sensors in `after`; gives the alarms that end thereby."""
    ended: list[Ended] = []
    for sensor, old in before.items():
        new = after.get(sensor)
        ended += [Ended(old, fact) for fact in _runs(old, new, at_ms)]
        if new is not None:
            new.newest = old.newest
            old.silence.minutes, new.silence = new.silence.minutes, old.silence
        else:
            ended += [Ended(old, fact) for fact in _silence(old, at_ms)]
    return ended


def _silence(old: Probe, at_ms: int) -> list[SilenceFact]:
    began_at_ms, fired_at_ms = old.silence.state
    if began_at_ms is None or fired_at_ms is None:
        return []
    return [SilenceFact(began_at_ms, fired_at_ms, max(at_ms, fired_at_ms))]


def _runs(old: Probe, new: Probe | None, at_ms: int) -> list[AlarmFact]:
    states = {rule.kind: (rule, state) for rule, state in zip(old.watch.rules, old.watch.states, strict=True)}
    if new is not None:
        last_ms = old.watch.last_ms
        kinds = [rule.kind for rule in new.watch.rules]
        new.watch.states = tuple(states.pop(kind)[1] if kind in states else AlarmState(last_ms) for kind in kinds)
    return [fact for rule, state in states.values() for fact in _end(rule, state, at_ms)]


def _end(rule: AlarmRule, state: AlarmState, at_ms: int) -> list[AlarmFact]:
    began_at_ms, fired_at_ms, extreme = state.began_at_ms, state.fired_at_ms, state.extreme_centi_celsius
    if began_at_ms is None or fired_at_ms is None or extreme is None:
        return []
    return [AlarmFact(rule, began_at_ms, fired_at_ms, max(at_ms, fired_at_ms), extreme)]
