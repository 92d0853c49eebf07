from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import NotFound
from sheetal.contracts.topics import Channel
from sheetal.ledger import assets, audit, downlink, judgement_writes
from sheetal.ledger.judgements import GatewayState
from tests.sheetal.ledger.seeds import ACTOR, CIPHER, FACILITY, GATEWAY, NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def send(ledger: Ledger, body: str = "{}", gateway_id: str = GATEWAY) -> int:
    with ledger.write() as conn:
        return downlink.send_down(conn, gateway_id, Channel.COMMAND, body, ACTOR, NOW_MS)


def test_messages_wait_oldest_first_until_they_are_published(house: Ledger) -> None:
    first, second = send(house, '{"resend":1}'), send(house)
    with house.write() as conn:
        waiting = downlink.unpublished(conn)
        assert [one.id for one in waiting] == [first, second]
        assert waiting[0] == downlink.Downlink(
            id=first,
            gateway_id=GATEWAY,
            channel=Channel.COMMAND,
            body='{"resend":1}',
            created_at_ms=NOW_MS,
        )
        assert len(downlink.unpublished(conn, 1)) == 1
        assert downlink.mark_published(conn, first, NOW_MS)
        assert not downlink.mark_published(conn, first, NOW_MS)
        assert [one.id for one in downlink.unpublished(conn)] == [second]


def test_what_is_sent_down_is_traced(house: Ledger) -> None:
    number = send(house)
    with house.read() as conn:
        (entry,) = audit.entries(conn, FACILITY, 1)
    assert (entry.act, entry.subject, entry.detail) == ("sent_command", GATEWAY, f'{{"number":{number}}}')


def say(ledger: Ledger, *, online: bool, session: int = 1) -> None:
    said = GatewayState(
        gateway_id=GATEWAY,
        session=session,
        online=online,
        boot=None,
        software=None,
        clock_source=None,
        changed_at_ms=NOW_MS,
    )
    with ledger.write() as conn:
        judgement_writes.put_gateway_state(conn, said)


def waiting(ledger: Ledger) -> list[int]:
    with ledger.read() as conn:
        return [one.id for one in downlink.unpublished(conn)]


def send_config(ledger: Ledger, body: str = "{}", gateway_id: str = GATEWAY) -> int:
    with ledger.write() as conn:
        return downlink.send_down(conn, gateway_id, Channel.DESIRED, body, ACTOR, NOW_MS, version=3)


def publish(ledger: Ledger, *numbers: int) -> None:
    with ledger.write() as conn:
        for number in numbers:
            assert downlink.mark_published(conn, number, NOW_MS)


def test_a_command_waits_for_its_gateway_and_a_configuration_does_not(house: Ledger) -> None:
    say(house, online=False)
    config, command = send_config(house), send(house)
    assert waiting(house) == [config]
    say(house, online=True, session=2)
    assert waiting(house) == [command, config], "a command is not held up by configurations"


def test_the_newest_configuration_of_each_gateway_goes_again(house: Ledger) -> None:
    with house.write() as conn:
        for name in ("gw-02", "gw-03"):
            assets.add_gateway(conn, CIPHER, name, FACILITY, b"k" * 32, NOW_MS)
    old, command, new = send_config(house), send(house), send_config(house, '{"a":1}')
    second, third = send_config(house, gateway_id="gw-02"), send_config(house, gateway_id="gw-03")
    publish(house, old, command, new, second, third)
    with house.write() as conn:
        assets.retire_gateway(conn, "gw-03", NOW_MS)
        assert downlink.queue_again(conn) == 2
        assert downlink.queue_again(conn) == 0, "what waits already is not queued twice"
    assert waiting(house) == [new, second]
    publish(house, new, second)
    with house.write() as conn:
        assert downlink.queue_again(conn, "gw-02") == 1
    assert waiting(house) == [second]


