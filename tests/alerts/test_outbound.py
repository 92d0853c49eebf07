from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from alerts.keys import Keys
from alerts.outbound import SEAL_PURPOSE, publish_downlinks, seal_heads
from sheetal.contracts import topics
from sheetal.contracts.seal import open_envelope, unseal
from sheetal.contracts.topics import Channel
from sheetal.ledger import assets, downlink, seals
from tests.alerts.given import FACILITY, GATEWAY, KEY, at

if TYPE_CHECKING:
    from tests.alerts.given import World


class Line:
    def __init__(self, *, is_up: bool = True) -> None:
        self.is_up = is_up
        self.sent: list[tuple[str, bytes, bool]] = []

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        if self.is_up:
            self.sent.append((topic, payload, retain))
        return self.is_up


def publish(world: World, line: Line) -> int:
    return publish_downlinks(world.ledger, Keys(world.ledger, world.cipher, lambda: at(1)), line, at(1))


def queue(world: World, channel: Channel, body: str, gateway: str = GATEWAY) -> None:
    with world.ledger.write() as conn:
        downlink.send_down(conn, gateway, channel, body, "ravi", at(0))


def test_desired_is_retained_and_a_command_is_not(world: World) -> None:
    queue(world, Channel.DESIRED, '{"interval_ms":60000}')
    queue(world, Channel.COMMAND, '{"blink":1}')
    line = Line()
    assert publish(world, line) == 2
    assert [(topic, retain) for topic, _, retain in line.sent] == [
        (topics.of_gateway(GATEWAY, Channel.DESIRED), True),
        (topics.of_gateway(GATEWAY, Channel.COMMAND), False),
    ]
    decoder = msgspec.json.Decoder(dict[str, int])
    assert unseal(open_envelope(line.sent[0][1]), Channel.DESIRED, GATEWAY, KEY, decoder) == {"interval_ms": 60000}
    assert publish(world, line) == 0


def test_without_a_broker_messages_wait(world: World) -> None:
    queue(world, Channel.COMMAND, '{"blink":1}')
    line = Line(is_up=False)
    assert publish(world, line) == 0
    line.is_up = True
    assert publish(world, line) == 1


def test_a_message_for_a_gateway_retired_since_blocks_nobody(world: World) -> None:
    with world.ledger.write() as conn:
        assets.add_gateway(conn, world.cipher, "gw-02", FACILITY, b"k" * 32, at(0))
    queue(world, Channel.COMMAND, '{"blink":1}', "gw-02")
    with world.ledger.write() as conn:
        assets.retire_gateway(conn, "gw-02", at(0))
    queue(world, Channel.COMMAND, '{"blink":2}')
    line = Line()
    publish(world, line)
    assert [topic for topic, _, _ in line.sent] == [topics.of_gateway(GATEWAY, Channel.COMMAND)]
    assert publish(world, line) == 0


def test_the_seal_goes_out_retained_chained_and_signed(world: World) -> None:
    line = Line()
    world.receive()
    assert seal_heads(world.ledger, world.cipher, line, at(1))
    world.receive("H-2")
    assert seal_heads(world.ledger, world.cipher, line, at(2))
    (topic, _, retain), (_, payload, _) = line.sent
    outside = msgspec.json.decode(payload, type=seals.Seal)
    assert (topic, retain, outside.number) == (topics.SEAL, True, 2)
    assert outside.signature == world.cipher.blind_index(outside.hash, purpose=SEAL_PURPOSE)
    with world.ledger.read() as conn:
        assert seals.verify_seals(conn).broken_at is None
        assert seals.verify_against(conn, outside) == {}


def test_a_seal_is_made_even_while_the_broker_is_away(world: World) -> None:
    assert not seal_heads(world.ledger, world.cipher, Line(is_up=False), at(1))
    with world.ledger.read() as conn:
        assert seals.latest_seal(conn) is not None
