"""Muting windows: times in which alarms of a place are kept and shown, but nobody is told. A hold is never muted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, insert, select, update

from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit
from sheetal.ledger.alarms import ServerRule
from sheetal.ledger.assets import appliance_by_id, facility_by_id
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.watch_tables import mute

if TYPE_CHECKING:
    from sqlalchemy import Connection

ROWS_MAX = 1_000
WINDOW_MS_MAX = 7 * DAY_MS
"""How far from now silence may reach: a longer one is a decision to be taken again. The number is the project's own."""
STANDING_MAX = 100
"""How many windows of a facility may stand or lie ahead: each alarm is held against all of them."""
REASON_CHARACTERS_MAX = 300
KINDS = tuple(dict.fromkeys([*(kind.value for kind in AlarmKind), *(rule.value for rule in ServerRule)]))
"""What may be muted: alarms, and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMute:
    """A window [from_ms, until_ms) for a facility, or one of its appliances, and for one kind of alarm or all."""

    facility_id: str
    appliance_id: str | None
    kind: str | None
    from_ms: int
    until_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A window as it stands; `ended_at_ms` where somebody ended it before its time."""

    id: int
    facility_id: str
    appliance_id: str | None
    kind: str | None
    from_ms: int
    until_ms: int
    reason: str
    actor: str
    created_at_ms: int
    ended_at_ms: int | None

    @property
    def over_at_ms(self) -> int:
        """When it ends or ended."""
        return self.until_ms if self.ended_at_ms is None else min(self.until_ms, self.ended_at_ms)

    def covers(self, facility_id: str, appliance_id: str | None, kind: str) -> bool:
        """Whether an alarm of this kind at this place falls into the window, its time left aside."""
        is_place = self.facility_id == facility_id and self.appliance_id in {None, appliance_id}
        return is_place and self.kind in {None, kind}


class Muted(NamedTuple):
    """The windows in force at one instant."""

    windows: tuple[Mute, ...]

    def window_of(self, facility_id: str, appliance_id: str | None, kind: str) -> Mute | None:
        """The window that mutes such an alarm for longest; None where people are told."""
        found = [one for one in self.windows if one.covers(facility_id, appliance_id, kind)]
        return max(found, key=lambda one: one.over_at_ms, default=None)


def add_mute(conn: Connection, new: NewMute, actor: str, now_ms: int) -> int:
    """Open a window; gives its number.

    Raises NotFound and Refused (`no_reason`, `bad_kind`, `bad_window`, `place`, `too_many`).
    """
    facility_by_id(conn, new.facility_id)
    _check(conn, new, now_ms)
    row = {**asdict(new), "reason": new.reason.strip()[:REASON_CHARACTERS_MAX], "actor": actor, "created_at_ms": now_ms}
    number: int = conn.execute(insert(mute).values(**row).returning(mute.c.id)).scalar_one()
    detail = {name: row[name] for name in ("appliance_id", "kind", "from_ms", "until_ms", "reason")}
    audit.append(conn, new.facility_id, AuditEntry(now_ms, actor, "alarms_muted", f"mute/{number}", detail))
    return number


def end_mute(conn: Connection, mute_id: int, actor: str, now_ms: int) -> Mute:
    """End a window before its time; raises NotFound and Refused (`over`)."""
    standing = update(mute).where(mute.c.id == mute_id, mute.c.ended_at_ms.is_(None), mute.c.until_ms > now_ms)
    changed = conn.execute(standing.values(ended_at_ms=now_ms)).rowcount
    found = mute_by_id(conn, mute_id)
    if not changed:
        raise Refused("this window is over", reason="over")
    audit.append(conn, found.facility_id, AuditEntry(now_ms, actor, "mute_ended", f"mute/{mute_id}", {}))
    return found


def mute_by_id(conn: Connection, mute_id: int) -> Mute:
    """One window; raises NotFound."""
    row = conn.execute(select(mute).where(mute.c.id == mute_id)).mappings().one_or_none()
    if row is None:
        raise NotFound("no such window", mute=mute_id)
    return Mute(**row)


def mutes(conn: Connection, facility_id: str | None, since_ms: int) -> list[Mute]:
    """Windows of a facility, or of all, that were not over at `since_ms`; the last to end first, at most 1,000."""
    query = select(mute).where(mute.c.until_ms > since_ms).order_by(mute.c.until_ms.desc(), mute.c.id.desc())
    if facility_id is not None:
        query = query.where(mute.c.facility_id == facility_id)
    return [Mute(**row) for row in conn.execute(query.limit(ROWS_MAX)).mappings()]


def muted_at(conn: Connection, now_ms: int) -> Muted:
    """What is muted now."""
    query = select(mute).where(mute.c.from_ms <= now_ms, mute.c.until_ms > now_ms, mute.c.ended_at_ms.is_(None))
    return Muted(tuple(Mute(**row) for row in conn.execute(query.order_by(mute.c.id)).mappings()))


def _check(conn: Connection, new: NewMute, now_ms: int) -> None:
    if not new.reason.strip():
        raise Refused("a window has a reason", next_step="say why nobody is to be told", reason="no_reason")
    if new.kind is not None and new.kind not in KINDS:
        raise Refused("only alarms can be muted", reason="bad_kind")
    is_span = 0 < new.until_ms - new.from_ms <= WINDOW_MS_MAX
    if not (is_span and now_ms < new.until_ms <= now_ms + WINDOW_MS_MAX):
        raise Refused("a window ends in the future, within seven days, and lasts as long at most", reason="bad_window")
    if new.appliance_id is not None and appliance_by_id(conn, new.appliance_id).facility_id != new.facility_id:
        raise Refused("this appliance stands elsewhere", reason="place")
    standing = select(func.count()).where(
        mute.c.facility_id == new.facility_id, mute.c.until_ms > now_ms, mute.c.ended_at_ms.is_(None)
    )
    if conn.execute(standing).scalar_one() >= STANDING_MAX:
        raise Refused("too many windows stand here already", next_step="end one of them first", reason="too_many")
