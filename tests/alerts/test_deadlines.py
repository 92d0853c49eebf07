"""What time alone changes: expiry, open vials, the longest time in a stage, a version that comes into force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from alerts.deadlines import Deadlines, due
from alerts.evaluate import no_fence
from sheetal.contracts.disposition import Disposition, RefusalReason
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import Unavailable
from sheetal.contracts.product import NextStage, OpenVial
from sheetal.contracts.verdict import Finding, Ground
from sheetal.ledger import catalogue, holdings, stock
from sheetal.ledger.stay_acts import open_vial
from tests.alerts.given import FACILITY, FRIDGE, HOLDING, SOURCE, at, product
from tests.alerts.looks import pending, refusal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.alerts.given import World

STAGED = replace(
    product(2),
    next_stages=[NextStage(stage="thawed", after="thaw", minutes_max=60, source=SOURCE)],
    open_vials=[
        OpenVial(programme="WHO", minutes=10, source=SOURCE),
        OpenVial(programme="IN", minutes=120, source=SOURCE),
    ],
)


@pytest.fixture
def staged(world: World) -> World:
    """A holding of a product with a stage after thaw and open-vial hours, judged at minute 30."""
    with world.ledger.write() as conn:
        catalogue.record_products(conn, [STAGED], at(0))
    world.receive()
    world.feed((0, 400, 450))
    world.drain(30)
    return world


def found_due(world: World, minute: float) -> list[tuple[str, float]]:
    with world.ledger.read() as conn:
        return [(one.holding_id, (one.at_ms - at(0)) / 60_000) for one in due(conn, at(minute))]


def opened(world: World, minute: float) -> None:
    with world.ledger.write() as conn:
        open_vial(conn, HOLDING, at(minute), "ravi", at(minute))
    world.drain(minute)


def thawed(world: World, minute: float) -> None:
    with world.ledger.write() as conn:
        holdings.thaw_holding(conn, HOLDING, "ravi", at(minute), at(minute))
    world.drain(minute)


def swept(world: World, deadlines: Deadlines, minute: float) -> list[str]:
    return deadlines.mark(world.ledger, at(minute), no_fence)


def grounds(world: World) -> list[Ground]:
    return [one.ground for one in world.verdicts()[0].verdict.proposals]


def test_stock_at_rest_is_never_due(staged: World) -> None:
    assert found_due(staged, 390) == []


def test_open_vials_are_held_when_their_hours_are_over(staged: World) -> None:
    opened(staged, 40)
    deadlines = Deadlines()
    assert swept(staged, deadlines, 159) == []
    assert swept(staged, deadlines, 160) == [HOLDING]
    assert refusal(staged, 160) is RefusalReason.NOT_REJUDGED
    staged.drain(160)
    assert grounds(staged) == [Ground.OPEN_TOO_LONG]
    assert staged.holding().disposition is Disposition.QUARANTINED
    assert [(one.side, one.compromised_from_ms) for one in staged.compromises()] == [("hot", at(160))]
    assert swept(staged, deadlines, 170) == []


def test_a_stage_that_lasted_too_long_holds(staged: World) -> None:
    thawed(staged, 40)
    assert found_due(staged, 99) == []
    assert found_due(staged, 100) == [(HOLDING, 100)]
    assert swept(staged, Deadlines(), 100) == [HOLDING]
    staged.drain(101)
    assert (staged.verdicts()[0].verdict.finding, grounds(staged)) == (
        Finding.PROPOSED_CONDEMNED,
        [Ground.STAGE_TOO_LONG],
    )


def test_a_lot_that_expires_is_proposed_to_be_condemned(world: World) -> None:
    lot = stock.Lot(id="covishield/CS-2", product_id="covishield", batch="CS-2", expires_at_ms=at(60))
    with world.ledger.write() as conn:
        stock.add_lot(conn, lot, at(0))
        kind = stock.EvidenceKind.TELEMETRY
        stock.receive_holding(conn, HOLDING, lot.id, FACILITY, 10, FRIDGE, kind, at(0), at(0), "ravi")
    world.feed((0, 90, 450))
    world.drain(30)
    assert swept(world, Deadlines(), 59.9) == []
    assert swept(world, Deadlines(), 60) == [HOLDING]
    world.drain(60)
    assert (world.verdicts()[0].verdict.finding, grounds(world)) == (Finding.PROPOSED_CONDEMNED, [Ground.EXPIRED])
    assert world.holding().disposition is Disposition.QUARANTINED
    (notice,) = world.notices()
    assert (notice.kind, notice.facts["rule"], notice.facts["grounds"]) == ("holding_held", "expired", ["expired"])


def test_what_is_not_judged_yet_or_held_or_empty_is_not_due(staged: World) -> None:
    opened(staged, 40)
    with staged.ledger.write() as conn:
        holdings.waste_doses(conn, HOLDING, 100, "ravi", "spilt", at(50))
    assert found_due(staged, 300) == []


def test_an_instant_is_told_once_though_the_verdict_does_not_come(staged: World) -> None:
    opened(staged, 40)
    deadlines = Deadlines()
    assert swept(staged, deadlines, 160) == [HOLDING]
    assert swept(staged, deadlines, 161) == []
    assert pending(staged)[1] == 1


def test_an_instant_that_changes_nothing_hides_no_later_one(staged: World) -> None:
    with staged.ledger.write() as conn:
        two = [*STAGED.next_stages, NextStage(stage="in_use", after="open", minutes_max=None, source=SOURCE)]
        catalogue.record_products(conn, [replace(STAGED, version=3, next_stages=two)], at(31))
    thawed(staged, 40)
    opened(staged, 45)
    deadlines = Deadlines()
    assert swept(staged, deadlines, 100) == [HOLDING]
    staged.drain(101)
    assert grounds(staged) == []
    assert swept(staged, deadlines, 120) == []
    assert swept(staged, deadlines, 165) == [HOLDING]
    staged.drain(166)
    assert grounds(staged) == [Ground.OPEN_TOO_LONG]


def test_a_process_overtaken_marks_nothing_and_tries_again(staged: World) -> None:
    def overtaken(conn: Connection) -> None:
        del conn
        raise Unavailable("another process judges now")

    opened(staged, 40)
    deadlines = Deadlines()
    with pytest.raises(Unavailable):
        deadlines.mark(staged.ledger, at(160), overtaken)
    assert pending(staged)[1] == 0
    assert swept(staged, deadlines, 161) == [HOLDING]


def test_a_version_recorded_ahead_of_its_day_judges_from_that_day_on(world: World) -> None:
    world.receive()
    world.feed((0, 40, -90), (40, 60, 450))
    world.drain(60)
    day = catalogue.day_of(at(0) + 2 * DAY_MS)
    deadlines = Deadlines()
    swept(world, deadlines, 60)
    with world.ledger.write() as conn:
        catalogue.record_products(conn, [replace(product(2, freeze_minutes=30), effective_from=day)], at(61))
    world.drain(62)
    assert [one.verdict.product_version for one in world.verdicts()] == [1]
    deadlines.mark(world.ledger, at(0) + 2 * DAY_MS, no_fence)
    world.stores.hours.forget_all()
    world.drain(2 * 24 * 60)
    assert world.verdicts()[0].verdict.product_version == 2
    assert world.holding().disposition is Disposition.QUARANTINED
