"""Building blocks of the cold-chain pages, through the ledger's own functions; the instant is the reader's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal.cold_chain import rules
from portal.cold_chain.ahead import ahead_of
from portal.cold_chain.rules import ApplianceNow, Inside, Place, State, Trouble, WorkRow
from portal.cold_chain.views import HELD_LETTER, STATE_LETTERS, Cell, District, HoldingLine, LotLine, LotSum, SensorLine
from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.limits import DAY_MS, HOUR_MS, Side
from sheetal.contracts.problem import NotFound, Refused, Unavailable
from sheetal.ledger import assets, catalogue, holdings, judgements, stock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Run, Verdict
    from sheetal.readings.port import Bucket, ReadingsStore


@dataclass
class Reader:
    """One look at the ledger: open connections, the instant, and products already read."""

    conn: Connection
    telemetry: Connection
    now_ms: int
    products: dict[str, Product | None] = field(default_factory=dict)

    def product(self, product_id: str) -> Product | None:
        """The version in force now; None where the catalogue does not know it."""
        if product_id not in self.products:
            try:
                self.products[product_id] = catalogue.product_version(self.conn, product_id, self.now_ms)
            except NotFound:
                self.products[product_id] = None
        return self.products[product_id]

    def judged_by(self, verdict: Verdict) -> Product | None:
        """The very version that a verdict was found by."""
        try:
            return catalogue.product_by_version(self.conn, verdict.product, verdict.product_version)
        except NotFound:
            return None

    def verdict(self, holding_id: str) -> Verdict | None:
        """The newest verdict."""
        found = judgements.latest_verdict(self.conn, holding_id)
        return None if found is None else found.verdict


def work_rows(reader: Reader, one: ApplianceNow, state: State) -> list[WorkRow]:
    """The worklist lines of one appliance: its own state first, then its held holdings."""
    rows = rules.held_rows(one)
    own = own_row(reader, one, state)
    return rows if own is None else [own, *rows]


def own_row(reader: Reader, one: ApplianceNow, state: State) -> WorkRow | None:
    """The appliance's own line; of one in range only when it heads out of it."""
    if state is State.IN_RANGE:
        return rules.heading_row(one, ahead_of(one.forecast, reader.now_ms))
    return state_row(reader, one, state)


def is_refuge(one: ApplianceNow, state: State, now_ms: int) -> bool:
    """Whether stock may be moved into it: in range, and not on its way out."""
    return state is State.IN_RANGE and rules.heading_row(one, ahead_of(one.forecast, now_ms)) is None


def state_row(reader: Reader, one: ApplianceNow, state: State) -> WorkRow:
    """The line of an appliance that is not in range, with the limit its ongoing run, or its silence, uses up."""
    trouble = Trouble(state.value)
    if state is State.NO_DATA:
        return WorkRow(trouble, one, one.doses_usable, rules.silence_used(one, reader.now_ms))
    runs: list[Run] = []
    hold_rules = []
    for inside in one.inside:
        found = reader.verdict(inside.holding)
        product = reader.product(inside.product)
        runs += rules.open_runs([*found.noted, *(hit.run for hit in found.reached if hit.run)]) if found else []
        hold_rules += product.hold_rules if product else []
    used, run = rules.limit_used(state, runs, hold_rules, one.known_through_ms)
    side = Side.COLD if state is State.FREEZING else Side.HOT
    ahead = ahead_of(one.forecast, reader.now_ms)
    same = ahead if ahead is not None and ahead.side is side else None
    return WorkRow(trouble, one, one.doses_usable, used, run=run, ahead=same)


def districts(everything: Sequence[ApplianceNow], states: dict[str, State]) -> list[District]:
    """The heat strip: districts by name, their cells worst first."""
    order = {letter: place for place, letter in enumerate("fwhno")}
    cells: dict[str, list[Cell]] = {}
    for one in everything:
        letter = STATE_LETTERS[states[one.id]]
        if letter == STATE_LETTERS[State.IN_RANGE] and any(inside.is_held for inside in one.inside):
            letter = HELD_LETTER
        cells.setdefault(one.place.district_name, []).append(Cell(letter, one.id, one.name))
    return [
        District(name, sorted(cells[name], key=lambda cell: (order[cell.letter], cell.appliance)))
        for name in sorted(cells)
    ]


