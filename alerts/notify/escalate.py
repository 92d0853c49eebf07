"""An alarm that nobody has acknowledged in time is told once more, as its own notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import MINUTE_MS
from sheetal.ledger import judgement_writes
from sheetal.ledger.alarms import alarms

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

UNACKNOWLEDGED = "device_alarm_unacknowledged"
PATIENCE_MS = 15 * MINUTE_MS


def escalate(ledger: Ledger, now_ms: int) -> int:
    """Add the notices that are due; gives how many are new. Raises Unavailable."""
    with ledger.read() as conn:
        late = [
            alarm
            for alarm in alarms(conn, open_only=True)
            if alarm.acknowledged_at_ms is None and now_ms - alarm.received_at_ms >= PATIENCE_MS
        ]
    if not late:
        return 0
    with ledger.write() as conn:
        added = [
            judgement_writes.add_notice(
                conn,
                f"{UNACKNOWLEDGED}/{alarm.id}",
                UNACKNOWLEDGED,
                alarm.facility_id,
                {"alarm": alarm.id, "kind": alarm.kind, "sensor": alarm.sensor_id, "fired_at_ms": alarm.fired_at_ms},
                now_ms,
            )
            for alarm in late
        ]
    return sum(added)
