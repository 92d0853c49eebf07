"""Roles, what they may open, and how sign-ins are slowed down (pure)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

SESSION_IDLE_MS = 2 * 3_600_000
SESSION_TOTAL_MS = 12 * 3_600_000
SEEN_STEP_MS = 60_000
FAILURES_FREE = 5
BLOCK_FIRST_MS = 30_000
BLOCK_MAX_MS = 15 * 60_000
FAILURES_FORGOTTEN_MS = 60 * 60_000
USER_NAME_CHARACTERS_MAX = 64
PASSWORD_CHARACTERS_MIN = 12
PASSWORD_CHARACTERS_MAX = 256
_USER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


class Role(StrEnum):
    """What a member of staff is there to do."""

    VACCINATOR = "vaccinator"
    COLD_CHAIN_OFFICER = "cold_chain_officer"
    MEDICAL_OFFICER = "medical_officer"
    PROGRAMME_MANAGER = "programme_manager"
    HANDLER = "handler"
    ADMIN = "admin"
    AUDITOR = "auditor"


ALL_ROLES = frozenset(Role)
OFFICERS = frozenset({Role.COLD_CHAIN_OFFICER, Role.MEDICAL_OFFICER, Role.PROGRAMME_MANAGER, Role.ADMIN, Role.AUDITOR})
"""Those who see every facility; vaccinators and handlers see their own."""


@dataclass(frozen=True)
class Staff:
    """The signed-in member of staff, as every slice sees them."""

    id: str
    display_name: str
    role: Role
    facility_id: str
    language: str

    @property
    def sees_all(self) -> bool:
        """Whether records of other facilities are open to them."""
        return self.role in OFFICERS

    def may_see(self, facility_id: str) -> bool:
        """Whether records of this facility are open to them."""
        return self.sees_all or facility_id == self.facility_id


@dataclass(frozen=True)
class Failures:
    """The wrong tries of one subject (a user name, or an address) so far."""

    count: int
    last_ms: int
    blocked_until_ms: int


def after_failure(before: Failures | None, now_ms: int) -> Failures:
    """One more wrong try: five are free, then 30 s, doubling up to 15 min; an hour of quiet forgets them."""
    fresh = before is None or now_ms - before.last_ms > FAILURES_FORGOTTEN_MS
    count = 1 if fresh or before is None else before.count + 1
    wait_ms = 0 if count < FAILURES_FREE else min(BLOCK_FIRST_MS << min(count - FAILURES_FREE, 10), BLOCK_MAX_MS)
    return Failures(count, now_ms, now_ms + wait_ms)


def session_is_live(*, created_at_ms: int, seen_at_ms: int, ended_at_ms: int | None, now_ms: int) -> bool:
    """Whether a session may still act: not ended, not idle for two hours, not older than twelve."""
    return ended_at_ms is None and now_ms - seen_at_ms < SESSION_IDLE_MS and now_ms - created_at_ms < SESSION_TOTAL_MS


def normal_user_name(text: str) -> str:
    """The user name as it is stored: NFKC, lower case, no surrounding blanks."""
    return unicodedata.normalize("NFKC", text).strip().lower()[:USER_NAME_CHARACTERS_MAX]


def is_user_name(text: str) -> bool:
    """Whether a new account may have this name."""
    return len(text) <= USER_NAME_CHARACTERS_MAX and _USER_NAME.fullmatch(text) is not None


def is_password(text: str) -> bool:
    """Whether a new account may have this password: length alone (NIST SP 800-63B section 5.1.1.2)."""
    return PASSWORD_CHARACTERS_MIN <= len(text) <= PASSWORD_CHARACTERS_MAX


def safe_next(path: str | None, default: str) -> str:
    """A path of our own to go to after sign-in; anything that could leave this site becomes the default."""
    if path is None or not path.startswith("/") or path.startswith(("//", "/\\")) or "\\" in path:
        return default
    return default if any(ord(character) < ord(" ") for character in path) else path


def home_of(role: Role) -> str:
    """The page that a role starts on."""
    return "/v/today" if role is Role.VACCINATOR else "/cc"
