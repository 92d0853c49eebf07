"""The words of orchestration (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sheetal.ledger.assets import Appliance, Facility
    from sheetal.ledger.judgements import GatewayState
    from sheetal.ledger.stock import Holding


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


@dataclass(frozen=True)
class FacilityLine:
    """A facility in figures."""

    facility: Facility
    appliances: int
    gateways: int
    gateways_online: int
    doses: int
    sessions_open: int


@dataclass(frozen=True)
class GatewayLine:
    """A gateway with what it last said of itself; None before its first birth."""

    id: str
    retired_at_ms: int | None
    said: GatewayState | None


@dataclass(frozen=True)
class SessionLine:
    """A session with its product's names and the holdings that are out there."""

    session: Session
    display_name: str
    display_name_hindi: str
    holdings: list[str]


@dataclass(frozen=True)
class FacilityPage:
    """Everything on a facility's page."""

    facility: Facility
    appliances: list[Appliance]
    states: dict[str, str]
    gateways: list[GatewayLine]
    sessions: list[SessionLine]
    holdings: list[Holding]
