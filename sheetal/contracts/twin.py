"""The gateway's twin: what it should be (`desired`), what it is (`reported`), and what it is to do once (`command`).

All three are sealed like every message. `desired` and `reported` are retained; a gateway takes a desired configuration
only when its version is above the one it last decided on, and says in `reported` what became of it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

TWIN_BYTES_MAX = 64 * 1024
LOG_BYTES_MAX = 16 * 1024
COMMANDS_REMEMBERED = 20
"""How many outcomes `reported` carries, the newest last; a command with a remembered id is not done again."""


class TwinState(StrEnum):
    """What became of the newest desired configuration; `trial` while the link has yet to prove itself under it."""

    AS_INSTALLED = "as_installed"
    TRIAL = "trial"
    APPLIED = "applied"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """A whole configuration: the `uplink` and `source` sections of the gateway's settings file, as JSON objects."""

    gateway: str
    version: int
    issued_at_ms: int
    config: msgspec.Raw


class CommandKind(StrEnum):
    """What a gateway can be told to do once."""

    IDENTIFY = "identify"
    TEST_ALARM = "test_alarm"
    SEND_LOG = "send_log"
    RESEND = "resend"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One order, idempotent by `id`; ignored once `expires_at_ms` has passed.

    `from_ms` and `until_ms` (half-open) bound the measured instants that a `resend` brings again; with
    `settled_from_ms` it also brings all that was settled since then, whenever measured. With `ranges` (boot, first and
    last sequence, both included) it brings those numbers instead.
    """

    id: str
    gateway: str
    kind: CommandKind
    issued_at_ms: int
    expires_at_ms: int
    from_ms: int | None = None
    until_ms: int | None = None
    settled_from_ms: int | None = None
    ranges: list[tuple[int, int, int]] = []


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one command; `detail` is a count, a sentence, or for `send_log` the newest lines of the log."""

    id: str
    kind: CommandKind
    at_ms: int
    done: bool
    detail: str


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway is now: `config` has the shape of `Desired.config`, without secrets.

    `version` is the newest desired version decided on (0 for none); `problem` says why it was refused or rolled back.
    """

    gateway: str
    boot: int
    at_ms: int
    version: int
    state: TwinState
    problem: str
    config: msgspec.Raw
    outcomes: list[Outcome] = []
