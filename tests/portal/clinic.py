"""A session site with stock, sessions and people, judged as by the engine.

The tests of registration, vaccinator and recall stand on it, and the gate's benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from portal.identity.service import Role, Staff, add_staff
from portal.orchestration.service import Session, add_session, issue_holding
from portal.registration import service as registration
from portal.registration.service import NewAppointment, NewPerson
from portal.vaccinator import service as vaccinator
from portal.vaccinator.schemas import CheckRequest, GiveRequest
from portal.vaccinator.service import Vaccination
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS, HoldRule, Measure, Side, Source
from sheetal.contracts.verdict import Finding, Reached, Run, Verdict
from sheetal.ledger import assets, catalogue, holdings, judgement_writes, judgements, rejudge, stock
from sheetal.ledger.judgements import ApplianceJudgement
from tests.sheetal.ledger import decided

if TYPE_CHECKING:
    from sqlalchemy import Table

    from portal.certificate.keys import SigningKeys
    from portal.vaccinator.schemas import Answer, Given
    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.field_cipher import FieldCipher

CATALOGUE = Path(__file__).parents[2] / "catalogue"
ACTOR = "store"
CODE = "4821"
WRONG_CODE = "0000"
NAME = "Asha Unmistakable Sample"
MOBILE = "9812345670"
BIRTH_DATE = "1988-04-12"
LOTS = (("covishield", "CS-2301"), ("covishield", "CS-2302"), ("covaxin", "CVX-4410"))
APPLIANCES = (("A-101-1", "F-101", "ILR-1"), ("A-101-2", "F-101", "ILR-2"), ("A-102-1", "F-102", "ILR-9"))


@dataclass(frozen=True)
class Booked:
    """An appointment, whose it is and the code on its slip."""

    session: str
    appointment: str
    person: str
    reference: str
    code: str


@dataclass
class Clinic:
    """The site F-101 with a vaccinator and an open session of Covishield; F-102 is somebody else's."""

    ledger: Ledger
    cipher: FieldCipher
    keys: SigningKeys
    now_ms: int
    staff: Staff
    session: Session
    people: int = field(default=0)
    vaccination: Vaccination = field(init=False)

    def __post_init__(self) -> None:
        self.vaccination = Vaccination(self.ledger, self.cipher, self.keys)

    def receive(
        self,
        holding: str,
        batch: str = "CS-2301",
        *,
        doses: int = 20,
        appliance: str = "A-101-1",
        issued: bool = True,
        judged: bool = True,
    ) -> str:
        """Stock that has stood in its refrigerator for two days, known and judged, out at the session."""
        lot = next(f"{product}/{one}" for product, one in LOTS if one == batch)
        facility = next(place for name, place, _ in APPLIANCES if name == appliance)
        kind, since_ms = EvidenceKind.TELEMETRY, self.now_ms - 2 * DAY_MS
        with self.ledger.write() as conn:
            stock.receive_holding(
                conn, holding, lot, facility, doses, appliance, kind, since_ms, self.now_ms - DAY_MS, ACTOR
            )
            if issued:
                issue_holding(conn, self.session.id, holding, now_ms=self.now_ms, actor=ACTOR)
        if judged:
            self.judge(appliance)
        return holding

    def judge(
        self, appliance: str = "A-101-1", *, judged_ago_ms: int = 0, known_ago_ms: int | None = MINUTE_MS
    ) -> None:
        """The engine has looked at everything there is; `known_ago_ms` is None where nothing is known."""
        known_ms = None if known_ago_ms is None else self.now_ms - known_ago_ms
        state = "no_data" if known_ms is None else "in_range"
        judged = ApplianceJudgement(
            appliance_id=appliance,
            judged_through_ms=self.now_ms - judged_ago_ms,
            known_through_ms=known_ms,
            state=state,
        )
        with self.ledger.write() as conn:
            judgement_writes.put_appliance_judgement(conn, judged)
            rejudge.clear(conn, [mark.id for mark in rejudge.pending(conn, 1_000)])

    def add_session(
        self, facility: str = "F-101", product: str = "covishield", *, capacity: int = 99, begins_in_ms: int = -HOUR_MS
    ) -> Session:
        start = self.now_ms + begins_in_ms
        planned = Session("", facility, product, starts_at_ms=start, ends_at_ms=start + 9 * HOUR_MS, capacity=capacity)
        with self.ledger.write() as conn:
            return add_session(conn, planned, self.now_ms, ACTOR)

    def add_person(
        self, name: str = NAME, birth_date: str = BIRTH_DATE, mobile: str = ""
    ) -> registration.PersonForDose:
        self.people += 1
        new = NewPerson(name, birth_date, mobile or f"98{self.people:08}")
        with self.ledger.write() as conn:
            return registration.add_person(conn, self.cipher, new, self.now_ms)

    def book(
        self,
        *,
        dose_number: int = 1,
        session: Session | None = None,
        person: registration.PersonForDose | None = None,
    ) -> Booked:
        who, where = person or self.add_person(), session or self.session
        new = NewAppointment(
            session_id=where.id, person_id=who.id, dose_number=dose_number, code=CODE, actor=self.staff.id
        )
        with self.ledger.write() as conn:
            made = registration.book_appointment(conn, self.cipher, new, self.now_ms)
        return Booked(where.id, made.id, who.id, who.reference_id, CODE)

    def check(self, scan: str) -> Answer:
        asked = CheckRequest(session=self.session.id, scan=scan)
        return vaccinator.check(self.ledger, self.staff, asked, self.now_ms)

    def give(self, booked: Booked, scan: str, *, key: str = "", code: str = "", now_ms: int | None = None) -> Given:
        asked = GiveRequest(
            session=booked.session, appointment=booked.appointment, scan=scan, citizen_code=code or booked.code
        )
        at_ms = self.now_ms if now_ms is None else now_ms
        return vaccinator.give(self.vaccination, self.staff, asked, key or f"key-{booked.appointment}", at_ms)

    def dose_from(self, holding: str, at_ms: int | None = None) -> str:
        """One more person's first dose, maybe some time ago, when the engine had looked as far as that."""
        ago_ms = 0 if at_ms is None else max(0, self.now_ms - at_ms)
        if ago_ms:
            self.judge(judged_ago_ms=ago_ms, known_ago_ms=ago_ms)
        dose = self.give(self.book(), holding, now_ms=at_ms).dose
        if ago_ms:
            self.judge()
        return dose

    def freeze(self, holding: str, from_ms: int, found: Verdict | None = None) -> int:
        """What alerts commits in one transaction when a holding froze: verdict, hold, compromise; gives its number."""
        with self.ledger.write() as conn:
            verdict_id = judgement_writes.append_verdict(conn, found or frozen(holding, from_ms), self.now_ms)
            holdings.hold(conn, holding, verdict_id, "engine", "frozen", self.now_ms)
            return judgement_writes.add_compromise(conn, holding, verdict_id, Side.COLD, from_ms, self.now_ms)

    def decide(self, holding: str, *targets: Disposition, at_ms: int | None = None) -> None:
        with self.ledger.write() as conn:
            seen = judgements.latest_hold_id(conn, holding)
            for target in targets:
                at = at_ms or self.now_ms
                decided.set_disposition(conn, holding, target, "doctor", "decided", at, seen_verdict_id=seen)

    def count(self, table: Table) -> int:
        with self.ledger.read() as conn:
            return conn.execute(select(func.count()).select_from(table)).scalar_one()

    def doses_left(self, holding: str) -> int:
        with self.ledger.read() as conn:
            return stock.holding_by_id(conn, holding).doses_left


