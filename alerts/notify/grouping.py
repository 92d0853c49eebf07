"""Which notices go together, and when (pure): a power cut at one site is one message."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sheetal.contracts.limits import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.ledger.deliveries import Told, Waiting

GATHER_MS = 10_000
"""How long the first notice of a group waits for the others."""
AGAIN_MS = 5 * MINUTE_MS
"""How soon a contact hears of the same group again."""


class Parcel(NamedTuple):
    """What one contact is told in one message; `attempts` is how often the oldest of it was tried."""

    contact_id: int
    notices: tuple[Told, ...]
    attempts: int

    @property
    def numbers(self) -> list[int]:
        """The notices' numbers."""
        return [one.id for one in self.notices]


def group_of(notice: Told) -> tuple[str, str]:
    """What notices are told together by: the facility, and the group they name or else their kind."""
    return notice.facility_id, f"group {notice.group_key}" if notice.group_key else f"kind {notice.kind}"


def first_try_ms(notice: Told, last_told_ms: int | None) -> int:
    """From when a contact may hear this notice, who heard of its group before at `last_told_ms`."""
    if notice.group_key is None:
        return notice.created_at_ms
    gathered_ms = notice.created_at_ms + GATHER_MS
    return gathered_ms if last_told_ms is None else max(gathered_ms, last_told_ms + AGAIN_MS)


def parcels(waiting: Sequence[Waiting], now_ms: int) -> list[Parcel]:
    """What is due, in the order in which it became due; one due notice takes the rest of its group along."""
    bundles: dict[tuple[int, tuple[str, str]], list[Waiting]] = {}
    for one in waiting:
        bundles.setdefault((one.contact_id, group_of(one.notice)), []).append(one)
    due = [bundle for bundle in bundles.values() if min(one.next_try_ms for one in bundle) <= now_ms]
    due.sort(key=lambda bundle: min(one.next_try_ms for one in bundle))
    return [_parcel(bundle) for bundle in due]


def _parcel(bundle: Sequence[Waiting]) -> Parcel:
    ordered = sorted(bundle, key=lambda one: one.notice.id)
    return Parcel(ordered[0].contact_id, tuple(one.notice for one in ordered), max(one.attempts for one in ordered))
