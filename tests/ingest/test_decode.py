from __future__ import annotations

import hashlib
import hmac

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decode import INTEGER_MAX, decode
from ingest.reasons import Reason
from sheetal.contracts.batch import PAYLOAD_BYTES_MAX, ROWS_MAX
from sheetal.contracts.problem import Unavailable, WireProblem
from tests.ingest.given import GATEWAY, KEYS, POISON, batch, day, minutes, row, sealed, span, unplaced

TOPIC = f"cc/v1/{GATEWAY}/data"


def reason_of(payload: bytes, topic: str = TOPIC) -> str:
    with pytest.raises(WireProblem) as caught:
        decode(topic, payload, KEYS.get)
    return str(caught.value.facts["reason"])


def with_mac(body: bytes, gateway: str = GATEWAY) -> bytes:
    """A body that msgspec would not make, under a mac that is right."""
    signed = b"\x00".join((b"data", gateway.encode(), body))
    mac = hmac.new(KEYS[gateway], signed, hashlib.sha256).hexdigest()
    return b'{"v":1,"gateway":"%s","mac":"%s","body":%s}' % (gateway.encode(), mac.encode(), body)


def test_a_sealed_batch_is_believed_with_its_key() -> None:
    sent = batch(minutes(1, 10), days=[day(11)])
    believed = decode(TOPIC, sealed(sent), KEYS.get)
    assert believed[:2] == (GATEWAY, KEYS[GATEWAY])
    assert msgspec.json.encode(believed.batch) == msgspec.json.encode(sent)


@pytest.mark.parametrize("name", POISON)
def test_poison_has_its_reason(name: str) -> None:
    payload, reason = POISON[name]
    assert reason_of(payload) == reason


def test_every_reason_is_a_known_word() -> None:
    assert {reason for _, reason in POISON.values()} <= set(Reason)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "cc/v1/_/data",
        "cc/v1/gw-01/alarm",
        "cc/v2/gw-01/data",
        "cc/v1/gw-01/data/x",
        "cc/v1/g w/data",
        "(not UTF-8)",
    ],
)
def test_another_topic_is_refused(topic: str) -> None:
    assert reason_of(sealed(batch(minutes(1, 1))), topic) == "bad_topic"


def test_a_gateway_that_is_not_enrolled_is_refused() -> None:
    stranger = batch(minutes(1, 1), gateway="gw-99")
    assert reason_of(sealed(stranger, b"x" * 32), "cc/v1/gw-99/data") == "unknown_gateway"


def test_a_message_moved_to_another_gateways_topic_is_refused() -> None:
    assert reason_of(sealed(batch(minutes(1, 1))), "cc/v1/gw-02/data") == "foreign_gateway"


def test_a_body_that_names_another_gateway_is_refused() -> None:
    body = b'{"gateway":"gw-02","boot":1,"sent_at_ms":1}'
    assert reason_of(with_mac(body)) == "foreign_gateway"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"gateway":"gw-01","boot":"1","sent_at_ms":1}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":1.5}',
        b'{"gateway":"gw-01","boot":-1,"sent_at_ms":1}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":-1}',
        b'{"gateway":"gw-01","boot":9223372036854775808,"sent_at_ms":1}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":1,"rows":[[-1,2,"gw-01.a",1,0]]}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":1,"rows":[[1,2,"gw-01.a",1e308,0]]}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":1,"rows":[[1,2,"gw-01.a",4.5,0]]}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":1,"rows":[[1,2,"gw-01.a"]]}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":1,"aux":[[9223372036854775808,2,"a","TAMB",1]]}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":1,"aux":[[1,2,"a","TAMB",1e999]]}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":1,"rows":[[1,2,"\xff",1,0]]}',
        b'{"gateway":"gw-01","boot":1,"sent_at_ms":1,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
)
def test_a_body_of_the_wrong_kind_is_refused_though_its_mac_is_right(body: bytes) -> None:
    reason = reason_of(with_mac(body))
    assert reason == ("bad_json" if b"[[[" in body else "bad_body")


def test_fields_of_a_newer_minor_version_are_ignored() -> None:
    body = b'{"gateway":"gw-01","boot":1,"sent_at_ms":1,"rows":[[1,2,"gw-01.a",4,0,"new"]],"new":{"x":[1]}}'
    assert decode(TOPIC, with_mac(body), KEYS.get).batch.rows == [row(1, 2, 4, sensor="gw-01.a")]


def test_the_largest_numbers_are_believed() -> None:
    sent = batch([row(INTEGER_MAX)], boot=INTEGER_MAX)
    assert msgspec.json.encode(decode(TOPIC, sealed(sent), KEYS.get).batch) == msgspec.json.encode(sent)


def test_the_size_limits_are_inclusive() -> None:
    full = sealed(batch(minutes(1, ROWS_MAX)))
    assert len(decode(TOPIC, full, KEYS.get).batch.rows) == ROWS_MAX
    assert reason_of(sealed(batch(minutes(1, ROWS_MAX + 1)))) == "too_big"
    lost = msgspec.structs.replace(batch(minutes(1, ROWS_MAX)), unplaced=[unplaced(1_001)])
    assert reason_of(sealed(lost)) == "too_big"
    padded = full + b" " * (PAYLOAD_BYTES_MAX - len(full))
    assert len(decode(TOPIC, padded, KEYS.get).batch.rows) == ROWS_MAX
    assert reason_of(padded + b" ") == "too_big"


@pytest.mark.parametrize(
    "changes",
    [
        {"monotonic_ms": -1},
        {"monotonic_ms": 2**63},
        {"unplaced": [unplaced(-1)]},
        {"thinned": [span(2**63)]},
    ],
)
def test_numbers_that_no_ack_can_name_back_are_refused(changes: dict[str, object]) -> None:
    assert reason_of(sealed(msgspec.structs.replace(batch(), **changes))) == "bad_body"


def test_a_key_that_cannot_be_looked_up_now_is_no_refusal() -> None:
    def away(_gateway: str) -> bytes:
        raise Unavailable("the ledger does not answer")

    with pytest.raises(Unavailable):
        decode(TOPIC, sealed(batch(minutes(1, 1))), away)


def test_the_key_is_not_asked_for_messages_that_fail_before() -> None:
    asked: list[str] = []
    for payload, reason in POISON.values():
        if reason != "wrong_mac":
            with pytest.raises(WireProblem):
                decode(TOPIC, payload, asked.append)
    assert asked == []


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_wire_problem(payload: bytes) -> None:
    assert reason_of(payload) in set(Reason)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_one_changed_byte_is_never_believed_as_something_else(data: st.DataObject) -> None:
    sent = batch(minutes(1, 3))
    payload = bytearray(sealed(sent))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    try:
        believed = decode(TOPIC, bytes(payload), KEYS.get)
    except WireProblem:
        return
    assert believed.batch == sent