def add_facilities(ledger: Ledger, now_ms: int) -> None:
    """F-101 and F-102, as the portal's stage has them."""
    with ledger.write() as conn:
        for number, district in ((101, "North"), (102, "South")):
            place = assets.Facility(
                id=f"F-{number}",
                name=f"Centre {number}",
                name_hindi=f"केंद्र {number}",
                kind="cold_chain_point",
                state_id=9,
                state_name="Sample State",
                district_id=number,
                district_name=district,
            )
            assets.add_facility(conn, place, now_ms - 30 * DAY_MS)


def open_clinic(ledger: Ledger, cipher: FieldCipher, keys: SigningKeys, now_ms: int) -> Clinic:
    """Furnish a ledger in which the facilities stand already."""
    with ledger.write() as conn:
        for appliance, facility, name in APPLIANCES:
            assets.add_appliance(conn, refrigerator(appliance, facility, name), now_ms - 9 * DAY_MS)
        catalogue.record_products(conn, catalogue.load_catalogue(CATALOGUE), now_ms - 9 * DAY_MS)
        for product, batch in LOTS:
            expires_at_ms = now_ms + 200 * DAY_MS
            lot = stock.Lot(id=f"{product}/{batch}", product_id=product, batch=batch, expires_at_ms=expires_at_ms)
            stock.add_lot(conn, lot, now_ms - 9 * DAY_MS)
        who = Staff("", "V. Sample", Role.VACCINATOR, "F-101", "en")
        staff = add_staff(conn, who, user_name="clinic", password="a long enough password", now_ms=now_ms)
    nowhere = Session("", "F-101", "covishield", 0, 0, 0)
    made = Clinic(ledger, cipher, keys, now_ms, staff, nowhere)
    made.session = made.add_session()
    return made


