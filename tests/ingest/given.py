"""What the ingest tests start from: gateways with keys, rows, sealed messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ingest.conflicts import Conflict, by_sensor
from ingest.inbox import Message
from ingest.writer import Written
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Ack, AuxRow, Batch, DaySummary, Row, ThinnedSpan, UnplacedRow
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW_MS = 1_795_000_000_000
"""2026-11-18; a whole number of hours is not wanted here."""
BOOT = (3 << 32) + 12345
GATEWAY = "gw-01"
SENSOR = "gw-01.ilr1-tvc"
KEYS = {GATEWAY: b"k" * 32, "gw-02": b"l" * 32}


def row(sequence: int, ms: int = NOW_MS, centi: int | None = 450, quality: int = 0, sensor: str = SENSOR) -> Row:
    return Row(sequence, ms, sensor, centi, quality)


def minutes(first: int, count: int, *, sensor: str = SENSOR, base_ms: int = NOW_MS - DAY_MS) -> list[Row]:
    """Rows a minute apart whose stamp and value follow from their sequence alone."""
    return [row(n, base_ms + n * 60_000, 400 + n % 100, sensor=sensor) for n in range(first, first + count)]


def day(sequence: int = 1, **changes: int | str | None) -> DaySummary:
    start = NOW_MS - NOW_MS % HOUR_MS - 2 * DAY_MS
    plain = DaySummary(
        sequence=sequence,
        sensor=SENSOR,
        starts_at_ms=start,
        ends_at_ms=start + DAY_MS,
        centi_celsius_min=210,
        centi_celsius_max=790,
        low_limit_centi_celsius=-50,
        low_limit_minutes=60,
        high_limit_centi_celsius=800,
        high_limit_minutes=600,
        minutes_below=0,
        minutes_above=12,
        minutes_unknown=0,
    )
    return msgspec.structs.replace(plain, **changes)


def batch(
    rows: list[Row] | None = None,
    *,
    aux: list[AuxRow] | None = None,
    days: list[DaySummary] | None = None,
    gateway: str = GATEWAY,
    boot: int = BOOT,
    sent_at_ms: int = NOW_MS,
) -> Batch:
    return Batch(gateway=gateway, boot=boot, sent_at_ms=sent_at_ms, rows=rows or [], aux=aux or [], days=days or [])


def written(
    new: Sequence[Reading] = (),
    repeated: Sequence[Reading] = (),
    conflicting: Sequence[Conflict] = (),
    refused: Sequence[tuple[Reading, str]] = (),
) -> Written:
    """What the writer says of such rows."""
    durable = [*new, *repeated, *(conflict.offered for conflict in conflicting)]
    return Written(list(new), list(repeated), list(conflicting), list(refused), by_sensor(durable))


def unplaced(sequence: int = 1, **changes: int | str | None) -> UnplacedRow:
    return msgspec.structs.replace(UnplacedRow(sequence, 61_000, SENSOR, 450, 0), **changes)


def span(sequence: int = 1, **changes: object) -> ThinnedSpan:
    plain = ThinnedSpan(
        sequence=sequence,
        sensor=SENSOR,
        starts_at_ms=NOW_MS - DAY_MS,
        ends_at_ms=NOW_MS - DAY_MS + 14 * 60_000,
        centi_celsius_min=440,
        centi_celsius_max=460,
        centi_celsius_mean=450,
        rows=15,
        covers_boot=BOOT,
        covers=[(100, 106), (108, 115)],
    )
    return msgspec.structs.replace(plain, **changes)


def sealed(body: Batch, key: bytes | None = None) -> bytes:
    return seal.seal(topics.Channel.DATA, body.gateway, key or KEYS[body.gateway], body)


def message(
    payload: bytes, gateway: str = GATEWAY, *, message_id: int = 1, connection: int = 1, at_ms: int = NOW_MS
) -> Message:
    return Message(f"cc/v1/{gateway}/data", payload, message_id, connection, at_ms)


def reading(ms: int, centi: int | None = 450, *, sensor: str = SENSOR, quality: int = 0, sequence: int = 1) -> Reading:
    return Reading(sensor, ms, centi, quality, BOOT, sequence)


_ack = msgspec.json.Decoder(Ack)


def opened_ack(payload: bytes, gateway: str = GATEWAY) -> Ack:
    return seal.unseal(seal.open_envelope(payload), topics.Channel.ACK, gateway, KEYS[gateway], _ack)


POISON: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "bad_json"),
    "no json": (b"hello", "bad_json"),
    "null": (b"null", "bad_json"),
    "array": (b"[1,2]", "bad_json"),
    "truncated": (sealed(batch(minutes(1, 3)))[:-7], "bad_json"),
    "not a number": (b'{"v":NaN,"gateway":"gw-01","mac":"","body":{}}', "bad_json"),
    "NUL": (b"\x00" * 100, "bad_json"),
    "bad UTF-8": (b'{"v":1,"gateway":"\xff\xfe","mac":"","body":{}}', "bad_json"),
    "lone surrogate": (b'{"v":1,"gateway":"\\ud800","mac":"","body":{}}', "bad_json"),
    "deep nest": (b"[" * 100_000, "bad_json"),
    "deep nest in the body": (
        b'{"v":1,"gateway":"gw-01","mac":"","body":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "bad_json",
    ),
    "endless number": (b'{"v":' + b"9" * 5_000 + b',"gateway":"gw-01","mac":"","body":{}}', "bad_json"),
    "next major version": (b'{"v":2,"gateway":"gw-01","mac":"","body":{}}', "wrong_version"),
    "another gateway's envelope": (sealed(batch(minutes(1, 2), gateway="gw-02")), "foreign_gateway"),
    "no mac": (b'{"v":1,"gateway":"gw-01","mac":"","body":{}}', "wrong_mac"),
    "mac beyond ASCII": (b'{"v":1,"gateway":"gw-01","mac":"\\u00e9","body":{}}', "wrong_mac"),
    "foreign key": (sealed(batch(minutes(1, 2)), b"x" * 32), "wrong_mac"),
    "too big": (b" " * (256 * 1024 + 1), "too_big"),
    "10 MB": (b"x" * 10_000_000, "too_big"),
}
"""Each of F9's kinds, and the reason it must be put down under when it comes on gw-01's topic."""
