"""Notices on their way to people, a list of stages: due, group, deliver, remember.

A notice is remembered as sent only after a channel has taken it, so a crash tells twice rather than never. Repetitions
of one event were left out before: the ledger keeps one notice for each deduplication key.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from alerts.notify.words import sentence
from sheetal.ledger import judgement_writes, judgements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.judgements import Notice

    Channel = Callable[["Parcel"], bool]

NOTICES_AT_ONCE = 100
SENTENCES_MAX = 5
RETRY_MS_MIN = 5_000
RETRY_MS_MAX = 3_600_000
DOUBLINGS_MAX = 20


class Parcel(NamedTuple):
    """Notices of one kind at one facility, told together."""

    kind: str
    facility_id: str
    text: str
    notices: tuple[Notice, ...]


def send_due(ledger: Ledger, channels: Sequence[Channel], now_ms: int) -> int:
    """Send what is due; gives how many notices went out. Raises Unavailable."""
    with ledger.read() as conn:
        waiting = judgements.notices(conn, NOTICES_AT_ONCE, unsent_only=True)
    sent = 0
    for parcel in group(due(waiting, now_ms)):
        # Every channel is tried, whether or not one before it has taken the parcel.
        taken = [channel(parcel) for channel in channels]
        sent += _remember(ledger, parcel, now_ms, is_taken=any(taken))
    return sent


def due(waiting: Sequence[Notice], now_ms: int) -> list[Notice]:
    """The notices whose next try has come: at once, then ever more slowly."""
    return [notice for notice in waiting if now_ms >= notice.created_at_ms + pause_ms(notice.attempts)]


def pause_ms(attempts: int) -> int:
    """How long after its making a notice may be tried again."""
    return 0 if attempts == 0 else min(RETRY_MS_MIN * 2 ** min(attempts, DOUBLINGS_MAX), RETRY_MS_MAX)


def group(notices: Sequence[Notice]) -> list[Parcel]:
    """One parcel for each facility and kind, the oldest first."""
    ordered = sorted(notices, key=lambda notice: (notice.facility_id, notice.kind, notice.id))
    bundles = [tuple(found) for _, found in groupby(ordered, key=lambda one: (one.facility_id, one.kind))]
    return [
        Parcel(bundle[0].kind, bundle[0].facility_id, _text(bundle), bundle)
        for bundle in sorted(bundles, key=lambda bundle: bundle[0].id)
    ]


def _text(bundle: Sequence[Notice]) -> str:
    told = [sentence(notice.kind, notice.facts) for notice in bundle[:SENTENCES_MAX]]
    more = [f"And {len(bundle) - SENTENCES_MAX} more."] if len(bundle) > SENTENCES_MAX else []
    return " ".join([*told, *more])


def _remember(ledger: Ledger, parcel: Parcel, now_ms: int, *, is_taken: bool) -> int:
    with ledger.write() as conn:
        for notice in parcel.notices:
            if is_taken:
                judgement_writes.mark_notice_sent(conn, notice.id, now_ms)
            else:
                judgement_writes.count_notice_attempt(conn, notice.id)
    return len(parcel.notices) if is_taken else 0
