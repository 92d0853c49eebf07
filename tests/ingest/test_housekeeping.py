from __future__ import annotations

import threading
import time

import pytest
from structlog.testing import capture_logs

from ingest.housekeeping import FLUSH_SECONDS, SETTLE_SECONDS, Housekeeping
from ingest.peers import ANNOUNCE_SECONDS
from sheetal.contracts.problem import Unavailable


class Line:
    is_subscribed = False
    announced = 0

    def announce(self) -> None:
        self.announced += 1


class Values:
    def __init__(self) -> None:
        self.flushed = 0
        self.settled = 0
        self.problem: Exception | None = None

    def flush(self) -> int:
        self.flushed += 1
        if self.problem is not None:
            raise self.problem
        return 0

    def settle(self) -> int:
        self.settled += 1
        if self.problem is not None:
            raise self.problem
        return 0


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def values() -> Values:
    return Values()


@pytest.fixture
def ready() -> list[str]:
    return []


@pytest.fixture
def house(line: Line, values: Values, ready: list[str]) -> Housekeeping:
    return Housekeeping(line, values, lambda: ready.append("ready"))  # type: ignore[arg-type]  # the part it needs


def test_ready_is_said_once_at_the_first_subscription(house: Housekeeping, line: Line, ready: list[str]) -> None:
    now = time.monotonic()
    house.turn(now)
    assert ready == []
    for is_subscribed in (True, True, False, True):
        line.is_subscribed = is_subscribed
        house.turn(now)
    assert ready == ["ready"]


def test_values_are_flushed_once_a_second(house: Housekeeping, values: Values) -> None:
    now = time.monotonic() + 10
    for tenth in range(31):
        house.turn(now + tenth / 10 * FLUSH_SECONDS)
    assert 3 <= values.flushed <= 4


def test_the_sign_of_life_comes_every_ten_seconds_while_subscribed(house: Housekeeping, line: Line) -> None:
    now = time.monotonic()
    line.is_subscribed = True
    house.turn(now)
    for second in range(1, 61):
        house.turn(now + second)
    assert line.announced == 60 // ANNOUNCE_SECONDS
    line.is_subscribed = False
    house.turn(now + 100)
    assert line.announced == 60 // ANNOUNCE_SECONDS


@pytest.mark.parametrize("problem", [Unavailable("away"), ZeroDivisionError()])
def test_a_flush_that_fails_ends_nothing(house: Housekeeping, values: Values, problem: Exception) -> None:
    now = time.monotonic() + 2 * FLUSH_SECONDS
    values.problem = problem
    with capture_logs() as logs:
        house.turn(now)
        values.problem = None
        house.turn(now + 2 * FLUSH_SECONDS)
    assert values.flushed == 2
    assert len(logs) == 1


def test_the_stop_flushes_a_last_time(house: Housekeeping, values: Values) -> None:
    stop = threading.Event()
    stop.set()
    house.run(stop)
    assert (values.flushed, values.settled) == (1, 1)


def test_what_is_settled_is_written_every_ten_seconds(house: Housekeeping, values: Values) -> None:
    now = time.monotonic()
    for second in range(1, 62):
        house.turn(now + second)
    assert 60 // SETTLE_SECONDS - 1 <= values.settled <= 60 // SETTLE_SECONDS
    assert values.flushed >= 59


def test_a_settling_that_fails_ends_nothing(house: Housekeeping, values: Values) -> None:
    now = time.monotonic()
    values.problem = ZeroDivisionError()
    with capture_logs() as logs:
        house.turn(now + 2 * SETTLE_SECONDS)
        house.turn(now + 4 * SETTLE_SECONDS)
    assert values.settled == 2
    assert {entry["log_level"] for entry in logs} == {"error"}
