"""What the gateway can be told to do once: whether an order is due, doing it, and remembering what came of it."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_agent.outbox.resend import RANGES_MAX, Range
from sheetal.contracts.twin import COMMANDS_REMEMBERED, CommandKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sheetal.contracts.twin import Command

_log = logging.getLogger(__name__)

ID_LENGTH_MAX = 64
DETAIL_LENGTH_MAX = 200
LIFE_MS_MAX = 7 * 86_400_000
"""An order that claims to hold longer is not believed to end."""
INSTANT_MS_MAX = 2**53
NUMBER_MAX = 2**63 - 1
LOG_TOLD = "told in an earlier report"


class Actions(NamedTuple):
    """What orders are carried out with; each may be called from the thread that obeys.

    `resend` takes the two ends of a span of measuring and since when its items were settled, `resend_ranges` ranges of
    sequence numbers; both say how many items there are.
    """

    identify: Callable[[], object]
    test_alarm: Callable[[], object]
    newest_log: Callable[[], str]
    resend: Callable[[int, int, int], int]
    resend_ranges: Callable[[Sequence[Range]], int]


def is_due(command: Command, outcomes: Sequence[Outcome], at_ms: int) -> bool:
    """Whether an order is to be carried out: it has not expired, claims no endless life and was not done before.

    One that says it was issued in the future is judged by what is left of it, for it could be told again until then.
    """
    life_ms = command.expires_at_ms - min(command.issued_at_ms, at_ms)
    if not 1 <= len(command.id) <= ID_LENGTH_MAX or life_ms > LIFE_MS_MAX:
        return False
    return at_ms < command.expires_at_ms and all(command.id != outcome.id for outcome in outcomes)


def obey(command: Command, actions: Actions, at_ms: int) -> Outcome:
    """Carries an order out; what goes wrong is told in the outcome."""
    try:
        detail, done = _done(command, actions), True
    except (ValueError, OSError, sqlite3.Error) as error:
        detail, done = str(error)[:DETAIL_LENGTH_MAX], False
    _log.info("carried out %s from afar: %s", command.kind.value, "done" if done else detail)
    return Outcome(id=command.id, kind=command.kind, at_ms=at_ms, done=done, detail=detail)


def remembered(outcomes: Sequence[Outcome], newest: Outcome) -> tuple[Outcome, ...]:
    """The last 20 with the newest; only the newest log keeps its lines, so that a report stays small."""
    kept = list(outcomes)[-(COMMANDS_REMEMBERED - 1) :]
    if newest.kind is CommandKind.SEND_LOG:
        kept = [_without_log(outcome) for outcome in kept]
    return (*kept, newest)


def _done(command: Command, actions: Actions) -> str:
    match command.kind:
        case CommandKind.IDENTIFY:
            actions.identify()
            return "shown on its page"
        case CommandKind.TEST_ALARM:
            actions.test_alarm()
            return "sounded"
        case CommandKind.SEND_LOG:
            return actions.newest_log()
        case CommandKind.RESEND:
            return str(_resend(command, actions))


def _resend(command: Command, actions: Actions) -> int:
    """Ranges where there are any, else the span, and behind it what was settled late of whatever instant."""
    if command.ranges:
        return actions.resend_ranges([_range(*one) for one in command.ranges[:RANGES_MAX]])
    items = actions.resend(*_span(command), 0)
    if command.settled_from_ms is not None and 0 < command.settled_from_ms <= INSTANT_MS_MAX:
        actions.resend(0, INSTANT_MS_MAX, command.settled_from_ms)
    return items


def _range(boot: int, first: int, last: int) -> Range:
    if not (0 <= boot <= NUMBER_MAX and 1 <= first <= last <= NUMBER_MAX):
        raise ValueError("resend needs ranges of boot, first and last sequence")
    return Range(boot, first, last)


def _span(command: Command) -> tuple[int, int]:
    from_ms, until_ms = command.from_ms, command.until_ms
    if from_ms is None or until_ms is None or not 0 <= from_ms < until_ms <= INSTANT_MS_MAX:
        raise ValueError("resend needs from_ms before until_ms")
    return from_ms, until_ms


def _without_log(outcome: Outcome) -> Outcome:
    if outcome.kind is not CommandKind.SEND_LOG or not outcome.done:
        return outcome
    return msgspec.structs.replace(outcome, detail=LOG_TOLD)
