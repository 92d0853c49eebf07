"""Sign-in, sessions and accounts; `require_staff` is how every other slice asks who is there."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from uuid import uuid4

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request

from portal import csrf
from portal.errors import FieldProblem, Forbidden, SignInNeeded, TooMany
from portal.identity import passwords, rules, store
from portal.identity.rules import ALL_ROLES, OFFICERS, Role, Staff
from portal.language import marked
from sheetal.ledger import audit
from sheetal.ledger.connect import Ledger

__all__ = ["ALL_ROLES", "OFFICERS", "Role", "Staff", "add_staff", "optional_staff", "require_staff"]

TOKEN_BYTES = 32


def add_staff(conn: Connection, who: Staff, *, user_name: str, password: str, now_ms: int) -> Staff:
    """Open an account inside the caller's transaction and write it to the facility's audit chain.

    `who.id` may be empty: a new id is made. Raises FieldProblem for a bad or taken user name or a short password.
    """
    name = rules.normal_user_name(user_name)
    if not rules.is_user_name(name):
        raise FieldProblem(marked("Use letters, digits, dots and dashes."), field="user_name")
    if not rules.is_password(password):
        raise FieldProblem(marked("Use at least 12 characters."), field="password")
    new = Staff(who.id or uuid4().hex, who.display_name, who.role, who.facility_id, who.language)
    try:
        with conn.begin_nested():
            store.add_staff(conn, new, name, passwords.hashed(password), now_ms)
    except IntegrityError as error:
        raise FieldProblem(marked("This user name is taken."), field="user_name") from error
    _trace(conn, new, "staff_added", now_ms)
    return new


def disable_staff(ledger: Ledger, staff_id: str, now_ms: int) -> None:
    """Close an account; its sessions end at once."""
    with ledger.write() as conn:
        who = store.staff_by_id(conn, staff_id)
        if who is None:
            return
        store.disable_staff(conn, staff_id, now_ms)
        _trace(conn, who, "staff_disabled", now_ms)


def sign_in(ledger: Ledger, *, user_name: str, password: str, address: str, now_ms: int) -> tuple[Staff, str]:
    """The member of staff and a new session token.

    Raises TooMany while the name or the address is slowed down, FieldProblem when name and password do not fit; the
    same work is done whether the name exists or not.
    """
    name = rules.normal_user_name(user_name)
    subjects = [_subject("name", name), _subject("address", address)]
    with ledger.read() as conn:
        _refuse_blocked(conn, subjects, now_ms)
        account = store.account_by_user_name(conn, name)
    right = passwords.fits(account.password_hash if account else None, password[: rules.PASSWORD_CHARACTERS_MAX])
    if account is None or not right:
        _note_failure(ledger, subjects, now_ms)
        raise FieldProblem(marked("User name and password do not fit together."), field="password")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with ledger.write() as conn:
        store.clear_failures(conn, subjects[0], now_ms - rules.FAILURES_FORGOTTEN_MS)
        store.delete_old_sessions(conn, now_ms - 2 * rules.SESSION_TOTAL_MS)
        if passwords.is_outdated(account.password_hash):
            store.set_password_hash(conn, account.staff.id, passwords.hashed(password))
        store.add_session(conn, _hash(token), account.staff.id, now_ms)
        _trace(conn, account.staff, "signed_in", now_ms)
    return account.staff, token


def confirm(ledger: Ledger, who: Staff, password: str, now_ms: int) -> None:
    """Let somebody who is signed in put their signature, by their password once more (21 CFR 11.200).

    Raises TooMany while wrong tries slow them down, and FieldProblem for a wrong one.
    """
    subject = _subject("signature", who.id)
    with ledger.read() as conn:
        _refuse_blocked(conn, [subject], now_ms)
        account = store.account_by_id(conn, who.id)
    if not passwords.fits(account.password_hash if account else None, password[: rules.PASSWORD_CHARACTERS_MAX]):
        _note_failure(ledger, [subject], now_ms)
        raise FieldProblem(marked("Your password does not fit. Nothing was signed."), field="password")
    with ledger.write() as conn:
        store.clear_failures(conn, subject, now_ms - rules.FAILURES_FORGOTTEN_MS)


def check_tries(ledger: Ledger, whose: Mapping[str, str], now_ms: int) -> None:
    """Raise TooMany while one of these (kind to value, such as an address) has made too many wrong tries."""
    with ledger.read() as conn:
        _refuse_blocked(conn, [_subject(kind, value) for kind, value in whose.items()], now_ms)


def count_wrong_try(ledger: Ledger, whose: Mapping[str, str], now_ms: int) -> None:
    """Count one wrong try of each of these, as at sign-in: five are free."""
    _note_failure(ledger, [_subject(kind, value) for kind, value in whose.items()], now_ms)


def forget_tries(conn: Connection, kind: str, value: str, now_ms: int) -> None:
    """Let one of these try anew."""
    store.clear_failures(conn, _subject(kind, value), now_ms - rules.FAILURES_FORGOTTEN_MS)


def sign_out(ledger: Ledger, token: str, now_ms: int) -> None:
    """End the session of this token, if there is one."""
    with ledger.write() as conn:
        found = store.session(conn, _hash(token))
        store.end_session(conn, _hash(token), now_ms)
        if found is not None and found.ended_at_ms is None:
            _trace(conn, found.staff, "signed_out", now_ms)


def staff_of_session(ledger: Ledger, token: str, now_ms: int) -> Staff | None:
    """Who holds this token, if its session is still live; notes at most once a minute that it acted."""
    if not token:
        return None
    with ledger.read() as conn:
        found = store.session(conn, _hash(token))
    if found is None or not rules.session_is_live(
        created_at_ms=found.created_at_ms,
        seen_at_ms=found.seen_at_ms,
        ended_at_ms=found.ended_at_ms,
        now_ms=now_ms,
    ):
        return None
    if now_ms - found.seen_at_ms >= rules.SEEN_STEP_MS:
        with ledger.write() as conn:
            store.mark_seen(conn, _hash(token), now_ms)
    return found.staff


def live_sessions(conn: Connection, now_ms: int) -> int:
    """How many sessions are open now."""
    return store.count_sessions(conn, now_ms - rules.SESSION_IDLE_MS, now_ms - rules.SESSION_TOTAL_MS)


def staff_by_id(conn: Connection, staff_id: str) -> Staff | None:
    """The name behind an audit entry's actor."""
    return store.staff_by_id(conn, staff_id)


