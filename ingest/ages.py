"""Lets ingest's own tables go of what is old, a small transaction at a time, so that no load waits long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from sheetal.ledger.telemetry_ages import AGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetal.ledger.connect import Ledger

PORTION = 1_000
PORTIONS_A_TURN = 200
"""Of each kind; what is left goes in the next turn."""

log = structlog.get_logger()


def let_go(telemetry: Ledger, now_ms: int, goes_on: Callable[[], bool]) -> dict[str, int]:
    """How many of each kind went; `goes_on` is asked between portions. Raises Unavailable."""
    gone: dict[str, int] = {}
    for age in AGES:
        for _ in range(PORTIONS_A_TURN):
            if not goes_on():
                return gone
            with telemetry.write() as conn:
                went = age.forget(conn, now_ms - age.kept_ms, PORTION, now_ms)
            gone[age.name] = gone.get(age.name, 0) + went
            if went < PORTION:
                break
    if any(gone.values()):
        log.info("What was old was let go", **{name.replace(" ", "_"): count for name, count in gone.items() if count})
    return gone
