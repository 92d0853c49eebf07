"""The second stage: tell each contact what waits for it, and remember only what a channel has taken.

Each contact is told by one thread at a time, so that a slow channel delays nobody else. A contact's channels are tried
in its own order until one takes the message; an escalation goes through all of them, since one that takes everything
may still tell nobody. A process that ends between sending and remembering tells twice rather than never.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from alerts.notify.announce import NAMED
from alerts.notify.grouping import parcels
from alerts.notify.message import message_of
from alerts.notify.retry import pause_ms
from alerts.notify.words import LANGUAGES
from sheetal.contracts.problem import Rejected, Unavailable
from sheetal.ledger import contacts, deliveries
from sheetal.ledger.contacts import Reached

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from alerts.notify.grouping import Parcel
    from alerts.notify.message import Message
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.deliveries import Told
    from sheetal.ledger.field_cipher import FieldCipher

    Send = Callable[[str, Message], str | None]
    Enclose = Callable[[Sequence[Told]], tuple[Path, ...]]

THREADS_MAX = 16
NO_ADDRESS = "no address"
NO_FILES = "its files cannot be made now"
REST_MS = 60_000
"""For so long an address that failed is tried after the contact's others."""

log = structlog.get_logger()


def nothing(notices: Sequence[Told]) -> tuple[Path, ...]:
    """No file goes along."""
    del notices
    return ()


class PostOffice:
    """Tells contacts in the background; `sent` counts the notices that somebody newly has."""

    def __init__(
        self, ledger: Ledger, cipher: FieldCipher, send: Send, clock: Clock, enclose: Enclose = nothing
    ) -> None:
        self._ledger = ledger
        self._cipher = cipher
        self._send = send
        self._clock = clock
        self._enclose = enclose
        self._failed_at_ms: dict[str, int] = {}
        self._busy: set[int] = set()
        self._idle = threading.Condition()
        self.sent = 0

    def round(self) -> int:
        """Begin to tell what is due; gives how many messages are on their way anew. Raises Unavailable."""
        now_ms = self._clock()
        with self._idle:
            busy = set(self._busy)
        with self._ledger.read() as conn:
            # Who is being told already does not stand in the way of the others, however much waits for him.
            due = parcels(deliveries.waiting(conn, now_ms, without=busy), now_ms)
            people = self._people(conn, {parcel.contact_id for parcel in due})
        batches: dict[int, list[Parcel]] = {}
        for parcel in due:
            batches.setdefault(parcel.contact_id, []).append(parcel)
        begun = 0
        for contact_id, batch in batches.items():
            if contact_id in people and self._begin(people[contact_id], batch):
                begun += len(batch)
        return begun

    def wait(self, seconds: float) -> bool:
        """Whether everything on its way has ended within so many seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._busy, seconds)

    def _people(self, conn: Connection, contact_ids: Collection[int]) -> dict[int, Reached]:
        """Where they are reached; one whose addresses do not open has none, and is listed as not told."""
        try:
            return contacts.reached(conn, self._cipher, contact_ids)
        except Rejected:
            found = [self._person(conn, one) for one in contact_ids]
            return {number: one for some in found for number, one in some.items()}

    def _person(self, conn: Connection, contact_id: int) -> dict[int, Reached]:
        try:
            return contacts.reached(conn, self._cipher, [contact_id])
        except Rejected as problem:
            log.warning("A contact's addresses do not open", contact_id=contact_id, problem=problem.message)
            return {contact_id: Reached(contact_id, LANGUAGES[0], ())}

    def _begin(self, reached: Reached, batch: list[Parcel]) -> bool:
        with self._idle:
            if len(self._busy) >= THREADS_MAX or reached.id in self._busy:
                return False
            self._busy.add(reached.id)
        threading.Thread(target=self._tell_all, args=(reached, batch), name="tell", daemon=True).start()
        return True

    def _tell_all(self, reached: Reached, batch: list[Parcel]) -> None:
        """Parcel after parcel until one is not taken: the rest goes first at the next turn, behind no dead server."""
        try:
            for parcel in batch:
                if not self._tell(reached, parcel):
                    break
        except Unavailable as problem:
            log.warning("The ledger does not answer; the message is told again", problem=problem.message)
        except Exception:  # whatever it is, this contact must be tried again at the next turn
            log.exception("A contact could not be told", contact_id=reached.id)
        finally:
            with self._idle:
                self._busy.discard(reached.id)
                self._idle.notify_all()

    def _tell(self, reached: Reached, parcel: Parcel) -> bool:
        problem = self._try(reached, parcel)
        now_ms = self._clock()
        with self._ledger.write() as conn:
            if problem is None:
                self.sent += deliveries.mark_sent(conn, parcel.numbers, reached.id, now_ms)
                return True
            next_ms = now_ms + pause_ms(parcel.attempts + 1)
            deliveries.mark_failed(conn, parcel.numbers, reached.id, problem, next_ms)
        log.warning("A message was not delivered", contact_id=reached.id, notices=parcel.numbers, problem=problem)
        return False

    def _try(self, reached: Reached, parcel: Parcel) -> str | None:
        """Make the message and send it; a report whose files are not to be had now keeps nothing else waiting."""
        try:
            files = self._enclose(parcel.notices)
        except Unavailable:
            return NO_FILES
        except Exception:  # a report that cannot be made is still told of, without its files
            log.exception("The files of a message cannot be made", notices=parcel.numbers)
            files = ()
        known = replace(reached, addresses=self._in_order(reached.addresses))
        return deliver(self._attempt, known, parcel, files)

    def _attempt(self, address: str, message: Message) -> str | None:
        problem = self._send(address, message)
        if problem is None:
            self._failed_at_ms.pop(address, None)
        else:
            self._failed_at_ms[address] = self._clock()
        return problem

    def _in_order(self, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """The contact's own order, but what has just failed last, so that a slow server is waited for only once."""
        now_ms = self._clock()
        return tuple(sorted(addresses, key=lambda one: now_ms - self._failed_at_ms.get(one, -REST_MS) < REST_MS))


def deliver(send: Send, reached: Reached, parcel: Parcel, files: tuple[Path, ...] = ()) -> str | None:
    """Send a parcel through a contact's channels; gives what went wrong with all of them, None when one took it."""
    message = message_of(parcel.notices, reached.language)._replace(attachments=files)
    goes_everywhere = any(NAMED in one.facts for one in parcel.notices)
    problems: list[str] = []
    for address in reached.addresses:
        problem = send(address, message)
        if problem is None and not goes_everywhere:
            return None
        problems += [] if problem is None else [problem]
    if len(problems) < len(reached.addresses):
        return None
    return "; ".join(problems) or NO_ADDRESS
