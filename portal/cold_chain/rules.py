"""What an officer is shown first, and why: states, limits used, time left, order of the worklist (pure)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.limits import MINUTE_MS, Side

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portal.cold_chain.ahead import Ahead
    from sheetal.contracts.limits import HoldRule
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Run, Verdict
    from sheetal.ledger.forecasts import Forecast

FRESH_MS_MIN = 5 * MINUTE_MS
FRESH_INTERVALS = 3
JUDGED_MS_MAX = 10 * MINUTE_MS
HALF_MS_PER_MINUTE = 2 * MINUTE_MS
WORKLIST_ROWS = 50
SIGNATURE_MS_MAX = 5 * MINUTE_MS


class State(StrEnum):
    """How an appliance stands now; the value is its glyph and tone as well."""

    FREEZING = "freeze"
    WARM = "warm"
    NO_DATA = "nodata"
    IN_RANGE = "ok"


class Trouble(StrEnum):
    """Why a row stands in the worklist."""

    FREEZING = "freeze"
    WARM = "warm"
    NO_DATA = "nodata"
    HELD = "held"
    NOT_JUDGED = "gap"
    WARMING = "warming"
    COOLING = "cooling"


class Standing(StrEnum):
    """What a holding's line says in the verdict column."""

    USABLE = "usable"
    USE_FIRST = "use_first"
    HELD = "held"
    NOT_JUDGED = "not_judged"
    CANNOT_CONFIRM = "cannot_confirm"
    EXPIRED = "expired"
    CONDEMNED = "condemned"


JUDGED_STATES = {
    "in_range": State.IN_RANGE,
    "warm": State.WARM,
    "freezing": State.FREEZING,
    "no_data": State.NO_DATA,
}
WORST_FIRST = (State.FREEZING, State.WARM, State.NO_DATA, State.IN_RANGE)
IN_DANGER = frozenset({Trouble.FREEZING, Trouble.WARM, Trouble.WARMING, Trouble.COOLING})
ALARM_STATES = {"freeze": State.FREEZING, "heat": State.WARM, "no_data": State.NO_DATA}


@dataclass(frozen=True)
class Place:
    """Where an appliance stands."""

    facility_id: str
    facility_name: str
    facility_name_hindi: str
    district_name: str


@dataclass(frozen=True)
class Latest:
    """The newest sample of one sensor of an appliance."""

    sensor: str
    position: str
    interval_ms: int | None
    measured_at_ms: int | None
    centi_celsius: int | None

    def is_fresh(self, now_ms: int) -> bool:
        """Shown as data: not older than three intervals, or five minutes where that is longer."""
        if self.measured_at_ms is None or self.centi_celsius is None:
            return False
        return now_ms - self.measured_at_ms <= max(FRESH_INTERVALS * (self.interval_ms or 0), FRESH_MS_MIN)


@dataclass(frozen=True)
class Inside:
    """A holding with its open stay."""

    holding: str
    appliance: str
    lot: str
    product: str
    batch: str
    doses: int
    disposition: Disposition
    disposition_at_ms: int
    known_bound_ms: int
    from_ms: int
    gap_open_from_ms: int | None
    expires_at_ms: int
    rejudges_open: int

    @property
    def is_usable(self) -> bool:
        """Whether its disposition opens the gate."""
        return self.disposition in USABLE

    @property
    def is_held(self) -> bool:
        """Whether it waits for a person's decision."""
        return self.disposition in {Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT}


@dataclass(frozen=True)
class ApplianceNow:
    """An appliance with all that is known of it now."""

    id: str
    name: str
    kind: str
    place: Place
    centi_celsius_min: int
    centi_celsius_max: int
    freeze_alarm_centi_celsius: int | None
    judged_state: str | None
    judged_through_ms: int | None
    known_through_ms: int | None
    latest: tuple[Latest, ...] = ()
    inside: tuple[Inside, ...] = ()
    alarms: tuple[str, ...] = ()
    forecast: Forecast | None = None

    @property
    def deciding(self) -> Latest | None:
        """The sensor whose value is shown: the one furthest outside the range, else the coldest."""
        known = [latest for latest in self.latest if latest.centi_celsius is not None]
        return min(known, key=lambda one: (-self._outside(one), one.centi_celsius or 0, one.sensor), default=None)

    @property
    def doses_usable(self) -> int:
        """Doses inside that the gate may still open for."""
        return sum(one.doses for one in self.inside if one.is_usable)

    def _outside(self, latest: Latest) -> int:
        value = latest.centi_celsius or 0
        return max(self.centi_celsius_min - value, value - self.centi_celsius_max, 0)


