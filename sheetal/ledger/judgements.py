"""What the engine found and said, for reading: verdicts, judged instants, compromises, notices, gateway states."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select

from sheetal.contracts.verdict import HOLDING, Verdict
from sheetal.ledger.alarms import Alarm, alarms
from sheetal.ledger.judgement_tables import appliance_judgement, gateway_state, notice, verdict
from sheetal.ledger.stock_tables import compromise

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping

ROWS_MAX = 1_000
__all__ = ["Alarm", "alarms"]

_verdict_decoder = msgspec.json.Decoder(Verdict)
_facts_decoder = msgspec.json.Decoder(dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerdict:
    """A verdict with its number, the digest of what it says, and when it was found."""

    id: int
    digest: str
    found_at_ms: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplianceJudgement:
    """The gate's two instants, once per appliance: engine alive through, data known through.

    `state` is in_range, warm, freezing or no_data.
    """

    appliance_id: str
    judged_through_ms: int
    known_through_ms: int | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compromise:
    """A holding was unfit from an instant on; withdrawn when a later finding took it back."""

    id: int
    holding_id: str
    verdict_id: int
    side: str
    compromised_from_ms: int
    found_at_ms: int
    withdrawn_at_ms: int | None


class Severity(StrEnum):
    """How a notice is told: at any hour, in its turn, or as a regular paper."""

    URGENT = "urgent"
    ROUTINE = "routine"
    DIGEST = "digest"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something a person must hear, once; `facts` never hold personal data.

    Notices of one `group_key` that wait together are told as one message.
    """

    id: int
    deduplication_key: str
    kind: str
    facility_id: str
    facts: Mapping[str, object]
    created_at_ms: int
    sent_at_ms: int | None
    attempts: int
    severity: str = Severity.URGENT
    group_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayState:
    """What a gateway last said of itself, in which connection (`session`)."""

    gateway_id: str
    session: int
    online: bool
    boot: int | None
    software: str | None
    clock_source: str | None
    changed_at_ms: int


def verdict_digest(found: Verdict) -> str:
    """A hash of what a verdict says, without how far it looked: equal digests need no new row."""
    said = (found.holding, found.finding, found.rule_version, found.product, found.product_version)
    return hashlib.sha256(msgspec.json.encode([*said, found.reached, found.noted], order="deterministic")).hexdigest()


def latest_verdict(conn: Connection, holding_id: str) -> StoredVerdict | None:
    """The newest verdict on a holding; None before the first."""
    return next(iter(verdicts_of(conn, holding_id, limit=1)), None)


def verdicts_of(conn: Connection, holding_id: str, limit: int = ROWS_MAX) -> list[StoredVerdict]:
    """The verdicts on a holding, the newest first, at most 1,000."""
    query = select(verdict).where(verdict.c.holding_id == holding_id).order_by(verdict.c.id.desc())
    return [_stored(row) for row in conn.execute(query.limit(min(limit, ROWS_MAX))).mappings()]


def latest_hold_id(conn: Connection, holding_id: str) -> int | None:
    """The number of the newest verdict that holds a holding, whatever was found since; None when there is none."""
    holds = verdict.c.finding.in_(sorted(HOLDING))
    query = select(func.max(verdict.c.id)).where(verdict.c.holding_id == holding_id, holds)
    number: int | None = conn.execute(query).scalar_one()
    return number


def verdict_by_id(conn: Connection, verdict_id: int) -> StoredVerdict | None:
    """One verdict; None when there is none."""
    row = conn.execute(select(verdict).where(verdict.c.id == verdict_id)).mappings().one_or_none()
    return _stored(row) if row else None


def appliance_judgements(conn: Connection) -> dict[str, ApplianceJudgement]:
    """The judged instants of every appliance, by its id."""
    rows = conn.execute(select(appliance_judgement)).mappings()
    return {row["appliance_id"]: ApplianceJudgement(**row) for row in rows}


def judged_through_ms(conn: Connection, appliance_id: str) -> int | None:
    """Through which instant all that stands in an appliance is judged; None before the first time."""
    query = select(appliance_judgement.c.judged_through_ms).where(appliance_judgement.c.appliance_id == appliance_id)
    found: int | None = conn.execute(query).scalar_one_or_none()
    return found


def compromises(conn: Connection, after_id: int = 0, limit: int = ROWS_MAX) -> list[Compromise]:
    """Compromises with a higher number than `after_id`, in order, at most 1,000."""
    query = select(compromise).where(compromise.c.id > after_id).order_by(compromise.c.id)
    return [Compromise(**row) for row in conn.execute(query.limit(min(limit, ROWS_MAX))).mappings()]


def compromised_from_ms(conn: Connection, holding_id: str) -> int | None:
    """Since when a holding was possibly unfit: the earliest compromise not withdrawn; None when there is none."""
    query = select(func.min(compromise.c.compromised_from_ms)).where(
        compromise.c.holding_id == holding_id,
        compromise.c.withdrawn_at_ms.is_(None),
    )
    instant: int | None = conn.execute(query).scalar_one()
    return instant


def notices(conn: Connection, limit: int = ROWS_MAX) -> list[Notice]:
    """Notices, the newest first, at most 1,000."""
    query = select(notice).order_by(notice.c.id.desc()).limit(min(limit, ROWS_MAX))
    return [_notice(row) for row in conn.execute(query).mappings()]


def gateway_states(conn: Connection, gateways: Collection[str] | None = None) -> dict[str, GatewayState]:
    """What these gateways, or all, last said of themselves, by their id."""
    query = select(gateway_state)
    if gateways is not None:
        query = query.where(gateway_state.c.gateway_id.in_(gateways))
    rows = conn.execute(query).mappings()
    return {row["gateway_id"]: GatewayState(**row) for row in rows}


def _stored(row: RowMapping) -> StoredVerdict:
    found = _verdict_decoder.decode(row["evidence"])
    return StoredVerdict(id=row["id"], digest=row["digest"], found_at_ms=row["found_at_ms"], verdict=found)


def _notice(row: RowMapping) -> Notice:
    return Notice(**{**row, "facts": _facts_decoder.decode(row["facts"])})
