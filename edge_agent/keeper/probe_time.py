"""What one probe remembers, moved along when the gateway's time turns out to be another (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.device_alarm import AlarmKind, alarm_id
from sheetal.thermal.device_alarm import AlarmState

if TYPE_CHECKING:
    from collections.abc import Collection

    from edge_agent.keeper.probe import Probe
    from edge_agent.keeper.silence import SilenceState
    from edge_agent.sample import Sample


class ProbeMemory(NamedTuple):
    """What must come back when a commit fails."""

    states: tuple[AlarmState, ...]
    newest: Sample | None
    silence: SilenceState


def memory_of(probe: Probe) -> ProbeMemory:
    """The probe's memory as it stands."""
    return ProbeMemory(probe.watch.states, probe.newest, probe.silence.state)


def put_back(probe: Probe, memory: ProbeMemory) -> None:
    """Makes it as it was."""
    probe.watch.states, probe.newest, probe.silence.state = memory


def shift(probe: Probe, delta_ms: int, moved: Collection[str]) -> None:
    """Moves all instants by `delta_ms`, but those of a standing alarm only when it is among `moved`.

    A standing alarm that somebody may have heard of keeps its instants, since they are its name.
    """
    pairs = zip(probe.watch.rules, probe.watch.states, strict=True)
    probe.watch.states = tuple(_shifted(probe.sensor, rule.kind, state, delta_ms, moved) for rule, state in pairs)
    if probe.newest is not None:
        probe.newest = probe.newest._replace(measured_at_ms=probe.newest.measured_at_ms + delta_ms)
    standing = probe.silence.state
    probe.silence.shift(delta_ms)
    if (
        standing.began_at_ms is not None
        and alarm_id(probe.sensor, AlarmKind.NO_DATA, standing.began_at_ms) not in moved
    ):
        probe.silence.state = standing


def begin(probe: Probe, now_ms: int | None) -> None:
    """The operating system has booted: a run goes on only where a clock says how long that took."""
    last_ms = probe.watch.last_ms
    if now_ms is None or (last_ms is not None and last_ms > now_ms):
        probe.watch.cut()


def _shifted(sensor: str, kind: AlarmKind, state: AlarmState, delta_ms: int, moved: Collection[str]) -> AlarmState:
    last_ms = _later(state.last_ms, delta_ms)
    stands = state.fired_at_ms is not None and state.began_at_ms is not None
    if stands and alarm_id(sensor, kind, state.began_at_ms or 0) not in moved:
        return state._replace(last_ms=last_ms)
    return AlarmState(
        last_ms, _later(state.began_at_ms, delta_ms), _later(state.fired_at_ms, delta_ms), state.extreme_centi_celsius
    )


def _later(at_ms: int | None, delta_ms: int) -> int | None:
    return None if at_ms is None else at_ms + delta_ms
