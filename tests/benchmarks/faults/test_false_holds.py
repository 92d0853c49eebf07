from __future__ import annotations

from random import Random

import pytest

from benchmarks.cabinets import STARTED_MS
from benchmarks.faults import false_holds, judged_world
from benchmarks.faults.false_holds import DAYS, story_of, wrongs_of
from benchmarks.faults.judged_world import JudgedWorld
from benchmarks.soak import SUITES
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.kinds import Kind
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.verdict import Finding
from sheetal.ledger import holdings
from tests.benchmarks.faults.tiers import plain, stack


@pytest.mark.timeout(400)
def test_no_ordinary_day_holds_good_stock() -> None:
    assert false_holds.run(0, plain(false_holds.FULL)) == 0


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_no_other_ordinary_day_holds_good_stock() -> None:
    assert false_holds.run(100_000, stack(false_holds.FULL)) == 0


def test_the_full_count_is_the_promised_one() -> None:
    assert SUITES["alerts.false_holds"].count == false_holds.FULL >= 10_000


def test_ordinary_days_have_excursions_faults_late_rows_and_moves_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    findings: set[Finding] = set()
    acts: list[str] = []
    seen = JudgedWorld.verdicts

    def verdicts(world: JudgedWorld, label: str) -> list[object]:
        found = seen(world, label)
        findings.update(one.finding for one in found)
        return found

    for name in ("move", "split"):
        real = getattr(JudgedWorld, name)
        monkeypatch.setattr(
            JudgedWorld, name, lambda world, *told, real=real, name=name: (acts.append(name), real(world, *told))
        )
    monkeypatch.setattr(JudgedWorld, "verdicts", verdicts)
    assert wrongs_of(7, 60) == []
    assert findings == {Finding.USABLE, Finding.EXCURSION_NOTED}
    assert set(acts) == {"move", "split"}
    faults = {fault.kind for number in range(40) for fault in story_of_faults(number)}
    assert faults >= {FaultKind.MAINS_CUT, FaultKind.SPIKE, FaultKind.REBOOT, FaultKind.PROBE_STUCK}


def story_of_faults(number: int) -> tuple[Fault, ...]:
    story = false_holds.Story(seed=str(number), kind=Kind.ILR, interval_seconds=900, minutes=DAYS * 24 * 60)
    return tuple(false_holds._troubles(Random(number), story))


def test_days_on_which_the_cabinet_itself_did_harm_are_not_called_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    long_cut = Fault(kind=FaultKind.MAINS_CUT, begins_minutes_before_now=3_000, lasts_minutes=2_900)
    monkeypatch.setattr(false_holds, "_troubles", lambda _rng, _story: [long_cut])
    monkeypatch.setattr(false_holds, "KINDS", (Kind.DEEP_FREEZER,))
    story, moments = story_of(Random(1), "cut")
    assert story.faults == ()
    assert not false_holds._is_harmed(story, moments)


def test_harm_that_no_mains_cut_explains_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = Fault(kind=FaultKind.THERMOSTAT_STUCK_ON, begins_minutes_before_now=3_000)
    monkeypatch.setattr(false_holds, "_troubles", lambda _rng, _story: [stuck])
    monkeypatch.setattr(false_holds, "KINDS", (Kind.ILR,))
    with pytest.raises(RuntimeError, match="without any mains cut"):
        story_of(Random(1), "stuck")


def test_an_evaluator_that_holds_good_stock_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def drain(world: JudgedWorld, now_ms: int) -> None:
        real(world, now_ms)
        if now_ms > STARTED_MS + 2 * DAY_MS:
            with world.ledger.write() as conn:
                holdings.hold(conn, world.labels()[0], None, "engine", "it was Tuesday", now_ms)

    real = JudgedWorld.drain
    monkeypatch.setattr(JudgedWorld, "drain", drain)
    assert any("is held" in wrong for wrong in wrongs_of(3, 10))


def test_an_evaluator_that_judges_nothing_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JudgedWorld, "drain", lambda _world, _now_ms: None)
    wrongs = wrongs_of(3, 10)
    assert wrongs != []
    assert all("not judged as it stands" in wrong for wrong in wrongs)


def test_rows_that_never_arrive_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged_world.JudgedWorld, "store", lambda _world, _rows: None)
    assert any("without readings" in wrong for wrong in wrongs_of(3, 10))
