"""What the cold-chain pages show, gathered by `service`; plain facts, no words and no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.cold_chain.rules import Standing, State

if TYPE_CHECKING:
    from portal.cold_chain.chart import Drawn, Watched
    from portal.cold_chain.rules import ApplianceNow, Counts, Inside, LimitUsed, Place, WorkRow
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Run, Verdict
    from sheetal.ledger.assets import Appliance, Calibration
    from sheetal.ledger.judgements import StoredVerdict
    from sheetal.ledger.stock import Holding, Lot, Stay
    from sheetal.readings.port import Bucket

STATE_LETTERS = {State.FREEZING: "f", State.WARM: "w", State.NO_DATA: "n", State.IN_RANGE: "o"}
HELD_LETTER = "h"
PPM_WHOLE = 1_000_000


@dataclass(frozen=True)
class Cell:
    """One appliance in the heat strip; `letter` is its state, or that it holds held stock while in range."""

    letter: str
    appliance: str
    name: str


@dataclass(frozen=True)
class District:
    """One row of the heat strip, worst first."""

    name: str
    cells: list[Cell]

    @property
    def trouble(self) -> int:
        """How many cells are not plainly in range."""
        return sum(cell.letter != STATE_LETTERS[State.IN_RANGE] for cell in self.cells)

    def count(self, letter: str) -> int:
        """How many cells have this letter."""
        return sum(cell.letter == letter for cell in self.cells)


@dataclass(frozen=True)
class Overview:
    """Everything on `/cc`."""

    rows: list[WorkRow]
    rows_total: int
    counts: Counts
    districts: list[District]
    newest_ms: int | None
    oldest_judged_ms: int | None


@dataclass(frozen=True)
class HoldingLine:
    """A holding in a table: what it is, how it stands and which limit it has used most of."""

    inside: Inside
    product: Product | None
    standing: Standing
    verdict: Verdict | None
    used: LimitUsed | None = None
    run: Run | None = None
    place: Place | None = None

    @property
    def extremes(self) -> tuple[int | None, int | None]:
        """Lowest and highest centi-degrees over all stays."""
        stays = self.verdict.stays if self.verdict else []
        lows = [stay.centi_celsius_min for stay in stays if stay.centi_celsius_min is not None]
        highs = [stay.centi_celsius_max for stay in stays if stay.centi_celsius_max is not None]
        return min(lows, default=None), max(highs, default=None)

    @property
    def vvm_left_ppm(self) -> int | None:
        """What is left of the vial monitors' life, in millionths, as computed; None where that is not known."""
        if self.verdict is None or self.verdict.vvm is None or not any(stay.readings for stay in self.verdict.stays):
            return None
        return max(0, PPM_WHOLE - self.verdict.vvm.ppm)


@dataclass(frozen=True)
class SensorLine:
    """A sensor with its newest sample and calibration."""

    sensor: str
    position: str
    measured_at_ms: int | None
    centi_celsius: int | None
    calibration: Calibration | None


@dataclass(frozen=True)
class AppliancePage:
    """Everything on `/cc/appliances/{id}` but the chart's points."""

    now: ApplianceNow
    appliance: Appliance
    state: State
    since_ms: int | None
    row: WorkRow | None
    holdings: list[HoldingLine]
    sensors: list[SensorLine]
    alarms: list[AlarmLine]
    table: list[Bucket]
    readings_answer: bool = True


@dataclass(frozen=True)
class AlarmLine:
    """An alarm as the list shows it."""

    id: str
    origin: str
    kind: str
    sensor: str | None
    appliance: str | None
    appliance_name: str | None
    facility_id: str
    facility_name: str
    facility_name_hindi: str
    began_at_ms: int
    fired_at_ms: int
    cleared_at_ms: int | None
    extreme_centi_celsius: int | None
    limit_centi_celsius: int | None
    limit_minutes: int | None
    acknowledged_at_ms: int | None
    acknowledged_by: str | None
    cause: str | None
    comment: str | None
    assigned_to: str | None
    ended_at_ms: int | None
    ended_as: str | None
    ended_by: str | None


@dataclass(frozen=True)
class Chart:
    """One sensor's chart with the limits it is drawn against."""

    sensor: str
    from_ms: int
    until_ms: int
    watched: Watched
    drawn: Drawn
    stays: list[tuple[int, int, int]]
    alarms: list[AlarmLine]


@dataclass(frozen=True)
class Event:
    """One line of a holding's history: what was done, when, by whom."""

    at_ms: int
    act: str
    actor: str
    actor_name: str | None
    detail: dict[str, object]


@dataclass(frozen=True)
class HoldingPage:
    """Everything on `/cc/holdings/{id}`."""

    holding: Holding
    lot: Lot
    place: Place
    product: Product | None
    standing: Standing
    verdict: StoredVerdict | None
    earlier: int
    judged_by: Product | None
    stays: list[Stay]
    appliance_name: str | None
    events: list[Event]
    elsewhere: list[HoldingLine]
    refusal: str | None
    compromised_from_ms: int | None
    judged_again_ms: int | None
    """Through when it was judged once more without anything new; None where its verdict is as new as that."""


@dataclass(frozen=True)
class LotSum:
    """A lot with its holdings and doses by disposition."""

    id: str
    product: str
    batch: str
    expires_at_ms: int
    holdings: dict[str, int]
    doses: dict[str, int]


@dataclass(frozen=True)
class LotLine:
    """A lot with the sum of its holdings."""

    lot: str
    product: str
    display_name: str
    display_name_hindi: str
    batch: str
    expires_at_ms: int
    holdings: int
    doses: int
    doses_usable: int
    holdings_held: int
