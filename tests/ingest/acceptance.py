"""Acceptance said once more, slowly: what of a message may be stored, by the wire's own types and plain loops.

Nothing of ingest is used here but the words of its reasons, so that any faster way can be held against it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ingest.load import Part
from sheetal.contracts.batch import AuxRow, Batch, DaySummary, ThinnedSpan, UnplacedRow
from sheetal.contracts.seal import Sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.inbox import Message
    from ingest.load import Letter

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
LARGEST = 9_223_372_036_854_775_807
YEAR_2010_MS = 1_262_304_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
YEAR_MINUTES = 366 * 24 * 60

Item = TypeVar("Item", AuxRow, DaySummary, UnplacedRow, ThinnedSpan)


@dataclass
class Judged:
    """A message refused as a whole for one reason; or what of it may be stored and what not, in wire order."""

    reason: str | None = None
    readings: list[tuple[object, ...]] = field(default_factory=list)
    aux: list[AuxRow] = field(default_factory=list)
    days: list[DaySummary] = field(default_factory=list)
    unplaced: list[UnplacedRow] = field(default_factory=list)
    thinned: list[ThinnedSpan] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


def judged(topic: str, payload: bytes, key_of: Callable[[str], bytes | None], received_at_ms: int) -> Judged:
    """What must become of one message."""
    found = opened(topic, payload, key_of)
    return Judged(reason=found) if isinstance(found, str) else rows_judged(found, received_at_ms + DAY_MS)


def seen(found: Part | Letter) -> Judged:
    """What ingest made of a message, in the same words."""
    if not isinstance(found, Part):
        return Judged(reason=found.reason.value)
    accepted = found.accepted
    return Judged(
        None,
        [tuple(reading) for reading in accepted.readings],
        list(accepted.aux),
        list(accepted.days),
        list(accepted.unplaced),
        list(accepted.thinned),
        [(refusal.sequence, refusal.reason.value) for refusal in accepted.refused],
    )


def judged_message(message: Message, key_of: Callable[[str], bytes | None]) -> Judged:
    """The same for a message as the inbox holds it."""
    return judged(message.topic, message.payload, key_of, message.received_at_ms)


def opened(topic: str, payload: bytes, key_of: Callable[[str], bytes | None]) -> Batch | str:
    """The batch, or the reason for which the whole message is refused."""
    if len(payload) > 262_144:
        return "too_big"
    place = re.fullmatch(r"cc/v1/([A-Za-z0-9][A-Za-z0-9_-]{0,47})/data", topic)
    if place is None:
        return "bad_topic"
    gateway = place.group(1)
    try:
        sealed = msgspec.json.decode(payload, type=Sealed)
    except UNREADABLE:
        return "bad_json"
    return why_not_sealed(sealed, gateway, key_of) or body_of(sealed, gateway)


def why_not_sealed(sealed: Sealed, gateway: str, key_of: Callable[[str], bytes | None]) -> str | None:
    """What is wrong with the envelope and its seal."""
    if sealed.v != 1:
        return "wrong_version"
    if sealed.gateway != gateway:
        return "foreign_gateway"
    key = key_of(gateway)
    if key is None:
        return "unknown_gateway"
    signed = b"data\x00" + gateway.encode() + b"\x00" + bytes(sealed.body)
    return None if sealed.mac == hmac.new(key, signed, hashlib.sha256).hexdigest() else "wrong_mac"


def body_of(sealed: Sealed, gateway: str) -> Batch | str:
    """The batch, or what is wrong with it as a whole."""
    try:
        batch = msgspec.json.decode(bytes(sealed.body), type=Batch)
    except UNREADABLE:
        return "bad_body"
    return why_not_batch(batch, gateway) or batch


def why_not_batch(batch: Batch, gateway: str) -> str | None:
    """What is wrong with the batch as a whole."""
    if batch.gateway != gateway:
        return "foreign_gateway"
    items = [*batch.rows, *batch.aux, *batch.days, *batch.unplaced, *batch.thinned]
    if len(items) > 1_000:
        return "too_big"
    numbers = [batch.boot, batch.sent_at_ms]
    if batch.monotonic_ms is not None:
        numbers.append(batch.monotonic_ms)
    numbers += [item.sequence for item in items]
    for number in numbers:
        if number < 0 or number > LARGEST:
            return "bad_body"
    return None


def rows_judged(batch: Batch, latest_ms: int) -> Judged:
    """Each item by itself, in the order of the wire's fields."""
    result = Judged()
    for row in batch.rows:
        reason = why_not_sensor(row.sensor, batch.gateway) or why_not_instant(row.measured_at_ms, latest_ms)
        reason = reason or why_not_sample(row.centi_celsius, row.quality)
        if reason is None:
            value = (row.sensor, row.measured_at_ms, row.centi_celsius, row.quality, batch.boot, row.sequence)
            result.readings.append(value)
        else:
            result.refused.append((row.sequence, reason))
    for aux in batch.aux:
        sort(aux, why_not_aux(aux, latest_ms), result.aux, result)
    for day in batch.days:
        sort(day, why_not_sensor(day.sensor, batch.gateway) or why_not_day(day, latest_ms), result.days, result)
    for lost in batch.unplaced:
        reason = why_not_sensor(lost.sensor, batch.gateway) or why_not_sample(lost.centi_celsius, lost.quality)
        if reason is None and not 0 <= lost.monotonic_ms <= LARGEST:
            reason = "implausible"
        sort(lost, reason, result.unplaced, result)
    for span in batch.thinned:
        sort(span, why_not_sensor(span.sensor, batch.gateway) or why_not_span(span, latest_ms), result.thinned, result)
    return result


