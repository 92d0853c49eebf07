"""The notices of an alarm: that it began and that it is over, in the transaction that keeps the alarm itself.

Inside a muting window none is written; when the window ends and the alarm still stands, `escalate` tells it then. Of an
alarm that nobody was told of, the end is not told either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select

from sheetal.ledger import judgement_writes, mutes
from sheetal.ledger.alarms import Origin, ServerRule, alarm_by_id
from sheetal.ledger.asset_tables import appliance
from sheetal.ledger.judgement_tables import notice
from sheetal.ledger.judgements import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from sheetal.ledger.alarms import Alarm
    from sheetal.ledger.mutes import Muted

Item = TypeVar("Item")
BEGAN = {Origin.DEVICE.value: "device_alarm", Origin.SERVER.value: "server_alarm"}
CLEARED = {Origin.DEVICE.value: "device_alarm_cleared", Origin.SERVER.value: "server_alarm_cleared"}
KEYS_AT_ONCE = 500
ALARMS_AT_ONCE = 100
ROUTINE = frozenset({ServerRule.MISSED_CHECK.value, ServerRule.NEEDS_ATTENTION.value})
"""These wait for office hours; everything else may cost stock within the hour."""


def batched(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Parts of a long list, each fit for one short transaction."""
    for first in range(0, len(items), ALARMS_AT_ONCE):
        yield items[first : first + ALARMS_AT_ONCE]


def tell(conn: Connection, alarm_id: str, now_ms: int) -> None:
    """Write the notices that an alarm, just kept or changed, still lacks; raises NotFound."""
    found = alarm_by_id(conn, alarm_id)
    tell_began(conn, found, mutes.muted_at(conn, now_ms), now_ms)
    if found.cleared_at_ms is not None and told_at(conn, [found]):
        key = f"{CLEARED[found.origin]}/{found.id}"
        _add(conn, (key, CLEARED[found.origin]), found, Severity.ROUTINE, now_ms)


def tell_began(conn: Connection, found: Alarm, muted: Muted, now_ms: int) -> bool:
    """Write the notice that an alarm began, unless it stands there or is muted."""
    if muted.window_of(found.facility_id, found.appliance_id, found.kind) is not None:
        return False
    return _add(conn, (key_of(found), BEGAN[found.origin]), found, severity_of(found.kind), now_ms)


def told_at(conn: Connection, alarms: list[Alarm]) -> dict[str, int]:
    """When the notice of each of these alarms was written, by the alarm's id; what is missing was never told."""
    by_key = {key_of(one): one.id for one in alarms}
    return {by_key[key]: ms for key, ms in standing_keys(conn, list(by_key)).items()}


def standing_keys(conn: Connection, keys: list[str]) -> dict[str, int]:
    """Those of these notices that are written, with when."""
    found: dict[str, int] = {}
    for first in range(0, len(keys), KEYS_AT_ONCE):
        some = notice.c.deduplication_key.in_(keys[first : first + KEYS_AT_ONCE])
        rows = conn.execute(select(notice.c.deduplication_key, notice.c.created_at_ms).where(some))
        found.update({row.deduplication_key: row.created_at_ms for row in rows})
    return found


def key_of(found: Alarm) -> str:
    """The key of the notice that an alarm began."""
    return f"{BEGAN[found.origin]}/{found.id}"


def severity_of(kind: str) -> Severity:
    """How an alarm of this kind is told."""
    return Severity.ROUTINE if kind in ROUTINE else Severity.URGENT


def group_of(facility_id: str) -> str:
    """Alarms of one site that wait together are one message: a power cut warms every refrigerator of it."""
    return f"alarms/{facility_id}"


def facts_of(conn: Connection, found: Alarm) -> dict[str, object]:
    """What a notice says of an alarm; nothing of it is personal."""
    name = conn.execute(select(appliance.c.name).where(appliance.c.id == found.appliance_id)).scalar_one_or_none()
    facts: dict[str, object] = {
        **found.facts,
        "alarm": found.id,
        "origin": found.origin,
        "kind": found.kind,
        "sensor": found.sensor_id,
        "appliance": found.appliance_id,
        "appliance_name": name,
        "began_at_ms": found.began_at_ms,
        "fired_at_ms": found.fired_at_ms,
        "cleared_at_ms": found.cleared_at_ms,
    }
    figures = ("extreme_centi_celsius", "limit_centi_celsius", "limit_minutes")
    return facts | {key: value for key in figures if (value := getattr(found, key)) is not None}


def _add(conn: Connection, words: tuple[str, str], found: Alarm, severity: Severity, now_ms: int) -> bool:
    key, kind = words
    return judgement_writes.add_notice(
        conn,
        key,
        kind,
        found.facility_id,
        facts_of(conn, found),
        now_ms,
        severity=severity,
        group_key=group_of(found.facility_id),
    )
