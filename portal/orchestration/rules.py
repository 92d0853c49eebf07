"""The words of orchestration (pure)."""

from __future__ import annotations

from dataclasses import dataclass

GATEWAY_QUIET_MS = 5 * 60_000


@dataclass(frozen=True)
class Session:
    """A vaccination session: one product at one facility between two instants, for at most `capacity` people."""

    id: str
    facility_id: str
    product_id: str
    starts_at_ms: int
    ends_at_ms: int
    capacity: int
    cancelled_at_ms: int | None = None

    def is_open(self, now_ms: int) -> bool:
        """Whether doses may be given in it now."""
        return self.cancelled_at_ms is None and self.starts_at_ms <= now_ms < self.ends_at_ms