def working_staff(conn: Connection, staff_id: str) -> Staff | None:
    """The member of staff in their role of today; None for an account that is not there or was closed."""
    account = store.account_by_id(conn, staff_id)
    return account.staff if account else None


def optional_staff(request: Request) -> Staff | None:
    """Dependency: whoever is signed in, or None; templates see it as `staff`."""
    state = request.app.state
    who = staff_of_session(state.ledger, csrf.session_cookie(request), state.clock())
    request.state.staff = who
    return who


def require_staff(*roles: Role | str) -> Callable[[Request], Staff]:
    """Dependency factory: the signed-in member of staff, of one of these roles (of any, when none is named).

    Raises SignInNeeded (pages lead to /login) or Forbidden.
    """
    allowed = frozenset(Role(role) for role in roles) or ALL_ROLES

    def signed_in(request: Request) -> Staff:
        who = optional_staff(request)
        if who is None:
            raise SignInNeeded(marked("Sign in first."))
        if who.role not in allowed:
            raise Forbidden(
                marked("Your role cannot open this page."),
                next_step=marked("Ask your programme manager."),
                roles=" ".join(sorted(allowed)),
            )
        return who

    return signed_in


def _refuse_blocked(conn: Connection, subjects: list[str], now_ms: int) -> None:
    counts = [store.failures(conn, subject) for subject in subjects]
    until_ms = max((count.blocked_until_ms for count in counts if count is not None), default=0)
    if until_ms > now_ms:
        wait_seconds = -(-(until_ms - now_ms) // 1000)
        raise TooMany(
            marked("Too many wrong tries."),
            retry_after_seconds=wait_seconds,
            next_step=marked("Wait, then try again."),
        )


def _note_failure(ledger: Ledger, subjects: list[str], now_ms: int) -> None:
    with ledger.write() as conn:
        for subject in subjects:
            store.put_failures(conn, subject, rules.after_failure(store.held_failures(conn, subject), now_ms))


def _trace(conn: Connection, who: Staff, act: str, now_ms: int) -> None:
    detail = {"role": who.role.value}
    entry = audit.AuditEntry(at_ms=now_ms, actor=who.id, act=act, subject=f"staff/{who.id}", detail=detail)
    audit.append(conn, who.facility_id, entry)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _subject(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()
