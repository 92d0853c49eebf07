"""The alarm codes that a logger writes into its own records (pure).

Rules of the WHO PQS devices as their exports show them: heat above +8.0 °C for 600 min, freeze at or below −0.5 °C for
60 min, freezer above −15 °C for 60 min, door open for more than 5 min. A run ends at the first value in range; a
missing value ends it too.
"""

from __future__ import annotations

from typing import NamedTuple


class _Rule(NamedTuple):
    code: str
    celsius: float
    above: bool
    minutes: int


_RULES = {
    "TVC": (_Rule("HEAT", 8.0, above=True, minutes=600), _Rule("FRZE", -0.5, above=False, minutes=60)),
    "TFRZ": (_Rule("HEAT", -15.0, above=True, minutes=60),),
}
_DOOR_SECONDS = 300


class AlarmMinutes:
    """Counts how long each violation has lasted, one record after another."""

    def __init__(self, field: str) -> None:
        self._rules = _RULES[field]
        self._seconds = [0] * len(self._rules)
        self._door_seconds = 0

    def count(self, interval_seconds: int, celsius: float | None, door_seconds: int) -> tuple[str, ...]:
        """The codes that stand after one more record."""
        codes = []
        for number, rule in enumerate(self._rules):
            self._seconds[number] = self._seconds[number] + interval_seconds if _violates(rule, celsius) else 0
            if self._seconds[number] > rule.minutes * 60:
                codes.append(rule.code)
        self._door_seconds = self._door_seconds + door_seconds if door_seconds == interval_seconds else door_seconds
        if self._door_seconds > _DOOR_SECONDS:
            codes.append("DOOR")
        return tuple(codes)


def _violates(rule: _Rule, celsius: float | None) -> bool:
    if celsius is None:
        return False
    return celsius > rule.celsius if rule.above else celsius <= rule.celsius