def holding_line(reader: Reader, inside: Inside, place: Place | None = None) -> HoldingLine:
    """A holding with its newest verdict and the rule it has used most."""
    verdict, product = reader.verdict(inside.holding), reader.product(inside.product)
    standing = rules.standing_of(inside, reader.now_ms, is_judged=verdict is not None)
    used, run = rules.most_used(verdict, product) if verdict and product else (None, None)
    return HoldingLine(inside, product, standing, verdict, used, run, place)


def sensor_lines(reader: Reader, one: ApplianceNow) -> list[SensorLine]:
    """The sensors of an appliance with their newest calibration."""
    lines = []
    for latest in one.latest:
        known = assets.calibrations(reader.conn, latest.sensor)
        newest = max(known, key=lambda calibration: calibration.calibrated_at_ms, default=None)
        lines.append(SensorLine(latest.sensor, latest.position, latest.measured_at_ms, latest.centi_celsius, newest))
    return lines


def hours(readings: ReadingsStore, sensor: str | None, now_ms: int) -> tuple[list[Bucket], bool]:
    """Hourly lowest, mean and highest of the last day; False when the readings store does not answer."""
    if sensor is None:
        return [], True
    start_ms = (now_ms - DAY_MS) // HOUR_MS * HOUR_MS
    try:
        return readings.downsample([sensor], start_ms, now_ms + 1, HOUR_MS).get(sensor, []), True
    except Unavailable:
        return [], False


def deciding_verdict(conn: Connection, held: stock.Holding) -> judgements.StoredVerdict | None:
    """The verdict that holds the stock, where one does; else the newest."""
    by = held.held_by_verdict_id
    holding = judgements.verdict_by_id(conn, by) if by is not None else None
    return holding or judgements.latest_verdict(conn, held.id)


def judged_again_ms(conn: Connection, held: stock.Holding, appliance: str | None, found: Verdict | None) -> int | None:
    """Through when usable stock was judged after its newest verdict; ordinary readings bring no new one."""
    if appliance is None or found is None or held.disposition not in USABLE or held.rejudges_open:
        return None
    through_ms = judgements.judged_through_ms(conn, appliance)
    return through_ms if through_ms is not None and through_ms > found.judged_through_ms else None


def as_inside(held: stock.Holding, stay: stock.Stay | None) -> Inside:
    """The holding with its present stay, as the rules take it."""
    return Inside(
        holding=held.id,
        appliance=stay.appliance_id if stay else "",
        lot=held.lot_id,
        product=held.product_id,
        batch=held.batch,
        doses=held.doses_left,
        disposition=held.disposition,
        disposition_at_ms=held.disposition_at_ms,
        known_bound_ms=stay.known_bound_ms if stay else 0,
        from_ms=stay.from_ms if stay else held.created_at_ms,
        gap_open_from_ms=held.gap_open_from_ms,
        expires_at_ms=held.expires_at_ms,
        rejudges_open=held.rejudges_open,
    )


def refusal(conn: Connection, held: stock.Holding, now_ms: int) -> str | None:
    """Why the gate is shut for this holding now; None while it is open."""
    try:
        holdings.check_gate(conn, held.id, held.facility_id, now_ms)
    except Refused as refused:
        return str(refused.facts["reason"])
    return None


def lot_line(reader: Reader, one: LotSum) -> LotLine:
    """A lot with the sum of its holdings."""
    product = reader.product(one.product)
    held = {Disposition.QUARANTINED.value, Disposition.UNDER_ASSESSMENT.value}
    return LotLine(
        lot=one.id,
        product=one.product,
        display_name=product.display_name if product else one.product,
        display_name_hindi=product.display_name_hindi if product else one.product,
        batch=one.batch,
        expires_at_ms=one.expires_at_ms,
        holdings=sum(one.holdings.values()),
        doses=sum(one.doses.values()),
        doses_usable=sum(one.doses.get(word.value, 0) for word in USABLE),
        holdings_held=sum(count for word, count in one.holdings.items() if word in held),
    )
