"""What every protocol offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from firmware_sim.appliance import Sample
    from firmware_sim.scenario import ApplianceSpec


class Voice(Protocol):
    """One hub on its port, bus or line, made before it is opened; it may be told records before that."""

    async def open(self) -> str:
        """Opens it and says where it is; raises OSError when that cannot be had."""

    def tell(self, spec: ApplianceSpec, sample: Sample) -> None:
        """Takes one record of one of the hub's appliances, recorded by its logger or not."""

    def announce(self) -> None:
        """Lets everybody who listens have what was told."""

    async def close(self) -> None:
        """Lets everybody go."""
