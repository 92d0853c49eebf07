"""What a gateway says of itself: birth and state, retained; both carry the connection's session number."""

from __future__ import annotations

import msgspec


class Birth(msgspec.Struct, frozen=True, kw_only=True):
    """The first message after each connect."""

    gateway: str
    boot: int
    session: int
    software: str
    sensors: list[str]
    clock_source: str
    at_ms: int


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Online or offline; a will carries the session it belongs to, so that a late one is ignored."""

    gateway: str
    session: int
    online: bool
