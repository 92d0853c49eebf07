from __future__ import annotations

import msgspec
import pytest

from sheetal.contracts.gateway_state import Birth, State

BIRTH = Birth(
    gateway="gw-01",
    boot=1 << 32,
    session=5,
    software="0.1.0",
    sensors=["gw-01.a"],
    clock_source="ntp",
    at_ms=1_795_000_000_000,
)


@pytest.mark.parametrize("said", [BIRTH, State(gateway="gw-01", session=5, online=False)])
def test_what_is_said_comes_back(said: Birth | State) -> None:
    assert msgspec.json.decode(msgspec.json.encode(said), type=type(said)) == said


@pytest.mark.parametrize("missing", ["session", "gateway", "online"])
def test_a_state_names_its_connection(missing: str) -> None:
    words = {"gateway": "gw-01", "session": 5, "online": True}
    del words[missing]
    with pytest.raises(msgspec.ValidationError, match=missing):
        msgspec.convert(words, State)
