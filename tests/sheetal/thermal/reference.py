"""An exposure told slowly and obviously, each number straight from its definition; it shares no code with the engine.

Definitions (DESIGN section 7). A span is the time between two successive readings, known if it is at most the cap, else
a gap. A run is readings beyond a limit one after the other with no gap between. Its confirmed time is the
spans inside it; its possible time adds the span on each side, of which at most a cap counts. A known span belongs half
to the temperature at each of its ends. Times here are half-milliseconds, as everywhere in the engine.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import NamedTuple

from sheetal.contracts.limits import Side
from sheetal.contracts.verdict import Run
from sheetal.thermal.exposure import Edge, Exposure
from sheetal.thermal.runs import Gap, Limit

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"

Series = list[tuple[int, int]]


class RealSeries(NamedTuple):
    """One column of a real logger's file, with the cap that its nominal interval sets."""

    file: str
    time: str
    value: str
    minutes: int
    is_fahrenheit: bool = False

    @property
    def cap_ms(self) -> int:
        return 3 * self.minutes * 60_000

    def read(self) -> Series:
        """Its samples in order of time, told as if the clock were UTC; of two at one instant the colder one."""
        coldest: dict[int, int] = {}
        with (REAL / self.file).open(newline="") as lines:
            for row in csv.DictReader(lines):
                if row[self.value]:
                    ms = round(_stamp(row[self.time]).timestamp() * 1000)
                    coldest[ms] = min(coldest.get(ms, 10**6), self._centi_celsius(row[self.value]))
        return sorted(coldest.items())

    def _centi_celsius(self, text: str) -> int:
        value = Decimal(text)
        return round(100 * ((value - 32) * 5 / 9 if self.is_fahrenheit else value))


REAL_SERIES = (
    RealSeries("transport-logger-5min.csv", "time_utc_approximate", "celsius", 5),
    RealSeries("freezer-1min.csv", "iso_utc", "celsius", 1),
    RealSeries("coldstore-15min.csv", "local_time", "platform_1", 15),
    RealSeries("coldstore-15min.csv", "local_time", "freezer_2", 15),
    RealSeries("coldstore-15min.csv", "local_time", "cooling_2", 15),
    RealSeries("ambient-hourly-fahrenheit.csv", "timestamp", "value", 60, is_fahrenheit=True),
)


def exposure(sensor: str, samples: Series, cap_ms: int, limits: tuple[Limit, ...]) -> Exposure:
    """Everything the engine says of a series."""
    if not samples:
        return Exposure(limits, None, None, 0, 0, (), (), tuple(() for _ in limits))
    return Exposure(
        limits=limits,
        first=Edge(samples[0][0], samples[0][1], cap_ms),
        last=Edge(samples[-1][0], samples[-1][1], cap_ms),
        readings=len(samples),
        centi_celsius_sum=sum(value for _, value in samples),
        at=times_at(samples, cap_ms),
        gaps=tuple(Gap(samples[i - 1][0], samples[i][0]) for i in range(1, len(samples)) if _span(samples, i) > cap_ms),
        runs=tuple(tuple(runs(sensor, samples, limit, cap_ms)) for limit in limits),
    )


def times_at(samples: Series, cap_ms: int) -> tuple[tuple[int, int], ...]:
    """For each temperature read: half of every known span that ends or begins at it."""
    found = []
    for temperature in sorted({value for _, value in samples}):
        time = 0
        for i in range(1, len(samples)):
            if _span(samples, i) <= cap_ms:
                time += _span(samples, i) * (samples[i - 1][1] == temperature)
                time += _span(samples, i) * (samples[i][1] == temperature)
        found.append((temperature, time))
    return tuple(found)


def runs(sensor: str, samples: Series, limit: Limit, cap_ms: int) -> list[Run]:
    """Every run beyond one limit."""
    members: list[list[int]] = []
    for i, (_, value) in enumerate(samples):
        if not is_beyond(limit, value):
            continue
        goes_on = i > 0 and is_beyond(limit, samples[i - 1][1]) and _span(samples, i) <= cap_ms
        if goes_on:
            members[-1].append(i)
        else:
            members.append([i])
    return [_told(sensor, samples, limit, cap_ms, run) for run in members]


def is_beyond(limit: Limit, value: int) -> bool:
    """The four meanings of a limit."""
    if limit.side is Side.COLD:
        return value <= limit.limit_centi_celsius if limit.inclusive else value < limit.limit_centi_celsius
    return value >= limit.limit_centi_celsius if limit.inclusive else value > limit.limit_centi_celsius


def _told(sensor: str, samples: Series, limit: Limit, cap_ms: int, run: list[int]) -> Run:
    inside = sum(_span(samples, i) for i in run[1:])
    before = min(_span(samples, run[0]), cap_ms) if run[0] > 0 else 0
    after = min(_span(samples, run[-1] + 1), cap_ms) if run[-1] + 1 < len(samples) else 0
    values = sorted(samples[i][1] for i in run)
    return Run(
        sensor=sensor,
        side=limit.side,
        limit_centi_celsius=limit.limit_centi_celsius,
        first_ms=samples[run[0]][0],
        last_ms=samples[run[-1]][0],
        earliest_possible_start_ms=samples[run[0]][0] - before,
        confirmed_half_ms=2 * inside,
        possible_half_ms=2 * (before + inside + after),
        extreme_centi_celsius=values[0] if limit.side is Side.COLD else values[-1],
        samples=len(run),
        open=run[-1] == len(samples) - 1,
    )


def kinetic_mean(samples: Series, cap_ms: int, joules_per_mole: int) -> Decimal | None:
    """T = (ΔH/R) / −ln(Σ wᵢ·exp(−ΔH/(R·Tᵢ)) / Σ wᵢ), in °C; None where no time is known."""
    with localcontext(prec=50):
        kelvin = Decimal(joules_per_mole) / Decimal("8.3144")
        total, weight = Decimal(0), 0
        for i in range(1, len(samples)):
            if _span(samples, i) <= cap_ms:
                total += _span(samples, i) * (_decay(samples[i - 1][1], kelvin) + _decay(samples[i][1], kelvin))
                weight += 2 * _span(samples, i)
        return kelvin / -(total / weight).ln() - Decimal("273.15") if weight else None


def life_lost(samples: Series, cap_ms: int, amplitude_a_day: Decimal, kelvin: Decimal) -> Decimal:
    """∫ A·exp(−B/T) dt over the known spans, in lives."""
    day_ms = 24 * 60 * 60 * 1000
    with localcontext(prec=50):
        lost = Decimal(0)
        for i in range(1, len(samples)):
            if _span(samples, i) <= cap_ms:
                ends = _decay(samples[i - 1][1], kelvin) + _decay(samples[i][1], kelvin)
                lost += amplitude_a_day * ends / 2 * _span(samples, i) / day_ms
        return lost


def _decay(centi_celsius: int, kelvin: Decimal) -> Decimal:
    return (-kelvin / (Decimal(centi_celsius) / 100 + Decimal("273.15"))).exp()


def _span(samples: Series, i: int) -> int:
    """The time between a reading and the one before it, ms."""
    return samples[i][0] - samples[i - 1][0]


def _stamp(text: str) -> datetime:
    stamp = datetime.fromisoformat(text)
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
