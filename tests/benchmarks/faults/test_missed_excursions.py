from __future__ import annotations

from random import Random

import pytest

from benchmarks.cabinets import STARTED_MS, Story, play
from benchmarks.faults import missed_excursions
from benchmarks.faults.judged_world import JudgedWorld, products
from benchmarks.faults.missed_excursions import INJURIES, WAYS, WORLD, harm_of, wrongs_of
from benchmarks.soak import SUITES
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.kinds import Kind
from sheetal.contracts.limits import MINUTE_MS, Side
from tests.benchmarks.faults.tiers import plain, stack


@pytest.mark.timeout(300)
def test_no_excursion_is_missed() -> None:
    assert missed_excursions.run(0, plain(missed_excursions.FULL)) == 0


@pytest.mark.stack
@pytest.mark.timeout(400)
def test_no_other_excursion_is_missed() -> None:
    assert missed_excursions.run(10_000, stack(missed_excursions.FULL)) == 0


def test_the_full_count_is_the_promised_one() -> None:
    assert SUITES["alerts.missed_excursions"].count == missed_excursions.FULL >= 1_000


def freezing(hours: int = 12) -> Story:
    return Story(
        seed="cold",
        kind=Kind.ILR,
        interval_seconds=60,
        minutes=60 * hours,
        faults=(Fault(kind=FaultKind.THERMOSTAT_STUCK_ON, begins_minutes_before_now=60 * hours - 120),),
        constants=INJURIES[0].constants,
        room_celsius=30.0,
    )


def test_the_truth_says_since_when_and_by_which_rule_stock_was_harmed() -> None:
    story = freezing()
    moments = play(story)
    harm = harm_of(story, moments, "covishield", Side.COLD)
    assert harm is not None
    assert harm.rule.side is Side.COLD
    began = next(moment.at_ms for moment in moments if moment.true_centi_celsius <= -65)
    assert harm.run.first_ms == began
    assert harm.full_ms == began + (60 + 4) * MINUTE_MS
    assert harm_of(story, moments, "covishield", Side.HOT) is None


def test_a_freeze_that_ends_before_the_rule_s_time_is_no_harm() -> None:
    story = freezing()
    moments = play(story)
    harm = harm_of(story, moments, "covishield", Side.COLD)
    assert harm is not None
    short = [moment for moment in moments if moment.at_ms < harm.run.first_ms + 55 * MINUTE_MS]
    assert harm_of(story, short, "covishield", Side.COLD) is None


def test_an_appliance_that_works_does_no_harm() -> None:
    story = Story(seed="good", kind=Kind.ILR, interval_seconds=300, minutes=24 * 60)
    moments = play(story)
    assert all(
        harm_of(story, moments, product, side) is None
        for product in products()
        for side in Side
        if products()[product].stage == "refrigerated"
    )


def test_every_way_to_harm_does_harm_and_every_way_of_travel_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    injured = [missed_excursions._injured(Random(number), f"one/{number}") for number in range(12)]
    assert {harm.rule.side for _, _, _, harm in injured} == {Side.COLD, Side.HOT}
    assert {story.kind for story, *_ in injured} >= {Kind.ILR, Kind.DEEP_FREEZER}
    ways: set[str] = set()
    real = missed_excursions._arriving_of

    def arriving(world: JudgedWorld, victim: missed_excursions.Victim, now_ms: int, rng: Random) -> list[object]:
        ways.add(victim.way)
        return real(world, victim, now_ms, rng)

    monkeypatch.setattr(missed_excursions, "_arriving_of", arriving)
    for number in range(0, 4 * WORLD, WORLD):
        assert wrongs_of(number, 4) == []
    assert ways == set(WAYS)


def test_every_row_arrives_by_every_way() -> None:
    for way in WAYS:
        arrived: set[tuple[str, int]] = set()
        with JudgedWorld(STARTED_MS) as world:
            probes = world.add_appliance("A-1", Kind.ILR, 60, 1)
            story = freezing()
            moments = play(story)
            harm = harm_of(story, moments, "covishield", Side.COLD)
            assert harm is not None
            victim = missed_excursions.Victim(moments, probes, "H-1", harm, way, 60_000)
            end_ms = STARTED_MS + story.minutes * MINUTE_MS + 2 * 24 * 60 * MINUTE_MS
            for now_ms in range(STARTED_MS + missed_excursions.STEP_MS, end_ms, missed_excursions.STEP_MS):
                for rows in missed_excursions._arriving_of(world, victim, now_ms, Random(1)):
                    arrived |= {(row.sensor, row.measured_at_ms) for row in rows}
        expected = len(moments) * 3 // 4 if way == "thinned" else len(moments)
        assert abs(len(arrived) - expected) <= 1, way


@pytest.mark.parametrize("fate", missed_excursions.FATES)
def test_stock_is_held_wherever_it_is_carried(fate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moves: list[str] = []
    real = JudgedWorld.move

    def move(world: JudgedWorld, label: str, appliance: str, at_ms: int, now_ms: int) -> None:
        moves.append(appliance)
        real(world, label, appliance, at_ms, now_ms)

    monkeypatch.setattr(missed_excursions, "FATES", (fate,))
    monkeypatch.setattr(JudgedWorld, "move", move)
    assert wrongs_of(2, 3) == []
    ends = {"left": (), "carried out": ("-refuge",), "carried on": ("-twin",)}[fate]
    assert len(moves) >= 3 * len(ends)
    assert all(appliance.endswith(ends) for appliance in moves)


def test_half_of_a_harm_alone_reaches_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_excursions, "FATES", ("carried on",))
    monkeypatch.setattr(
        missed_excursions,
        "_arriving",
        lambda world, victims, now_ms, rng: [
            rows for victim in victims for rows in missed_excursions._arriving_of(world, victim, now_ms, rng)
        ],
    )
    assert any("is usable" in wrong for wrong in wrongs_of(2, 3)), "the twin's rows never came"


def test_an_evaluator_that_judges_nothing_misses_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JudgedWorld, "drain", lambda _world, _now_ms: None)
    wrongs = wrongs_of(0, 3)
    assert len(wrongs) == 3
    assert all("is usable" in wrong for wrong in wrongs)


def test_an_evaluator_that_does_not_see_late_rows_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_excursions, "WAYS", ("late",))

    def drain(world: JudgedWorld, now_ms: int) -> None:
        if now_ms < STARTED_MS + 18 * 60 * MINUTE_MS:
            real(world, now_ms)

    real = JudgedWorld.drain
    monkeypatch.setattr(JudgedWorld, "drain", drain)
    assert wrongs_of(0, 2) != []


def test_a_compromise_that_is_dated_too_late_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real = JudgedWorld.compromised_from_ms
    monkeypatch.setattr(
        JudgedWorld, "compromised_from_ms", lambda world, label: (real(world, label) or 0) + 40 * 3_600_000
    )
    assert all("is doubted only from" in wrong for wrong in wrongs_of(0, 2))
    assert len(wrongs_of(0, 2)) == 2


def test_held_healthy_stock_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real = JudgedWorld.is_usable
    monkeypatch.setattr(JudgedWorld, "is_usable", lambda world, label: label != "H-refuge" and real(world, label))
    assert wrongs_of(0, 1) == ["healthy stock is held"]
