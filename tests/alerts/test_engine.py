from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from alerts import engine as engine_module
from alerts.engine import LEASE_MS, Engine
from alerts.evaluate import Judge
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import telemetry_writes
from sheetal.readings.port import Health
from tests.alerts.given import OTHER, TVC, at

if TYPE_CHECKING:
    import pytest

    from alerts.drain import Work
    from alerts.evaluate import Judged
    from sheetal.ledger.histories import History
    from tests.alerts.given import World


class Clock:
    def __init__(self, minute: float) -> None:
        self.ms = at(minute)

    def __call__(self) -> int:
        return self.ms


def engine(world: World, clock: Clock, holder: str = "one") -> Engine:
    return Engine(world.stores, world.readings, holder, clock)


def judged_through(world: World) -> int | None:
    found = world.judgement()
    return None if found is None else found.judged_through_ms


def test_only_the_holder_of_the_lease_judges(world: World) -> None:
    clock, stop = Clock(90), threading.Event()
    world.receive()
    world.feed((0, 90, -180))
    one, two = engine(world, clock), engine(world, clock, "two")
    assert one.drain(stop)
    assert world.holding().disposition is Disposition.QUARANTINED
    assert two.drain(stop)
    assert (one.is_leader, two.is_leader) == (True, False)
    clock.ms += LEASE_MS + 1
    assert two.drain(stop)
    assert (one.is_leader, two.is_leader) == (False, True)


def test_a_process_overtaken_in_the_middle_of_a_round_writes_nothing(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, stop = Clock(90), threading.Event()
    one, two = engine(world, clock), engine(world, clock, "two")
    one.drain(stop)
    world.receive()
    world.feed((0, 90, -180))
    real = Judge.judge

    def judge_slowly(self: Judge, history: History) -> Judged:
        clock.ms += LEASE_MS + 1
        with monkeypatch.context() as quick:
            quick.setattr(Judge, "judge", real)
            two.drain(stop)
        return real(self, history)

    monkeypatch.setattr(Judge, "judge", judge_slowly)
    assert not one.drain(stop)
    assert (one.problem, one.is_leader, two.is_leader) == ("another process judges now", False, True)
    assert (len(world.verdicts()), len(world.compromises()), len(world.notices())) == (1, 1, 1)


def test_a_new_leader_reads_what_it_remembered_anew(world: World) -> None:
    clock, stop = Clock(90), threading.Event()
    one = engine(world, clock)
    world.receive()
    world.feed((0, 10, 450))
    one.drain(stop)
    clock.ms += LEASE_MS + 1
    engine(world, clock, "two").drain(stop)
    world.readings.write(world.rows((10, 85, -180)))
    clock.ms += LEASE_MS + 1
    world.feed((85, 86, -180))
    one.drain(stop)
    assert world.holding().disposition is Disposition.QUARANTINED


def test_a_readings_store_that_is_away_stops_the_judged_instant(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, stop = Clock(90), threading.Event()
    one = engine(world, clock)
    world.receive()
    world.feed((0, 90, 450))
    assert one.drain(stop)
    assert one.sweep()
    with monkeypatch.context() as broken:
        broken.setattr(world.readings, "health", lambda: Health(ok=False, detail="away"))
        clock.ms += 5_000
        assert not one.sweep()
        assert judged_through(world) == at(90)

        def away(*_: object, **__: object) -> list[object]:
            raise Unavailable("the readings store does not answer")

        broken.setattr(world.readings, "read", away)
        broken.setattr(world.readings, "read_many", away)
        world.feed((90, 95, 450))
        assert not one.drain(stop)
        assert one.problem == "the readings store does not answer"
        assert not one.sweep()
    assert one.drain(stop)
    assert one.problem is None
    assert one.sweep()
    assert judged_through(world) == clock.ms


def test_a_sweep_leaves_out_what_is_waiting(world: World) -> None:
    clock, stop = Clock(90), threading.Event()
    one = engine(world, clock)
    world.receive()
    world.feed((0, 80, 450))
    one.drain(stop)
    world.feed((80, 90, 450))
    clock.ms += 2_000
    assert one.sweep()
    assert judged_through(world) == at(90)


def test_a_long_backlog_does_not_stop_the_sweeping(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stop = Clock(90), threading.Event()
    one = engine(world, clock)
    with world.telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {(TVC, at(60 * k)) for k in range(-700, 0)})
    real = engine_module.drain_once
    seen: list[int | None] = []

    def drain_slowly(stores: object, now_ms: int) -> Work:
        found = world.judgement(OTHER)
        seen.append(None if found is None else found.judged_through_ms)
        clock.ms += 4_000
        if len(seen) < 10:
            with world.telemetry.write() as conn:
                telemetry_writes.mark_dirty(conn, {(TVC, at(60 * k)) for k in range(-700, 0)})
        return real(stores, now_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(engine_module, "drain_once", drain_slowly)
    assert one.drain(stop)
    assert len(seen) == 10
    assert seen[-1] is not None
    assert clock.ms - seen[-1] < 20_000


def test_a_slow_round_does_not_forget_what_it_has_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stop = Clock(90), threading.Event()
    one = engine(world, clock)
    world.receive()
    world.feed((0, 80, 450))
    one.drain(stop)
    forgotten: list[int] = []
    monkeypatch.setattr(type(world.stores.hours), "forget_all", lambda _: forgotten.append(clock.ms))
    clock.ms += 10 * LEASE_MS
    one.drain(stop)
    assert forgotten == []
    engine(world, clock, "two").drain(stop)
    clock.ms += LEASE_MS + 1
    engine(world, clock, "two").drain(stop)
    clock.ms += LEASE_MS + 1
    one.drain(stop)
    assert len(forgotten) == 2


def test_a_fault_that_nobody_thought_of_does_not_end_the_thread(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Work:
        raise TypeError("nobody thought of this")

    one, stop = engine(world, Clock(90)), threading.Event()
    with monkeypatch.context() as broken:
        broken.setattr(engine_module, "drain_once", fail)
        assert not one.drain(stop)
        assert one.problem == "a round of judging failed: TypeError"
        assert not one.sweep()
    assert one.drain(stop)
    assert one.problem is None


def test_a_wake_up_hastens_the_round(world: World) -> None:
    clock, stop = Clock(90), threading.Event()
    one = engine(world, clock)
    world.receive()
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    try:
        while one.judged_at_ms is None:
            time.sleep(0.01)
        time.sleep(0.1)
        world.feed((0, 90, -180))
        begun = time.monotonic()
        one.wake()
        while world.holding().disposition is not Disposition.QUARANTINED:
            assert time.monotonic() - begun < 1.5
            time.sleep(0.01)
    finally:
        stop.set()
        one.wake()
        thread.join(5)
    assert not thread.is_alive()


def test_a_stopped_engine_gives_its_lease_up(world: World) -> None:
    clock, stop = Clock(90), threading.Event()
    one = engine(world, clock)
    stop.set()
    one.drain(threading.Event())
    one.run(stop)
    two = engine(world, clock, "two")
    two.drain(threading.Event())
    assert two.is_leader


def test_a_ledger_that_is_away_is_said_and_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> object:
        raise Unavailable("the ledger does not answer")

    one = engine(world, Clock(0))
    with monkeypatch.context() as broken:
        broken.setattr(world.ledger, "write", away)
        assert not one.drain(threading.Event())
        assert one.problem == "the ledger does not answer"
    assert one.drain(threading.Event())
