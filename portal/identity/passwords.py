"""Password hashes: argon2id with OWASP's smaller parameters, and never more than two at a time.

19 MiB, 2 passes, 1 lane: about 22 ms, 46 checks a second on one core (measured); a flood of sign-ins waits here and
not in front of the other pages.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.language import marked
from sheetal.contracts.problem import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
AT_ONCE = 2
WAIT_SECONDS = 2.0

_hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
_turns = threading.BoundedSemaphore(AT_ONCE)
_NOBODY = _hasher.hash("the password of nobody")


def hashed(password: str) -> str:
    """The hash to store."""
    with _turn():
        return _hasher.hash(password)


def fits(password_hash: str | None, password: str) -> bool:
    """Whether the password is right; without a hash the same work is done and the answer is no."""
    with _turn():
        try:
            _hasher.verify(password_hash or _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash has other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=WAIT_SECONDS):
        raise Unavailable(
            marked("Too many people are signing in."),
            next_step=marked("Try again in a few seconds."),
        )
    try:
        yield
    finally:
        _turns.release()
