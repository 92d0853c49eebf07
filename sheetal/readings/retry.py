"""How a request to a server is tried again, and how the rows that a server refuses are found. No vendor in here."""

from __future__ import annotations

import random
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sheetal.contracts.problem import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Row = TypeVar("Row")

ATTEMPTS_MAX = 4
WAIT_SECONDS_FIRST = 0.2
WAIT_SECONDS_MAX = 2.0
TOTAL_SECONDS_MAX = 20.0
RETRY_AFTER_SECONDS_MAX = 300.0

NO_ANSWER = 0
"""The status of a request that a time-out or a broken connection ended."""

TOO_LARGE = 413
"""The status of a body longer than the server, or a proxy before it, takes."""

_SERVER_ERRORS = range(500, 600)
_PASSING = {NO_ANSWER, 408, 425, 429}
_ROWS_REFUSED = {400, 422}
_SUCCESS = range(200, 300)


class Answer(NamedTuple):
    """What a server said: HTTP status, its words, how long it wants to be left alone, the body, the headers.

    `rows_dropped` is how many rows it says it refused, where it counts them; `is_foreign` that the words are not in the
    server's own form, as when a proxy before it answers.
    """

    status: int
    message: str = ""
    retry_after_seconds: float | None = None
    content: object = None
    headers: Mapping[str, str] = MappingProxyType({})
    rows_dropped: int | None = None
    is_foreign: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the server did what was asked."""
        return self.status in _SUCCESS

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status in _PASSING or self.status in _SERVER_ERRORS

    @property
    def refuses_rows(self) -> bool:
        """Whether some of the rows sent, or their number, are what the server dislikes."""
        return self.status == TOO_LARGE or (self.status in _ROWS_REFUSED and not self.is_foreign)


class Retry:
    """Bounded patience: at most four attempts, waits that double and jitter, 20 s over all.

    `sleep` waits and says True when the store is being closed meanwhile. A server that wishes a longer rest than
    `WAIT_SECONDS_MAX` gets it from the caller, who learns the wish.
    """

    def __init__(
        self,
        sleep: Callable[[float], bool],
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._jitter = jitter
        self._clock = clock

    def until_settled(self, ask: Callable[[], Answer]) -> Answer:
        """The first answer that a retry would not change.

        Raises:
            Unavailable: the server stayed away, busy or broken.
        """
        give_up_at = self._clock() + TOTAL_SECONDS_MAX
        for attempt in range(ATTEMPTS_MAX):
            answer = ask()
            if not answer.is_passing:
                return answer
            wait_seconds = self._wait_seconds(attempt, answer)
            is_last = attempt == ATTEMPTS_MAX - 1 or self._clock() + wait_seconds > give_up_at
            if is_last or wait_seconds > WAIT_SECONDS_MAX or self._sleep(wait_seconds):
                break
        raise Unavailable(
            f"the readings server does not answer: {answer.message}",
            next_step="nothing is lost; the rows are kept and sent again until it is back",
            retry_after_seconds=wait_seconds,
            status=answer.status,
        )

    def _wait_seconds(self, attempt: int, answer: Answer) -> float:
        if answer.retry_after_seconds is not None:
            return answer.retry_after_seconds
        ceiling: float = min(WAIT_SECONDS_FIRST * 2**attempt, WAIT_SECONDS_MAX)
        return ceiling * (0.5 + self._jitter() / 2)


def retry_after_seconds(header: str | None) -> float | None:
    """The seconds of a `Retry-After` header, at most five minutes; None when absent or in another form."""
    text = (header or "").strip()
    return min(float(text), RETRY_AFTER_SECONDS_MAX) if text.isdecimal() and text.isascii() else None


def rows_refused(rows: Sequence[Row], send: Callable[[Sequence[Row]], Answer]) -> list[tuple[int, str]]:
    """Send rows and halve what is refused until each bad row stands alone: their indexes with the server's words.

    Rows of a refused part are sent again, which is safe because writing is idempotent; at most 2 n - 1 requests, and
    one where the server says that it dropped the whole part. Answers that are neither success nor a refusal of rows are
    the business of `send`, which raises.
    """
    refused: list[tuple[int, str]] = []
    parts = [(0, len(rows))]
    while parts:
        start, end = parts.pop()
        answer = send(rows[start:end])
        if not answer.refuses_rows:
            continue
        if answer.rows_dropped == end - start or end - start == 1:
            refused += [(row, answer.message) for row in range(start, end)]
        else:
            middle = (start + end) // 2
            parts += [(middle, end), (start, middle)]
    return refused
