"""A batch whose every row is an ordinary sample, checked by the decoder itself while it decodes.

Nearly every batch is one. Its rows stay tuples, and what is left to judge is judged a column at a time, which costs a
fifth of looking at each row. Whatever is not plain is decoded as the wire's own `Batch` and judged row by row; both
ways give the same.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import repeat
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from sheetal.contracts.batch import Batch
from sheetal.contracts.reading import CENTI_CELSIUS_MAX, CENTI_CELSIUS_MIN, Reading
from sheetal.contracts.topics import SENSOR_IDENTIFIER, gateway_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

INTEGER_MAX = 2**63 - 1
"""The largest number that every store can hold."""
MEASURED_AT_MS_MIN = 1_262_304_000_000
"""2010-01-01: a clock that lost its time wakes in 1970 or 2000; such stamps are faults, not history."""
SENSORS_KEPT_MAX = 200_000
SENSOR_LENGTH_MAX = 128
"""Longer than any well-formed id, so that a hostile one finds no place in memory."""

PlainRow = tuple[
    Annotated[int, Meta(ge=0, le=INTEGER_MAX)],
    Annotated[int, Meta(ge=MEASURED_AT_MS_MIN, le=INTEGER_MAX)],
    str,
    Annotated[int, Meta(ge=CENTI_CELSIUS_MIN, le=CENTI_CELSIUS_MAX)],
    Literal[0],
]
"""As `Row`, of quality OK: [sequence, ms, sensor, centi-degrees, 0]."""


class PlainBatch(Batch, frozen=True, kw_only=True):
    """A batch without a fault among its rows; everything else in it is as in `Batch`."""

    # The same rows on the wire, as tuples; msgspec copies the default for each batch.
    rows: list[PlainRow] = []  # type: ignore[assignment]  # noqa: RUF012


_decoder = msgspec.json.Decoder(PlainBatch)
_reading: Callable[[Iterable[object]], Reading] = partial(tuple.__new__, Reading)


def decode_plain(body: msgspec.Raw) -> PlainBatch | None:
    """The batch, or None when it is none of this kind, or no batch at all."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def plain_readings(batch: PlainBatch, latest_ms: int) -> list[Reading] | None:
    """Its rows, when each is stamped not after `latest_ms` and from a sensor below the gateway; None otherwise."""
    if not batch.rows:
        return []
    sequences, instants, sensors, values, qualities = zip(*batch.rows, strict=True)
    gateway = batch.gateway
    if max(instants) > latest_ms or not all(speaks_for(gateway, sensor) for sensor in set(sensors)):
        return None
    return list(map(_reading, zip(sensors, instants, values, qualities, repeat(batch.boot), sequences)))


def speaks_for(gateway: str, sensor: str) -> bool:
    """Whether the sensor's id is well formed and stands below the gateway's own."""
    return len(sensor) <= SENSOR_LENGTH_MAX and _speaks_for(gateway, sensor)


@lru_cache(SENSORS_KEPT_MAX)
def _speaks_for(gateway: str, sensor: str) -> bool:
    return gateway_of(sensor) == gateway and SENSOR_IDENTIFIER.fullmatch(sensor) is not None
