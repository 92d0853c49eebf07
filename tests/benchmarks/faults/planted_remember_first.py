"""alerts with a planted fault: a message is remembered as sent before it is sent. A child of the nursery imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.notify import post
from sheetal.ledger import deliveries

if TYPE_CHECKING:
    from alerts.notify.grouping import Parcel
    from alerts.notify.post import PostOffice
    from sheetal.ledger.contacts import Reached


def _tell(self: PostOffice, reached: Reached, parcel: Parcel) -> None:
    with self._ledger.write() as conn:
        deliveries.mark_sent(conn, parcel.numbers, reached.id, self._clock())
    post.deliver(self._send, reached, parcel)


post.PostOffice._tell = _tell  # type: ignore[method-assign]  # the fault
