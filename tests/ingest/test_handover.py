from __future__ import annotations

import threading
import time

from ingest.handover import Handover


def test_what_is_put_is_taken_in_order() -> None:
    way: Handover[int] = Handover(threading.Event(), items_max=3)
    for number in range(3):
        way.put(number)
    assert way.is_full
    assert [way.take(), way.take(), way.take()] == [0, 1, 2]
    assert not way.is_full


def test_nothing_comes_of_nothing() -> None:
    assert Handover[int](threading.Event()).take() is None


def test_a_stage_that_runs_ahead_waits_until_there_is_room() -> None:
    way: Handover[int] = Handover(threading.Event())
    way.put(1)
    ahead = threading.Thread(target=way.put, args=[2])
    ahead.start()
    time.sleep(0.3)
    assert ahead.is_alive()
    assert way.take() == 1
    ahead.join(10)
    assert not ahead.is_alive()
    assert way.take() == 2


def test_a_stage_that_waits_gives_up_when_told_to_stop() -> None:
    stop = threading.Event()
    way: Handover[int] = Handover(stop)
    way.put(1)
    ahead = threading.Thread(target=way.put, args=[2])
    ahead.start()
    stop.set()
    ahead.join(10)
    assert not ahead.is_alive()
    assert (way.take(), way.take()) == (1, None)


def test_what_is_handed_over_after_the_stop_is_let_go() -> None:
    stop = threading.Event()
    stop.set()
    way: Handover[int] = Handover(stop)
    way.put(1)
    assert way.take() is None