def test_what_was_sent_is_shown_newest_first_with_its_way(house: Ledger) -> None:
    first, second = send(house), send(house)
    send_config(house)
    publish(house, first)
    with house.read() as conn:
        found = downlink.sent(conn, GATEWAY, Channel.COMMAND)
        assert [(one.id, one.published_at_ms) for one in found] == [(second, None), (first, NOW_MS)]
        assert len(downlink.sent(conn, GATEWAY, Channel.COMMAND, 1)) == 1
        assert downlink.sent(conn, "gw-77", Channel.COMMAND) == []


def test_more_about_it_stands_in_the_trace(house: Ledger) -> None:
    number = send_config(house)
    with house.read() as conn:
        (entry,) = audit.entries(conn, FACILITY, 1)
    assert (entry.act, entry.detail) == ("sent_desired", f'{{"number":{number},"version":3}}')


def test_nothing_is_sent_to_a_gateway_out_of_service(house: Ledger) -> None:
    with pytest.raises(NotFound):
        send(house, gateway_id="gw-99")
    with house.write() as conn:
        assets.retire_gateway(conn, GATEWAY, NOW_MS)
    with pytest.raises(NotFound):
        send(house)


def told_again(ledger: Ledger, at_ms: int, after: int = 0, limit: int = downlink.PENDING_MAX) -> list[int]:
    with ledger.read() as conn:
        return [one.id for one in downlink.to_tell_again(conn, NOW_MS + at_ms, after, limit)]


def tell_again(ledger: Ledger, number: int, at_ms: int) -> None:
    with ledger.write() as conn:
        downlink.mark_told_again(conn, number, NOW_MS + at_ms)


def test_an_order_is_told_again_after_half_a_minute_and_ever_more_rarely(house: Ledger) -> None:
    number = send(house)
    assert told_again(house, 60_000) == [], "it has not gone out yet"
    publish(house, number, send_config(house))
    turns = []
    for second in range(86_400):
        due_ms = 1_000 * second
        last_ms = turns[-1] if turns else 0
        if due_ms - last_ms >= 30_000 and (due_ms - last_ms) * 4 >= due_ms:
            assert told_again(house, due_ms - 1_000) == []
            assert told_again(house, due_ms) == [number]
            tell_again(house, number, due_ms)
            turns.append(due_ms)
    assert turns[:5] == [30_000, 60_000, 90_000, 120_000, 160_000]
    assert len([at_ms for at_ms in turns if at_ms < 900_000]) <= 12
    assert len(turns) <= 30, "in a whole day"
    assert told_again(house, 2 * 86_400_000) == []


def test_who_says_that_it_is_there_is_told_at_once_and_who_is_away_is_not(house: Ledger) -> None:
    number = send(house)
    publish(house, number)
    say(house, online=False)
    assert told_again(house, 60_000) == []
    with house.write() as conn:
        said = GatewayState(
            gateway_id=GATEWAY,
            session=2,
            online=True,
            boot=None,
            software=None,
            clock_source=None,
            changed_at_ms=NOW_MS + 400,
        )
        judgement_writes.put_gateway_state(conn, said)
    assert told_again(house, 401) == [number]
    tell_again(house, number, 402)
    assert told_again(house, 403) == []
    assert told_again(house, 30_402) == [number]
    with house.write() as conn:
        assets.retire_gateway(conn, GATEWAY, NOW_MS)
    assert told_again(house, 30_402) == []


def test_only_the_newest_ten_orders_of_each_gateway_are_told_again_page_by_page(house: Ledger) -> None:
    with house.write() as conn:
        assets.add_gateway(conn, CIPHER, "gw-02", FACILITY, b"k" * 32, NOW_MS)
    numbers = [send(house) for _ in range(13)]
    other = send(house, gateway_id="gw-02")
    publish(house, *numbers[:-1], other)
    assert told_again(house, 30_000) == [*numbers[3:-1], other], "one that waits is one of the ten"
    assert told_again(house, 30_000, limit=4) == numbers[3:7]
    assert told_again(house, 30_000, after=numbers[-2]) == [other]
