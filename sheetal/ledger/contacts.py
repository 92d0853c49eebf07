"""Who is told: contacts with their sealed addresses, what they hear, and who hears a notice first.

An address is an Apprise URL and may hold a password, so all addresses of a contact are sealed as one field and never
shown again. `facility_id` None is a contact of every facility. A contact's name is a post ("Officer, North"),
not a person's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec
from sqlalchemy import insert, or_, select, update

from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit
from sheetal.ledger.audit import AuditEntry
from sheetal.ledger.ladders import ladders
from sheetal.ledger.watch_tables import contact, escalation_step

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection
    from sqlalchemy.engine import RowMapping

    from sheetal.ledger.field_cipher import FieldCipher

ADDRESSES_MAX = 4
ADDRESS_CHARACTERS_MAX = 500
NAME_CHARACTERS_MAX = 120
CONTACTS_MAX = 1_000


class Hears(StrEnum):
    """What a contact is told, by the severity of a notice."""

    URGENT = "urgent"
    ROUTINE = "routine"
    DIGEST = "digest"
    REPORT = "report"


class ChannelKind(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    SMS = "sms"
    CHAT = "chat"
    WEBHOOK = "webhook"


SCHEMES = {
    **dict.fromkeys(("mailto", "mailtos"), ChannelKind.EMAIL),
    **dict.fromkeys(("smseagle", "smseagles", "msg91", "twilio", "vonage", "clickatell", "bulksms"), ChannelKind.SMS),
    **dict.fromkeys(("mmost", "mmosts", "rocket", "rockets", "matrix", "matrixs", "ntfy", "ntfys"), ChannelKind.CHAT),
    **dict.fromkeys(("slack", "tgram", "zulip", "gchat"), ChannelKind.CHAT),
    **dict.fromkeys(("json", "jsons"), ChannelKind.WEBHOOK),
}
"""The Apprise URL schemes that a contact may use: those that reach people, none that acts on the machine itself."""
_OPTION_WORDS = (
    "to cc bcc from name reply user pass smtp mode format verify method "
    "sid token key secret apikey route batch unicode flash priority ttl short_url "
    "channel channels team botname avatar image icon_url footer timestamp blocks webhook path msgtype version "
    "preview silent thread topic workspace auth xtags"
)
OPTIONS = frozenset(_OPTION_WORDS.split())
"""What may stand behind the ? of an address: who is told and how. None reads a file, fetches, waits or retries."""
SENT_MARKS = ("+", "-", ":")
"""How an option begins that is only sent: a header, a parameter, a field."""


class By(NamedTuple):
    """Who acts, and in whose facility's chain it is written."""

    actor: str
    facility_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContact:
    """What is known of a contact before it is kept; `addresses` in the order in which they are tried."""

    facility_id: str | None
    name: str
    addresses: tuple[str, ...] = field(repr=False)
    hears: frozenset[Hears]
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact without its addresses."""

    id: int
    facility_id: str | None
    name: str
    hears: frozenset[Hears]
    channels: tuple[ChannelKind, ...]
    language: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a contact is reached, opened for sending alone; never logged, never shown."""

    id: int
    language: str
    addresses: tuple[str, ...] = field(repr=False)


