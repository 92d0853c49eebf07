from __future__ import annotations

import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sample import Observation, Sample
from edge_agent.sources import handing
from edge_agent.sources.handing import AT_ONCE_MAX, Outgoing, hand_over
from tests.edge_agent.kit import SENSOR, T0_MS, until
from tests.edge_agent.sources.rigs import KeepingSink

if TYPE_CHECKING:
    from collections.abc import Sequence


def observation(number: int) -> Observation:
    return Observation(samples=(Sample(SENSOR, T0_MS + number, number, 0),))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing, "COMMIT_AGAIN_SECONDS", 0.0)


def test_it_waits_until_the_disk_takes_them() -> None:
    sink = KeepingSink()
    sink.failures = 3
    assert hand_over([observation(1), observation(2)], sink, threading.Event())
    assert sink.values() == [1, 2]


def test_nothing_to_hand_over_needs_no_sink() -> None:
    def sink(_observations: object) -> None:
        raise AssertionError("it was called")

    assert hand_over([], sink, threading.Event())


def test_a_stop_ends_the_waiting_and_says_that_it_was_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing, "COMMIT_AGAIN_SECONDS", 60.0)
    sink, stopping = KeepingSink(), threading.Event()
    sink.failures = 10
    kept: list[bool] = []
    thread = threading.Thread(target=lambda: kept.append(hand_over([observation(1)], sink, stopping)))
    thread.start()
    until(lambda: sink.failures == 9)
    stopping.set()
    thread.join(5)
    assert kept == [False]


def test_what_a_device_has_told_is_handed_over_even_while_stopping() -> None:
    sink, stopping = KeepingSink(), threading.Event()
    stopping.set()
    assert hand_over([observation(1)], sink, stopping)
    assert sink.values() == [1]
    sink.failures = 2
    assert not hand_over([observation(2)], sink, stopping)
    assert sink.failures == 1, "it is tried once"


def test_an_error_that_is_not_the_disks_is_the_callers_business() -> None:
    sink = KeepingSink()
    sink.error, sink.failures = KeyError("sensor"), 1
    with pytest.raises(KeyError):
        hand_over([observation(1)], sink, threading.Event())


def test_what_waits_goes_in_order_and_in_bounded_portions() -> None:
    portions: list[int] = []
    seen: list[Observation] = []
    failing = True

    def sink(observations: Sequence[Observation]) -> None:
        if failing:
            raise sqlite3.OperationalError("disk I/O error")
        portions.append(len(observations))
        seen.extend(observations)

    outgoing = Outgoing(sink)
    told = [observation(number) for number in range(3 * AT_ONCE_MAX)]
    outgoing.put(told)
    failing = False
    outgoing.flush()
    assert seen == told
    assert max(portions) <= AT_ONCE_MAX
    assert len(outgoing) == 0


def test_a_disk_that_failed_is_left_in_peace_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing, "COMMIT_AGAIN_SECONDS", 0.2)
    sink = KeepingSink()
    sink.failures = 1
    outgoing = Outgoing(sink)
    outgoing.put([observation(1)])
    outgoing.put([observation(2)])
    assert (sink.failures, sink.seen) == (0, [])
    time.sleep(0.25)
    outgoing.flush()
    assert sink.values() == [1, 2]


def test_one_that_can_never_be_taken_does_not_keep_back_the_others(caplog: pytest.LogCaptureFixture) -> None:
    sink = KeepingSink()
    sink.error, sink.failures = KeyError("sensor"), 1
    outgoing = Outgoing(sink)
    outgoing.put([observation(1)])
    outgoing.put([observation(2)])
    assert sink.values() == [2]
    assert "1 observations cannot be taken" in caplog.text


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40), st.integers(4, 30))
def test_memory_is_bounded_the_newest_stays_and_the_loss_is_counted(steps: list[tuple[bool, int]], most: int) -> None:
    sink = KeepingSink()
    outgoing = Outgoing(sink, samples_max=most)
    said = lost = 0
    for works, count in steps:
        sink.failures = 0 if works else 10**6
        outgoing.put([observation(number) for number in range(said, said + count)])
        said += count
        assert 2 * len(outgoing) <= most
        if not works:
            lost = outgoing.dropped // 2
            assert len(outgoing) + lost + len(sink.seen) <= said
    sink.failures = 0
    outgoing.flush()
    values = sink.values()
    assert values == sorted(values, key=lambda value: value or 0)
    if said:
        assert values[-1] == said - 1


def test_a_loss_is_told(caplog: pytest.LogCaptureFixture) -> None:
    sink = KeepingSink()
    sink.failures = 10**6
    outgoing = Outgoing(sink, samples_max=4)
    outgoing.put([observation(number) for number in range(5)])
    assert outgoing.dropped == 6
    sink.failures = 0
    outgoing.flush()
    assert sink.values() == [3, 4]
    assert "6 samples were lost" in caplog.text
