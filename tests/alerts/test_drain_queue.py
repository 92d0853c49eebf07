"""What waits: crashes, faults, backlogs, and that none of them keeps the rest from being judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts import drain as drain_module
from alerts.drain import take_work
from alerts.evaluate import Judge
from sheetal.contracts.disposition import Disposition, RefusalReason
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import assets, judgement_writes, rejudge, telemetry, telemetry_writes
from tests.alerts.given import FRIDGE, HOLDING, OTHER, TOP, TVC, World, at
from tests.alerts.looks import pending, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from alerts.evaluate import Judged
    from sheetal.ledger.histories import History


def test_a_crash_between_commit_and_clearing_is_judged_again_harmlessly(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world.receive()
    world.feed((0, 90, -90))

    def crash(*_: object) -> int:
        raise Unavailable("the process died here")

    with monkeypatch.context() as broken:
        broken.setattr(judgement_writes, "clear_dirty", crash)
        with pytest.raises(Unavailable):
            world.drain(90)
    assert pending(world)[0] == 2
    before = (world.verdicts(), world.compromises(), world.notices())
    world.drain(91)
    assert pending(world) == (0, 0)
    assert (world.verdicts(), world.compromises(), world.notices()) == before


def test_an_hour_marked_again_while_it_is_judged_stays_marked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive()
    world.feed((0, 10, 450))
    real = Judge.judge

    def judge_while_rows_come(self: Judge, history: History) -> Judged:
        with world.telemetry.write() as conn:
            telemetry_writes.mark_dirty(conn, {(TVC, at(0))})
        return real(self, history)

    monkeypatch.setattr(Judge, "judge", judge_while_rows_come)
    world.drain(10)
    assert pending(world) == (1, 0)


def test_a_holding_that_cannot_be_judged_closes_its_own_gate_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.receive()
    world.receive("H-9")
    world.feed((0, 10, 450))
    world.drain(10)
    real = Judge.judge

    def judge(self: Judge, history: History) -> Judged:
        if history.holding.id == "H-9":
            raise ValueError("a fault in the data")
        return real(self, history)

    monkeypatch.setattr(Judge, "judge", judge)
    world.feed((10, 20, 450))
    world.drain(20)
    world.drain(20)
    assert refusal(world, 20) is None
    assert refusal(world, 20, "H-9") is RefusalReason.NOT_REJUDGED
    assert pending(world) == (0, 1)
    monkeypatch.undo()
    world.drain(21)
    assert refusal(world, 21, "H-9") is None


def test_rows_of_an_unassigned_sensor_are_cleared_without_a_verdict(world: World) -> None:
    world.feed((0, 10, -400), sensor=TOP)
    work = world.drain(10)
    assert (work.holdings, work.appliances & {OTHER}) == (set(), set())
    assert pending(world) == (0, 0)


def test_a_backlog_of_many_hours_is_taken_in_bounded_rounds_and_judged_through_waits(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    world.drain(10)
    with world.telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {(TVC, at(60 * k)) for k in range(-600, 1)})
    assert world.drain(20).is_full
    judgement = world.judgement()
    assert judgement is not None
    assert judgement.judged_through_ms == at(10)
    assert not world.drain(21).is_full
    assert pending(world) == (0, 0)


def test_a_backlog_of_one_refrigerator_leaves_the_judged_instant_of_another_alone(world: World) -> None:
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    world.feed((0, 10, 450), sensor=TOP)
    world.drain(10)
    with world.telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {(TVC, at(60 * k)) for k in range(-6000, 0)})
    world.feed((10, 20, 450), sensor=TOP)
    assert world.drain(20).is_full
    mine, others = world.judgement(FRIDGE), world.judgement(OTHER)
    assert others is not None
    assert (others.judged_through_ms, others.known_through_ms) == (at(20), at(19))
    assert mine is None or mine.judged_through_ms <= at(10)


def test_a_long_history_of_a_probe_that_stands_nowhere_is_cleared_without_blocking(world: World) -> None:
    world.receive()
    world.feed((0, 10, 450))
    with world.telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {("gw-01.import", at(60 * k)) for k in range(-1200, 300)})
    work = world.drain(10)
    assert (len(work.idle), work.is_full, work.holdings) == (1500, False, {HOLDING})
    assert refusal(world, 10) is None
    assert pending(world) == (0, 0)


def test_marks_that_cannot_be_answered_do_not_keep_others_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Judge.judge

    def judge(self: Judge, history: History) -> Judged:
        if history.holding.id == "H-9":
            raise LookupError("a product that is not in the catalogue")
        return real(self, history)

    monkeypatch.setattr(Judge, "judge", judge)
    monkeypatch.setattr(drain_module, "MARKS_MAX", 5)
    world.receive("H-9")
    with world.ledger.write() as conn:
        for _ in range(8):
            rejudge.mark_holding(conn, "H-9", at(0), at(0))
    world.receive()
    world.feed((0, 10, 450))
    assert [world.drain(10).goes_on for _ in range(3)] == [True, False, False]
    assert refusal(world, 10) is None
    assert refusal(world, 10, "H-9") is RefusalReason.NOT_REJUDGED


def test_a_fault_that_nobody_thought_of_closes_one_gate_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive()
    world.receive("H-9")
    real = drain_module.commit_all

    def commit(conn: Connection, judged: Sequence[Judged], now_ms: int) -> list[str]:
        if "H-9" in {one.verdict.holding for one in judged}:
            raise TypeError("nobody thought of this")
        return real(conn, judged, now_ms)

    monkeypatch.setattr(drain_module, "commit_all", commit)
    world.feed((0, 10, 450))
    world.drain(10)
    assert refusal(world, 10) is None
    assert refusal(world, 10, "H-9") is RefusalReason.NOT_REJUDGED


def test_work_names_all_that_is_touched(world: World) -> None:
    world.receive()
    world.feed((0, 1, 450))
    work = take_work(world.stores)
    assert work.holdings == {HOLDING}
    assert work.appliances == {FRIDGE}


def test_the_readings_store_away_clears_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive()
    world.feed((0, 90, -90))

    def away(*_: object, **__: object) -> list[object]:
        raise Unavailable("the readings store does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(world.readings, "read", away)
        with pytest.raises(Unavailable):
            world.drain(90)
    assert pending(world)[0] == 2
    world.drain(95)
    assert world.holding().disposition is Disposition.QUARANTINED


def test_under_overload_those_outside_their_range_go_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "HOURS_MAX", 2)
    monkeypatch.setattr(drain_module, "HOURS_BESIDE_MAX", 1)
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    world.receive("H-9", OTHER)
    world.drain(0)
    for sensor, value in ((TVC, 450), (TOP, -300)):
        for minute in range(2):
            state = telemetry.SensorState(
                sensor_id=sensor,
                measured_at_ms=at(minute),
                centi_celsius=value,
                quality=0,
                received_at_ms=at(minute),
                clock_offset_ms=0,
            )
            with world.telemetry.write() as conn:
                telemetry_writes.put_sensor_states(conn, [state])
                telemetry_writes.mark_dirty(conn, {(sensor, at(0)), (sensor, at(-60))})
    for _ in range(20):
        with world.telemetry.write() as conn:
            telemetry_writes.mark_dirty(conn, {(sensor, at(hour)) for sensor in (TVC, TOP) for hour in (0, -60)})
        assert [hour.sensor_id for hour in take_work(world.stores).hours] == [TOP, TVC]


def test_marks_beyond_a_round_leave_their_places_unfinished(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "MARKS_MAX", 1)
    world.drain(0)
    world.receive()
    world.receive("H-9", OTHER)
    work = take_work(world.stores)
    assert (work.holdings, work.unfinished) == ({HOLDING}, {OTHER})


@pytest.mark.parametrize(("value", "transactions"), [(450, 1), (-180, 3)])
def test_holds_are_committed_in_shorter_transactions(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    value: int,
    transactions: int,
) -> None:
    monkeypatch.setattr(drain_module, "WRITES_PER_TRANSACTION", 10)
    sizes: list[int] = []
    real = drain_module.commit_all

    def commit(conn: Connection, judged: Sequence[Judged], now_ms: int) -> list[str]:
        sizes.append(len(judged))
        return real(conn, judged, now_ms)

    monkeypatch.setattr(drain_module, "commit_all", commit)
    for number in range(5):
        world.receive(f"H-{number}")
    world.feed((0, 90, value))
    world.drain(90)
    assert (len(sizes), sum(sizes)) == (transactions, 5)


def test_a_hold_does_not_wait_for_the_rest_of_a_long_round(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "SECONDS_TO_A_HOLD_MAX", 0.0)
    with world.ledger.write() as conn:
        assets.assign_sensor(conn, TOP, OTHER, "coldest", at(0), at(0))
    for number in range(4):
        world.receive(f"H-{number}", OTHER if number == 1 else FRIDGE)
    world.feed((0, 90, 450))
    world.feed((0, 90, -180), sensor=TOP)
    held: list[bool] = []
    real = Judge.judge

    def judge(self: Judge, history: History) -> Judged:
        held.append(world.holding("H-1").disposition is Disposition.QUARANTINED)
        return real(self, history)

    monkeypatch.setattr(Judge, "judge", judge)
    world.drain(90)
    assert held == [False, False, True, True]
