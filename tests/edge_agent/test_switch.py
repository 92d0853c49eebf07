from __future__ import annotations

import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import pytest

from edge_agent.sample import Observation, Sample
from edge_agent.switch import Switch
from tests.edge_agent.kit import SENSOR, until

if TYPE_CHECKING:
    from collections.abc import Sequence


def observation(number: int) -> Observation:
    return Observation(samples=(Sample(SENSOR, number, 450, 0),))


class Kept:
    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.holding = threading.Event()
        self.holding.set()

    def keep(self, observations: Sequence[Observation]) -> None:
        assert self.holding.wait(10)
        self.numbers += [one.samples[0].measured_at_ms for one in observations]


def test_it_hands_on_and_raises_what_the_sink_raises() -> None:
    kept = Kept()
    switch = Switch(kept.keep)
    switch.keep([observation(1)])
    assert kept.numbers == [1]

    def fail(_observations: Sequence[Observation]) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with switch.turned_to(fail):
        pass
    with pytest.raises(sqlite3.OperationalError):
        switch.keep([observation(2)])
    with switch.turned_to(kept.keep):
        pass
    switch.keep([observation(2)])
    assert kept.numbers == [1, 2]


def test_a_change_waits_for_who_is_inside_and_who_comes_waits_for_the_change() -> None:
    old, new = Kept(), Kept()
    switch = Switch(old.keep)
    old.holding.clear()
    inside = threading.Thread(target=switch.keep, args=([observation(1)],))
    inside.start()
    entered, leave = threading.Event(), threading.Event()

    def change() -> None:
        with switch.turned_to(new.keep):
            entered.set()
            assert leave.wait(10)

    changing = threading.Thread(target=change)
    changing.start()
    assert not entered.wait(0.1)
    late = threading.Thread(target=switch.keep, args=([observation(2)],))
    late.start()
    old.holding.set()
    assert entered.wait(5)
    inside.join(5)
    assert (old.numbers, new.numbers) == ([1], [])
    time.sleep(0.05)
    assert late.is_alive(), "nothing is taken during the change"
    leave.set()
    for thread in (changing, late):
        thread.join(5)
    assert (old.numbers, new.numbers) == ([1], [2])


def test_a_take_over_that_fails_leaves_the_way_open() -> None:
    old, new = Kept(), Kept()
    switch = Switch(old.keep)
    with pytest.raises(KeyError), switch.turned_to(new.keep):
        raise KeyError("mark")
    switch.keep([observation(1)])
    assert (old.numbers, new.numbers) == ([], [1])


def test_four_threads_lose_nothing_over_a_hundred_changes() -> None:
    sinks = [Kept()]
    switch = Switch(sinks[0].keep)
    stopping = threading.Event()
    said: list[int] = []

    def speak(first: int) -> None:
        number = first
        while not stopping.is_set():
            switch.keep([observation(number)])
            said.append(number)
            number += 4

    threads = [threading.Thread(target=speak, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        sinks.append(Kept())
        with switch.turned_to(sinks[-1].keep):
            before = len(sinks[-2].numbers)
            time.sleep(0.001)
            assert len(sinks[-2].numbers) == before
        until(lambda: sinks[-1].numbers)
    stopping.set()
    for thread in threads:
        thread.join(5)
    kept = [number for sink in sinks for number in sink.numbers]
    assert sorted(kept) == sorted(said)
    for first in range(4):
        own = [number for number in kept if number % 4 == first]
        assert own == sorted(own), "each source's order is kept"
