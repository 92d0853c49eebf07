"""Dead letters once more: what is acceptable today is stored as the pipeline would have, the others stay.

A key that was enrolled late, a clock of ours put right or a fault of ours leaves messages behind that were refused and
would not be today. Only a letter whose kept head is the whole message can go again; a longer one must come from the
gateway, which keeps what was refused aside. Nothing is acknowledged: a gateway that sends it again finds it stored.

A stamp that lay in the future when it came is wrong for ever, even when its time has come: stored, it would tell of a
day on which nobody measured. Only who asks for `future_stamp` by name says that it was our own clock that was behind.

Everything is safe to repeat, and a letter is removed only after the commits of what it carried. It may run beside the
workers: it reads back whatever it writes, as a worker does that is not alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import structlog

from ingest.inbox import Message
from ingest.load import Letter, Load, refused_by_store, take_apart
from ingest.reasons import Reason
from ingest.record import put_letters, record
from sheetal.contracts import topics
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import telemetry, telemetry_writes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ingest.latest import Latest
    from ingest.load import Part
    from ingest.writer import Writer
    from sheetal.contracts.clock import Clock
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.telemetry import DeadLetter

LETTERS_A_PAGE = 100
"""At most 1.6 MB of heads."""

log = structlog.get_logger()


class Wanted(NamedTuple):
    """Which letters go again; all reasons and gateways where None. A dry run only looks."""

    reason: str | None = None
    gateway: str | None = None
    is_dry: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of the letters of one reason; `refused` says under which reason each would be put down today."""

    replayed: int = 0
    cut: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Taken(NamedTuple):
    """A letter whose message is believed today."""

    letter: DeadLetter
    part: Part

    @property
    def refused_again(self) -> bool:
        """Whether rows of it are refused for the same reason as before."""
        return any(refusal.reason.value == self.letter.reason for refusal in self.part.accepted.refused)

    def stays(self, refused_by_store: Collection[bytes]) -> bool:
        """Whether the letter stays, now that these payloads had rows which the store would not take."""
        by_store = self.letter.reason == Reason.STORE_REFUSED.value and self.letter.head in refused_by_store
        return self.refused_again or by_store


@dataclass(slots=True, kw_only=True)
class Replay:
    """Walks over the dead letters; raises Unavailable while a store is away, with all that was done kept."""

    key_of: Callable[[str], bytes | None]
    writer: Writer
    telemetry: Ledger
    latest: Latest
    clock: Clock

    def run(self, wanted: Wanted) -> dict[str, Outcome]:
        """What became of every letter that stood when it began, by the reason it stood under."""
        found: dict[str, Outcome] = {}
        for page in self._pages(wanted):
            taken: list[Taken] = []
            for letter in page:
                outcome = found.setdefault(letter.reason, Outcome())
                one = self._take_apart(letter, self._judged_at_ms(letter, wanted), outcome)
                if one is not None:
                    taken.append(one)
            for one in taken if wanted.is_dry else self._store(taken, found):
                found[one.letter.reason].replayed += 1
        return found

    def _pages(self, wanted: Wanted) -> Iterator[list[DeadLetter]]:
        topic = topics.of_gateway(wanted.gateway, topics.Channel.DATA) if wanted.gateway else None
        with self.telemetry.read() as conn:
            last = telemetry.last_letter(conn)
        number = 0
        while number < last:
            with self.telemetry.read() as conn:
                page = telemetry.letters_after(conn, number, LETTERS_A_PAGE, reason=wanted.reason, topic=topic)
            number = page[-1].id if page else last
            yield [letter for letter in page if letter.id <= last]

    def _judged_at_ms(self, letter: DeadLetter, wanted: Wanted) -> int:
        """The instant beyond which stamps are of the future."""
        return self.clock() if wanted.reason == Reason.FUTURE_STAMP.value else letter.first_at_ms

    def _take_apart(self, letter: DeadLetter, judged_at_ms: int, outcome: Outcome) -> Taken | None:
        if letter.size_bytes > len(letter.head):
            outcome.cut += 1
            return None
        message = Message(letter.topic, letter.head, 0, 0, judged_at_ms)
        if letter.reason == Reason.CONTRADICTING.value:
            # It was stored but for what contradicts, which no other day makes right.
            outcome.refused[letter.reason] += 1
            return None
        found = take_apart(message, self.key_of)
        if isinstance(found, Letter):
            outcome.refused[found.reason.value] += 1
            return None
        # Whatever it is judged by, it came when it came.
        part = found._replace(message=message._replace(received_at_ms=letter.last_at_ms))
        taken = Taken(letter, part)
        if taken.refused_again and not part.stored:
            outcome.refused[letter.reason] += 1
            return None
        return taken

    def _store(self, taken: Sequence[Taken], found: dict[str, Outcome]) -> list[Taken]:
        """Those that went through and are removed; together, or one by one where one of them cannot be processed."""
        try:
            return self._store_together(taken, found) if taken else []
        except Unavailable:
            raise
        except Exception as error:  # what one letter provokes must not keep the others
            if len(taken) > 1:
                return [one for alone in taken for one in self._store([alone], found)]
            log.exception("A dead letter could not be processed", letter=taken[0].letter.id, exc_info=error)
            found[taken[0].letter.reason].refused[Reason.UNPROCESSABLE.value] += 1
            return []

    def _store_together(self, taken: Sequence[Taken], found: dict[str, Outcome]) -> list[Taken]:
        load = Load()
        for one in taken:
            load.add(one.part.message, one.part)
        written = self.writer.write(load.readings, self.clock())
        refused = refused_by_store(load.parts, written.refused)
        fresh, load.letters = _without_standing([*load.letters, *refused], taken), []
        record(self.telemetry, load, written, self.clock())
        self.latest.note(load.parts, written)
        self.latest.flush()
        self.latest.settle()
        staying = {letter.payload for letter in refused}
        gone = [one for one in taken if not one.stays(staying)]
        # What is put down anew came when its message came: the next replay judges it by that.
        came = {
            one.letter.head: one.letter.first_at_ms for one in sorted(taken, key=lambda one: -one.letter.first_at_ms)
        }
        with self.telemetry.write() as conn:
            for head, at_ms in came.items():
                put_letters(conn, [letter for letter in fresh if letter.payload == head], at_ms)
            telemetry_writes.remove_letters(conn, [one.letter.id for one in gone])
        for one in taken:
            if one.stays(staying):
                found[one.letter.reason].refused[one.letter.reason] += 1
        return gone


def _without_standing(letters: Sequence[Letter], taken: Sequence[Taken]) -> list[Letter]:
    """Those that do not stand already: a replay is no new refusal."""
    standing = {(one.letter.head, one.letter.reason) for one in taken}
    return [letter for letter in letters if (letter.payload, letter.reason.value) not in standing]
