from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.cabinets import KINDS, STARTED_MS, Story, play, said, truths
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.kinds import Kind

DAY = 24 * 60


def a_day(seed: str = "one", kind: Kind = Kind.ILR, minutes: int = DAY, **more: object) -> Story:
    return Story(seed=seed, kind=kind, interval_seconds=300, minutes=minutes)._replace(**more)


def test_a_story_is_told_the_same_way_twice_and_another_one_otherwise() -> None:
    assert play(a_day(minutes=120)) == play(a_day(minutes=120))
    assert play(a_day(minutes=120)) != play(a_day("two", minutes=120))


def test_its_records_stand_an_interval_apart_to_its_end() -> None:
    moments = play(a_day(minutes=120))
    assert [moment.at_ms for moment in moments] == [STARTED_MS + step * 300_000 for step in range(1, 25)]


@pytest.mark.parametrize("kind", sorted(set(KINDS)))
def test_an_appliance_that_works_stays_in_its_range(kind: Kind) -> None:
    low, high = (-3_000, -1_500) if kind is Kind.DEEP_FREEZER else (0, 800)
    values = [value for number in range(3) for _, value in truths(play(a_day(f"{kind}/{number}", kind)))]
    assert low < min(values)
    assert max(values) <= high
    assert max(values) - min(values) > 50, "a thermostat at work"


def test_a_probe_says_nearly_the_truth() -> None:
    moments = play(a_day())
    for (_, true), (_, told) in zip(truths(moments), said(moments), strict=True):
        assert abs(true - told) <= 9


def test_a_second_probe_hangs_in_a_warmer_corner() -> None:
    moments = play(a_day(is_second_probe=True))
    first, second = said(moments), said(moments, 1)
    assert sum(value for _, value in second) / len(second) > sum(value for _, value in first) / len(first) + 20


def test_a_fault_harms_when_it_is_said_to() -> None:
    cut = Fault(kind=FaultKind.MAINS_CUT, begins_minutes_before_now=300)
    story = a_day(faults=(cut,), constants=(("ice_kilograms", 0.0),), room_celsius=35.0)
    values = [value for _, value in truths(play(story))]
    before, after = values[: -300 // 5], values[-300 // 5 :]
    assert max(before) < 800 < after[-1]
    assert all(earlier <= later + 20 for earlier, later in pairwise(after))


def test_what_a_failing_probe_says_is_nothing_and_what_a_restarting_logger_misses_is_absent() -> None:
    open_circuit = Fault(kind=FaultKind.OPEN_CIRCUIT, begins_minutes_before_now=100, lasts_minutes=50)
    reboot = Fault(kind=FaultKind.REBOOT, begins_minutes_before_now=40, lasts_minutes=20)
    moments = play(a_day(faults=(open_circuit, reboot)))
    assert len(moments) == DAY // 5 - 4
    assert sum(moment.said_centi_celsius == (None,) for moment in moments) == 10
    assert len(said(moments)) == len(moments) - 10
