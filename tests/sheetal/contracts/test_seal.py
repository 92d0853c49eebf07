from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.batch import Ack, Batch, Row
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import WIRE_VERSION, open_envelope, seal, unseal
from sheetal.contracts.topics import Channel

KEY = b"k" * 32
GATEWAY = "gw-01"
BATCH = Batch(gateway=GATEWAY, boot=1, sent_at_ms=2, rows=[Row(1, 2, "gw-01.a", 452, 0)])
DECODER = msgspec.json.Decoder(Batch)
SEALED = seal(Channel.DATA, GATEWAY, KEY, BATCH)


def opened(payload: bytes, channel: Channel = Channel.DATA, gateway: str = GATEWAY, key: bytes = KEY) -> Batch:
    return unseal(open_envelope(payload), channel, gateway, key, DECODER)


def reason(payload: bytes, channel: Channel = Channel.DATA, gateway: str = GATEWAY, key: bytes = KEY) -> object:
    with pytest.raises(WireProblem) as caught:
        opened(payload, channel, gateway, key)
    return caught.value.facts["reason"]


def test_a_sealed_message_opens_under_its_key() -> None:
    assert opened(SEALED) == BATCH


def test_the_form_on_the_wire() -> None:
    words = msgspec.json.decode(SEALED)
    assert list(words) == ["v", "gateway", "mac", "body"]
    assert (words["v"], words["gateway"], len(words["mac"])) == (WIRE_VERSION, GATEWAY, 64)


def test_another_key_does_not_open_it() -> None:
    assert reason(SEALED, key=b"x" * 32) == "wrong_mac"


def test_a_message_cannot_be_moved_to_another_channel() -> None:
    assert reason(SEALED, channel=Channel.ALARM) == "wrong_mac"


def test_a_message_cannot_be_moved_to_another_gateways_topic() -> None:
    assert reason(SEALED, gateway="gw-02") == "foreign_gateway"
    assert reason(SEALED.replace(b"gw-01", b"gw-02"), gateway="gw-02") == "wrong_mac"


@given(st.data())
def test_no_changed_byte_passes(data: st.DataObject) -> None:
    changed = bytearray(SEALED)
    where = data.draw(st.integers(0, len(changed) - 1))
    changed[where] ^= data.draw(st.integers(1, 255))
    try:
        assert opened(bytes(changed)) == BATCH, "at most the envelope's own spelling may change"
    except WireProblem as problem:
        known = {"bad_json", "wrong_version", "foreign_gateway", "wrong_mac"}
        assert problem.facts["reason"] in known  # noqa: PT017 - most changes are refused, each by name


@given(st.binary(max_size=200))
def test_noise_is_named_bad_json(noise: bytes) -> None:
    with pytest.raises(WireProblem) as caught:
        open_envelope(noise)
    assert caught.value.facts["reason"] in {"bad_json", "wrong_version"}


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}", b'{"v":1}', b"\xff\xfe", b'{"v":1,"gateway":1,"mac":"","body":{}}']
)
def test_what_is_no_envelope(payload: bytes) -> None:
    assert reason(payload) == "bad_json"


@pytest.mark.parametrize("version", [0, 2, 99])
def test_an_unknown_version_is_refused(version: int) -> None:
    assert reason(SEALED.replace(b'"v":1', f'"v":{version}'.encode())) == "wrong_version"


def test_a_good_mac_over_a_wrong_body_is_a_bad_body() -> None:
    assert reason(seal(Channel.DATA, GATEWAY, KEY, {"rows": 5})) == "bad_body"
    assert reason(seal(Channel.DATA, GATEWAY, KEY, Ack(gateway=GATEWAY, boot=1))) == "bad_body"


@pytest.mark.parametrize("mac", ["", "ठंडा", "0" * 64])
def test_any_text_may_stand_for_a_mac_and_none_passes(mac: str) -> None:
    words = msgspec.json.decode(SEALED)
    assert reason(msgspec.json.encode({**words, "mac": mac})) == "wrong_mac"


def test_a_deep_nest_is_an_answer_not_a_crash() -> None:
    deep = b'{"v":1,"gateway":"gw-01","mac":"","body":' + b"[" * 100_000
    assert reason(deep) in {"bad_json", "wrong_mac"}
