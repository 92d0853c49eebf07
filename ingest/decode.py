"""From a message's bytes to a batch that may be believed (pure)."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ingest.plain import INTEGER_MAX, PlainBatch, decode_plain
from ingest.reasons import Reason
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import PAYLOAD_BYTES_MAX, ROWS_MAX, Batch
from sheetal.contracts.problem import WireProblem

if TYPE_CHECKING:
    from collections.abc import Callable

TOPICS_KEPT_MAX = 100_000
TOPIC_LENGTH_MAX = 128
"""Longer than any gateway's topic, so that a hostile one finds no place in memory."""

_place = functools.lru_cache(TOPICS_KEPT_MAX)(topics.parse)
_batch = msgspec.json.Decoder(Batch)


class Believed(NamedTuple):
    """A batch whose seal proved good, and the key its ack is to be sealed with."""

    gateway: str
    key: bytes
    batch: Batch


def decode(topic: str, payload: bytes, key_of: Callable[[str], bytes | None]) -> Believed:
    """The batch of one message; `key_of` finds a gateway's key and may raise Unavailable.

    Raises WireProblem whose `reason` is one of the first group of `Reason`.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise _problem(Reason.TOO_BIG, f"{len(payload)} bytes, allowed are {PAYLOAD_BYTES_MAX}")
    place = _place(topic) if len(topic) <= TOPIC_LENGTH_MAX else None
    if place is None or place.channel is not topics.Channel.DATA:
        raise _problem(Reason.BAD_TOPIC, "not a gateway's data topic")
    sealed = seal.open_envelope(payload)
    if sealed.gateway != place.gateway:
        raise _problem(Reason.FOREIGN_GATEWAY, f"the envelope names gateway {sealed.gateway[:64]!r}")
    key = key_of(place.gateway)
    if key is None:
        raise _problem(Reason.UNKNOWN_GATEWAY, "no such gateway is enrolled")
    seal.prove(sealed, topics.Channel.DATA, place.gateway, key)
    batch = decode_plain(sealed.body) or _any_batch(sealed.body)
    _check_body(batch, place.gateway)
    return Believed(place.gateway, key, batch)


def gateway_of_topic(topic: str) -> str | None:
    """The gateway on whose topic a message came; None where it is no gateway's."""
    place = _place(topic) if len(topic) <= TOPIC_LENGTH_MAX else None
    return place.gateway if place is not None else None


def _any_batch(body: msgspec.Raw) -> Batch:
    try:
        return _batch.decode(body)
    except seal.UNREADABLE as error:
        raise _problem(Reason.BAD_BODY, f"the body is not of its kind: {error}") from error


def _check_body(batch: Batch, gateway: str) -> None:
    if batch.gateway != gateway:
        raise _problem(Reason.FOREIGN_GATEWAY, f"the body names gateway {batch.gateway[:64]!r}")
    items = len(batch.rows) + len(batch.aux) + len(batch.days) + len(batch.unplaced) + len(batch.thinned)
    if items > ROWS_MAX:
        raise _problem(Reason.TOO_BIG, f"{items} rows, allowed are {ROWS_MAX}")
    # Without a boot and sequences that can be named back, no ack could answer the batch.
    if not (0 <= batch.boot <= INTEGER_MAX and 0 <= batch.sent_at_ms <= INTEGER_MAX):
        raise _problem(Reason.BAD_BODY, "a boot or sending time is not in 0 … 2**63 - 1")
    if batch.monotonic_ms is not None and not 0 <= batch.monotonic_ms <= INTEGER_MAX:
        raise _problem(Reason.BAD_BODY, "a monotonic instant is not in 0 … 2**63 - 1")
    rows_to_check = () if isinstance(batch, PlainBatch) else batch.rows
    for kind in (rows_to_check, batch.aux, batch.days, batch.unplaced, batch.thinned):
        for item in kind:
            if not 0 <= item.sequence <= INTEGER_MAX:
                raise _problem(Reason.BAD_BODY, "a sequence is not in 0 … 2**63 - 1")


def _problem(reason: Reason, detail: str) -> WireProblem:
    return WireProblem(detail, reason=reason.value)
