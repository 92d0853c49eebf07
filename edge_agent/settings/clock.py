"""The `[clock]` section of the gateway's settings."""

from __future__ import annotations

from typing import Literal

import msgspec

Synchronised = Literal["auto", "always", "never"]


class ClockSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the time comes from; "auto" asks the kernel whether the system's clock is synchronised."""

    system_is_synchronised: Synchronised = "auto"
    ask_seconds: float = 600.0
    ask_unanchored_seconds: float = 30.0

    def bounds(self) -> list[tuple[str, float, float, float]]:
        """Each number's key, value, lowest and highest allowed value."""
        return [
            ("clock.ask_seconds", self.ask_seconds, 1, 86_400),
            ("clock.ask_unanchored_seconds", self.ask_unanchored_seconds, 1, 3_600),
        ]