@dataclass(frozen=True)
class LimitUsed:
    """How much of a sourced limit an ongoing run, or silence, has used."""

    minutes_used: int
    minutes_limit: int
    rule: HoldRule | None

    @property
    def share(self) -> int:
        """Percent used, 0 to 100."""
        return min(100, 100 * self.minutes_used // self.minutes_limit) if self.minutes_limit else 100

    @property
    def minutes_left(self) -> int:
        """Whole minutes until the limit is reached, if it stays so."""
        return max(0, self.minutes_limit - self.minutes_used)


@dataclass(frozen=True)
class WorkRow:
    """One line of the worklist: what is wrong, how long is left, how many doses, what to do."""

    trouble: Trouble
    appliance: ApplianceNow
    doses: int
    limit: LimitUsed | None = None
    holding: Inside | None = None
    move_to: str | None = None
    run: Run | None = None
    ahead: Ahead | None = None

    @property
    def minutes_left(self) -> int | None:
        """Whole minutes until stock is spoilt, by the run that goes on or by where the appliance heads."""
        known = [one.minutes_left for one in (self.limit, self.ahead) if one is not None]
        return min(known, default=0 if self.is_spoiling else None)

    @property
    def key(self) -> str:
        """The row's stable name on the page."""
        return f"{self.trouble.value}-{self.holding.holding if self.holding else self.appliance.id}"

    @property
    def is_spoiling(self) -> bool:
        """Whether the limit is reached, or stock is already held."""
        return self.trouble is Trouble.HELD or (self.limit is not None and self.limit.minutes_left == 0)


@dataclass(frozen=True)
class Counts:
    """The counts line."""

    in_range: int
    warm: int
    freezing: int
    no_data: int
    held_holdings: int
    held_doses: int
    doses_at_risk: int
    doses: int
    appliances: int
    facilities: int


@dataclass(frozen=True)
class GatewaySignature:
    """What a gateway sends with a question: who it is, when it asked, and an HMAC-SHA-256 under its enrolment key."""

    gateway: str
    at: str
    mac: str
    path_with_query: str

    def fits(self, key: bytes, now_ms: int) -> bool:
        """Whether the mac is right and at most five minutes old (or ahead)."""
        if not self.at.isascii() or not self.at.isdigit() or abs(now_ms - int(self.at)) > SIGNATURE_MS_MAX:
            return False
        signed = f"GET\n{self.path_with_query}\n{self.at}".encode()
        return hmac.compare_digest(hmac.new(key, signed, hashlib.sha256).hexdigest().encode(), self.mac.encode())


def state_of(one: ApplianceNow, now_ms: int) -> State:
    """The worst of what the engine judged, what the gateway's open alarms say and what the newest sample shows.

    Without a fresh sample, or with an engine silent for ten minutes, a good state is not believed.
    """
    states = {ALARM_STATES[kind] for kind in one.alarms if kind in ALARM_STATES}
    fresh = [latest for latest in one.latest if latest.is_fresh(now_ms)]
    states |= {_live_state(one, latest.centi_celsius) for latest in fresh if latest.centi_celsius is not None}
    judged_fresh = one.judged_through_ms is not None and now_ms - one.judged_through_ms <= JUDGED_MS_MAX
    if one.judged_state is not None and (judged_fresh or one.judged_state != "in_range"):
        states.add(JUDGED_STATES[one.judged_state])
    if not fresh or not judged_fresh:
        states.add(State.NO_DATA)
    return next(state for state in WORST_FIRST if state in states)


def standing_of(one: Inside, now_ms: int, *, is_judged: bool) -> Standing:
    """The worst that stands in the way of a holding, else that it may be used."""
    if one.is_held:
        return Standing.HELD
    if not one.is_usable:
        return Standing.CONDEMNED
    if one.expires_at_ms <= now_ms:
        return Standing.EXPIRED
    if one.gap_open_from_ms is not None:
        return Standing.CANNOT_CONFIRM
    if one.rejudges_open or not is_judged:
        return Standing.NOT_JUDGED
    return Standing.USE_FIRST if one.disposition is Disposition.RELEASED_USE_FIRST else Standing.USABLE


def open_runs(runs: Iterable[Run]) -> list[Run]:
    """The runs that reach the last sample known."""
    return [run for run in runs if run.open]


def limit_used(
    state: State,
    runs: Sequence[Run],
    rules: Sequence[HoldRule],
    known_through_ms: int | None,
) -> tuple[LimitUsed | None, Run | None]:
    """The rule that an ongoing run will reach first, with its run; nothing where no rule watches this side.

    A verdict is not written anew for every reading of an open run, so the run goes on to the newest knowledge.
    """
    side = Side.COLD if state is State.FREEZING else Side.HOT
    found = [
        (LimitUsed(_minutes_so_far(run, known_through_ms), rule.minutes, rule), run)
        for run in runs
        for rule in rules
        if run.side is side is rule.side and run.limit_centi_celsius == rule.limit_centi_celsius
    ]
    return min(found, key=lambda pair: (pair[0].minutes_left, -pair[0].share), default=(None, None))


def most_used(verdict: Verdict, product: Product) -> tuple[LimitUsed | None, Run | None]:
    """Over all that happened to a holding: the rule used most, with its longest run."""
    runs = [*verdict.noted, *(hit.run for hit in verdict.reached if hit.run is not None)]
    found = [
        (LimitUsed(run.possible_half_ms // HALF_MS_PER_MINUTE, rule.minutes, rule), run)
        for run in runs
        for rule in product.hold_rules
        if run.side is rule.side and run.limit_centi_celsius == rule.limit_centi_celsius
    ]
    return max(found, key=lambda pair: (pair[0].share, pair[0].minutes_used), default=(None, None))


def silence_used(one: ApplianceNow, now_ms: int) -> LimitUsed | None:
    """How much of the shortest bound of the stays inside has passed since the newest knowledge."""
    bounds = [holding.known_bound_ms for holding in one.inside if holding.is_usable]
    if not bounds or one.known_through_ms is None:
        return None
    return LimitUsed((now_ms - one.known_through_ms) // MINUTE_MS, min(bounds) // MINUTE_MS, None)


def held_rows(one: ApplianceNow) -> list[WorkRow]:
    """A line for each holding that waits for a decision or carries a gap's mark."""
    rows = []
    for holding in one.inside:
        if holding.is_held:
            rows.append(WorkRow(Trouble.HELD, one, holding.doses, holding=holding))
        elif holding.is_usable and holding.gap_open_from_ms is not None:
            rows.append(WorkRow(Trouble.NOT_JUDGED, one, holding.doses, holding=holding))
    return rows


def heading_row(one: ApplianceNow, ahead: Ahead | None) -> WorkRow | None:
    """The line of an appliance that is in range and has left its usual cycle towards a limit."""
    if ahead is None or not ahead.is_warning:
        return None
    trouble = Trouble.COOLING if ahead.side is Side.COLD else Trouble.WARMING
    return WorkRow(trouble, one, one.doses_usable, ahead=ahead)


def in_order(rows: Iterable[WorkRow]) -> list[WorkRow]:
    """Already held or spoiling first, then doses at risk ÷ time left, largest first; equal rows by name."""
    return sorted(rows, key=_urgency)


def with_refuge(rows: Sequence[WorkRow], good: dict[str, list[str]]) -> list[WorkRow]:
    """Rows of stock in danger, each naming an appliance of its facility that is in range (`good` by facility)."""
    named = []
    for row in rows:
        refuges = good.get(row.appliance.place.facility_id, [])
        in_danger = row.trouble in IN_DANGER and row.doses > 0
        named.append(replace(row, move_to=refuges[0]) if in_danger and refuges else row)
    return named


def counts_of(appliances: Sequence[ApplianceNow], states: dict[str, State]) -> Counts:
    """The counts line over these appliances."""
    by_state = [states[one.id] for one in appliances]
    inside = [holding for one in appliances for holding in one.inside]
    held = [holding for holding in inside if holding.is_held]
    at_risk = sum(one.doses_usable for one in appliances if states[one.id] is not State.IN_RANGE)
    return Counts(
        in_range=by_state.count(State.IN_RANGE),
        warm=by_state.count(State.WARM),
        freezing=by_state.count(State.FREEZING),
        no_data=by_state.count(State.NO_DATA),
        held_holdings=len(held),
        held_doses=sum(holding.doses for holding in held),
        doses_at_risk=at_risk,
        doses=sum(holding.doses for holding in inside),
        appliances=len(appliances),
        facilities=len({one.place.facility_id for one in appliances}),
    )


def _minutes_so_far(run: Run, known_through_ms: int | None) -> int:
    so_far_ms = (known_through_ms or 0) - run.first_ms
    return max(run.confirmed_half_ms // HALF_MS_PER_MINUTE, so_far_ms // MINUTE_MS)


def _live_state(one: ApplianceNow, centi_celsius: int) -> State:
    if one.freeze_alarm_centi_celsius is not None and centi_celsius <= one.freeze_alarm_centi_celsius:
        return State.FREEZING
    return State.WARM if centi_celsius > one.centi_celsius_max else State.IN_RANGE


def _urgency(row: WorkRow) -> tuple[bool, float, str]:
    minutes_left = row.minutes_left
    weight = float(row.doses) if minutes_left is None else row.doses / max(minutes_left, 1)
    if minutes_left is None:
        weight /= 24 * 60
    return (not row.is_spoiling, -weight, row.key)
