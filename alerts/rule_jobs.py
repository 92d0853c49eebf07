"""What the clockwork does about alarms: the server's rules, the look at a month, reminders and the ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.attention import Attention, Tolerance
from alerts.clockwork import Job
from alerts.notify.escalate import Patience, escalate
from alerts.watch_rules import WatchRules
from sheetal.ledger.checks_due import Hours

if TYPE_CHECKING:
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.programme import Programme
    from sheetal.readings.port import ReadingsStore

RULES_SECONDS = 30.0
ESCALATE_SECONDS = 30.0
ATTENTION_SECONDS = 60.0


def rule_jobs(stores: tuple[Ledger, Ledger], readings: ReadingsStore, programme: Programme, clock: Clock) -> list[Job]:
    """The jobs, by the programme's hours and bounds; each raises Unavailable while a store is away."""
    ledger, telemetry = stores
    hours = Hours(programme.checks_at_minutes_of_day, programme.check_late_minutes)
    rules = WatchRules(ledger, telemetry, readings, hours)
    bounds = (programme.needs_attention_hot_percent, programme.needs_attention_alarms, programme.needs_attention_days)
    attention = Attention(ledger, readings, Tolerance(*bounds))
    patience = Patience(programme.escalate_minutes, programme.remind_minutes)
    return [
        Job("rules", RULES_SECONDS, lambda: rules.turn(clock())),
        Job("attention", ATTENTION_SECONDS, lambda: attention.turn(clock())),
        Job("escalate", ESCALATE_SECONDS, lambda: escalate(ledger, clock(), patience)),
    ]
