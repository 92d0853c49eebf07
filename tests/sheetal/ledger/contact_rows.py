"""Contacts and notices for the ledger's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert

from sheetal.ledger import contacts, judgement_writes
from sheetal.ledger.contacts import By, Hears, NewContact
from sheetal.ledger.judgement_tables import notice
from sheetal.ledger.watch_tables import escalation_step
from tests.sheetal.ledger.seeds import ACTOR, CIPHER, FACILITY, NOW_MS

if TYPE_CHECKING:
    from sqlalchemy import Connection

BY = By(ACTOR, FACILITY)
MAIL, HOOK = "mailto://me:secret@127.0.0.1?to=me@example.in", "json://127.0.0.1/hook"


def new_contact(**changes: object) -> NewContact:
    words: dict[str, object] = {
        "facility_id": FACILITY,
        "name": "Cold chain officer, North",
        "addresses": (MAIL, HOOK),
        "hears": frozenset({Hears.URGENT}),
    }
    return NewContact(**(words | changes))  # type: ignore[arg-type]


def add_contact(conn: Connection, **changes: object) -> int:
    return contacts.add_contact(conn, CIPHER, new_contact(**changes), BY, NOW_MS)


def add_notice(conn: Connection, key: str, at_ms: int = NOW_MS, **more: object) -> int:
    judgement_writes.add_notice(conn, key, "hold", FACILITY, {"key": key}, at_ms, **more)  # type: ignore[arg-type]
    query = notice.select().where(notice.c.deduplication_key == key)
    return int(conn.execute(query).mappings().one()["id"])


def add_step(
    conn: Connection,
    contact_id: int,
    after_minutes: int = 0,
    hours: tuple[int, int] = (0, 1440),
    facility_id: str | None = FACILITY,
) -> None:
    row = {
        "facility_id": facility_id,
        "contact_id": contact_id,
        "after_minutes": after_minutes,
        "from_minute_of_day": hours[0],
        "until_minute_of_day": hours[1],
        "created_at_ms": NOW_MS,
    }
    conn.execute(insert(escalation_step).values(**row))
