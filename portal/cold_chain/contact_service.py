"""The steps of the pages of contacts and reports; acts go through sheetal.ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portal.cold_chain import contact_words
from portal.language import marked
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import assets, contacts, deliveries, ladders
from sheetal.ledger.contacts import By, Hears, NewContact
from sheetal.reports.csv_file import to_csv
from sheetal.reports.month import read_month
from sheetal.reports.pdf import to_pdf

if TYPE_CHECKING:
    from collections.abc import Collection

    from portal.identity.service import Staff
    from sheetal.ledger.assets import Facility
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.contacts import Contact
    from sheetal.ledger.deliveries import Undelivered
    from sheetal.ledger.field_cipher import FieldCipher
    from sheetal.ledger.ladders import Step
    from sheetal.readings.port import ReadingsStore

UNDELIVERED_SHOWN = 50
MONTHS_SHOWN = 12
UNKNOWN_FACILITY = marked("There is no such facility.")


@dataclass(frozen=True)
class ContactsPage:
    """Who is told, the chosen facility's ladder, and what did not arrive; `unheard` are places where nobody is told."""

    contacts: list[Contact]
    facilities: list[Facility]
    facility: Facility
    steps: list[Step]
    general_steps: list[Step]
    undelivered: list[Undelivered]
    unheard: list[Facility]

    @property
    def names(self) -> dict[int, str]:
        """Contacts' names."""
        return {one.id: one.name for one in self.contacts}

    @property
    def places(self) -> dict[str, Facility]:
        """Facilities by their id."""
        return {one.id: one for one in self.facilities}

    @property
    def eligible(self) -> list[Contact]:
        """Those who may stand on the chosen facility's ladder."""
        return [one for one in self.contacts if one.facility_id in {None, self.facility.id}]


@dataclass(frozen=True)
class Typed:
    """A contact as it was typed; its addresses never go back to the page."""

    facility_id: str = ""
    name: str = ""
    addresses: str = field(default="", repr=False)
    hears: tuple[str, ...] = ("urgent",)
    language: str = "en"


@dataclass(frozen=True)
class TypedStep:
    """A step of a ladder as it was typed."""

    contact_id: int = 0
    after_minutes: str = "15"
    begins: str = "00:00"
    ends: str = "00:00"


def contacts_page(ledger: Ledger, staff: Staff, facility_id: str, now_ms: int) -> ContactsPage:
    """Everything on the page; raises NotFound for a facility that is not there."""
    with ledger.read() as conn:
        facilities = assets.facilities(conn)
        wanted = facility_id or staff.facility_id
        chosen = next((one for one in facilities if one.id == wanted), None)
        if chosen is None:
            raise NotFound(UNKNOWN_FACILITY)
        # Of very many the list shows the first by name, and always those of the chosen facility.
        known = {one.id: one for one in (*contacts.contacts(conn), *contacts.contacts(conn, chosen.id))}
        return ContactsPage(
            contacts=sorted(known.values(), key=lambda one: (one.name, one.id)),
            facilities=facilities,
            facility=chosen,
            steps=ladders.steps_of(conn, chosen.id),
            general_steps=ladders.steps_of(conn, None),
            undelivered=deliveries.undelivered(conn, now_ms, limit=UNDELIVERED_SHOWN),
            unheard=unheard(facilities, contacts.heard_at(conn, Hears.URGENT)),
        )


def unheard(facilities: Collection[Facility], heard: Collection[str | None]) -> list[Facility]:
    """The facilities where nobody hears what is urgent, by those where somebody does (pure)."""
    return [] if None in heard else [place for place in facilities if place.id not in heard]


def add_contact(ledger: Ledger, cipher: FieldCipher, staff: Staff, typed: Typed, now_ms: int) -> None:
    """Keep a contact; raises FieldProblem at the field that is wrong, and NotFound."""
    new = NewContact(
        facility_id=typed.facility_id or None,
        name=typed.name,
        addresses=tuple(line.strip() for line in typed.addresses.splitlines() if line.strip()),
        hears=frozenset(Hears(word) for word in typed.hears if word in set(Hears)),
        language=typed.language,
    )
    try:
        with ledger.write() as conn:
            if new.facility_id is not None:
                assets.facility_by_id(conn, new.facility_id)
            contacts.add_contact(conn, cipher, new, By(staff.id, staff.facility_id), now_ms)
    except Refused as refused:
        raise (contact_words.refusal(refused.facts.get("reason")) or refused) from refused


def retire_contact(ledger: Ledger, staff: Staff, contact_id: int, now_ms: int) -> None:
    """Tell a contact no more; raises NotFound."""
    with ledger.write() as conn:
        contacts.retire_contact(conn, contact_id, By(staff.id, staff.facility_id), now_ms)


def add_step(ledger: Ledger, staff: Staff, facility_id: str, typed: TypedStep, now_ms: int) -> None:
    """Put a contact on a facility's ladder; raises FieldProblem at the field that is wrong, and NotFound."""
    new = ladders.NewStep(
        facility_id=facility_id,
        contact_id=typed.contact_id,
        after_minutes=contact_words.minutes_of(typed.after_minutes),
        from_minute_of_day=contact_words.minute_of(typed.begins, is_end=False),
        until_minute_of_day=contact_words.minute_of(typed.ends, is_end=True),
    )
    try:
        with ledger.write() as conn:
            assets.facility_by_id(conn, facility_id)
            ladders.add_step(conn, new, staff.id, facility_id, now_ms)
    except Refused as refused:
        raise (contact_words.refusal(refused.facts.get("reason")) or refused) from refused


def retire_step(ledger: Ledger, staff: Staff, step_id: int, now_ms: int) -> None:
    """Take a step out of its ladder; raises NotFound."""
    with ledger.write() as conn:
        ladders.retire_step(conn, step_id, staff.id, staff.facility_id, now_ms)


def report_places(ledger: Ledger, staff: Staff) -> list[Facility]:
    """The facilities whose reports this person may read."""
    with ledger.read() as conn:
        return [place for place in assets.facilities(conn) if staff.may_see(place.id)]


def report_file(
    ledger: Ledger, readings: ReadingsStore, staff: Staff, asked: tuple[str, str], now_ms: int
) -> tuple[bytes, str]:
    """A month's file of a facility, asked for as (facility, `2026-11.pdf` or `.csv`), and its content type.

    Raises NotFound for what is not there or not for this person, and Unavailable.
    """
    facility_id, name = asked
    period, _, kind = name.rpartition(".")
    if kind not in {"pdf", "csv"} or not staff.may_see(facility_id):
        raise NotFound(marked("There is no such report."))
    try:
        with ledger.read() as conn:
            month = read_month(conn, readings, facility_id, period, now_ms)
    except (Refused, NotFound) as problem:
        raise NotFound(marked("There is no such report.")) from problem
    if kind == "pdf":
        return to_pdf(month), "application/pdf"
    # A spreadsheet takes UTF-8 for granted only behind this mark.
    return b"\xef\xbb\xbf" + to_csv(month).encode(), "text/csv; charset=utf-8"
