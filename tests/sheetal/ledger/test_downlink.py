from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.problem import NotFound
from sheetal.contracts.topics import Channel
from sheetal.ledger import assets, audit, downlink
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, GATEWAY, NOW_MS

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


def test_nothing_is_sent_to_a_gateway_out_of_service(house: Ledger) -> None:
    with pytest.raises(NotFound):
        send(house, gateway_id="gw-99")
    with house.write() as conn:
        assets.retire_gateway(conn, GATEWAY, NOW_MS)
    with pytest.raises(NotFound):
        send(house)
