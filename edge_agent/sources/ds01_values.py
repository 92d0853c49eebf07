"""WHO DS01 records: values, durations and instants to integers, or a named fault (pure).

Field names, units and ranges are those of the EMS data standard DS01 (science.md section 3).
"""

from __future__ import annotations

import calendar
import re
import time
from typing import Final

import msgspec

from edge_agent.sources.temperature import of_celsius
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.reading import Quality

Record = dict[str, object]

AUX_MAX: Final = 1e9
"""No DS01 field comes near; it keeps absurd numbers out."""

TEXT_LENGTH_MAX: Final = 64

_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})(?:\.\d{1,9})?S)?)?",
    re.ASCII,
)
_INSTANT = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_SECONDS = {"days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_records = msgspec.json.Decoder(Record)


def parse_record(line: bytes) -> Record:
    """One JSON line; raises WireProblem (`bad_json`)."""
    try:
        return _records.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireProblem(f"not a DS01 record: {error}", reason="bad_json") from error


def temperature(field: str, value: object) -> tuple[int | None, Quality]:
    """Centi-degrees and OK, or no value and the fault's name; rounds half to even at a hundredth."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, Quality.NO_VALUE
    return of_celsius(value, field)


def number(value: object) -> float | None:
    """A plain number of an aux field; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= AUX_MAX else None


def text(value: object) -> str:
    """A text field, cut to a bounded length; empty for anything else."""
    return value[:TEXT_LENGTH_MAX] if isinstance(value, str) else ""


def duration_ms(value: object) -> int | None:
    """An ISO-8601 duration of days and smaller (`P3DT12H5M32S`) in ms, whole seconds; None for anything else."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    parts = {unit: int(digits) for unit, digits in found.groupdict().items() if digits} if found else {}
    return 1_000 * sum(_SECONDS[unit] * count for unit, count in parts.items()) if parts else None


def instant_ms(value: object) -> int | None:
    """A UTC instant in ISO-8601 basic format (`20200115T040554Z`) in epoch ms; None for anything else."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return None
    try:
        return 1_000 * calendar.timegm(time.strptime(value, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None
