"""Who may hold somebody else's certificate in hand (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.certificate.schemas import Certificate

# The slip is for the session; later the person has their own link.
HAND_OVER_MS = 12 * 3_600_000


def may_hand_over(certificate: Certificate, facility_id: str, now_ms: int) -> bool:
    """Whether staff of this facility may still print the slip: their own dose, within twelve hours."""
    return certificate.facility == facility_id and 0 <= now_ms - certificate.issued_at_ms < HAND_OVER_MS
