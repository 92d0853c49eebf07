"""Doing one step until it is done: stores that are away are waited for, never given up and never acknowledged over."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

import structlog

from sheetal.contracts.problem import Rejected, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

PAUSE_SECONDS_MIN = 0.1
PAUSE_SECONDS_MAX = 5.0

T = TypeVar("T")
log = structlog.get_logger()


class Stopped(Exception):
    """The service was told to stop while a step was still waiting; nothing of the load was acknowledged."""


class Patience:
    """Repeats steps that must be safe to repeat, from any thread; steps of different names may fail side by side."""

    def __init__(self, stop: Event) -> None:
        self.stop = stop
        self._problems: dict[str, str] = {}

    @property
    def problem(self) -> str | None:
        """What fails now, the step that began to fail first."""
        return next(iter(list(self._problems.values())), None)

    def insist(self, what: str, step: Callable[[], T]) -> T:
        """The step's result, however long its store is away; raises Stopped, and what only a wrong program raises.

        A store that rejects a whole request is waited for as well: its address or its rights are wrong, not the rows.
        """
        pause_seconds = PAUSE_SECONDS_MIN
        while True:
            try:
                result = step()
            except (Unavailable, Rejected) as problem:
                self._note(what, problem)
                wait_seconds = max(pause_seconds, min(getattr(problem, "retry_after_seconds", 0.0), PAUSE_SECONDS_MAX))
                pause_seconds = min(pause_seconds * 2, PAUSE_SECONDS_MAX)
                if self.stop.wait(wait_seconds * random.uniform(0.8, 1.2)):  # noqa: S311  # jitter is no secret
                    raise Stopped from problem
            else:
                self._clear(what)
                return result

    def _note(self, what: str, problem: Unavailable | Rejected) -> None:
        if what not in self._problems:
            log.error("A store is away; messages wait unacknowledged", step=what, problem=problem.message)
        self._problems[what] = f"{what}: {problem.message}"

    def _clear(self, what: str) -> None:
        # Two stages may have waited for the same store.
        if self._problems.pop(what, None) is not None:
            log.info("The store is back", step=what)
