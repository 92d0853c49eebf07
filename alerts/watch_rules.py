"""The turn of the server's rules: look at every appliance, raise what is new, clear what is over, tell both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import structlog

from alerts.beyond import Beyond, Hanging
from alerts.server_rules import Changes, Look, Probe, changes_of, still_beyond, wanted
from alerts.telling import batched, tell
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import alarm_writes, assets, checks_due, telemetry, watching
from sheetal.ledger.alarms import Origin, ServerRule, uncleared
from sheetal.ledger.forecasts import forecasts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from sheetal.ledger.alarms import Alarm
    from sheetal.ledger.checks_due import Hours
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.telemetry import SensorState
    from sheetal.readings.port import ReadingsStore
    from sheetal.thermal.device_alarm import AlarmFact

LIMIT_RULES = frozenset({ServerRule.HEAT, ServerRule.FREEZE})
OWN_RULES = frozenset(ServerRule) - {ServerRule.NEEDS_ATTENTION}
"""What this turn judges; `attention` looks at a month and takes its own time."""

log = structlog.get_logger()


class Seen(NamedTuple):
    """What one turn looks at."""

    looks: Sequence[Look]
    standing: Sequence[Alarm]


class WatchRules:
    """Runs the rules turn by turn; for one thread."""

    def __init__(self, ledger: Ledger, telemetry_store: Ledger, readings: ReadingsStore, hours: Hours) -> None:
        self._ledger = ledger
        self._telemetry = telemetry_store
        self._beyond = Beyond(readings)
        self._hours = hours

    def turn(self, now_ms: int) -> Changes:
        """Look once and keep what changed; raises Unavailable while the ledger or the telemetry store is away.

        Without the readings store heat and freezing are not judged, everything else is.
        """
        with self._ledger.read() as conn, self._telemetry.read() as telemetry_conn:
            states = {one.sensor_id: one for one in telemetry.sensor_states(telemetry_conn)}
            seen = _see(conn, states, self._hours, now_ms)
        facts = self._facts(seen.looks, now_ms)
        looks = [_with_facts(look, facts) for look in seen.looks] if facts is not None else seen.looks
        judged = _judged(looks, seen.standing, has_limits=facts is not None)
        conditions = [new for look in looks for new in wanted(look, now_ms)]
        changes = changes_of(conditions, seen.standing, judged)
        if changes.raised or changes.over:
            keep(self._ledger, changes, now_ms)
        return changes

    def _facts(self, looks: Sequence[Look], now_ms: int) -> Mapping[tuple[str, str], Sequence[AlarmFact]] | None:
        hanging = [Hanging(probe, look.appliance) for look in looks for probe in look.probes]
        try:
            return self._beyond.look(hanging, now_ms)
        except Unavailable as problem:
            log.warning("Heat and freezing are not judged by the server now", problem=problem.message)
            return None


def keep(ledger: Ledger, changes: Changes, now_ms: int) -> None:
    """Raise and clear, each with its notice in the same transaction; raises Unavailable.

    A district without power goes in parts, so that neither the gate nor a gateway's own alarm waits for all of it.
    """
    for raised in batched(changes.raised):
        with ledger.write() as conn:
            for new in raised:
                alarm_id = alarm_writes.raise_alarm(conn, new, now_ms)
                if alarm_id is not None:
                    tell(conn, alarm_id, now_ms)
    for over in batched(changes.over):
        with ledger.write() as conn:
            for alarm_id in over:
                if alarm_writes.clear_alarm(conn, alarm_id, now_ms):
                    tell(conn, alarm_id, now_ms)
    log.info("Alarms of the server have changed", raised=len(changes.raised), over=len(changes.over))


def _see(conn: Connection, states: Mapping[str, SensorState], hours: Hours, now_ms: int) -> Seen:
    zones = {place.id: place.time_zone for place in assets.facilities(conn)}
    evidence = watching.evidence_inside(conn)
    checked = watching.last_checks(conn, now_ms - checks_due.PRACTISED_MS)
    probes = _probes(conn, states, now_ms)
    standing = [one for one in uncleared(conn) if _still_speaks(one, probes)]
    missing = {one.appliance_id for one in standing if one.kind == ServerRule.MISSED_CHECK.value}
    ahead = forecasts(conn)
    looks = []
    for place in assets.appliances(conn):
        kinds = evidence.get(place.id, set())
        is_asked = EvidenceKind.TWICE_DAILY.value in kinds or place.id in checked or place.id in missing
        missed = checks_due.missed(hours, zones[place.facility_id], checked.get(place.id), now_ms) if is_asked else None
        look = Look(
            appliance=place,
            probes=probes.get(place.id, ()),
            has_live_stock=not kinds or EvidenceKind.TELEMETRY.value in kinds,
            missed=missed,
            forecast=ahead.get(place.id),
        )
        looks.append(look)
    return Seen(looks, standing)


def _still_speaks(one: Alarm, probes: Mapping[str, Sequence[Probe]]) -> bool:
    """Whether an alarm can ever be cleared: a gateway's, of a sensor that hangs elsewhere or nowhere now, cannot."""
    hung = {probe.sensor for probe in probes.get(one.appliance_id or "", ())}
    return one.origin == Origin.SERVER.value or one.sensor_id in hung


def _probes(conn: Connection, states: Mapping[str, SensorState], now_ms: int) -> dict[str, list[Probe]]:
    found: dict[str, list[Probe]] = defaultdict(list)
    for hung in watching.hung_now(conn, now_ms):
        state = states.get(hung.sensor_id)
        # A clock that runs ahead proves nothing of the time to come.
        heard_ms = None if state is None else min(state.measured_at_ms, state.received_at_ms)
        value = None if state is None or state.measured_at_ms < hung.from_ms else state.centi_celsius
        found[hung.appliance_id].append(Probe(hung.sensor_id, hung.from_ms, hung.interval_ms, heard_ms, value))
    return found


def _with_facts(look: Look, facts: Mapping[tuple[str, str], Sequence[AlarmFact]]) -> Look:
    own = [(one.sensor, fact) for one in look.probes for fact in facts.get((one.sensor, look.appliance.id), ())]
    return replace(look, facts=own)


def _judged(
    looks: Sequence[Look],
    standing: Sequence[Alarm],
    *,
    has_limits: bool,
) -> set[tuple[str, ServerRule]]:
    rules = OWN_RULES if has_limits else OWN_RULES - LIMIT_RULES
    probes = {(look.appliance.id, probe.sensor): probe for look in looks for probe in look.probes}
    going_on = {
        (one.appliance_id, ServerRule(one.kind))
        for one in standing
        if one.origin == Origin.SERVER.value and one.kind in LIMIT_RULES
        if still_beyond(one, probes.get((one.appliance_id or "", one.sensor_id or "")))
    }
    return {(look.appliance.id, rule) for look in looks for rule in rules} - going_on
