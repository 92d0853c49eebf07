"""Gateways that are to send again what a restored store lost.

A restore leaves a wish for every gateway in service; ingest turns each into an order when it is due and forgets it when
the gateway has said that it carried the order out. An order lives a day: a gateway that was away is asked anew.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import case, delete, select, update

from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import gateway_twins
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.gateway_twins import Wanted
from sheetal.ledger.judgement_tables import gateway_state
from sheetal.ledger.lasting_tables import resend_wish
from sheetal.ledger.upsert import replacing, upsert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

ROWS_A_STATEMENT = 1_000
ASK_ANEW_MS = gateway_twins.RESEND_COMMAND_MS
LATER_MS = HOUR_MS
"""When a gateway for which too many orders wait is thought of again."""


class Wish(NamedTuple):
    """One gateway that is to be asked for what was measured or settled since an instant; asked before by a command."""

    gateway_id: str
    since_ms: int
    due_at_ms: int
    command_id: str | None


def wish_all(conn: Connection, since_ms: int, now_ms: int, gateways_a_minute: int) -> int:
    """Remember to ask every gateway in service, in no order and so many a minute, for all since an instant.

    Gives how many. A gateway that is still to be asked for something earlier is asked for both.
    """
    found = list(conn.execute(select(gateway.c.id).where(gateway.c.retired_at_ms.is_(None))).scalars())
    random.SystemRandom().shuffle(found)
    rows = [
        {
            "gateway_id": gateway_id,
            "since_ms": since_ms,
            "due_at_ms": now_ms + number * MINUTE_MS // gateways_a_minute,
            "command_id": None,
        }
        for number, gateway_id in enumerate(found)
    ]
    for first in range(0, len(rows), ROWS_A_STATEMENT):
        upsert(
            conn,
            resend_wish,
            rows[first : first + ROWS_A_STATEMENT],
            changes=lambda excluded: {
                **replacing("due_at_ms", "command_id")(excluded),
                "since_ms": case(
                    (resend_wish.c.since_ms < excluded.since_ms, resend_wish.c.since_ms), else_=excluded.since_ms
                ),
            },
        )
    return len(rows)


def wishes(conn: Connection, limit: int, due_by_ms: int | None = None) -> list[Wish]:
    """Gateways that have not yet carried out what a restore asks of them, those due first."""
    query = select(*resend_wish.columns).order_by(resend_wish.c.due_at_ms, resend_wish.c.gateway_id).limit(limit)
    if due_by_ms is not None:
        query = query.where(resend_wish.c.due_at_ms <= due_by_ms)
    return [Wish(*row) for row in conn.execute(query)]


def ask_for_wish(conn: Connection, wish: Wish, actor: str, now_ms: int) -> bool:
    """Order what a due wish asks for, and think of it again when the order has expired; False when it could not be.

    The wish of a retired gateway ends.
    """
    wanted = Wanted((wish.since_ms, now_ms + DAY_MS), settled_from_ms=wish.since_ms)
    try:
        order = gateway_twins.ask_again(conn, wish.gateway_id, wanted, actor, now_ms)
    except NotFound:
        conn.execute(delete(resend_wish).where(resend_wish.c.gateway_id == wish.gateway_id))
        return False
    except Refused:
        _put_wish(conn, wish.gateway_id, now_ms + LATER_MS, wish.command_id)
        return False
    _put_wish(conn, wish.gateway_id, now_ms + ASK_ANEW_MS, order.id)
    return True


def settle_wishes(conn: Connection, now_ms: int, after: str, limit: int) -> tuple[int, str]:
    """Forget the wishes whose orders were carried out, of so many gateways behind `after`.

    Gives how many were, and behind which gateway to go on. What a gateway could not carry out it is told again later.
    """
    asked = select(resend_wish.c.gateway_id, resend_wish.c.command_id).where(
        resend_wish.c.command_id.is_not(None), resend_wish.c.gateway_id > after
    )
    page = conn.execute(asked.order_by(resend_wish.c.gateway_id).limit(limit)).all()
    told = gateway_twins.twins(conn, {row.gateway_id for row in page})
    gone = 0
    for gateway_id, command_id in page:
        reported = told[gateway_id].reported if gateway_id in told else None
        done = {one.id: one.done for one in reported.outcomes}.get(command_id) if reported else None
        if done:
            gone += conn.execute(delete(resend_wish).where(resend_wish.c.gateway_id == gateway_id)).rowcount
        elif done is False:
            _put_wish(conn, gateway_id, now_ms + LATER_MS, None)
    return gone, page[-1].gateway_id if len(page) == limit else ""


def offline(conn: Connection, gateways: Sequence[str]) -> set[str]:
    """Those of these gateways that have said, or let the broker say, that they are away."""
    state = gateway_state.c
    query = select(state.gateway_id).where(state.gateway_id.in_(sorted(set(gateways))), ~state.online)
    return set(conn.execute(query).scalars())


def unasked(conn: Connection, gateways: Sequence[str]) -> set[str]:
    """Those of these gateways that a wish stands for whose turn has not come."""
    wish = resend_wish.c
    query = select(wish.gateway_id).where(wish.gateway_id.in_(sorted(set(gateways))), wish.command_id.is_(None))
    return set(conn.execute(query).scalars())


def _put_wish(conn: Connection, gateway_id: str, due_at_ms: int, command_id: str | None) -> None:
    is_it = resend_wish.c.gateway_id == gateway_id
    conn.execute(update(resend_wish).where(is_it).values(due_at_ms=due_at_ms, command_id=command_id))
