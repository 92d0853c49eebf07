from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.faults.forgery import WAYS, Wish, forge
from sheetal.contracts.problem import WireProblem
from sheetal.contracts.seal import open_envelope, seal, unseal
from sheetal.contracts.topics import Channel

KEY = bytes(range(32))
BODY = {"stored": [[0, 99]], "gateway": "gw-00"}
_anything = msgspec.json.Decoder()


def wish(channel: Channel) -> Wish:
    return Wish(channel, "gw-00", KEY, BODY, ("gw-01", bytes(32)))


@pytest.mark.parametrize("way", WAYS)
@given(seed=st.integers(), channel=st.sampled_from(list(Channel)))
def test_no_forgery_is_what_the_key_would_have_sealed(way: object, seed: int, channel: Channel) -> None:
    assert callable(way)
    payload = way(wish(channel), random.Random(seed))
    assert payload != seal(channel, "gw-00", KEY, BODY)
    with pytest.raises(WireProblem):
        unseal(open_envelope(payload), channel, "gw-00", KEY, _anything)


def test_a_seed_tells_the_same_forgeries_and_uses_every_way() -> None:
    def told(seed: int) -> list[tuple[str, bytes]]:
        chance = random.Random(seed)
        return [forge(wish(Channel.ACK), chance) for _ in range(200)]

    assert told(1) == told(1) != told(2)
    assert {name for name, _ in told(1)} == {way.__name__.strip("_") for way in WAYS}
