"""Who has the device's code in hand: limited tries that a restart does not forget, and short sessions."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from edge_agent.settings.local import digest_of
from sheetal.contracts.limits import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetal.contracts.clock import Clock

_log = logging.getLogger(__name__)

TRIES_MAX = 5
LOCK_MS = 15 * MINUTE_MS
LOCK_MS_MAX = 24 * 60 * MINUTE_MS
SESSION_SECONDS = 15 * 60.0
SESSIONS_MAX = 8
CODE_SIGNS_MAX = 200
MARK = "local/tries"


class Marks(Protocol):
    """Small facts that a restart does not forget."""

    def mark(self, name: str) -> str | None:
        """What was last remembered under this name."""

    def remember(self, name: str, text: str) -> None:
        """Durable when it returns; raises sqlite3.Error."""


class Tries(NamedTuple):
    """Wrong codes in a row; `locks` counts how often that led to a lock, which began at `locked_at_ms`."""

    wrong: int = 0
    locks: int = 0
    locked_at_ms: int | None = None

    @property
    def lock_ms(self) -> int:
        """How long the lock lasts: a quarter of an hour, twice as long each time, at most a day."""
        return min(LOCK_MS << min(max(self.locks - 1, 0), 10), LOCK_MS_MAX)


class Session(NamedTuple):
    """One log-in; `form_token` stands in every form of it, `until_seconds` is monotonic."""

    form_token: str
    until_seconds: float


class Door(NamedTuple):
    """How the log-in stands: is there a code at all, how many tries, how long closed."""

    has_code: bool
    tries_left: int
    locked_seconds: int


_tries = msgspec.json.Decoder(Tries)


class Access:
    """Opens a session for the right code; every method may be called from any thread.

    `code_digest` is `local_settings.digest_of` the code, None where the device has none: then nobody gets in.
    """

    def __init__(
        self,
        code_digest: bytes | None,
        marks: Marks,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._digest = code_digest
        self._marks = marks
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._sessions: dict[bytes, Session] = {}
        self._secret = secrets.token_bytes(32)
        self._tries = _recalled(marks.mark(MARK))
        self._open_seconds = monotonic() + self._left_ms() / 1_000

    def door(self) -> Door:
        """What to say at the door."""
        with self._lock:
            locked = max(0, round(self._open_seconds - self._monotonic()))
            left = TRIES_MAX - self._tries.wrong if self._tries.wrong < TRIES_MAX else (0 if locked else TRIES_MAX)
            return Door(self._digest is not None, left, locked)

    def log_in(self, typed: str) -> str | None:
        """A session's token for the right code; None for a wrong one or while the door is locked.

        A try counts before it is compared, so that a power cut gives none back.
        """
        with self._lock:
            if self._digest is None or self._monotonic() < self._open_seconds or len(typed) > CODE_SIGNS_MAX:
                return None
            before = self._tries if self._tries.wrong < TRIES_MAX else self._tries._replace(wrong=0)
            self._count(before)
            if not hmac.compare_digest(digest_of(typed), self._digest):
                _log.warning("a wrong device code was tried on the local page")
                return None
            self._remember(Tries())
            self._open_seconds = 0.0
            return self._new_session()

    def session(self, token: str) -> Session | None:
        """The session of a cookie, None when it ended or never was."""
        key = _key(token)
        with self._lock:
            found = self._sessions.get(key)
            if found is None or found.until_seconds <= self._monotonic():
                self._sessions.pop(key, None)
                return None
            return found

    def seconds_left(self, session: Session) -> int:
        """How long a session still lasts."""
        return max(0, round(session.until_seconds - self._monotonic()))

    def log_out(self, token: str) -> None:
        """Ends a session."""
        with self._lock:
            self._sessions.pop(_key(token), None)

    def door_token(self) -> str:
        """Stands in the log-in form: proves for a quarter of an hour that we made that form."""
        until = str(int(self._monotonic() + SESSION_SECONDS))
        return f"{until}.{self._signed(until)}"

    def is_door_token(self, text: str) -> bool:
        """Whether we made it, lately."""
        until, _, signature = text.partition(".")
        if not until.isascii() or not until.isdigit() or not signature.isascii():
            return False
        return hmac.compare_digest(signature, self._signed(until)) and int(until) > self._monotonic()

    def _count(self, before: Tries) -> None:
        wrong = before.wrong + 1
        if wrong < TRIES_MAX:
            self._remember(before._replace(wrong=wrong, locked_at_ms=None))
            return
        self._remember(Tries(wrong, before.locks + 1, self._clock()))
        self._open_seconds = self._monotonic() + self._tries.lock_ms / 1_000

    def _remember(self, tries: Tries) -> None:
        self._tries = tries
        try:
            self._marks.remember(MARK, msgspec.json.encode(tries).decode())
        except sqlite3.Error as error:
            # A full disk must not keep the one who could empty it out; the count still holds until a restart.
            _log.warning("the tries at the local page cannot be kept: %s", error)

    def _left_ms(self) -> int:
        """What is left of a lock after a restart; never more than its whole length, whatever the clock says."""
        if self._tries.locked_at_ms is None:
            return 0
        return min(max(self._tries.locked_at_ms + self._tries.lock_ms - self._clock(), 0), self._tries.lock_ms)

    def _new_session(self) -> str:
        token = secrets.token_urlsafe(32)
        if len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].until_seconds)]
        until_seconds = self._monotonic() + SESSION_SECONDS
        self._sessions[_key(token)] = Session(secrets.token_urlsafe(32), until_seconds)
        return token

    def _signed(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _recalled(text: str | None) -> Tries:
    try:
        return _tries.decode(text or "[0,0,null]")
    except msgspec.DecodeError:
        return Tries()
