"""Seeds the ledger's catalogue, lots, holdings, staff, one session and its citizens, from demo/district.toml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from portal.identity.rules import Role, Staff
from portal.identity.service import add_staff
from portal.orchestration.service import Session, add_session, issue_holding
from portal.registration import service as registration
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import catalogue, stock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from firmware_sim.scenario import Scenario
    from sheetal.ledger.field_cipher import FieldCipher

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "catalogue"
FILE = Path(__file__).with_name("district.toml")
ACTOR = "demo"
SESSION_HOURS_BEFORE = 2
SESSION_HOURS_AFTER = 10


class StaffSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One log-in."""

    login: str
    display_name: str
    role: str
    facility: str


class LotSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One manufacturer's batch."""

    product: str
    batch: str
    expires_in_days: int


class HoldingSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stock with a label in an appliance; `in_session` issues it to the session."""

    id: str
    lot: str
    appliance: str
    doses: int
    in_session: bool = False


class SessionSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Today's session."""

    facility: str
    product: str
    capacity: int


class CitizenSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A made-up person with the code of their slip."""

    name: str
    birth_date: str
    mobile: str
    code: str


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    password: str
    freezing_holding: str
    freezing_appliance: str
    good_holding: str
    staff: list[StaffSeed]
    lot: list[LotSeed]
    holding: list[HoldingSeed]
    session: SessionSeed
    citizen: list[CitizenSeed]


@dataclass(frozen=True, slots=True)
class Booked:
    """An appointment of the story and the code on its slip."""

    appointment: str
    code: str


@dataclass(frozen=True, slots=True)
class Seeded:
    """What the story needs to know of what was seeded."""

    session: str
    appointments: list[Booked]


def load_seed() -> Seed:
    """The committed seed file."""
    return msgspec.toml.decode(FILE.read_bytes(), type=Seed)


def seed_stock(connection: Connection, seed: Seed, scenario: Scenario, since_ms: int, now_ms: int) -> None:
    """Products, lots and holdings that have stood in their appliances since an instant."""
    catalogue.record_products(connection, catalogue.load_catalogue(CATALOGUE), since_ms)
    facility_of = {appliance.appliance: hub.facility for hub in scenario.hubs for appliance in hub.appliances}
    for lot in seed.lot:
        expires_at_ms = now_ms + lot.expires_in_days * DAY_MS
        new = stock.Lot(
            id=f"{lot.product}/{lot.batch}", product_id=lot.product, batch=lot.batch, expires_at_ms=expires_at_ms
        )
        stock.add_lot(connection, new, since_ms)
    for holding in seed.holding:
        stock.receive_holding(
            connection,
            holding.id,
            holding.lot,
            facility_of[holding.appliance],
            holding.doses,
            holding.appliance,
            EvidenceKind.TELEMETRY,
            since_ms,
            now_ms,
            ACTOR,
        )


def seed_people(connection: Connection, cipher: FieldCipher, seed: Seed, now_ms: int) -> Seeded:
    """Staff of each role, today's session with its holdings, and its citizens with appointments."""
    for one in seed.staff:
        who = Staff("", one.display_name, Role(one.role), one.facility, "en")
        add_staff(connection, who, user_name=one.login, password=seed.password, now_ms=now_ms)
    session = _seed_session(connection, seed, now_ms)
    booked = [_seed_citizen(connection, cipher, session, citizen, now_ms) for citizen in seed.citizen]
    return Seeded(session, booked)


def _seed_session(connection: Connection, seed: Seed, now_ms: int) -> str:
    new = Session(
        id="",
        facility_id=seed.session.facility,
        product_id=seed.session.product,
        starts_at_ms=now_ms - SESSION_HOURS_BEFORE * HOUR_MS,
        ends_at_ms=now_ms + SESSION_HOURS_AFTER * HOUR_MS,
        capacity=seed.session.capacity,
    )
    session = add_session(connection, new, now_ms, ACTOR)
    for holding in seed.holding:
        if holding.in_session:
            issue_holding(connection, session.id, holding.id, now_ms=now_ms, actor=ACTOR)
    return session.id


def _seed_citizen(
    connection: Connection, cipher: FieldCipher, session: str, citizen: CitizenSeed, now_ms: int
) -> Booked:
    new = registration.NewPerson(citizen.name, citizen.birth_date, citizen.mobile)
    person = registration.add_person(connection, cipher, new, now_ms)
    place = registration.NewAppointment(
        session_id=session, person_id=person.id, dose_number=1, code=citizen.code, actor=ACTOR
    )
    appointment = registration.book_appointment(connection, cipher, place, now_ms)
    return Booked(appointment.id, citizen.code)