def refrigerator(appliance: str, facility: str, name: str) -> assets.Appliance:
    return assets.Appliance(
        id=appliance,
        facility_id=facility,
        name=name,
        kind="ilr",
        model="made-up",
        centi_celsius_min=200,
        centi_celsius_max=800,
        freeze_alarm_centi_celsius=-50,
        freeze_alarm_minutes=60,
        heat_alarm_centi_celsius=800,
        heat_alarm_minutes=600,
        alarm_source="made-up",
    )


def frozen(holding: str, from_ms: int, *, confirmed: int = 74, possible: int = 76, in_sum: bool = False) -> Verdict:
    return Verdict(
        holding=holding,
        finding=Finding.HOLD,
        rule_version="1",
        product="covishield",
        product_version=1,
        judged_through_ms=from_ms + 2 * HOUR_MS,
        known_through_ms=from_ms + 2 * HOUR_MS,
        reached=[reached(Side.COLD, from_ms, confirmed, possible, in_sum=in_sum)],
        noted=[],
        stays=[],
    )


def reached(side: Side, from_ms: int, confirmed: int, possible: int, *, in_sum: bool = False) -> Reached:
    limit, extreme = (-50, -180) if side is Side.COLD else (800, 1240)
    source = Source(citation="a made-up label", confidence="high")
    rule = HoldRule(
        rule="r",
        side=side,
        limit_centi_celsius=limit,
        inclusive=side is Side.COLD,
        measure=Measure.CUMULATIVE if in_sum else Measure.RUN,
        minutes=60,
        source=source,
    )
    run = Run(
        sensor="gw-01.ilr1-tvc",
        side=side,
        limit_centi_celsius=limit,
        first_ms=from_ms,
        last_ms=from_ms + confirmed * MINUTE_MS,
        earliest_possible_start_ms=from_ms,
        confirmed_half_ms=confirmed * MINUTE_MS * 2,
        possible_half_ms=possible * MINUTE_MS * 2,
        extreme_centi_celsius=extreme,
        samples=9,
        open=False,
    )
    return Reached(
        rule=rule,
        appliance="A-101-1",
        stay=1,
        run=None if in_sum else run,
        minutes_confirmed=confirmed,
        minutes_possible=possible,
        compromised_from_ms=from_ms,
        borderline=False,
    )