def kind_of(address: str) -> ChannelKind:
    """How an address reaches its person.

    Raises Refused: `bad_address` for one that nobody can be told by, `bad_option` for one that would do more than tell.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    found = SCHEMES.get(parts.scheme)
    if found is None or not parts.netloc or not address.isprintable() or len(address) > ADDRESS_CHARACTERS_MAX:
        raise Refused(
            "this is not the address of a channel",
            next_step="write it like mailto://user:password@host?to=name@host, smseagle://token@host/number, "
            "mmost://host/token or json://host/path",
            reason="bad_address",
        )
    if not all(name in OPTIONS or name.startswith(SENT_MARKS) for name in _options_of(address)):
        next_step = f"leave out what is not one of {' '.join(sorted(OPTIONS))}"
        raise Refused("this address has an option that is not taken", next_step=next_step, reason="bad_option")
    return found


def add_contact(conn: Connection, cipher: FieldCipher, new: NewContact, by: By, now_ms: int) -> int:
    """Keep a contact, its addresses sealed; gives its number.

    Raises Refused: `no_name`, `no_address`, `bad_address`, `bad_option`, `hears_nothing`.
    """
    channels = [kind_of(address) for address in new.addresses]
    if not new.name.strip():
        raise Refused("a contact has a name", next_step="write the post, not the person", reason="no_name")
    if not 1 <= len(channels) <= ADDRESSES_MAX:
        raise Refused(f"a contact has 1 to {ADDRESSES_MAX} addresses", reason="no_address")
    if not new.hears:
        raise Refused("a contact hears something", next_step="choose what it is told", reason="hears_nothing")
    row = {
        "facility_id": new.facility_id,
        "name": new.name.strip()[:NAME_CHARACTERS_MAX],
        "address_sealed": b"",
        "kinds": " ".join([new.language, *sorted(new.hears), *channels]),
        "created_at_ms": now_ms,
    }
    number: int = conn.execute(insert(contact).values(**row).returning(contact.c.id)).scalar_one()
    sealed = cipher.seal(msgspec.json.encode(new.addresses), **_place(number))
    conn.execute(update(contact).where(contact.c.id == number).values(address_sealed=sealed))
    detail: dict[str, object] = {
        "of": new.facility_id or "everywhere",
        "hears": sorted(new.hears),
        "channels": [str(one) for one in channels],
    }
    audit.append(conn, by.facility_id, AuditEntry(now_ms, by.actor, "contact_added", f"contact/{number}", detail))
    return number


def retire_contact(conn: Connection, contact_id: int, by: By, now_ms: int) -> None:
    """Tell a contact no more, and end its steps of every ladder; raises NotFound."""
    going = update(contact).where(contact.c.id == contact_id, contact.c.retired_at_ms.is_(None))
    # The addresses go with it: nobody needs them any more.
    if conn.execute(going.values(retired_at_ms=now_ms, address_sealed=b"")).rowcount == 0:
        raise NotFound("no such contact", contact=contact_id)
    steps = update(escalation_step).where(
        escalation_step.c.contact_id == contact_id, escalation_step.c.retired_at_ms.is_(None)
    )
    conn.execute(steps.values(retired_at_ms=now_ms))
    audit.append(conn, by.facility_id, AuditEntry(now_ms, by.actor, "contact_retired", f"contact/{contact_id}"))


def contacts(conn: Connection, facility_id: str | None = None) -> list[Contact]:
    """Contacts that are told something, of one facility (those of every facility too) or all, by name."""
    query = select(contact).where(contact.c.retired_at_ms.is_(None))
    if facility_id is not None:
        query = query.where(or_(contact.c.facility_id.is_(None), contact.c.facility_id == facility_id))
    rows = conn.execute(query.order_by(contact.c.name, contact.c.id).limit(CONTACTS_MAX)).mappings()
    return [_contact(row) for row in rows]


def standing(conn: Connection, contact_ids: Collection[int]) -> list[int]:
    """Those of these contacts that are still told anything, in order of their numbers."""
    query = select(contact.c.id).where(contact.c.id.in_(contact_ids), contact.c.retired_at_ms.is_(None))
    return list(conn.execute(query.order_by(contact.c.id)).scalars())


def heard_at(conn: Connection, hears: Hears) -> set[str | None]:
    """The facilities where somebody hears this; None stands for everywhere."""
    query = select(contact.c.facility_id, contact.c.kinds).where(contact.c.retired_at_ms.is_(None)).distinct()
    return {row.facility_id for row in conn.execute(query) if hears in row.kinds.split()}


def contact_by_id(conn: Connection, contact_id: int) -> Contact:
    """One contact that is told something; raises NotFound."""
    query = select(contact).where(contact.c.id == contact_id, contact.c.retired_at_ms.is_(None))
    row = conn.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("no such contact", contact=contact_id)
    return _contact(row)


def reached(conn: Connection, cipher: FieldCipher, contact_ids: Collection[int]) -> dict[int, Reached]:
    """Where these contacts are reached, as far as they are told anything; raises Rejected for a changed field."""
    query = select(contact).where(contact.c.id.in_(contact_ids), contact.c.retired_at_ms.is_(None))
    found: dict[int, Reached] = {}
    for row in conn.execute(query).mappings():
        opened = cipher.open(row["address_sealed"], **_place(row["id"]))
        addresses = msgspec.json.decode(opened, type=tuple[str, ...])
        found[row["id"]] = Reached(row["id"], _contact(row).language, addresses)
    return found


def hearers(conn: Connection, facility_id: str, hears: Hears, alarm_minute: int | None = None) -> list[int]:
    """Who is told at once what is heard as this, in order of their numbers.

    For an alarm say the facility's minute of the day: a contact that stands on a ladder hears it at once only by a step
    of 0 minutes whose hours hold then, and later by its other steps.
    """
    hearing = [one.id for one in contacts(conn, facility_id) if hears in one.hears]
    if alarm_minute is None:
        return sorted(hearing)
    steps = ladders(conn).of(facility_id)
    on_ladder = {step.contact_id for step in steps}
    first = {step.contact_id for step in steps if step.after_minutes == 0 and step.covers(alarm_minute)}
    return sorted(one for one in hearing if one not in on_ladder or one in first)


def _options_of(address: str) -> list[str]:
    """The names behind the first ?, also behind a #, as Apprise takes them apart."""
    pairs = re.split("[&;]", address.partition("?")[2])
    return [unquote(pair.partition("=")[0]).strip().lower() for pair in pairs if pair]


def _contact(row: RowMapping) -> Contact:
    words = row["kinds"].split()
    return Contact(
        id=row["id"],
        facility_id=row["facility_id"],
        name=row["name"],
        hears=frozenset(Hears(word) for word in words if word in set(Hears)),
        channels=tuple(ChannelKind(word) for word in words if word in set(ChannelKind)),
        language=words[0],
        created_at_ms=row["created_at_ms"],
    )


def _place(contact_id: int) -> Mapping[str, str]:
    return {"table": "contact", "row": str(contact_id), "column": "address_sealed"}
