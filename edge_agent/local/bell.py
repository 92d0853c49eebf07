"""When the gateway calls for help on the spot: at once, again every five minutes, not while silenced (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.reading import celsius

if TYPE_CHECKING:
    from collections.abc import Sequence

REPEAT_SECONDS = 300.0
SILENCE_SECONDS = 900.0
SHOWN_SECONDS = 60.0
"""So long the page says that a test or an identification is going on."""
NEW_MAX = 8
WORST_FIRST = (AlarmKind.FREEZE, AlarmKind.HEAT, AlarmKind.NO_DATA)

ALARM, CLEARED, TEST, IDENTIFY = "alarm", "cleared", "test", "identify"


class Standing(NamedTuple):
    """One device alarm that fired and did not clear; `centi_celsius` is the newest value, None without one."""

    kind: AlarmKind
    sensor: str
    centi_celsius: int | None


class Call(NamedTuple):
    """One run of the alarm command."""

    state: str
    about: Standing | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What the command finds in its environment; empty where there is nothing to say."""
        about = self.about
        value = about.centi_celsius if about else None
        return {
            "ALARM_STATE": self.state,
            "ALARM_KIND": about.kind.value if about else "",
            "ALARM_SENSOR": about.sensor if about else "",
            "ALARM_CELSIUS": "" if value is None else f"{celsius(value):.2f}",
        }


class Bell:
    """Remembers what was called; every time is a monotonic second."""

    def __init__(self) -> None:
        self._known: frozenset[tuple[AlarmKind, str]] = frozenset()
        self._again_seconds = 0.0
        self.silent_until_seconds = 0.0

    def silence(self, at_seconds: float) -> None:
        """Somebody has seen the standing alarms; a new one still calls."""
        self.silent_until_seconds = at_seconds + SILENCE_SECONDS

    def due(self, standing: Sequence[Standing], at_seconds: float) -> list[Call]:
        """What to call now."""
        ordered = sorted(standing, key=lambda one: (WORST_FIRST.index(one.kind), one.sensor))
        known, self._known = self._known, frozenset((one.kind, one.sensor) for one in ordered)
        fresh = [one for one in ordered if (one.kind, one.sensor) not in known]
        if not ordered:
            self.silent_until_seconds = 0.0
            return [Call(CLEARED)] if known else []
        is_time = at_seconds >= max(self._again_seconds, self.silent_until_seconds)
        if not fresh and not is_time:
            return []
        self._again_seconds = at_seconds + REPEAT_SECONDS
        return [Call(ALARM, one) for one in (fresh or ordered[:1])[:NEW_MAX]]
