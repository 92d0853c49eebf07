from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts import topics
from sheetal.contracts.topics import Channel, GatewayTopic

GATEWAYS = st.from_regex(topics.IDENTIFIER, fullmatch=True)


@given(GATEWAYS, st.sampled_from(Channel))
def test_a_topic_parses_to_what_it_was_built_from(gateway: str, channel: Channel) -> None:
    assert topics.parse(topics.of_gateway(gateway, channel)) == GatewayTopic(gateway, channel)


@given(st.text())
def test_no_other_text_parses(text: str) -> None:
    parsed = topics.parse(text)
    assert parsed is None or topics.of_gateway(*parsed) == text


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "cc/v1/gw-01",
        "cc/v1/gw-01/",
        "cc/v1/gw-01/other",
        "cc/v1/gw-01/data/more",
        "cc/v1/_/stored",
        "cc/v1/+/data",
        "cc/v2/gw-01/data",
        "x/cc/v1/gw-01/data",
        "cc/v1//data",
        "CC/v1/gw-01/data",
    ],
)
def test_a_topic_of_nobody_is_none(topic: str) -> None:
    assert topics.parse(topic) is None


@pytest.mark.parametrize("gateway", ["", "+", "#", "gw/01", "gw.01", "_", "-gw", "x" * 49, "gw\n", "gé"])
def test_an_id_cannot_escape_its_place(gateway: str) -> None:
    with pytest.raises(ValueError, match="not a gateway id"):
        topics.of_gateway(gateway, Channel.DATA)


def test_the_words_of_the_wire() -> None:
    assert topics.of_gateway("gw-01", Channel.ALARM_ACK) == "cc/v1/gw-01/ack/alarm"
    assert topics.of_every_gateway(Channel.DATA) == "cc/v1/+/data"
    assert topics.shared("ingest", topics.of_every_gateway(Channel.DATA)) == "$share/ingest/cc/v1/+/data"
    assert (topics.STORED, topics.INGEST_ALIVE, topics.SEAL) == ("cc/v1/_/stored", "cc/v1/_/ingest", "cc/v1/_/seal")


def test_each_channel_goes_up_or_down() -> None:
    assert sorted([*topics.UP, *topics.DOWN]) == sorted(Channel)


@given(GATEWAYS, st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True))
def test_a_sensor_stands_below_its_gateway(gateway: str, probe: str) -> None:
    sensor = topics.sensor_of(gateway, probe)
    assert topics.gateway_of(sensor) == gateway
    assert topics.SENSOR_IDENTIFIER.fullmatch(sensor)
