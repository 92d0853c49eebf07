"""One probe: noise, resolution, and the lies that its faults make it tell (pure)."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from firmware_sim.faults import Trouble, reported_celsius, trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firmware_sim.faults import Fault

NOISE_CELSIUS = 0.03
"""Uniform, either way: well inside the ±0.5 °C that the WHO asks of loggers, and small against their 0.1 °C steps."""

SIXTEENTHS = 16
"""A DS18B20 counts in 1/16 °C at its full 12 bits."""


class Report(NamedTuple):
    """What a probe said of a true temperature; `celsius` is None exactly when `trouble` says why."""

    true_celsius: float
    celsius: float | None
    trouble: Trouble | None


class Probe:
    """Made from its faults, the seed of its noise and whether it sits on a 1-Wire bus; remembers what it said last."""

    def __init__(self, faults: Sequence[Fault], seed: str, *, one_wire: bool) -> None:
        self._faults = faults
        self._noise = random.Random(seed)  # noqa: S311 a story, not a secret
        self._one_wire = one_wire
        self._last_celsius: float | None = None

    def report(self, minutes_to_now: float, true_celsius: float, *, is_first: bool) -> Report:
        """What it says now; on a 1-Wire bus the first word after power-on (`is_first`) is no temperature."""
        measured = true_celsius + self._noise.uniform(-NOISE_CELSIUS, NOISE_CELSIUS)
        wrong = trouble(self._faults, minutes_to_now)
        if wrong is None and is_first and self._one_wire:
            wrong = Trouble.POWER_ON
        if wrong:
            return Report(true_celsius, None, wrong)
        told = reported_celsius(self._faults, minutes_to_now, measured, self._last_celsius)
        self._last_celsius = None if told is None else self._rounded(told)
        return Report(true_celsius, self._last_celsius, None)

    def _rounded(self, celsius: float) -> float:
        return round(celsius * SIXTEENTHS) / SIXTEENTHS if self._one_wire else round(celsius, 1)
