from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select, update

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Command, CommandKind, Outcome
from sheetal.ledger import assets, downlink, gateway_twins, resend_wishes
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.gateway_twins import WAITING_COMMANDS_MAX
from sheetal.ledger.resend_wishes import ASK_ANEW_MS, LATER_MS, Wish
from tests.sheetal.ledger.seeds import ACTOR, CIPHER, FACILITY, GATEWAY, NOW_MS
from tests.sheetal.ledger.test_gateway_twins import put, said

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

SINCE_MS = NOW_MS - DAY_MS


def enrol(ledger: Ledger, count: int) -> None:
    with ledger.write() as conn:
        for number in range(count):
            assets.add_gateway(conn, CIPHER, f"gw-m{number:03d}", FACILITY, bytes(32), NOW_MS)


def wish(ledger: Ledger, since_ms: int = SINCE_MS, a_minute: int = 600, now_ms: int = NOW_MS) -> int:
    with ledger.write() as conn:
        return resend_wishes.wish_all(conn, since_ms, now_ms, a_minute)


def open_wishes(ledger: Ledger, due_by_ms: int | None = None) -> list[Wish]:
    with ledger.read() as conn:
        return resend_wishes.wishes(conn, 1_000, due_by_ms)


def ask(ledger: Ledger, now_ms: int = NOW_MS) -> bool:
    with ledger.write() as conn:
        (one,) = [one for one in resend_wishes.wishes(conn, 10, now_ms) if one.gateway_id == GATEWAY]
        return resend_wishes.ask_for_wish(conn, one, ACTOR, now_ms)


def orders(ledger: Ledger) -> list[Command]:
    with ledger.read() as conn:
        sent = downlink.sent(conn, GATEWAY, Channel.COMMAND)
    return [msgspec.json.decode(one.body, type=Command) for one in sent]


def answer(ledger: Ledger, *, done: bool) -> tuple[int, str]:
    outcome = Outcome(id=orders(ledger)[0].id, kind=CommandKind.RESEND, at_ms=NOW_MS, done=done, detail="9")
    put(ledger, said(outcomes=[outcome]))
    with ledger.write() as conn:
        return resend_wishes.settle_wishes(conn, NOW_MS, "", 100)


def test_every_gateway_in_service_is_to_be_asked_spread_out_in_time(house: Ledger) -> None:
    enrol(house, 30)
    with house.write() as conn:
        conn.execute(update(gateway).where(gateway.c.id == "gw-m007").values(retired_at_ms=NOW_MS))
        in_service = conn.execute(select(gateway.c.id).where(gateway.c.retired_at_ms.is_(None))).scalars().all()
    assert wish(house, a_minute=10) == len(in_service)
    found = open_wishes(house)
    assert {one.gateway_id for one in found} == set(in_service)
    assert len({one.due_at_ms for one in found}) == len(found)
    for minute in range(4):
        due = open_wishes(house, NOW_MS + minute * MINUTE_MS)
        assert len(due) == min(len(in_service), minute * 10 + 1)


def test_a_second_restore_keeps_the_earlier_instant_and_asks_anew(house: Ledger) -> None:
    wish(house, SINCE_MS)
    ask(house)
    wish(house, SINCE_MS + HOUR_MS)
    (one,) = open_wishes(house)
    assert (one.since_ms, one.due_at_ms, one.command_id) == (SINCE_MS, NOW_MS, None)


def test_an_order_names_the_span_and_what_was_settled_since(house: Ledger) -> None:
    wish(house)
    assert ask(house)
    (order,) = orders(house)
    assert order.kind is CommandKind.RESEND
    assert (order.from_ms, order.until_ms, order.settled_from_ms) == (SINCE_MS, NOW_MS + DAY_MS, SINCE_MS)
    (one,) = open_wishes(house)
    assert (one.command_id, one.due_at_ms) == (order.id, NOW_MS + ASK_ANEW_MS)
    assert open_wishes(house, NOW_MS + HOUR_MS) == []


def test_a_gateway_that_was_away_for_a_day_is_asked_anew(house: Ledger) -> None:
    wish(house)
    ask(house)
    assert ask(house, NOW_MS + ASK_ANEW_MS)
    assert [order.from_ms for order in orders(house)] == [SINCE_MS, SINCE_MS]


def test_a_wish_ends_when_the_gateway_says_it_did_it(house: Ledger) -> None:
    wish(house)
    ask(house)
    with house.write() as conn:
        assert resend_wishes.settle_wishes(conn, NOW_MS, "", 100) == (0, "")
    assert answer(house, done=True) == (1, "")
    assert open_wishes(house) == []


def test_what_a_gateway_could_not_do_it_is_told_again_later(house: Ledger) -> None:
    wish(house)
    ask(house)
    assert answer(house, done=False) == (0, "")
    (one,) = open_wishes(house)
    assert (one.command_id, one.due_at_ms) == (None, NOW_MS + LATER_MS)


def test_answers_are_looked_through_page_by_page(house: Ledger) -> None:
    enrol(house, 4)
    wish(house)
    with house.write() as conn:
        for one in resend_wishes.wishes(conn, 10):
            resend_wishes.ask_for_wish(conn, one, ACTOR, NOW_MS)
        _, after = resend_wishes.settle_wishes(conn, NOW_MS, "", 3)
        assert after == sorted(one.gateway_id for one in resend_wishes.wishes(conn, 10))[2]
        assert resend_wishes.settle_wishes(conn, NOW_MS, after, 3) == (0, "")


def test_a_retired_gateway_is_no_longer_wished_for(house: Ledger) -> None:
    wish(house)
    with house.write() as conn:
        conn.execute(update(gateway).values(retired_at_ms=NOW_MS))
    assert not ask(house)
    assert open_wishes(house) == []


def test_a_gateway_for_which_too_much_waits_is_thought_of_later(house: Ledger) -> None:
    wish(house)
    with house.write() as conn:
        for _ in range(WAITING_COMMANDS_MAX):
            gateway_twins.send_command(conn, GATEWAY, CommandKind.IDENTIFY, ACTOR, NOW_MS)
    assert not ask(house)
    (one,) = open_wishes(house)
    assert one.due_at_ms == NOW_MS + LATER_MS


def test_those_whose_turn_has_not_come_are_known(house: Ledger) -> None:
    enrol(house, 1)
    wish(house)
    ask(house, NOW_MS + MINUTE_MS)
    with house.read() as conn:
        assert resend_wishes.unasked(conn, [GATEWAY, "gw-m000"]) == {"gw-m000"}
        assert resend_wishes.offline(conn, [GATEWAY]) == set()
