"""The ground-truth log: what was really so in each cabinet, in a file that no other process touches.

JSON lines `{"appliance","at_ms","true_centi_celsius","reported_centi_celsius"}`; `reported_centi_celsius` is what
the probe could say (null for an open circuit), so that a fault test can compare any store with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from firmware_sim.appliance import Sample


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log."""

    appliance: str
    at_ms: int
    true_centi_celsius: int
    reported_centi_celsius: int | None


class TruthLog:
    """Appends to a fresh file; raises SettingProblem when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise SettingProblem(f"truth log {path} cannot be written: {error.strerror}", variable="--truth") from error
        self._encoder = msgspec.json.Encoder()

    def write(self, serial: str, sample: Sample) -> None:
        """Adds one line; it reaches the disk at the next `flush`."""
        self._file.write(self._encoder.encode(truth_of(serial, sample)) + b"\n")

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


def truth_of(serial: str, sample: Sample) -> Truth:
    """The line that belongs to one sample."""
    reported = sample.reported_celsius
    return Truth(
        appliance=serial,
        at_ms=sample.at_ms,
        true_centi_celsius=round(sample.true_celsius * 100),
        reported_centi_celsius=None if reported is None else round(reported * 100),
    )


def read_truth(path: Path) -> list[Truth]:
    """All whole lines of a log; a line that is still being written is left out."""
    decoder = msgspec.json.Decoder(Truth)
    return [decoder.decode(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
