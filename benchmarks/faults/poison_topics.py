"""Hostile topics: other channels, odd places, wildcards, what no UTF-8 is; and messages at QoS 0 (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from benchmarks.faults.poison_bytes import INJECTIONS, refused
from benchmarks.faults.poison_fate import Fate, Made, Way
from ingest.reasons import Reason

if TYPE_CHECKING:
    from benchmarks.faults.poison_fate import Draw

BAD_TOPIC = refused(Reason.BAD_TOPIC)
UNHEARD = Fate(heard=False)
LONG_TOPIC_BYTES = 60_000
ODD_NAMES = (
    "",
    "_",
    "-",
    "$SYS",
    "a b",
    "mad-00 ",
    " mad-00",
    "mad-00\u202e",
    "mad\u200b-00",
    "\uff4d\uff41\uff44-00",
    "\U0001f9ca",
    "x" * 49,
    "म" * 20,
    "'; DROP TABLE gateway; --",
    "%s%n{0}",
    "mad-00.p0",
    "mad-00,evil=1",
    "<script>",
)
"""Levels that no gateway may have as its name, but which ingest's subscription covers."""
ENDS_A_CONNECTION = (
    b"cc/v1/+/data",
    b"cc/v1/#",
    b"#",
    b"cc/v1/mad-00/data\x00",
    b"cc/v1/\x00/data",
    b"cc/v1/\xff\xfe/data",
    b"cc/v1/\xed\xa0\x80/data",
    b"cc/v1/mad\x01\n/data",
    b"cc/v1/mad-00\x7f/data",
    b"",
)
ELSEWHERE = (
    "cc/v1/{}/alarm",
    "cc/v1/{}/birth",
    "cc/v1/{}/state",
    "cc/v1/{}/reported",
    "cc/v1/{}/ack",
    "cc/v1/{}/ack/alarm",
    "cc/v1/{}/desired",
    "cc/v1/{}/command",
    "cc/v1/{}/data/x",
    "cc/v1/{}/data/",
    "cc/v1/{}",
    "cc/v2/{}/data",
    "/cc/v1/{}/data",
    "CC/V1/{}/DATA",
    "cc/v1/_/stored",
    "cc/v1/_/seal",
    "{}",
)
"""Where ingest does not listen."""


def odd_name(draw: Draw) -> Made:
    """A true batch at a place that can be no gateway's."""
    odd = draw.chance.choice(ODD_NAMES)
    if draw.number % 3 == 0 and odd:
        odd = f"{odd} {draw.number}"
    return Made(draw.true_batch(1), BAD_TOPIC, f"cc/v1/{odd}/data".encode())


def long_name(draw: Draw) -> Made:
    """A place with a name of almost as many bytes as MQTT allows, another one each time."""
    return Made(b"{}", BAD_TOPIC, b"cc/v1/%d%b/data" % (draw.number, b"x" * LONG_TOPIC_BYTES))


def elsewhere(draw: Draw) -> Made:
    """A true batch where ingest does not listen."""
    return Made(draw.true_batch(), UNHEARD, draw.chance.choice(ELSEWHERE).format(draw.gateway).encode())


def sign_of_life(draw: Draw) -> Made:
    """No sign of life at all, where workers tell each other theirs."""
    ways = (
        draw.chance.randbytes(50),
        b"[" * 5_000,
        b'{"at_ms":"now","worker":7}',
        b'{"worker":"x","at_ms":NaN}',
        msgspec.json.encode(draw.chance.choice(INJECTIONS)),
    )
    return Made(draw.chance.choice(ways), UNHEARD, b"cc/v1/_/ingest")


def ends_a_connection(draw: Draw) -> Made:
    """A topic that MQTT forbids; a broker ends the connection, or hands it on for ingest to refuse."""
    topic = draw.chance.choice(ENDS_A_CONNECTION)
    return Made(draw.true_batch(1), BAD_TOPIC._replace(certain=False), topic, Way.ALONE)


def unconfirmed(draw: Draw) -> Made:
    """Junk at QoS 0."""
    fate = refused(Reason.BAD_JSON)._replace(certain=False)
    return Made(draw.chance.randbytes(draw.chance.randrange(1, 200)), fate, way=Way.UNCONFIRMED)
