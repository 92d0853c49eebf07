"""Each minute: which appliances head for a limit of the stock inside them, and how long is left.

What the sensors said lately is remembered in memory from ingest's newest values; a restarted process reads the day
before from the readings store, a few sensors a round, those on the move first. Appliances that stand still cost next to
nothing. Cumulative limits are not forecast: what is left of them stands in the verdict.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import structlog

from alerts.recent import STEP_MS, Recent
from sheetal.contracts.limits import DAY_MS, MINUTE_MS, Measure, Side
from sheetal.contracts.problem import NotFound, Unavailable
from sheetal.ledger import catalogue, telemetry
from sheetal.ledger.forecasts import Fit, Forecast, drop_forecasts, forecasts, put_forecasts, watched
from sheetal.thermal.forecast import FRESH_MS_MAX, outlook, stretch
from sheetal.thermal.life import stage_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from sheetal.contracts.limits import HoldRule
    from sheetal.contracts.product import Product
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.forecasts import Watched
    from sheetal.readings.port import ReadingsStore
    from sheetal.thermal.runs import Sample

SEEDS_MAX = 100
"""Sensors whose past is read in one round: ten thousand after a restart take under two hours, those that move none."""
RETURN_CENTI_CELSIUS = 40
WARNED_SHARE = 3
"""An open run is told as a warning from a third of its rule's minutes on; before that it is the alarm's affair."""

log = structlog.get_logger()


class Judged(NamedTuple):
    """A rule that watches stock in an appliance, and the doses it watches there."""

    rule: HoldRule
    doses: int


class Forecasts:
    """Made from its stores; `make` is one round, never two at once."""

    def __init__(self, ledger: Ledger, telemetry_store: Ledger, readings: ReadingsStore) -> None:
        self._ledger = ledger
        self._telemetry = telemetry_store
        self._readings = readings
        self._recents: dict[str, Recent] = {}
        self._change: int | None = None

    def make(self, now_ms: int) -> list[Forecast]:
        """Make and keep the forecasts of now; raises Unavailable while ledger or telemetry are away."""
        with self._ledger.read() as conn:
            places = watched(conn)
            standing = forecasts(conn)
            products = _products(conn, {kept.product_id for place in places for kept in place.kept}, now_ms)
        rules = {place.appliance_id: rules_of(place, products) for place in places}
        self._listen({sensor for place in places for sensor in place.sensors})
        self._seed(now_ms)
        made = [found for place in places if (found := self._of(place, rules[place.appliance_id], now_ms)) is not None]
        kept = {one.appliance_id for one in made}
        gone = [
            left.appliance_id
            for left in standing.values()
            if not (left.appliance_id in kept or self._lingers(left, now_ms))
        ]
        if made or gone:
            with self._ledger.write() as conn:
                put_forecasts(conn, made)
                drop_forecasts(conn, gone)
        return made

    def _lingers(self, left: Forecast, now_ms: int) -> bool:
        """Whether a warning stays for some minutes: one reading that says less is no all-clear, a turn back is."""
        recent = self._recents.get(left.fit.sensor)
        if recent is None or not left.fit.is_warning or not left.is_current(now_ms):
            return False
        samples = recent.samples()
        return bool(samples) and not _has_turned_back(samples, left.side)

    def _listen(self, sensors: set[str]) -> None:
        """Remember the newest values; of a sensor that watches no stock any more nothing is kept."""
        self._recents = {sensor: self._recents.get(sensor, Recent()) for sensor in sensors}
        with self._telemetry.read() as conn:
            states = telemetry.sensor_states(conn, after_change=self._change)
        for state in states:
            self._change = max(state.change, self._change or 0)
            recent = self._recents.get(state.sensor_id)
            if recent is not None and state.centi_celsius is not None and state.quality == 0:
                recent.add(state.measured_at_ms, state.centi_celsius)

    def _seed(self, now_ms: int) -> None:
        """Read the past of some sensors, those on the move first."""
        unseeded = [sensor for sensor, recent in self._recents.items() if not recent.is_seeded]
        unseeded.sort(key=lambda sensor: (not self._recents[sensor].has_moved(), sensor))
        some = unseeded[:SEEDS_MAX]
        if not some:
            return
        try:
            buckets = self._readings.downsample(some, now_ms - DAY_MS, now_ms, STEP_MS)
        except Unavailable as problem:
            log.warning("The past of some sensors cannot be read; the next round tries again", problem=problem.message)
            return
        for sensor in some:
            past = [(one.start_ms + STEP_MS // 2, round(one.centi_celsius_mean)) for one in buckets.get(sensor, [])]
            self._recents[sensor].seed(past)

    def _of(self, place: Watched, rules: Sequence[Judged], now_ms: int) -> Forecast | None:
        """The earliest harm that any sensor of an appliance heads for."""
        recents = ((sensor, self._recents[sensor]) for sensor in place.sensors)
        moving = [(sensor, recent.samples()) for sensor, recent in recents if _may_matter(recent, rules, now_ms)]
        found = [
            made
            for sensor, samples in moving
            for judged in rules
            if (made := forecast_of(place.appliance_id, (sensor, samples), judged, now_ms)) is not None
        ]
        return min(found, key=_worst_first, default=None)


def forecast_of(appliance_id: str, told: tuple[str, Sequence[Sample]], judged: Judged, now_ms: int) -> Forecast | None:
    """What one sensor says of one rule; None where it does not head for its limit, or says nothing fresh."""
    sensor, samples = told
    if not samples or now_ms - samples[-1][0] > FRESH_MS_MAX:
        return None
    fit = _open_run(sensor, samples, judged.rule, now_ms) or _ahead(sensor, samples, judged.rule, now_ms)
    if fit is None:
        return None
    used = 0 if fit.limit_minutes else _minutes_beyond(samples, judged.rule, now_ms)
    left = max(0, judged.rule.minutes - used)
    high = fit.limit_minutes_high
    return Forecast(
        appliance_id=appliance_id,
        made_at_ms=now_ms,
        side=judged.rule.side,
        limit_centi_celsius=judged.rule.limit_centi_celsius,
        minutes=fit.limit_minutes + left,
        minutes_low=fit.limit_minutes_low + left,
        minutes_high=None if high is None else high + left,
        doses_at_risk=judged.doses,
        fit=fit,
    )


def _worst_first(made: Forecast) -> tuple[bool, int, int, str]:
    return not made.fit.is_warning, made.minutes, made.minutes_low, made.fit.sensor


def rules_of(place: Watched, products: Mapping[str, Product]) -> list[Judged]:
    """The run rules that judge what stands in an appliance, each with the doses it judges."""
    doses: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], HoldRule] = {}
    for kept in place.kept:
        product = products.get(kept.product_id)
        if product is None:
            continue
        stage = stage_spans(product, kept.thawed_at_ms, kept.opened_at_ms)[-1].stage
        for rule in product.hold_rules:
            if rule.measure is Measure.RUN and (rule.stage or product.stage) == stage:
                key = (kept.product_id, rule.rule)
                found[key] = rule
                doses[key] = doses.get(key, 0) + kept.doses
    return _joined(found.values(), doses.values())


def _joined(rules: Iterable[HoldRule], doses: Iterable[int]) -> list[Judged]:
    """Rules alike in side, limit and minutes are one, and their doses add up."""
    joined: dict[tuple[Side, int, bool, int], Judged] = {}
    for rule, count in zip(rules, doses, strict=True):
        key = (rule.side, rule.limit_centi_celsius, rule.inclusive, rule.minutes)
        known = joined.get(key)
        joined[key] = Judged(rule, count) if known is None else Judged(known.rule, known.doses + count)
    return list(joined.values())


def _products(conn: Connection, product_ids: Iterable[str], now_ms: int) -> dict[str, Product]:
    """The versions in force; one that the catalogue does not know is absent."""
    found: dict[str, Product] = {}
    for product_id in sorted(product_ids):
        with suppress(NotFound):
            found[product_id] = catalogue.product_version(conn, product_id, now_ms)
    return found


def _ahead(sensor: str, samples: Sequence[Sample], rule: HoldRule, now_ms: int) -> Fit | None:
    """A limit ahead; an ordinary cycle goes towards limits all day and is none."""
    found = outlook(samples, rule, now_ms)
    if found is None or not found.is_news:
        return None
    return Fit(
        sensor=sensor,
        rule=rule.rule,
        rule_minutes=rule.minutes,
        limit_minutes=max(1, found.minutes),
        limit_minutes_low=found.low,
        limit_minutes_high=found.high,
        is_warning=found.is_warning,
        tau_minutes=found.tau_minutes,
        asymptote_centi_celsius=found.asymptote_centi_celsius,
        error_centi_celsius=found.error_centi_celsius,
        samples=found.samples,
    )


def _open_run(sensor: str, samples: Sequence[Sample], rule: HoldRule, now_ms: int) -> Fit | None:
    """The limit is passed already: what is left is the rule's time, unless it is on its way back."""
    if not rule.violated_by(samples[-1][1]):
        return None
    is_returning = _has_turned_back(samples, rule.side)
    used = _minutes_beyond(samples, rule, now_ms)
    return Fit(
        sensor=sensor,
        rule=rule.rule,
        rule_minutes=rule.minutes,
        limit_minutes=0,
        limit_minutes_low=0,
        limit_minutes_high=None if is_returning else 0,
        is_warning=not is_returning and WARNED_SHARE * used >= rule.minutes,
    )


def _has_turned_back(samples: Sequence[Sample], side: Side) -> bool:
    other = Side.COLD if side is Side.HOT else Side.HOT
    back = stretch(samples, other)
    return abs(back[-1][1] - back[0][1]) >= RETURN_CENTI_CELSIUS


def _minutes_beyond(samples: Sequence[Sample], rule: HoldRule, now_ms: int) -> int:
    """How long the newest samples have been beyond the limit without a break."""
    first_ms = samples[-1][0]
    for ms, value in reversed(samples):
        if not rule.violated_by(value):
            break
        first_ms = ms
    return max(0, now_ms - first_ms) // MINUTE_MS if rule.violated_by(samples[-1][1]) else 0


def _may_matter(recent: Recent, rules: Sequence[Judged], now_ms: int) -> bool:
    """Whether a look is worth its time: a fresh value that has moved in the last hour or lies beyond a limit."""
    newest = recent.newest
    if newest is None or now_ms - newest[0] > FRESH_MS_MAX:
        return False
    return recent.has_moved() or any(judged.rule.violated_by(newest[1]) for judged in rules)
