from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from alerts import gateway_state
from alerts.outbound import SEAL_PURPOSE, Downlinks, seal_heads
from sheetal.contracts import topics
from sheetal.contracts.seal import open_envelope, unseal
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Command, CommandKind, Desired, Outcome, Reported, TwinState
from sheetal.ledger import assets, downlink, enrolment, gateway_twins, seals
from sheetal.ledger.judgements import GatewayState
from tests.alerts.given import FACILITY, GATEWAY, KEY, at

if TYPE_CHECKING:
    import pytest

    from tests.alerts.given import World


class Line:
    def __init__(self, *, is_up: bool = True) -> None:
        self.is_up = is_up
        self.connections = 1
        self.sent: list[tuple[str, bytes, bool]] = []

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        if self.is_up:
            self.sent.append((topic, payload, retain))
        return self.is_up


def publish(world: World, line: Line) -> int:
    return Downlinks(world.ledger, world.cipher, line).publish(at(1))


def send_config(world: World, built_on: int = 0, gateway: str = GATEWAY) -> None:
    with world.ledger.write() as conn:
        gateway_twins.send_desired(conn, gateway, {"source": []}, built_on, "ravi", at(0))


def desired(line: Line, key: bytes = KEY) -> list[tuple[str, int]]:
    """The gateway and version of every configuration that went out, in order."""
    decoder = msgspec.json.Decoder(Desired)
    found = []
    for topic, payload, retain in line.sent:
        named = topics.parse(topic)
        if named is not None and named.channel is Channel.DESIRED:
            assert retain
            found.append((named.gateway, unseal(open_envelope(payload), Channel.DESIRED, named.gateway, key, decoder)))
    return [(gateway, one.version) for gateway, one in found]


def add_gateways(world: World, *names: str) -> None:
    with world.ledger.write() as conn:
        for name in names:
            assets.add_gateway(conn, world.cipher, name, FACILITY, KEY, at(0))


def queue(world: World, channel: Channel, body: str, gateway: str = GATEWAY) -> None:
    with world.ledger.write() as conn:
        downlink.send_down(conn, gateway, channel, body, "ravi", at(0))


def test_desired_is_retained_and_a_command_is_not(world: World) -> None:
    queue(world, Channel.DESIRED, '{"interval_ms":60000}')
    queue(world, Channel.COMMAND, '{"blink":1}')
    line = Line()
    downlinks = Downlinks(world.ledger, world.cipher, line)
    assert downlinks.publish(at(1)) == 2
    assert [(topic, retain) for topic, _, retain in line.sent] == [
        (topics.of_gateway(GATEWAY, Channel.COMMAND), False),
        (topics.of_gateway(GATEWAY, Channel.DESIRED), True),
    ]
    decoder = msgspec.json.Decoder(dict[str, int])
    assert unseal(open_envelope(line.sent[1][1]), Channel.DESIRED, GATEWAY, KEY, decoder) == {"interval_ms": 60000}
    assert downlinks.publish(at(1)) == 0


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


def test_a_new_connection_brings_every_gateways_newest_configuration_again(world: World) -> None:
    add_gateways(world, "gw-02", "gw-03")
    send_config(world)
    send_config(world, 1)
    send_config(world, gateway="gw-02")
    line = Line()
    downlinks = Downlinks(world.ledger, world.cipher, line)
    assert downlinks.publish(at(1)) == 3
    assert downlinks.publish(at(2)) == 0
    line.sent.clear()
    line.connections = 2
    downlinks.publish(at(3))
    assert desired(line) == [(GATEWAY, 2), ("gw-02", 1)]
    assert downlinks.publish(at(4)) == 0


def test_who_takes_the_lead_brings_them_again_too(world: World) -> None:
    send_config(world)
    publish(world, Line())
    successor = Line()
    publish(world, successor)
    assert desired(successor) == [(GATEWAY, 1)]


def test_a_fleets_configurations_go_in_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downlink, "PENDING_MAX", 2)
    names = [f"gw-1{number}" for number in range(5)]
    add_gateways(world, *names)
    for name in names:
        send_config(world, gateway=name)
    line = Line()
    downlinks = Downlinks(world.ledger, world.cipher, line)
    assert [downlinks.publish(at(1)) for _ in range(4)] == [2, 2, 1, 0]
    assert desired(line) == [(name, 1) for name in names]


def test_a_turn_without_a_broker_forgets_no_configuration(world: World) -> None:
    send_config(world)
    line = Line()
    downlinks = Downlinks(world.ledger, world.cipher, line)
    downlinks.publish(at(1))
    line.connections, line.is_up = 2, False
    assert downlinks.publish(at(2)) == 0
    line.is_up = True
    assert downlinks.publish(at(3)) == 1
    assert desired(line) == [(GATEWAY, 1), (GATEWAY, 1)]


