"""What the server says of appliances by itself, beside what their gateways say (pure; `alerts/watch_rules.py` runs it).

One alarm of a kind for an appliance at a time: it stands while its condition holds, whatever instant the condition is
dated from meanwhile. Where the gateway says the same already, the server is silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS
from sheetal.ledger.alarm_writes import Raised
from sheetal.ledger.alarms import Origin, ServerRule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sheetal.ledger.alarms import Alarm
    from sheetal.ledger.assets import Appliance
    from sheetal.ledger.checks_due import Check
    from sheetal.ledger.forecasts import Forecast
    from sheetal.thermal.device_alarm import AlarmFact

SILENCE_MINUTES = 30
"""Link between logger and monitoring lost (EMS alarms as StrongColdChains/marmot keeps them; science.md section 1)."""
SILENT_INTERVALS = 3
GRACE_MINUTES = 5
"""So long the gateway's own alarm may be under way before the server speaks in its place."""
CLOSING_CENTI_CELSIUS = 50
"""An alarm closes this far inside its limit: the probes' accuracy (science.md section 11). It never opens late."""


class Probe(NamedTuple):
    """A sensor that hangs in an appliance now, and how far what it says is known; None for one never heard."""

    sensor: str
    since_ms: int
    interval_ms: int | None
    heard_ms: int | None
    centi_celsius: int | None

    def silent_since(self, now_ms: int) -> int | None:
        """Since when nothing has come, where that is too long ago."""
        last_ms = max(self.since_ms, min(self.heard_ms or 0, now_ms))
        patience_ms = max(SILENCE_MINUTES * MINUTE_MS, SILENT_INTERVALS * (self.interval_ms or 0))
        return last_ms if now_ms - last_ms > patience_ms else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One appliance as the rules see it. `has_live_stock` is False where its stock rests on other evidence alone."""

    appliance: Appliance
    probes: Sequence[Probe] = ()
    has_live_stock: bool = True
    facts: Sequence[tuple[str, AlarmFact]] = ()
    missed: Check | None = None
    forecast: Forecast | None = None


class Changes(NamedTuple):
    """What is to be raised, and the ids of what is over."""

    raised: list[Raised]
    over: list[str]


def wanted(look: Look, now_ms: int) -> list[Raised]:
    """The conditions that hold of an appliance."""
    return [*_silent(look, now_ms), *_beyond(look, now_ms), *_unchecked(look), *_spoiling(look, now_ms)]


def changes_of(
    conditions: Iterable[Raised],
    standing: Sequence[Alarm],
    judged: Collection[tuple[str, ServerRule]],
) -> Changes:
    """What is new and what is over; `judged` are the appliances and rules that could be looked at at all.

    `standing` are all alarms whose cause goes on, of either origin. One that a person has ended is not raised again
    before its cause was gone; but a gateway's, once ended, silences its own sensor alone.
    """
    known: dict[tuple[str | None, str], list[Alarm]] = {}
    for one in standing:
        known.setdefault((one.appliance_id, one.kind), []).append(one)
    found = list(conditions)
    holds = {(one.appliance_id, one.rule.value) for one in found}
    asked = {(appliance_id, rule.value) for appliance_id, rule in judged}
    over = [
        one.id
        for one in standing
        if one.origin == Origin.SERVER.value
        and (one.appliance_id, one.kind) in asked
        and (one.appliance_id, one.kind) not in holds
    ]
    raised = [new for new in found if not any(_says(one, new) for one in known.get((new.appliance_id, new.rule), ()))]
    return Changes(raised, over)


def still_beyond(one: Alarm, probe: Probe | None) -> bool:
    """Whether a standing alarm of the server's heat or freeze rule goes on; only a value well inside closes it."""
    if probe is None:
        return False
    if probe.centi_celsius is None or one.limit_centi_celsius is None:
        return True
    if one.kind == ServerRule.FREEZE.value:
        return probe.centi_celsius < one.limit_centi_celsius + CLOSING_CENTI_CELSIUS
    return probe.centi_celsius > one.limit_centi_celsius - CLOSING_CENTI_CELSIUS


def _says(one: Alarm, new: Raised) -> bool:
    """Whether an alarm that stands says what the server would say now."""
    if one.origin == Origin.SERVER.value or one.ended_at_ms is None:
        return True
    sensors = new.facts.get("sensors", [new.sensor_id])
    return sensors == [one.sensor_id]


def _silent(look: Look, now_ms: int) -> list[Raised]:
    if not look.has_live_stock:
        return []
    silent = {probe.sensor: ms for probe in look.probes if (ms := probe.silent_since(now_ms)) is not None}
    if not silent:
        return []
    facts: dict[str, object] = {"sensors": sorted(silent)}
    return [_raised(look, ServerRule.NO_DATA, min(silent.values()), facts=facts, sensor_id=min(silent))]


def _beyond(look: Look, now_ms: int) -> list[Raised]:
    """The device rule by the server's own eyes; the worst of each kind."""
    found: dict[ServerRule, Raised] = {}
    for sensor, fact in look.facts:
        rule = ServerRule.FREEZE if fact.rule.kind is AlarmKind.FREEZE else ServerRule.HEAT
        if now_ms - fact.began_at_ms < (fact.rule.minutes + GRACE_MINUTES) * MINUTE_MS:
            continue
        new = _raised(look, rule, fact.began_at_ms, sensor_id=sensor, fact=fact)
        if rule not in found or new.began_at_ms < found[rule].began_at_ms:
            found[rule] = new
    return list(found.values())


def _unchecked(look: Look) -> list[Raised]:
    return [] if look.missed is None else [_raised(look, ServerRule.MISSED_CHECK, look.missed.due_at_ms)]


def _spoiling(look: Look, now_ms: int) -> list[Raised]:
    forecast = look.forecast
    if forecast is None or not forecast.fit.is_warning or not forecast.is_current(now_ms):
        return []
    facts: dict[str, object] = {
        "side": forecast.side.value,
        "minutes": forecast.minutes,
        "minutes_low": forecast.minutes_low,
        "doses_at_risk": forecast.doses_at_risk,
    }
    if forecast.minutes_high is not None:
        facts["minutes_high"] = forecast.minutes_high
    return [_raised(look, ServerRule.SPOILAGE_WARNING, forecast.made_at_ms, facts=facts, forecast=forecast)]


def _raised(  # noqa: PLR0913 -- what differs between the rules
    look: Look,
    rule: ServerRule,
    began_at_ms: int,
    *,
    facts: dict[str, object] | None = None,
    sensor_id: str | None = None,
    fact: AlarmFact | None = None,
    forecast: Forecast | None = None,
) -> Raised:
    limit = fact.rule.limit_centi_celsius if fact else forecast.limit_centi_celsius if forecast else None
    return Raised(
        rule=rule,
        facility_id=look.appliance.facility_id,
        appliance_id=look.appliance.id,
        began_at_ms=began_at_ms,
        sensor_id=sensor_id,
        extreme_centi_celsius=fact.extreme_centi_celsius if fact else None,
        limit_centi_celsius=limit,
        limit_minutes=fact.rule.minutes if fact else None,
        facts=facts or {},
    )