def sort(item: Item, reason: str | None, good: list[Item], result: Judged) -> None:
    if reason is None:
        good.append(item)
    else:
        result.refused.append((item.sequence, reason))


def why_not_sensor(sensor: str, gateway: str) -> str | None:
    own = re.escape(gateway)
    below = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
    return None if re.fullmatch(own + r"\." + below, sensor, re.ASCII) else "foreign_sensor"


def why_not_instant(at_ms: int, latest_ms: int) -> str | None:
    if at_ms > latest_ms:
        return "future_stamp"
    if at_ms < YEAR_2010_MS:
        return "implausible"
    return None


def why_not_sample(centi_celsius: int | None, quality: int) -> str | None:
    if quality == 0 and centi_celsius is not None and -10_000 <= centi_celsius <= 15_000:
        return None
    if quality in (1, 2, 3, 4, 5) and centi_celsius is None:
        return None
    return "implausible"


def why_not_aux(aux: AuxRow, latest_ms: int) -> str | None:
    for name in (aux.source, aux.field):
        if not 1 <= len(name) <= 128 or not name.isprintable():
            return "implausible"
    return why_not_instant(aux.measured_at_ms, latest_ms)


def why_not_day(day: DaySummary, latest_ms: int) -> str | None:
    if day.starts_at_ms >= latest_ms:
        return "future_stamp"
    if day.starts_at_ms < YEAR_2010_MS:
        return "implausible"
    low, high = day.centi_celsius_min, day.centi_celsius_max
    is_upside_down = low is not None and high is not None and low > high
    is_too_long = day.ends_at_ms > day.starts_at_ms + 25 * HOUR_MS
    if day.ends_at_ms <= day.starts_at_ms or is_too_long or is_upside_down:
        return "implausible"
    return why_not_told(day)


def why_not_told(day: DaySummary) -> str | None:
    values = (day.centi_celsius_min, day.centi_celsius_max, day.low_limit_centi_celsius, day.high_limit_centi_celsius)
    for value in values:
        if value is not None and not -10_000 <= value <= 15_000:
            return "implausible"
    told = (day.low_limit_minutes, day.high_limit_minutes, day.minutes_below, day.minutes_above, day.minutes_unknown)
    for minutes in told:
        if minutes < 0 or minutes > YEAR_MINUTES:
            return "implausible"
    for alarm in (day.low_alarm_at_ms, day.high_alarm_at_ms):
        if alarm is not None and not day.starts_at_ms <= alarm <= day.ends_at_ms:
            return "implausible"
    return None


def why_not_span(span: ThinnedSpan, latest_ms: int) -> str | None:
    if span.ends_at_ms < span.starts_at_ms or span.ends_at_ms > span.starts_at_ms + HOUR_MS:
        return "implausible"
    values = [-10_000, span.centi_celsius_min, span.centi_celsius_mean, span.centi_celsius_max, 15_000]
    if values != sorted(values) or not 0 <= span.covers_boot <= LARGEST:
        return "implausible"
    if len(span.covers) > 1_000:
        return "implausible"
    covered, free = 0, 0
    for first, last in span.covers:
        if first < free or last < first or last > LARGEST:
            return "implausible"
        covered, free = covered + last - first + 1, last + 1
    if span.rows < 1 or span.rows > covered or covered > 100_000:
        return "implausible"
    return why_not_instant(span.ends_at_ms, latest_ms) or why_not_instant(span.starts_at_ms, latest_ms)
