"""Asks gateways to send again: what a restored store lost, and numbers whose holes stay open.

Both go down as orders in bounded numbers, so that a fleet does not answer at once: every turn a few wishes of a restore
whose time has come, and holes of a few gateways. Nothing is asked twice while its answer is awaited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import gateway_twins, resend_wishes, telemetry_holes
from sheetal.ledger.gateway_twins import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.telemetry_holes import Hole

ACTOR = "ingest"
GATEWAYS_A_TURN = 200
HOLES_A_TURN = 2_000
RANGES_AN_ORDER = 200
ANSWERS_A_TURN = 500

log = structlog.get_logger()


class Resend:
    """One worker's asking; `turn` is called by the worker that holds the lease. Raises Unavailable."""

    def __init__(self, ledger: Ledger, telemetry: Ledger) -> None:
        self._ledger = ledger
        self._telemetry = telemetry
        self._answered_through = ""

    def turn(self, now_ms: int) -> int:
        """One turn; gives how many orders were queued."""
        self._hear_answers(now_ms)
        return self._ask_for_wishes(now_ms) + self._ask_for_holes(now_ms)

    def _hear_answers(self, now_ms: int) -> None:
        with self._ledger.read() as conn:
            if not resend_wishes.wishes(conn, 1):
                return
        with self._ledger.write() as conn:
            gone, self._answered_through = resend_wishes.settle_wishes(
                conn, now_ms, self._answered_through, ANSWERS_A_TURN
            )
        if gone:
            log.info("Gateways send again what the restored store lost", gateways=gone)

    def _ask_for_wishes(self, now_ms: int) -> int:
        with self._ledger.read() as conn:
            due = resend_wishes.wishes(conn, GATEWAYS_A_TURN, now_ms)
        if not due:
            return 0
        with self._ledger.write() as conn:
            return sum(resend_wishes.ask_for_wish(conn, wish, ACTOR, now_ms) for wish in due)

    def _ask_for_holes(self, now_ms: int) -> int:
        with self._telemetry.read() as conn:
            due = telemetry_holes.holes_due(conn, now_ms, HOLES_A_TURN)
        by_gateway = dict(list(_by_gateway(due).items())[:GATEWAYS_A_TURN])
        if not by_gateway:
            return 0
        # Thought of first: a store that takes no note must not have the same gateways asked at every turn.
        with self._telemetry.write() as conn:
            telemetry_holes.forget_filled(conn)
            for holes in by_gateway.values():
                telemetry_holes.note_asked(conn, holes, now_ms, more=0)
        asked = self._order(by_gateway, now_ms)
        with self._telemetry.write() as conn:
            for gateway in asked:
                telemetry_holes.note_asked(conn, by_gateway[gateway], now_ms)
        return len(asked)

    def _order(self, by_gateway: dict[str, list[Hole]], now_ms: int) -> set[str]:
        """Queues one order a gateway; those that are away, or asked for more anyway, are thought of later."""
        asked = set()
        with self._ledger.write() as conn:
            names = list(by_gateway)
            passed_by = resend_wishes.offline(conn, names) | resend_wishes.unasked(conn, names)
            for gateway in by_gateway.keys() - passed_by:
                ranges = [(hole.boot, hole.first_sequence, hole.last_sequence) for hole in by_gateway[gateway]]
                try:
                    gateway_twins.ask_again(conn, gateway, Wanted(ranges=ranges), ACTOR, now_ms)
                except (NotFound, Refused) as problem:
                    log.warning("A gateway cannot be asked for what is missing", gateway=gateway, why=problem.message)
                else:
                    asked.add(gateway)
        return asked


def _by_gateway(holes: Iterable[Hole]) -> dict[str, list[Hole]]:
    """At most so many holes of each gateway as one order carries, the longest open first."""
    found: dict[str, list[Hole]] = {}
    for hole in holes:
        of_gateway = found.setdefault(hole.gateway_id, [])
        if len(of_gateway) < RANGES_AN_ORDER:
            of_gateway.append(hole)
    return found
