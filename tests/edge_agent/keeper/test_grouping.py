from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.keeper.grouping import Group, is_calm
from edge_agent.outbox.intake import Intake
from edge_agent.sample import AuxSample, DaySummaryDraft, Sample
from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm
from tests.edge_agent.kit import GATEWAY, SENSOR, T0_MS, sample

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER = f"{GATEWAY}.a-other"
AUX = AuxSample(f"{GATEWAY}.ILR-1", T0_MS, "TAMB", 30.0)
DAY = DaySummaryDraft(SENSOR, T0_MS, T0_MS + 1, 1, 2, 3, 4, 5, 6, 7, 8, 9)
ALARM = DeviceAlarm(
    alarm="a",
    gateway=GATEWAY,
    boot=1,
    sensor=SENSOR,
    kind=AlarmKind.HEAT,
    began_at_ms=1,
    fired_at_ms=2,
    cleared_at_ms=None,
    extreme_centi_celsius=900,
    limit_centi_celsius=800,
    limit_minutes=600,
)


def one(number: int, sensor: str = SENSOR) -> Intake:
    return Intake(rows=[sample(number, sensor=sensor)], marks={sensor: str(number)})


def rows_of(rows: Sequence[Sample]) -> list[tuple[str, int]]:
    return [(row.sensor, row.measured_at_ms) for row in rows]


def test_what_is_wanted_at_once_stays_so_while_it_is_held() -> None:
    group = Group(5, 60.0)
    group.hold(one(0)._replace(at_once=True), 0.0)
    group.hold(one(1), 0.0)
    assert group.with_more(one(2), 0.0).at_once
    group.clear()
    assert not group.with_more(one(3), 0.0).at_once


def test_nothing_held_is_never_due() -> None:
    group = Group(5, 60.0)
    assert not group
    assert not group.is_due(10**9)


def test_another_group_goes_on_with_what_was_held_and_since_when() -> None:
    before, after = Group(5, 60.0), Group(5, 60.0)
    before.hold(one(0), 10.0)
    after.take_over(before)
    assert (bool(before), len(before), len(after)) == (False, 0, 1)
    after.hold(one(1), 30.0)
    assert after.is_due(70.0)
    assert rows_of(after.with_more(Intake(), 70.0).rows) == [(SENSOR, T0_MS), (SENSOR, T0_MS + 60_000)]


def test_a_group_is_due_when_a_probe_has_enough_in_it() -> None:
    group = Group(3, 60.0)
    for number in range(2):
        group.hold(one(number), 0.0)
        group.hold(one(number, OTHER), 0.0)
    assert group
    assert len(group) == 4
    assert not group.is_due(0.0)
    assert group.is_due(0.0, one(2))
    assert not group.is_due(0.0, Intake(aux=[AUX]))


def test_a_group_is_due_when_its_first_is_old_enough() -> None:
    group = Group(5, 60.0)
    group.hold(one(0), 100.0)
    group.hold(one(1), 150.0)
    assert not group.is_due(159.9)
    assert group.is_due(160.0)


def test_aux_values_are_counted_by_their_field() -> None:
    group = Group(2, 60.0)
    group.hold(Intake(aux=[AUX, AUX._replace(field="DORV")]), 0.0)
    assert not group.is_due(0.0)
    assert group.is_due(0.0, Intake(aux=[AUX]))


def test_a_group_of_one_never_waits() -> None:
    assert Group(1, 60.0).is_due(0.0, one(0))
    assert Group(5, 0.0).is_due(0.0, one(0))


def test_all_is_committed_together_by_sensor_and_time() -> None:
    group = Group(5, 60.0)
    for number in range(3):
        group.hold(one(number), float(number))
        group.hold(one(number, OTHER), float(number))
    whole = group.with_more(Intake(aux=[AUX], days=[DAY], alarms=[ALARM], marks={"x": "y"}), 10.5)
    assert rows_of(whole.rows) == [*((OTHER, sample(n).measured_at_ms) for n in range(3))] + [
        (SENSOR, sample(n).measured_at_ms) for n in range(3)
    ]
    assert (whole.aux, whole.days, whole.alarms) == ([AUX], [DAY], [ALARM])
    assert whole.marks == {SENSOR: "2", OTHER: "2", "x": "y"}
    assert whole.held_ms == 10_500
    group.clear()
    assert not group
    assert group.with_more(one(9), 20.0) == Intake(
        rows=[sample(9)], aux=[], days=[], alarms=[], marks={SENSOR: "9"}, held_ms=0
    )


@pytest.mark.parametrize(
    ("intake", "calm"),
    [
        (Intake(), True),
        (one(0), True),
        (Intake(aux=[AUX]), True),
        (Intake(rows=[sample(0), sample(1, 900, notable=True)]), False),
        (Intake(aux=[AUX._replace(notable=True)]), False),
        (Intake(days=[DAY]), False),
        (Intake(alarms=[ALARM]), False),
        (Intake(at_once=True), False),
    ],
)
def test_calm_is_what_is_inside_its_limits(intake: Intake, calm: bool) -> None:  # noqa: FBT001 - a table
    assert is_calm(intake) is calm


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=60), st.integers(1, 6))
def test_nothing_is_held_too_long_nor_too_much_and_nothing_is_lost(
    told: list[tuple[str, float]], rows_max: int
) -> None:
    group, now = Group(rows_max, 60.0), 0.0
    committed: list[Sample] = []
    began: dict[str, float] = {}
    for number, (sensor, waited) in enumerate(told):
        now += waited
        if group.is_due(now):
            committed += group.with_more(Intake(), now).rows
            group.clear()
            began.clear()
        more = Intake(rows=[sample(number, sensor=sensor)])
        if group.is_due(now, more):
            committed += group.with_more(more, now).rows
            group.clear()
            began.clear()
            continue
        group.hold(more, now)
        began.setdefault("first", now)
        assert now - began["first"] < 60.0
        held = [row.sensor for row in group.with_more(Intake(), now).rows]
        assert all(held.count(one) < rows_max for one in "abc")
    committed += group.with_more(Intake(), now).rows
    assert sorted(row.measured_at_ms for row in committed) == [
        sample(number).measured_at_ms for number in range(len(told))
    ]
