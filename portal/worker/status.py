"""Keeps the signed status list and the key list in the mirror fresh: on a fixed clock, and at once after a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.certificate import service
from portal.certificate.status_list import sign_list

if TYPE_CHECKING:
    from portal.certificate.keys import SigningKeys
    from portal.certificate.mirror import Mirror
    from sheetal.ledger.connect import Ledger


@dataclass(frozen=True, slots=True)
class Published:
    """When the lists were last written, and the newest change of a level that they hold."""

    at_ms: int
    newest_change_ms: int | None


def is_due(published: Published | None, newest_change_ms: int | None, now_ms: int, interval_ms: int) -> bool:
    """Whether to write the lists now. A change missed in a race is caught by the fixed clock."""
    if published is None:
        return True
    is_old = not 0 <= now_ms - published.at_ms < interval_ms
    return is_old or newest_change_ms != published.newest_change_ms


def publish_if_due(
    ledger: Ledger, keys: SigningKeys, mirror: Mirror, published: Published | None, now_ms: int, interval_ms: int
) -> Published:
    """Write the status list and the key list when due; gives what is published now.

    Raises Unavailable, and OSError when the mirror is not writable.
    """
    with ledger.read() as connection:
        newest = service.newest_level_change_ms(connection)
        if published is not None and not is_due(published, newest, now_ms, interval_ms):
            return published
        levels = service.levels(connection)
    mirror.write_status_list(sign_list(levels, keys, now_ms))
    mirror.write_trust(keys, now_ms)
    return Published(at_ms=now_ms, newest_change_ms=newest)
