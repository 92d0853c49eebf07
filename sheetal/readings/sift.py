"""The port's edge: what no store may keep is told apart here, row by row, before any engine sees it (pure).

Nearly every batch is good as a whole. It is laid out in columns and each column asked at once, which costs a fifth of
asking row by row; only a batch with something wrong in it is looked through.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN, Reading, is_plausible
from sheetal.readings.port import INTEGER_MAX, YEAR_2100_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

SENSOR_CHARACTERS_MAX = 200

IMPLAUSIBLE = "implausible"
TIME_OUT_OF_RANGE = "time_out_of_range"
BAD_NUMBER = "bad_number"
BAD_SENSOR_NAME = "bad_sensor_name"

_COLUMNS = len(Reading._fields)


class Sifted(NamedTuple):
    """The rows that may be stored, the index in the batch of each, and the refused indexes with the reason."""

    good: Sequence[Reading]
    indexes: Sequence[int]
    refused: list[tuple[int, str]]


def sift(batch: Sequence[Reading]) -> Sifted:
    """Splits a batch; a batch that is good as a whole comes back as it is."""
    if _is_good(batch):
        return Sifted(batch, range(len(batch)), [])
    reasons = [refusal_of(reading) for reading in batch]
    indexes = [index for index, reason in enumerate(reasons) if reason is None]
    refused = [(index, reason) for index, reason in enumerate(reasons) if reason is not None]
    return Sifted([batch[index] for index in indexes], indexes, refused)


def refusal_of(reading: Reading) -> str | None:
    """Why no store may keep this sample, or None when it may."""
    sensor, measured_at_ms, centi_celsius, quality, boot, sequence = reading
    if not 0 < measured_at_ms < YEAR_2100_MS:
        return TIME_OUT_OF_RANGE
    if not is_plausible(reading):
        return IMPLAUSIBLE
    if not (_is_count(measured_at_ms) and _is_count(quality) and _is_count(boot) and _is_count(sequence)):
        return BAD_NUMBER
    if quality == 0 and centi_celsius.__class__ is not int:
        return BAD_NUMBER
    return None if is_sensor_name(sensor) else BAD_SENSOR_NAME


def is_sensor_name(sensor: str) -> bool:
    """Printable, not empty, bounded, and free of the backslash, which line protocol cannot carry everywhere."""
    return 0 < len(sensor) <= SENSOR_CHARACTERS_MAX and sensor.isprintable() and "\\" not in sensor


def _is_count(number: int) -> bool:
    """Whether a number is whole, also at run time, and fits every engine."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= INTEGER_MAX


def _is_good(batch: Sequence[Reading]) -> bool:
    """Whether `refusal_of` would let every row through; may say no to a batch that it would."""
    flat = list(chain.from_iterable(cast("Sequence[tuple[Any, ...]]", batch)))
    if not flat:
        return True
    sensors, instants, values, qualities, boots, sequences = (flat[column::_COLUMNS] for column in range(_COLUMNS))
    return (
        _are_within(instants, 1, YEAR_2100_MS - 1)
        and _are_within(boots, 0, INTEGER_MAX)
        and _are_within(sequences, 0, INTEGER_MAX)
        and _are_within(qualities, 0, INTEGER_MAX)
        and _are_plausible(values, qualities)
        and _are_sensor_names(sensors)
    )


def _are_within(numbers: list[int], least: int, most: int) -> bool:
    return set(map(type, numbers)) == {int} and min(numbers) >= least and max(numbers) <= most


def _are_plausible(values: list[int | None], qualities: list[int]) -> bool:
    if any(qualities) and [value is None for value in values] != list(map(bool, qualities)):
        return False
    temperatures = [value for value in values if value is not None] if any(qualities) else cast("list[int]", values)
    return not temperatures or _are_within(temperatures, CENTI_CELSIUS_MIN, CENTI_CELSIUS_MAX)


def _are_sensor_names(names: list[str]) -> bool:
    joined = "".join(names)
    return (
        joined.isprintable()
        and "\\" not in joined
        and "" not in names
        and max(map(len, names)) <= SENSOR_CHARACTERS_MAX
    )
