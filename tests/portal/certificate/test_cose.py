from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.certificate import cose
from sheetal.contracts.problem import WireProblem


def signed(fields: object, tag: int = 18) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(tag, fields))


def head() -> bytes:
    return cbor2.dumps({1: -7, 4: b"protected"})


def test_a_signed_message_opens_to_what_was_signed() -> None:
    seen: list[bytes] = []
    data = cose.sign1(b"payload", b"12345678", lambda message: seen.append(message) or b"s" * 64)  # type: ignore[func-returns-value]
    opened = cose.open_sign1(data)
    assert (opened.payload, opened.kid, opened.algorithm, opened.signature) == (b"payload", b"12345678", -7, b"s" * 64)
    assert opened.to_be_signed == seen[0]
    assert cbor2.loads(seen[0])[0] == "Signature1"


def test_the_protected_key_id_wins() -> None:
    assert cose.open_sign1(signed([head(), {4: b"loose"}, b"p", b"s"])).kid == b"protected"
    assert cose.open_sign1(signed([cbor2.dumps({1: -7}), {4: b"loose"}, b"p", b"s"])).kid == b"loose"
    assert cose.open_sign1(signed([cbor2.dumps({1: -7}), {}, b"p", b"s"])).kid is None


def test_an_algorithm_outside_the_protected_header_does_not_count() -> None:
    assert cose.open_sign1(signed([cbor2.dumps({4: b"k"}), {1: -7}, b"p", b"s"])).algorithm is None
    assert cose.open_sign1(signed([b"", {1: -7}, b"p", b"s"])).algorithm is None


def test_a_cwt_tag_may_wrap_the_message() -> None:
    wrapped = cbor2.dumps(cbor2.CBORTag(61, cbor2.CBORTag(18, [head(), {}, b"p", b"s"])))
    assert cose.open_sign1(wrapped).payload == b"p"


@pytest.mark.parametrize(
    "data",
    [
        cbor2.dumps([head(), {}, b"p", b"s"]),
        signed([head(), {}, b"p", b"s"], tag=17),
        signed([head(), {}, b"p"]),
        signed([head(), {}, b"p", b"s", b"more"]),
        signed([head(), [], b"p", b"s"]),
        signed(["text", {}, b"p", b"s"]),
        signed([head(), {}, None, b"s"]),
        signed([head(), {}, b"p", "signature"]),
        signed([cbor2.dumps([1]), {}, b"p", b"s"]),
        signed([cbor2.dumps({4: "text"}), {}, b"p", b"s"]),
        signed({"not": "a list"}),
        signed([head(), {}, b"p", b"s"]) + b"\x00",
        b"\xff",
        b"",
        b"\x81" * 10_000,
        b"\x9b\x00\x00\x00\xff\xff\xff\xff\xff",
    ],
)
def test_anything_else_is_no_signed_message(data: bytes) -> None:
    with pytest.raises(WireProblem) as problem:
        cose.open_sign1(data)
    assert problem.value.facts["reason"] in {"bad_cbor", "bad_cose"}


@given(st.binary(max_size=200))
def test_random_bytes_never_do_worse_than_a_wire_problem(data: bytes) -> None:
    with pytest.raises(WireProblem):
        cose.open_sign1(data)
