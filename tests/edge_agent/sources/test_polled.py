from __future__ import annotations

import logging
import threading
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.settings.source import AuxSetting, ProbeSetting
from edge_agent.sources import handing, polled
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


class Played:
    """Plays a source's thread in a time of its own, which passes only while it waits or asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr(polled.time, "monotonic", lambda: self.seconds)

    def run(self, source: PolledSource[Point], until_seconds: float) -> KeepingSink:
        sink = KeepingSink()
        source._outgoing = handing.Outgoing(sink)

        class Stopping(threading.Event):
            def is_set(_self) -> bool:  # noqa: N805 - the outer one is the clock
                return self.seconds >= until_seconds

            def wait(_self, timeout: float | None = None) -> bool:  # noqa: N805 - as above
                self.seconds += timeout or 0.001
                return False

        source._run(Stopping())
        return sink


def test_a_slow_answer_is_not_caught_up_and_the_grid_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    played, asked = Played(monkeypatch), list[float]()

    def say(_point: Point) -> Answer:
        asked.append(played.seconds)
        played.seconds += 0.35 if len(asked) == 1 else 0.0
        return Answer(4.0)

    played.run(source_of(Box(say)), 0.75)
    assert asked == pytest.approx([0.0, 0.4, 0.5, 0.6, 0.7], abs=0.01)


def test_each_point_has_its_own_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = ProbeSetting(probe="slow", interval_ms=300)
    sink = Played(monkeypatch).run(source_of(Box(lambda _point: Answer(4.0)), PROBE, slow), 0.65)
    assert [len(one.samples) for one in sink.seen] == [2, 1, 1, 2, 1, 1, 2]


def test_in_a_month_it_does_not_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    played, asked = Played(monkeypatch), list[float]()
    hourly = ProbeSetting(probe="p", interval_ms=3_600_000)

    def say(_point: Point) -> Answer:
        asked.append(played.seconds)
        played.seconds += 0.7
        return Answer(4.0)

    monkeypatch.setattr(polled, "WAIT_MS_MAX", 10_000_000)
    played.run(source_of(Box(say), hourly), 30 * 86_400)
    assert len(asked) == 720
    assert asked[-1] == pytest.approx(719 * 3_600.0, abs=0.01)


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
    due = next_due(7, interval, 7 + late)
    assert 7 + late < due <= 7 + late + interval
    assert (due - 7) % interval == 0
