"""The channel that always works: one line in the log; the portal's screens read the same notices from the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from alerts.notify.pipeline import Parcel

log = structlog.get_logger()

NAME = "screen"


def send(parcel: Parcel) -> bool:
    """Tell; it cannot fail."""
    log.warning(
        "Notice",
        kind=parcel.kind,
        facility=parcel.facility_id,
        text=parcel.text,
        notices=[notice.id for notice in parcel.notices],
    )
    return True
