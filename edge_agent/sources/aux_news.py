"""Which aux values are news: what changed, and once an hour what did not (pure)."""

from __future__ import annotations

from typing import Final

from edge_agent.sample import AuxSample

AUX_EVERY_MS: Final = 3_600_000
"""An aux value that did not change is said again after this long."""
_SWITCHES: Final = frozenset({"DORV", "DORF", "SVA"})
"""Doors and mains: only whether they are 0 is a state."""


class AuxNews:
    """Remembers what was told of each appliance's fields."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def of(self, source: str, field: str, value: float | None, at_ms: int) -> AuxSample | None:
        """What is to be told; None where there is no value or it is no news."""
        before = self._told.get((source, field))
        if value is None or (before and before[0] == value and 0 <= at_ms - before[1] < AUX_EVERY_MS):
            return None
        self._told[source, field] = (value, at_ms)
        return AuxSample(source, at_ms, field, value, notable=_is_change(field, before, value))


def _is_change(field: str, before: tuple[float, int] | None, value: float) -> bool:
    """Whether a door opened or closed, or the mains came or went."""
    return field in _SWITCHES and before is not None and (before[0] > 0) != (value > 0)
