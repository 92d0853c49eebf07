"""How many sensors are asked about in one request (pure).

A statement names its sensors one by one in the address of a GET. Its length is bounded for the proxies on the way, and
the number of names because InfluxDB 1.x takes time with the square of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sheetal.contracts.limits import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sheetal.contracts.reading import Reading

Span: TypeAlias = "tuple[str, int, int]"

SENSORS_MAX = 50
NAME_BYTES_MAX = 6_000
"""As percent-encoded in the worst case; common proxies take addresses of 8,000 bytes."""

SPAN_MS_MAX = 6 * HOUR_MS
"""How long the range may be that is read for several sensors at once."""

_BYTES_AROUND_A_NAME = 27
_BYTES_A_CHARACTER_ENCODED = 3


def name_groups(sensors: Iterable[str]) -> list[list[str]]:
    """Distinct names, in order, in groups that one statement can name."""
    groups: list[list[str]] = []
    room = 0
    for sensor in dict.fromkeys(sensors):
        room -= _encoded_bytes(sensor)
        if not groups or room < 0 or len(groups[-1]) == SENSORS_MAX:
            groups.append([])
            room = NAME_BYTES_MAX - _encoded_bytes(sensor)
        groups[-1].append(sensor)
    return groups


def span_groups(spans: Iterable[Span]) -> list[list[Span]]:
    """Spans in groups that one statement over their common range can read; a long span stands alone."""
    groups: list[list[Span]] = []
    room = first_ms = 0
    for span in sorted(spans, key=lambda span: span[1:]):
        sensor, start_ms, end_ms = span
        room -= _encoded_bytes(sensor)
        is_far = not groups or end_ms - first_ms > SPAN_MS_MAX or groups[-1][-1][2] - first_ms > SPAN_MS_MAX
        if is_far or room < 0 or len(groups[-1]) == SENSORS_MAX:
            groups.append([])
            room, first_ms = NAME_BYTES_MAX - _encoded_bytes(sensor), start_ms
        groups[-1].append(span)
    return groups


def common_range(spans: Iterable[Span]) -> tuple[int, int]:
    """The shortest range that holds every span."""
    ranges = [span[1:] for span in spans]
    return min(start for start, _ in ranges), max(end for _, end in ranges)


def within(readings: Iterable[Reading], spans: Iterable[Span]) -> list[Reading]:
    """Those of the samples that stand in one of the spans."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for sensor, start_ms, end_ms in spans:
        ranges.setdefault(sensor, []).append((start_ms, end_ms))
    return [
        reading
        for reading in readings
        if any(start_ms <= reading.measured_at_ms < end_ms for start_ms, end_ms in ranges.get(reading.sensor, ()))
    ]


def _encoded_bytes(sensor: str) -> int:
    return len(sensor.encode()) * _BYTES_A_CHARACTER_ENCODED + _BYTES_AROUND_A_NAME