def test_an_order_that_has_expired_never_goes_out(world: World) -> None:
    with world.ledger.write() as conn:
        order = gateway_twins.send_command(conn, GATEWAY, CommandKind.IDENTIFY, "ravi", at(0))
    line = Line()
    downlinks = Downlinks(world.ledger, world.cipher, line)
    assert (downlinks.publish(order.expires_at_ms), line.sent) == (1, [])
    assert downlinks.publish(order.expires_at_ms - 1) == 0, "nor later, by a clock set back"


def test_a_key_of_a_moment_ago_seals_at_once(world: World) -> None:
    send_config(world)
    line = Line()
    downlinks = Downlinks(world.ledger, world.cipher, line)
    downlinks.publish(at(1))
    with world.ledger.write() as conn:
        code = enrolment.issue_code(conn, GATEWAY, FACILITY, "ravi", at(1))
        found = enrolment.redeem(conn, world.cipher, GATEWAY, code, at(1))
    assert found is not None
    line.sent.clear()
    assert downlinks.publish(at(1)) == 1
    assert desired(line, found.key) == [(GATEWAY, 1)]


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


def order(world: World, kind: CommandKind = CommandKind.IDENTIFY) -> Command:
    with world.ledger.write() as conn:
        return gateway_twins.send_command(conn, GATEWAY, kind, "ravi", at(0))


def orders(line: Line) -> list[str]:
    """The id of every order that went out, in order."""
    decoder = msgspec.json.Decoder(Command)
    found = []
    for topic, payload, retain in line.sent:
        if topic == topics.of_gateway(GATEWAY, Channel.COMMAND):
            assert not retain
            found.append(unseal(open_envelope(payload), Channel.COMMAND, GATEWAY, KEY, decoder).id)
    return found


def report(world: World, *done: Command) -> None:
    outcomes = [Outcome(id=one.id, kind=one.kind, at_ms=at(1), done=True, detail="") for one in done]
    said = Reported(
        gateway=GATEWAY,
        boot=1 << 32,
        at_ms=at(1),
        version=0,
        state=TwinState.AS_INSTALLED,
        problem="",
        config=msgspec.Raw(b"{}"),
        outcomes=outcomes,
    )
    with world.ledger.write() as conn:
        gateway_twins.put_reported(conn, said, at(1))


def is_there(world: World, session: int, at_ms: int, *, online: bool = True) -> None:
    said = GatewayState(
        gateway_id=GATEWAY,
        session=session,
        online=online,
        boot=None,
        software=None,
        clock_source=None,
        changed_at_ms=at_ms,
    )
    assert gateway_state.keep(world.ledger, said)


def test_an_order_said_while_its_gateway_came_back_is_heard_at_once_by_its_birth(world: World) -> None:
    is_there(world, 1, at(0))
    first = order(world)
    line = Line()
    downlinks = Downlinks(world.ledger, world.cipher, line)
    assert downlinks.publish(at(1)) == 1
    assert downlinks.publish_again(at(1) + 500) == 0
    is_there(world, 2, at(1) + 700)
    assert downlinks.publish_again(at(1) + 1_000) == 1
    assert downlinks.publish_again(at(1) + 2_000) == 0
    assert orders(line) == [first.id, first.id]
    report(world, first)
    is_there(world, 3, at(2))
    assert downlinks.publish_again(at(3)) == 0


def test_an_order_without_an_outcome_goes_again_until_it_expires(world: World) -> None:
    first = order(world)
    line = Line()
    Downlinks(world.ledger, world.cipher, line).publish(at(0))
    turns = [at(0) + 10_000 * number for number in range(1, 120)]
    successor = Downlinks(world.ledger, world.cipher, line)
    gone = [at_ms - at(0) for at_ms in turns if successor.publish_again(at_ms)]
    assert gone[:3] == [30_000, 60_000, 90_000]
    assert len(gone) <= 12
    assert gone[-1] < first.expires_at_ms - at(0)
    assert orders(line) == [first.id] * (1 + len(gone))


def test_an_order_that_the_broker_did_not_take_is_due_at_the_next_turn(world: World) -> None:
    order(world)
    line = Line()
    downlinks = Downlinks(world.ledger, world.cipher, line)
    downlinks.publish(at(0))
    line.is_up = False
    assert downlinks.publish_again(at(1)) == 0
    line.is_up = True
    is_there(world, 1, at(1), online=False)
    assert downlinks.publish_again(at(2)) == 0, "it waits for its gateway"
    is_there(world, 2, at(2))
    assert downlinks.publish_again(at(2) + 1) == 1


def test_answered_orders_of_a_fleet_stand_in_nobodys_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downlink, "PENDING_MAX", 2)
    answered = [order(world) for _ in range(4)]
    last = order(world)
    line = Line()
    downlinks = Downlinks(world.ledger, world.cipher, line)
    while downlinks.publish(at(0)):
        pass
    report(world, *answered)
    line.sent.clear()
    assert [downlinks.publish_again(at(1)) for _ in range(3)] == [0, 0, 1]
    assert orders(line) == [last.id]
