"""What a gateway says of itself: birth and state, retained; both carry the connection's session number."""

from __future__ import annotations

import msgspec


class Birth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first message after each connect.

    `clock_offset_ms` is the gateway's clock minus ingest's at their last answer; `schemas` are the versions that the
    gateway speaks and keeps (`wire`, `outbox`); `twin_version` is the newest configuration from afar it decided on.
    """

    gateway: str
    boot: int
    session: int
    software: str
    sensors: list[str]
    clock_source: str
    at_ms: int
    clock_offset_ms: int | None = None
    schemas: dict[str, int] = {}
    twin_version: int = 0


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Online or offline; a will carries the session it belongs to, so that a late one is ignored."""

    gateway: str
    session: int
    online: bool
