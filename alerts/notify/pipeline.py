"""Notices on their way to people: announced once, then posted to each contact until a channel has taken them.

Stages, a file each: `announce` (screens, who is told), `grouping` (what goes together, when), `post` (channels in
order, remember after sending), `retry` (how long to wait), `escalate` (who is told when nobody answers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.notify.announce import announce

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.notify.channels.screen import Shown
    from alerts.notify.post import PostOffice
    from sheetal.ledger.connect import Ledger


def send_due(ledger: Ledger, show: Callable[[Shown], object], office: PostOffice, now_ms: int) -> int:
    """One turn; gives how many notices were announced. Raises Unavailable."""
    announced = announce(ledger, show, now_ms)
    office.round()
    return announced
