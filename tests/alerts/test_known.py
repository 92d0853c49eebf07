from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts import known as known_module
from alerts.known import FUTURE_MS_MAX, Known, Sources
from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound, Unavailable
from sheetal.ledger import assets, catalogue, telemetry_writes
from sheetal.ledger.histories import histories
from sheetal.thermal.exposure import empty
from tests.alerts.given import FRIDGE, HOLDING, OTHER, TOP, TVC, at, day_summary, product
from tests.alerts.test_witnesses import check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sheetal.ledger.histories import History
    from tests.alerts.given import World


def told(world: World, *labels: str) -> Sequence[History]:
    with world.ledger.read() as conn:
        return list(histories(conn, labels or [HOLDING]).values())


def fresh(world: World, minute: float = 10) -> Known:
    return Known(Sources(world.ledger, world.telemetry, world.stores.hours), at(minute))


def test_an_open_time_ends_with_a_day_after_which_no_row_can_lie(world: World) -> None:
    found = fresh(world)
    assert found.open_end_ms % DAY_MS == 0
    assert 0 <= found.open_end_ms - (at(10) + FUTURE_MS_MAX) < DAY_MS


def test_what_histories_need_is_learnt(world: World) -> None:
    world.receive()
    world.tell_state(30, 20)
    with world.telemetry.write() as conn:
        telemetry_writes.put_day_summaries(conn, [day_summary(TVC, alarm=None)], at(2000))
    found = fresh(world)
    found.learn(told(world))
    assert [one.sensor for one in found.witness(FRIDGE).hung] == [TVC]
    assert found.product("covishield") == product()
    assert [(day.starts_at_ms, day.cut.sensor) for day in found.days(TVC)] == [(at(0), TVC)]
    assert found.believed_ms == {TVC: at(20)}


def test_a_product_that_is_not_in_force_is_a_problem_of_its_own_holdings(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object) -> object:
        raise NotFound("no version of this product is in force on that day")

    world.receive()
    monkeypatch.setattr(catalogue, "product_version", missing)
    found = fresh(world)
    found.learn(told(world))
    with pytest.raises(NotFound):
        found.product("covishield")
    assert found.witness(FRIDGE).hung


def test_nothing_is_asked_for_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive()
    world.receive("H-2")
    asked: list[list[str]] = []
    real = known_module.witnesses

    def witnesses(conn: object, appliance_ids: object, recorded: object = ()) -> object:
        asked.append(sorted(appliance_ids))  # type: ignore[call-overload]
        return real(conn, appliance_ids, recorded)  # type: ignore[arg-type]

    monkeypatch.setattr(known_module, "witnesses", witnesses)
    found = fresh(world)
    found.learn(told(world, HOLDING))
    found.learn(told(world, "H-2"))
    assert asked == [[FRIDGE], []]


def test_a_record_is_read_once_a_stay_rests_on_it(world: World) -> None:
    world.receive(appliance_id=OTHER)
    world.receive("H-2", OTHER, kind=EvidenceKind.TWICE_DAILY)
    check(world, 5, 450)
    found = fresh(world)
    found.learn(told(world, HOLDING))
    assert found.witness(OTHER).checks == ()
    found.learn(told(world, "H-2"))
    assert [one.checked_at_ms for one in found.witness(OTHER).checks] == [at(5)]
    found.learn(told(world, HOLDING))
    assert len(found.witness(OTHER).checks) == 1


def test_sensors_of_an_appliance_learnt_later_are_learnt_too(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    world.receive()
    world.receive("H-2", OTHER)
    found = fresh(world)
    found.learn(told(world, HOLDING))
    found.learn(told(world, "H-2"))
    assert list(found.days(TOP)) == []


def test_an_exposure_is_made_once(world: World) -> None:
    made: list[int] = []

    def make() -> object:
        made.append(1)
        return empty(())

    found = fresh(world)
    first = found.once(("a", 1), make)  # type: ignore[arg-type]
    assert found.once(("a", 1), make) is first  # type: ignore[arg-type]
    found.once(("a", 2), make)  # type: ignore[arg-type]
    assert len(made) == 2
    found.forget_exposures()
    found.once(("a", 1), make)  # type: ignore[arg-type]
    assert len(made) == 3


def test_a_store_that_is_away_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> object:
        raise Unavailable("the telemetry store does not answer")

    world.receive()
    monkeypatch.setattr(world.telemetry, "read", away)
    with pytest.raises(Unavailable):
        fresh(world).learn(told(world))
