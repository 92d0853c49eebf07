"""Every try to reach somebody ends in time, whatever the server at the other end does.

A send runs in a thread of its own and is waited for only so long; a server that trickles may keep that thread, never
us. So many threads may hang at once, then a send is refused until some have ended.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HANGING_MAX = 64
TOO_SLOW = "no answer in time"
TOO_MANY = "too many servers do not answer"
BROKEN = "the channel failed"


class Bounded:
    """Runs sends, each given up after `seconds`."""

    def __init__(self, seconds: float, hanging_max: int = HANGING_MAX) -> None:
        self._seconds = seconds
        self._room = threading.Semaphore(hanging_max)

    def run(self, send: Callable[[], str | None]) -> str | None:
        """What the send says is wrong, None when nothing is; an error inside it is a problem without its words."""
        if not self._room.acquire(blocking=False):
            return TOO_MANY
        said: list[str | None] = [TOO_SLOW]
        thread = threading.Thread(target=self._send, args=(send, said), name="send", daemon=True)
        thread.start()
        thread.join(self._seconds)
        return said[0]

    def _send(self, send: Callable[[], str | None], said: list[str | None]) -> None:
        try:
            said[0] = send()
        except Exception as error:  # noqa: BLE001  # one channel's error must never end the telling; it may hold a secret
            said[0] = f"{BROKEN}: {type(error).__name__}"
        finally:
            self._room.release()
