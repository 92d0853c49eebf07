"""What the engine found and said, for writing: by alerts alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from sqlalchemy import and_, bindparam, case, delete, func, insert, literal, or_, select, update

from sheetal.contracts.device_alarm import AlarmKind
from sheetal.ledger.alarms import AlarmEnd, Origin
from sheetal.ledger.asset_tables import gateway
from sheetal.ledger.base import EpochMs
from sheetal.ledger.changes import next_change
from sheetal.ledger.gate import AHEAD_MS_MAX
from sheetal.ledger.judgement_tables import alarm, appliance_judgement, gateway_state, notice, verdict
from sheetal.ledger.judgements import Severity, verdict_digest
from sheetal.ledger.latest_verdicts import on_record
from sheetal.ledger.stock_tables import compromise
from sheetal.ledger.telemetry_tables import dirty_hour
from sheetal.ledger.upsert import insert_missing, replacing, upsert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from sheetal.contracts.device_alarm import DeviceAlarm
    from sheetal.contracts.limits import Side
    from sheetal.contracts.verdict import Verdict
    from sheetal.ledger.judgements import ApplianceJudgement, GatewayState
    from sheetal.ledger.telemetry import DirtyHour
    from sheetal.ledger.upsert import Excluded

_CLEAR_DIRTY = delete(dirty_hour).where(
    dirty_hour.c.sensor_id == bindparam("of_sensor"),
    dirty_hour.c.hour_ms == bindparam("of_hour_ms"),
    dirty_hour.c.marked == bindparam("of_mark"),
)


def append_verdict(conn: Connection, found: Verdict, now_ms: int) -> int:
    """Append a verdict, never edit one; gives its number."""
    return append_verdicts(conn, [(found, verdict_digest(found))], now_ms)[found.holding]


def append_verdicts(conn: Connection, found: Sequence[tuple[Verdict, str]], now_ms: int) -> dict[str, int]:
    """Append verdicts on different holdings, each with the digest of what it says; gives their numbers by holding."""
    rows = [_verdict_row(one, digest, now_ms) for one, digest in found]
    if not rows:
        return {}
    conn.execute(insert(verdict), rows)
    labels = [one.holding for one, _ in found]
    return {label: known.id for label, known in on_record(conn, labels).items()}


def _verdict_row(found: Verdict, digest: str, now_ms: int) -> dict[str, object]:
    return {
        "holding_id": found.holding,
        "finding": found.finding.value,
        "rule_version": found.rule_version,
        "judged_through_ms": found.judged_through_ms,
        "known_through_ms": found.known_through_ms,
        "digest": digest,
        "evidence": msgspec.json.encode(found, order="deterministic").decode(),
        "found_at_ms": now_ms,
    }


class NewCompromise(NamedTuple):
    """A verdict's statement that a holding was unfit from an instant on."""

    holding_id: str
    verdict_id: int
    side: Side
    compromised_from_ms: int


def add_compromise(
    conn: Connection,
    holding_id: str,
    verdict_id: int,
    side: Side,
    compromised_from_ms: int,
    now_ms: int,
) -> int:
    """State that a holding was unfit from an instant on; gives the number."""
    new = _compromise_row(NewCompromise(holding_id, verdict_id, side, compromised_from_ms), now_ms)
    number: int = conn.execute(insert(compromise).values(**new).returning(compromise.c.id)).scalar_one()
    return number


def add_compromises(conn: Connection, found: Sequence[NewCompromise], now_ms: int) -> None:
    """State many together, in their order."""
    if found:
        conn.execute(insert(compromise), [_compromise_row(one, now_ms) for one in found])


def _compromise_row(new: NewCompromise, now_ms: int) -> dict[str, object]:
    return {**new._asdict(), "side": new.side.value, "found_at_ms": now_ms}


def withdraw_compromise(conn: Connection, compromise_id: int, now_ms: int) -> bool:
    """Take a compromise back, keeping its row; False when it is withdrawn already."""
    withdrawn = update(compromise).where(compromise.c.id == compromise_id, compromise.c.withdrawn_at_ms.is_(None))
    return conn.execute(withdrawn.values(withdrawn_at_ms=now_ms)).rowcount == 1


def put_appliance_judgement(conn: Connection, judged: ApplianceJudgement) -> None:
    """Put an appliance's judged and known instants (`put_appliance_judgements`)."""
    put_appliance_judgements(conn, [judged])


def put_appliance_judgements(conn: Connection, judged: Iterable[ApplianceJudgement]) -> None:
    """Put appliances' judged and known instants; an older engine never moves `judged_through` back.

    A stored one that lies further ahead of the new one than two clocks may differ is a clock's fault and gives way,
    else the gate would stay shut until the corrected clock has caught up. Going back can only shut the gate sooner.
    """
    upsert(
        conn,
        appliance_judgement,
        [_judgement_row(one) for one in judged],
        changes=replacing("judged_through_ms", "known_through_ms", "state"),
        guard=lambda new: or_(
            new.judged_through_ms >= appliance_judgement.c.judged_through_ms,
            appliance_judgement.c.judged_through_ms > new.judged_through_ms + literal(AHEAD_MS_MAX, EpochMs),
        ),
    )


def _judgement_row(judged: ApplianceJudgement) -> dict[str, object]:
    return {name: getattr(judged, name) for name in ("appliance_id", "judged_through_ms", "known_through_ms", "state")}


