"""One look at the whole cold chain for everyone who watches: made once per change and at most every two seconds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from portal.cold_chain.rules import ApplianceNow, State, WorkRow

FRESH_MS = 2_000
SCOPES_MAX = 256


@dataclass(frozen=True)
class Snapshot:
    """Every appliance of a scope, how it stands, and the worklist in order."""

    everything: list[ApplianceNow]
    states: dict[str, State]
    rows: list[WorkRow]


class Snapshots:
    """The newest snapshot of each scope; a second asker waits for the first instead of working twice."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[int, Hashable, Snapshot]] = OrderedDict()
        self._turn = threading.Lock()

    def get(self, scope: Hashable, token: Hashable, now_ms: int, make: Callable[[], Snapshot]) -> Snapshot:
        """The kept snapshot while nothing has changed (`token`) for less than two seconds, else a new one."""
        with self._turn:
            found = self._kept.get(scope)
            if found is not None and found[1] == token and 0 <= now_ms - found[0] < FRESH_MS:
                return found[2]
            made = make()
            self._kept[scope] = (now_ms, token, made)
            self._kept.move_to_end(scope)
            if len(self._kept) > SCOPES_MAX:
                self._kept.popitem(last=False)
            return made
