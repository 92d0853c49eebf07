"""Judges holdings one after another, read many at a time; what cannot be judged keeps no other from its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from alerts.evaluate import Judge
from sheetal.contracts.problem import Unavailable
from sheetal.ledger.histories import histories, in_chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from alerts.evaluate import Judged, Stores
    from sheetal.ledger.histories import History

PROBLEM_CHARACTERS_MAX = 500

log = structlog.get_logger()


def judged_in_turn(stores: Stores, holding_ids: Iterable[str], now_ms: int, failed: set[str]) -> Iterator[Judged]:
    """The verdicts on these holdings, in order of id; those that cannot be judged are added to `failed`.

    Raises Unavailable while a store is away.
    """
    judge = Judge(stores, now_ms)
    for chunk in in_chunks(holding_ids):
        with stores.ledger.read() as conn:
            found = list(histories(conn, chunk).values())
        for history in _learnt(judge, found, failed):
            try:
                yield judge.judge(history)
            except Unavailable:
                raise
            except Exception as problem:  # noqa: BLE001  # one holding must not stop all others; its gate closes
                _give_up(history, problem, failed)


def _learnt(judge: Judge, found: Collection[History], failed: set[str]) -> Iterable[History]:
    """Those of which all is known that judging needs; where that cannot be read together, each is read alone."""
    try:
        judge.learn(found)
    except Unavailable:
        raise
    except Exception:  # noqa: BLE001  # the fault is looked for one by one, and stays with the holding that has it
        return _learnt_alone(judge, found, failed)
    return found


def _learnt_alone(judge: Judge, found: Collection[History], failed: set[str]) -> Iterator[History]:
    for history in found:
        try:
            judge.learn([history])
        except Unavailable:
            raise
        except Exception as problem:  # noqa: BLE001  # one holding must not stop all others; its gate closes
            _give_up(history, problem, failed)
        else:
            yield history


def _give_up(history: History, problem: Exception, failed: set[str]) -> None:
    log.warning("A holding cannot be judged", holding=history.holding.id, problem=named(problem))
    failed.add(history.holding.id)


def named(problem: Exception) -> str:
    """A problem in one bounded line for the log."""
    return f"{type(problem).__name__}: {problem}"[:PROBLEM_CHARACTERS_MAX]
