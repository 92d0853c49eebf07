"""The ground-truth log: what was really so in each cabinet, in a file that no other process touches.

One JSON line (`Truth`) for each record and probe that a logger wrote or showed, so that a fault test can compare any
store with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from firmware_sim.faults import active_kinds
from sheetal.contracts.problem import SettingProblem
from sheetal.contracts.topics import sensor_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from firmware_sim.appliance import Sample
    from firmware_sim.scenario import ApplianceSpec, Hub


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log.

    `reported_centi_celsius` is the temperature that the probe said, null where it said none (open circuit, garbled
    line, the first word after power-on). `logger_ms` is the record's stamp by the logger's own clock, null where it
    had none; `sequence` counts the records of one appliance from 1; `faults` are those that were active for it.
    """

    appliance: str
    at_ms: int
    true_centi_celsius: int
    reported_centi_celsius: int | None
    sensor: str = ""
    sequence: int = 0
    logger_ms: int | None = None
    faults: tuple[str, ...] = ()


class TruthLog:
    """Appends to a fresh file; raises SettingProblem when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise SettingProblem(f"truth log {path} cannot be written: {error.strerror}", variable="--truth") from error
        self._encoder = msgspec.json.Encoder()

    def write(self, hub: Hub, spec: ApplianceSpec, sample: Sample) -> None:
        """Adds one line a probe; they reach the disk at the next `flush`."""
        self._file.write(b"".join(self._encoder.encode(truth) + b"\n" for truth in truths_of(hub, spec, sample)))

    def flush(self) -> None:
        """Hands everything written so far to the operating system."""
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def truths_of(hub: Hub, spec: ApplianceSpec, sample: Sample) -> list[Truth]:
    """The lines that belong to one record, the first probe first; none while the logger restarts."""
    if not sample.recorded:
        return []
    own = [sample.faults, *(active_kinds(one.faults, sample.minutes_to_now) for one in spec.extra_probes)]
    return [
        Truth(
            appliance=spec.serial,
            at_ms=sample.at_ms,
            true_centi_celsius=round(report.true_celsius * 100),
            reported_centi_celsius=None if report.celsius is None else round(report.celsius * 100),
            sensor=sensor_of(hub.gateway, probe),
            sequence=sample.sequence,
            logger_ms=sample.clock.absolute_ms,
            faults=faults,
        )
        for probe, report, faults in zip(spec.probes, sample.probes, own, strict=True)
    ]


def read_truth(path: Path) -> list[Truth]:
    """All whole lines of a log; a line that is still being written is left out."""
    decoder = msgspec.json.Decoder(Truth)
    return [decoder.decode(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
