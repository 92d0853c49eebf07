from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.gateways import names
from demo.seed_assets import seed_assets
from demo.seed_stock import Seeded, load_seed, seed_people, seed_stock
from portal.identity import service as identity
from portal.identity.rules import Role
from portal.orchestration import service as orchestration
from portal.registration import service as registration
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import audit, catalogue, rejudge, stock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.demo.conftest import Given

NOW_MS = 1_795_425_631_000
SINCE_MS = NOW_MS - DAY_MS
VACCINES = {
    "COVISHIELD",
    "COVAXIN",
    "CORBEVAX",
    "SPUTNIK V",
    "GEMCOVAC-19",
    "INCOVACC",
    "ZYCOV-D",
    "COVOVAX",
}


@pytest.fixture(autouse=True)
def seeded(given: Given) -> Seeded:
    keys = dict.fromkeys(names(given.scenario), bytes(32))
    with given.ledger.write() as connection:
        seed_assets(connection, given.cipher, given.scenario, keys, SINCE_MS - HOUR_MS)
        seed_stock(connection, given.seed, given.scenario, SINCE_MS, NOW_MS)
        return seed_people(connection, given.cipher, given.seed, NOW_MS)


def test_the_eight_vaccines_are_in_stock(given: Given, look: Connection) -> None:
    products = {product.product: product for product in catalogue.products(look, NOW_MS)}
    lots = {lot.id: lot for lot in stock.lots(look)}
    stocked = {products[lots[one.lot].product_id].vaccine.upper() for one in given.seed.holding}
    assert stocked == VACCINES
    assert all(lot.expires_at_ms > NOW_MS + 90 * DAY_MS for lot in lots.values())


def test_every_holding_stands_where_its_product_may(given: Given, look: Connection) -> None:
    thermostats = {spec.appliance: spec.thermostat for spec in given.scenario.appliances}
    for one in given.seed.holding:
        product = catalogue.product_version(look, stock.holding_by_id(look, one.id).product_id, NOW_MS)
        (span,) = [span for span in product.ranges if span.stage == product.stage]
        kept = thermostats[one.appliance]
        assert kept is not None, f"{one.id} stands in a carrier"
        coldest, warmest = round(kept.off_below_celsius * 100), round(kept.on_above_celsius * 100)
        assert span.centi_celsius_min is None or span.centi_celsius_min <= coldest, f"{one.id} freezes"
        assert span.centi_celsius_max is None or warmest <= span.centi_celsius_max, f"{one.id} is too warm"


def test_holdings_wait_to_be_judged_over_their_whole_stay(given: Given, look: Connection) -> None:
    waiting = {mark.holding_id for mark in rejudge.pending(look, 1_000)}
    for one in given.seed.holding:
        holding = stock.holding_by_id(look, one.id)
        assert (holding.doses_left, holding.disposition) == (one.doses, Disposition.AVAILABLE)
        (stay,) = stock.stays_of(look, one.id)
        assert (stay.appliance_id, stay.from_ms, stay.until_ms) == (one.appliance, SINCE_MS, None)
        assert stay.evidence_kind is EvidenceKind.TELEMETRY
        assert one.id in waiting


def test_the_two_holdings_of_the_story_are_in_the_session(given: Given, look: Connection, seeded: Seeded) -> None:
    session = orchestration.session_by_id(look, seeded.session)
    assert session.starts_at_ms < NOW_MS < session.ends_at_ms
    assert orchestration.holdings_of_session(look, seeded.session) == ["H-1011", "H-1012"]
    assert {given.seed.freezing_holding, given.seed.good_holding} == {"H-1011", "H-1012"}
    (stay,) = stock.stays_of(look, given.seed.freezing_holding)
    assert stay.appliance_id == given.seed.freezing_appliance
    (beside,) = stock.stays_of(look, given.seed.good_holding)
    assert beside.appliance_id != given.seed.freezing_appliance


def test_the_frozen_lot_also_lies_elsewhere_unharmed(given: Given, look: Connection) -> None:
    lot = stock.holding_by_id(look, given.seed.freezing_holding).lot_id
    assert len(stock.holdings_of_lot(look, lot)) == 2


def test_there_is_a_log_in_for_every_role(given: Given) -> None:
    roles = set()
    for one in given.seed.staff:
        who, _ = identity.sign_in(
            given.ledger, user_name=one.login, password=given.seed.password, address="127.0.0.1", now_ms=NOW_MS
        )
        roles.add(who.role)
        assert who.facility_id == one.facility
    assert roles == set(Role)


def test_citizens_are_booked_and_known_only_by_their_code(given: Given, look: Connection, seeded: Seeded) -> None:
    assert len(seeded.appointments) == len(given.seed.citizen) == 6
    assert len({one.code for one in seeded.appointments}) == 6
    for booked, citizen in zip(seeded.appointments, given.seed.citizen, strict=True):
        booking = registration.booking(look, booked.appointment)
        assert registration.code_fits(given.cipher, booking, citizen.code)
        assert not registration.code_fits(given.cipher, booking, "0000")
        assert registration.person_for_dose(given.cipher, booking).name == citizen.name


def test_no_citizen_can_be_read_in_the_file(given: Given) -> None:
    stored = b"".join(path.read_bytes() for path in given.folder.glob("ledger.db*"))
    assert b"H-1011" in stored
    assert [word for word in given.people() if word.encode() in stored] == []


def test_every_chain_is_whole(given: Given, look: Connection) -> None:
    reports = [audit.verify_chain(look, hub.facility) for hub in given.scenario.hubs]
    assert [report.broken_at for report in reports] == [None] * 6
    assert sum(report.entries for report in reports) > 30


def test_the_seed_file_names_only_what_the_scenario_has(given: Given) -> None:
    seed = load_seed()
    appliances = {appliance.appliance for appliance in given.scenario.appliances}
    assert {holding.appliance for holding in seed.holding} <= appliances
    assert {holding.lot for holding in seed.holding} == {f"{lot.product}/{lot.batch}" for lot in seed.lot}
    assert all(one.name.endswith(" Sample") for one in seed.citizen)
