from __future__ import annotations

import logging
import time
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.source_settings import AuxSetting, ProbeSetting
from edge_agent.sources.polled import Answer, PolledSource, next_due, worth
from sheetal.contracts.reading import Quality
from tests.edge_agent.kit import GATEWAY, T0_MS, until
from tests.edge_agent.sources.rigs import KeepingSink

if TYPE_CHECKING:
    from collections.abc import Callable

Point = ProbeSetting | AuxSetting
PROBE = ProbeSetting(probe="p", interval_ms=100)
OTHER = ProbeSetting(probe="q", interval_ms=100, field="TFRZ")
DOOR = AuxSetting(field="DORV", appliance="ILR-1", interval_ms=100)


class Box:
    """An instrument that says what it is told to say."""

    def __init__(self, say: Callable[[Point], Answer]) -> None:
        self.say = say
        self.rounds = 0
        self.closed = 0

    def begin(self) -> None:
        self.rounds += 1

    def read(self, point: Point) -> Answer:
        return self.say(point)

    def close(self) -> None:
        self.closed += 1


def source_of(box: Box, *points: Point, clock: Callable[[], int] | None = None) -> PolledSource[Point]:
    ticks = count(T0_MS)
    return PolledSource(GATEWAY, points or [PROBE], box, clock or (lambda: next(ticks)))


def heard(source: PolledSource[Point], enough: Callable[[KeepingSink], object]) -> KeepingSink:
    sink = KeepingSink()
    source.start(sink)
    until(lambda: enough(sink))
    source.stop()
    return sink


def test_every_round_says_every_probe_and_only_the_news_of_the_others() -> None:
    box = Box(lambda point: Answer(4.5 if point == PROBE else 0.0))
    sink = heard(source_of(box, PROBE, DOOR), lambda sink: len(sink.seen) > 3)
    assert set(sink.values()) == {450}
    assert sink.aux() == [("DORV", 0.0)]
    assert sink.seen[0].aux[0].source == f"{GATEWAY}.ILR-1"
    assert all(observation.local for observation in sink.seen)
    assert (box.closed, box.rounds >= 3) == (1, True)


def test_a_driver_that_raises_is_a_device_that_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    def say(_point: Point) -> Answer:
        raise ZeroDivisionError("undocumented")

    with caplog.at_level(logging.WARNING):
        sink = heard(source_of(Box(say)), lambda sink: len(sink.seen) > 3)
    assert sink.qualities() == {Quality.DISCONNECTED}
    told = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert told == [f"{GATEWAY}.p: DISCONNECTED (ZeroDivisionError: undocumented)"]


def test_it_is_connected_while_anything_answers() -> None:
    answers = {"p": Answer(4.0), "q": Answer(quality=Quality.DISCONNECTED)}
    source = source_of(Box(lambda point: answers[getattr(point, "probe", "p")]), PROBE, OTHER)
    sink = KeepingSink()
    source.start(sink)
    until(source.is_connected)
    assert sink.qualities() <= {Quality.OK, Quality.DISCONNECTED}
    answers["p"] = answers["q"]
    until(lambda: not source.is_connected())
    answers["q"] = Answer(quality=Quality.NO_VALUE)
    until(source.is_connected)
    source.stop()


def test_stamps_of_a_sensor_grow_though_the_clock_stands_still() -> None:
    sink = heard(
        source_of(Box(lambda _point: Answer(4.0)), PROBE, OTHER, clock=lambda: T0_MS), lambda sink: len(sink.seen) > 3
    )
    for sensor in ("p", "q"):
        stamps = [sample.measured_at_ms for sample in sink.samples() if sample.sensor.endswith(sensor)]
        assert stamps == list(range(T0_MS, T0_MS + len(stamps)))


def test_a_slow_answer_is_not_caught_up_and_the_grid_stays() -> None:
    slow = [0.35, 0.0]
    asked: list[float] = []

    def say(_point: Point) -> Answer:
        asked.append(time.monotonic())
        time.sleep(slow.pop(0) if slow else 0.0)
        return Answer(4.0)

    heard(source_of(Box(say)), lambda _sink: len(asked) >= 5)
    steps = [round((at - asked[0]) * 10) for at in asked[:5]]
    assert steps == [0, 4, 5, 6, 7]


def test_each_point_has_its_own_interval() -> None:
    slow = ProbeSetting(probe="slow", interval_ms=300)
    sink = heard(source_of(Box(lambda _point: Answer(4.0)), PROBE, slow), lambda sink: len(sink.seen) >= 7)
    of_slow = [number for number, one in enumerate(sink.seen[:7]) if len(one.samples) == 2]
    assert of_slow == [0, 3, 6]


@pytest.mark.parametrize(
    ("answer", "worth_is"),
    [
        (Answer(4.5), (450, Quality.OK)),
        (Answer(85.0), (None, Quality.POWER_ON_VALUE)),
        (Answer(-127.0), (None, Quality.OPEN_CIRCUIT)),
        (Answer(61.0), (None, Quality.OUT_OF_DEVICE_RANGE)),
        (Answer(float("nan")), (None, Quality.NO_VALUE)),
        (Answer(None), (None, Quality.NO_VALUE)),
        (Answer(4.5, Quality.OPEN_CIRCUIT), (None, Quality.OPEN_CIRCUIT)),
    ],
)
def test_only_a_good_answer_is_a_temperature(answer: Answer, worth_is: tuple[int | None, Quality]) -> None:
    assert worth(PROBE, answer) == worth_is


@given(st.integers(1, 1_000), st.integers(0, 100_000))
def test_the_next_instant_is_the_first_of_the_grid_that_is_still_to_come(interval: int, late: int) -> None:
    due = next_due(7.0, interval, 7.0 + late)
    assert 7.0 + late < due <= 7.0 + late + interval
    assert (due - 7.0) % interval == 0
