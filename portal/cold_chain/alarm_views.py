"""What the pages of alarms, windows and checks show; plain facts, no words and no SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from portal.cold_chain.alarm_rules import Escalation
    from portal.cold_chain.views import AlarmLine, HoldingLine
    from sheetal.ledger.assets import Appliance, Facility
    from sheetal.ledger.manual_checks import ManualCheck
    from sheetal.ledger.mutes import Mute


class Told(NamedTuple):
    """When the notice of an alarm was written, when it was told, and how many of the people asked it has reached."""

    written_at_ms: int
    sent_at_ms: int | None
    reached: int = 0
    asked: int = 0


@dataclass(frozen=True)
class ToldLine:
    """An alarm with what became of its notice, and the window that mutes it now."""

    alarm: AlarmLine
    told: Told | None
    mute: Mute | None

    @property
    def is_new(self) -> bool:
        """Active, and nobody has answered for it."""
        return self.alarm.cleared_at_ms is None and self.alarm.acknowledged_at_ms is None


@dataclass(frozen=True)
class AlarmList:
    """Everything on `/cc/alarms`."""

    lines: list[ToldLine]
    new: int
    open: int
    muted_windows: int
    undelivered: int = 0


@dataclass(frozen=True)
class AlarmPage:
    """Everything on `/cc/alarm`."""

    alarm: AlarmLine
    told: Told | None
    mute: Mute | None
    escalation: Escalation | None
    escalates_to: str | None
    stock: list[HoldingLine]
    facts: dict[str, object]
    names: dict[str, str]

    @property
    def usable(self) -> list[HoldingLine]:
        """The stock that a person may keep or hold; what the engine holds is no part of it."""
        return [line for line in self.stock if line.inside.is_usable]

    @property
    def held(self) -> list[HoldingLine]:
        """What is held already."""
        return [line for line in self.stock if line.inside.is_held]


@dataclass(frozen=True)
class MutesPage:
    """Everything on `/cc/mutes`."""

    windows: list[Mute]
    facilities: list[Facility]
    facility: Facility
    appliances: list[Appliance]
    names: dict[str, str]


@dataclass(frozen=True)
class CheckPage:
    """Everything on `/cc/appliances/{id}/check`; the extremes are the sensors' own since the last check."""

    appliance: Appliance
    facility: Facility
    since_ms: int
    low: int | None
    high: int | None
    readings_answer: bool
    due_at_ms: int
    missed_at_ms: int | None
    checks: list[ManualCheck]
    names: dict[str, str] = field(default_factory=dict)
