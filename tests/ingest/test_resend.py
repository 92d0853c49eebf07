from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from ingest import resend
from ingest.resend import Resend
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import Unavailable
from sheetal.contracts.topics import Channel
from sheetal.contracts.twin import Command, CommandKind, Outcome, Reported, TwinState
from sheetal.ledger import downlink, gateway_twins, resend_wishes, telemetry_holes, telemetry_sequences
from sheetal.ledger.judgement_tables import gateway_state
from sheetal.ledger.telemetry_holes import LATER_MS, PATIENCE_MS
from tests.ingest.given import KEYS, NOW_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from sheetal.ledger.telemetry_holes import Hole
    from tests.ingest.conftest import Stores

BOOT = 7 << 32
GATEWAYS = sorted(KEYS)
GATEWAY = GATEWAYS[0]
LATE_MS = NOW_MS + PATIENCE_MS
SINCE_MS = NOW_MS - DAY_MS


def orders(stores: Stores, gateway: str = GATEWAY) -> list[Command]:
    with stores.ledger.read() as conn:
        sent = downlink.sent(conn, gateway, Channel.COMMAND)
    return [msgspec.json.decode(one.body, type=Command) for one in sent]


def settle(stores: Stores, *ranges: tuple[int, int], gateway: str = GATEWAY) -> None:
    with stores.telemetry.write() as conn:
        telemetry_sequences.settle_ranges(conn, {(gateway, BOOT): list(ranges)}, NOW_MS)


def wish_all(stores: Stores, a_minute: int = 600) -> None:
    with stores.ledger.write() as conn:
        resend_wishes.wish_all(conn, SINCE_MS, NOW_MS, a_minute)


def say_done(stores: Stores, order: Command) -> None:
    outcome = Outcome(id=order.id, kind=CommandKind.RESEND, at_ms=NOW_MS, done=True, detail="0")
    told = Reported(
        gateway=order.gateway,
        boot=BOOT,
        at_ms=NOW_MS,
        version=0,
        state=TwinState.AS_INSTALLED,
        problem="",
        config=msgspec.Raw(b"{}"),
        outcomes=[outcome],
    )
    with stores.ledger.write() as conn:
        gateway_twins.put_reported(conn, told, NOW_MS)


@pytest.fixture
def asking(stores: Stores) -> Resend:
    return Resend(stores.ledger, stores.telemetry)


def test_nothing_missing_asks_for_nothing(stores: Stores, asking: Resend) -> None:
    settle(stores, (1, 50))
    assert asking.turn(LATE_MS) == 0
    assert orders(stores) == []


def test_a_hole_that_stays_open_is_asked_for_once_by_its_numbers(stores: Stores, asking: Resend) -> None:
    settle(stores, (1, 5), (9, 20), (22, 30))
    assert asking.turn(LATE_MS - 1) == 0
    assert asking.turn(LATE_MS) == 1
    assert asking.turn(LATE_MS + 10_000) == 0
    (order,) = orders(stores)
    assert order.kind is CommandKind.RESEND
    assert order.ranges == [(BOOT, 6, 8), (BOOT, 21, 21)]
    assert order.from_ms is None


def test_a_store_that_takes_no_note_has_nobody_asked_again_and_again(
    stores: Stores, asking: Resend, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(stores, (5, 5))
    note_asked = telemetry_holes.note_asked

    def full(conn: Connection, holes: Sequence[Hole], now_ms: int, more: int = 1) -> None:
        if more:
            raise Unavailable("the disk is full")
        note_asked(conn, holes, now_ms, more)

    monkeypatch.setattr(telemetry_holes, "note_asked", full)
    with pytest.raises(Unavailable):
        asking.turn(LATE_MS)
    assert asking.turn(LATE_MS + 10_000) == 0
    assert len(orders(stores)) == 1
    monkeypatch.undo()
    assert asking.turn(LATE_MS + LATER_MS) == 1


def test_a_gateway_that_is_away_is_asked_when_it_is_back(stores: Stores, asking: Resend) -> None:
    settle(stores, (5, 5))
    state = {"gateway_id": GATEWAY, "session": 1, "online": False, "changed_at_ms": NOW_MS}
    with stores.ledger.write() as conn:
        conn.execute(gateway_state.insert().values(**state))
    assert asking.turn(LATE_MS) == 0
    with stores.ledger.write() as conn:
        conn.execute(gateway_state.update().values(online=True))
    assert asking.turn(LATE_MS + 1) == 0
    assert asking.turn(LATE_MS + LATER_MS) == 1


def test_a_gateway_nobody_knows_holds_up_nobody(stores: Stores, asking: Resend) -> None:
    settle(stores, (5, 5), gateway="gw-stranger")
    settle(stores, (5, 5))
    assert asking.turn(LATE_MS) == 1
    assert len(orders(stores)) == 1


def test_after_a_restore_every_gateway_is_asked_a_few_at_a_time(
    stores: Stores, asking: Resend, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish_all(stores, a_minute=60)
    assert asking.turn(NOW_MS) == 1
    assert asking.turn(NOW_MS) == 0
    monkeypatch.setattr(resend, "GATEWAYS_A_TURN", 1)
    assert asking.turn(NOW_MS + 60_000) == min(1, len(GATEWAYS) - 1)


def test_holes_wait_for_the_turn_of_a_restore(stores: Stores, asking: Resend) -> None:
    settle(stores, (5, 5))
    with stores.ledger.write() as conn:
        resend_wishes.wish_all(conn, SINCE_MS, LATE_MS + 1_000, 60)
    assert asking.turn(LATE_MS) == 0


def test_a_wish_ends_with_the_answer_and_the_order_says_since_when(stores: Stores, asking: Resend) -> None:
    wish_all(stores, a_minute=1_000_000)
    assert asking.turn(NOW_MS + 60_000) == len(GATEWAYS)
    (order,) = orders(stores)
    assert (order.from_ms, order.settled_from_ms) == (SINCE_MS, SINCE_MS)
    say_done(stores, order)
    asking.turn(NOW_MS + 70_000)
    with stores.ledger.read() as conn:
        assert {one.gateway_id for one in resend_wishes.wishes(conn, 100)} == set(GATEWAYS) - {GATEWAY}


def test_an_order_carries_a_bounded_number_of_holes(
    stores: Stores, asking: Resend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resend, "RANGES_AN_ORDER", 3)
    settle(stores, *((number, number) for number in range(2, 20, 2)))
    assert asking.turn(LATE_MS) == 1
    assert asking.turn(LATE_MS + 1_000) == 1
    assert [len(order.ranges) for order in orders(stores)] == [3, 3]
