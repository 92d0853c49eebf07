"""Notices and contacts for the tests of telling, and a channel that remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerts.notify.post import PostOffice
from sheetal.ledger import contacts, judgement_writes
from sheetal.ledger.contacts import By, Hears, NewContact
from sheetal.ledger.deliveries import Told
from sheetal.ledger.judgements import Severity
from tests.alerts.given import FACILITY, at

if TYPE_CHECKING:
    from collections.abc import Callable

    from alerts.notify.message import Message
    from tests.alerts.given import World

BY = By("dr-asha", FACILITY)
FIRST, SECOND = "json://127.0.0.1:9/first", "json://127.0.0.1:9/second"
ALL = frozenset(Hears)


def told(number: int, kind: str = "holding_gap", facility: str = FACILITY, **changes: object) -> Told:
    facts: dict[str, object] = {
        "id": number,
        "kind": kind,
        "facility_id": facility,
        "facts": {"holding": f"H-{number}", "from_ms": at(0)},
        "severity": "urgent",
        "group_key": None,
        "created_at_ms": at(0),
    }
    return Told(**(facts | changes))  # type: ignore[arg-type]


def add_contact(world: World, *addresses: str, hears: frozenset[Hears] = ALL, language: str = "en") -> int:
    new = NewContact(
        facility_id=FACILITY, name="Officer", addresses=addresses or (FIRST,), hears=hears, language=language
    )
    with world.ledger.write() as conn:
        return contacts.add_contact(conn, world.cipher, new, BY, at(0))


def add_notice(
    world: World,
    *keys: str,
    minute: float = 0,
    severity: Severity = Severity.URGENT,
    group_key: str | None = None,
    **facts: object,
) -> None:
    with world.ledger.write() as conn:
        for key in keys:
            said = {"holding": key, "from_ms": at(0)} | facts
            judgement_writes.add_notice(
                conn, key, "holding_gap", FACILITY, said, at(minute), severity=severity, group_key=group_key
            )


class Recorder:
    """A channel: keeps what it was given, answers what it is told to."""

    def __init__(self, answer: Callable[[str], str | None] = lambda _address: None) -> None:
        self.answer = answer
        self.heard: list[tuple[str, Message]] = []

    def __call__(self, address: str, message: Message) -> str | None:
        self.heard.append((address, message))
        return self.answer(address)


class Desk:
    """A post office with a clock that the test sets, each round waited for."""

    def __init__(self, world: World, send: Recorder) -> None:
        self.minute = 0.0
        self.office = PostOffice(world.ledger, world.cipher, send, lambda: at(self.minute))

    def round(self, minute: float) -> int:
        self.minute = minute
        begun = self.office.round()
        assert self.office.wait(10)
        return begun
