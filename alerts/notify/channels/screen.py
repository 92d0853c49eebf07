"""The channel that always works: one line in the log; the portal's screens read the same notices from the ledger."""

from __future__ import annotations

from typing import NamedTuple

import structlog

log = structlog.get_logger()


class Shown(NamedTuple):
    """Notices of one group at one facility, shown together."""

    kind: str
    facility_id: str
    text: str
    notices: tuple[int, ...]


def show(shown: Shown) -> None:
    """Tell; it cannot fail."""
    log.warning("Notice", kind=shown.kind, facility=shown.facility_id, text=shown.text, notices=list(shown.notices))
