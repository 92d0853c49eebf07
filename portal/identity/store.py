"""All SQL of staff accounts, sessions and wrong tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from portal.identity.rules import Failures, Role, Staff
from portal.identity.tables import sign_in_failure, staff, staff_session
from sheetal.ledger.upsert import replacing, upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


class Account(NamedTuple):
    """A staff account with its password hash."""

    staff: Staff
    password_hash: str


class SessionTimes(NamedTuple):
    """A session's instants and whose it is."""

    staff: Staff
    created_at_ms: int
    seen_at_ms: int
    ended_at_ms: int | None


_STAFF = (staff.c.id, staff.c.display_name, staff.c.role, staff.c.facility_id, staff.c.language)


def add_staff(conn: Connection, who: Staff, user_name: str, password_hash: str, now_ms: int) -> None:
    """Insert an account; an IntegrityError says that the user name is taken."""
    conn.execute(
        insert(staff).values(
            id=who.id,
            user_name=user_name,
            display_name=who.display_name,
            role=who.role.value,
            facility_id=who.facility_id,
            language=who.language,
            password_hash=password_hash,
            created_at_ms=now_ms,
        ),
    )


def account_by_user_name(conn: Connection, user_name: str) -> Account | None:
    """The enabled account of this name."""
    query = select(*_STAFF, staff.c.password_hash).where(staff.c.user_name == user_name)
    row = conn.execute(query.where(staff.c.disabled_at_ms.is_(None))).first()
    return None if row is None else Account(_staff(row), row.password_hash)


def account_by_id(conn: Connection, staff_id: str) -> Account | None:
    """The enabled account of this member of staff."""
    query = select(*_STAFF, staff.c.password_hash).where(staff.c.id == staff_id, staff.c.disabled_at_ms.is_(None))
    row = conn.execute(query).first()
    return None if row is None else Account(_staff(row), row.password_hash)


def staff_by_id(conn: Connection, staff_id: str) -> Staff | None:
    """The member of staff, also a disabled one: past acts keep their names."""
    row = conn.execute(select(*_STAFF).where(staff.c.id == staff_id)).first()
    return None if row is None else _staff(row)


def disable_staff(conn: Connection, staff_id: str, now_ms: int) -> None:
    """Close the account and end its sessions."""
    conn.execute(update(staff).where(staff.c.id == staff_id).values(disabled_at_ms=now_ms))
    open_sessions = (staff_session.c.staff_id == staff_id) & staff_session.c.ended_at_ms.is_(None)
    conn.execute(update(staff_session).where(open_sessions).values(ended_at_ms=now_ms))


def set_password_hash(conn: Connection, staff_id: str, password_hash: str) -> None:
    """Replace the hash, for example by one with newer parameters."""
    conn.execute(update(staff).where(staff.c.id == staff_id).values(password_hash=password_hash))


def add_session(conn: Connection, token_hash: str, staff_id: str, now_ms: int) -> None:
    """Open a session."""
    values = {"token_hash": token_hash, "staff_id": staff_id, "created_at_ms": now_ms, "seen_at_ms": now_ms}
    conn.execute(insert(staff_session).values(values))


def session(conn: Connection, token_hash: str) -> SessionTimes | None:
    """The session of an enabled account."""
    times = (staff_session.c.created_at_ms, staff_session.c.seen_at_ms, staff_session.c.ended_at_ms)
    query = select(*_STAFF, *times).join_from(staff_session, staff, staff_session.c.staff_id == staff.c.id)
    row = conn.execute(query.where(staff_session.c.token_hash == token_hash, staff.c.disabled_at_ms.is_(None))).first()
    return None if row is None else SessionTimes(_staff(row), row.created_at_ms, row.seen_at_ms, row.ended_at_ms)


def mark_seen(conn: Connection, token_hash: str, now_ms: int) -> None:
    """Note that the session acted now."""
    conn.execute(update(staff_session).where(staff_session.c.token_hash == token_hash).values(seen_at_ms=now_ms))


def end_session(conn: Connection, token_hash: str, now_ms: int) -> None:
    """Close a session for good."""
    open_session = (staff_session.c.token_hash == token_hash) & staff_session.c.ended_at_ms.is_(None)
    conn.execute(update(staff_session).where(open_session).values(ended_at_ms=now_ms))


def count_sessions(conn: Connection, seen_after_ms: int, created_after_ms: int) -> int:
    """Sessions that have not ended, were seen since the one instant and made since the other."""
    query = select(func.count()).select_from(staff_session).where(staff_session.c.ended_at_ms.is_(None))
    lately = (staff_session.c.seen_at_ms > seen_after_ms) & (staff_session.c.created_at_ms > created_after_ms)
    return conn.execute(query.where(lately)).scalar_one()


def delete_old_sessions(conn: Connection, before_ms: int) -> None:
    """Forget sessions opened before this instant."""
    conn.execute(delete(staff_session).where(staff_session.c.created_at_ms < before_ms))


def failures(conn: Connection, subject: str) -> Failures | None:
    """The wrong tries of a subject."""
    row = conn.execute(select(sign_in_failure).where(sign_in_failure.c.subject == subject)).first()
    return None if row is None else Failures(row.failures, row.last_ms, row.blocked_until_ms)


def held_failures(conn: Connection, subject: str) -> Failures:
    """The wrong tries of a subject, kept from other writers until the transaction's end, so that none is lost."""
    none_yet = _failure_row(subject, Failures(0, 0, 0))
    upsert(conn, sign_in_failure, [none_yet], changes=lambda _: {"failures": sign_in_failure.c.failures})
    found = failures(conn, subject)
    assert found is not None  # noqa: S101 -- it has just been written
    return found


def put_failures(conn: Connection, subject: str, count: Failures) -> None:
    """Replace the wrong tries of a subject."""
    changes = replacing("failures", "last_ms", "blocked_until_ms")
    upsert(conn, sign_in_failure, [_failure_row(subject, count)], changes=changes)


def clear_failures(conn: Connection, subject: str, before_ms: int) -> None:
    """Forget the tries of a subject, and all that are older than this instant."""
    old = (sign_in_failure.c.subject == subject) | (sign_in_failure.c.last_ms < before_ms)
    conn.execute(delete(sign_in_failure).where(old))


def _failure_row(subject: str, count: Failures) -> dict[str, object]:
    return {
        "subject": subject,
        "failures": count.count,
        "last_ms": count.last_ms,
        "blocked_until_ms": count.blocked_until_ms,
    }


def _staff(row: Row[*tuple[Any, ...]]) -> Staff:
    return Staff(row.id, row.display_name, Role(row.role), row.facility_id, row.language)