def put_alarm(conn: Connection, said: DeviceAlarm, appliance_id: str | None, now_ms: int) -> bool:
    """Keep a device alarm or its clearing; a repeat changes nothing. False when its gateway is not enrolled.

    The clearing of one that a person has acknowledged ends it as fixed.
    """
    facility_id = conn.execute(select(gateway.c.facility_id).where(gateway.c.id == said.gateway)).scalar_one_or_none()
    if facility_id is None:
        return False
    row = {
        "id": said.alarm,
        "origin": Origin.DEVICE.value,
        "facility_id": facility_id,
        "gateway_id": said.gateway,
        "sensor_id": said.sensor,
        "appliance_id": appliance_id,
        "kind": said.kind.value,
        "received_at_ms": now_ms,
        "change": next_change(conn, alarm),
        **{name: getattr(said, name) for name in ("began_at_ms", "fired_at_ms", "cleared_at_ms")},
        **{name: getattr(said, name) for name in ("extreme_centi_celsius", "limit_centi_celsius", "limit_minutes")},
    }
    upsert(
        conn,
        alarm,
        [row],
        changes=lambda new: {
            "cleared_at_ms": func.coalesce(alarm.c.cleared_at_ms, new.cleared_at_ms),
            "extreme_centi_celsius": case(
                (_is_worse(said.kind, new), new.extreme_centi_celsius),
                else_=alarm.c.extreme_centi_celsius,
            ),
            **ended_as_fixed(new.cleared_at_ms.is_not(None), said.gateway, now_ms),
            "change": new.change,
        },
        guard=lambda new: or_(
            and_(alarm.c.cleared_at_ms.is_(None), new.cleared_at_ms.is_not(None)),
            _is_worse(said.kind, new),
        ),
    )
    return True


def ended_as_fixed(is_cleared: ColumnElement[bool], ended_by: str, now_ms: int) -> dict[str, ColumnElement[Any]]:
    """The values of an alarm's end, where it is cleared now and was acknowledged before."""
    is_over = and_(is_cleared, alarm.c.acknowledged_at_ms.is_not(None), alarm.c.ended_at_ms.is_(None))
    return {
        "ended_at_ms": case((is_over, literal(now_ms, EpochMs)), else_=alarm.c.ended_at_ms),
        "ended_as": case((is_over, AlarmEnd.FIXED.value), else_=alarm.c.ended_as),
        "ended_by": case((is_over, ended_by), else_=alarm.c.ended_by),
    }


def _is_worse(kind: AlarmKind, new: Excluded) -> ColumnElement[bool]:
    if kind is AlarmKind.FREEZE:
        return new.extreme_centi_celsius < alarm.c.extreme_centi_celsius
    return new.extreme_centi_celsius > alarm.c.extreme_centi_celsius


def add_notice(  # noqa: PLR0913 -- what is told, and two words on how
    conn: Connection,
    key: str,
    kind: str,
    facility_id: str,
    facts: Mapping[str, object],
    now_ms: int,
    *,
    severity: Severity = Severity.URGENT,
    group_key: str | None = None,
) -> bool:
    """Keep a notice to be sent; False when one with this key stands there already.

    Those of one `group_key` that wait together become one message.
    """
    row = {
        "deduplication_key": key,
        "kind": kind,
        "facility_id": facility_id,
        "facts": msgspec.json.encode(dict(facts), order="deterministic").decode(),
        "severity": severity.value,
        "group_key": group_key,
        "created_at_ms": now_ms,
        "attempts": 0,
    }
    return insert_missing(conn, notice, [row]) == 1


def put_gateway_state(conn: Connection, said: GatewayState) -> bool:
    """Keep what a gateway says of itself; False when it changes nothing or the gateway is not enrolled.

    An older session is ignored, so a late will cannot take a reconnected gateway down; within one session offline is
    final. Sessions begin anew with each enrolment. What a message does not tell keeps its last value.
    """
    enrolled = select(gateway.c.enrolled_at_ms).where(gateway.c.id == said.gateway_id)
    enrolled_at_ms = conn.execute(enrolled).scalar_one_or_none()
    if enrolled_at_ms is None:
        return False
    stored = gateway_state.c
    changed = upsert(
        conn,
        gateway_state,
        [asdict(said)],
        changes=lambda excluded: {
            "session": excluded.session,
            "online": case(
                (excluded.session != stored.session, excluded.online), else_=excluded.online & stored.online
            ),
            "changed_at_ms": excluded.changed_at_ms,
            **{name: func.coalesce(excluded[name], stored[name]) for name in ("boot", "software", "clock_source")},
        },
        guard=lambda excluded: or_(excluded.session >= stored.session, stored.changed_at_ms < enrolled_at_ms),
    )
    return changed == 1


def clear_dirty(conn: Connection, judged: Iterable[DirtyHour]) -> int:
    """Delete hours that have been judged, only where their mark is unchanged; on the telemetry store.

    Gives how many were deleted; the others were marked again meanwhile and stay.
    """
    rows = [{"of_sensor": one.sensor_id, "of_hour_ms": one.hour_ms, "of_mark": one.marked} for one in judged]
    if not rows:
        return 0
    return conn.execute(_CLEAR_DIRTY, rows, execution_options={"preserve_rowcount": True}).rowcount
