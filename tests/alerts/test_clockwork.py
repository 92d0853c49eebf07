from __future__ import annotations

import threading
import time

from alerts.clockwork import Clockwork, Job


def test_jobs_run_again_and_again_until_it_is_closed() -> None:
    turns = [0, 0]

    def first() -> None:
        turns[0] += 1

    def second() -> None:
        turns[1] += 1

    clockwork = Clockwork([Job("first", 0.05, first), Job("second", 0.05, second)])
    clockwork.start()
    deadline = time.monotonic() + 5
    while min(turns) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    clockwork.close()
    after = list(turns)
    time.sleep(0.15)
    assert turns == after


def test_a_slow_job_never_runs_beside_itself_and_missed_turns_count_once() -> None:
    running, most, turns = 0, 0, 0
    lock = threading.Lock()

    def slow() -> None:
        nonlocal running, most, turns
        with lock:
            running, turns = running + 1, turns + 1
            most = max(most, running)
        time.sleep(0.2)
        with lock:
            running -= 1

    clockwork = Clockwork([Job("slow", 0.05, slow)])
    clockwork.start()
    time.sleep(0.7)
    clockwork.close()
    assert most == 1
    assert 2 <= turns <= 5


def test_closing_waits_for_a_job_that_runs() -> None:
    begun, ended = threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        time.sleep(0.2)
        ended.set()

    clockwork = Clockwork([Job("job", 0.02, job)])
    clockwork.start()
    assert begun.wait(5)
    clockwork.close()
    assert ended.is_set()


def test_however_many_jobs_hang_the_others_go_on() -> None:
    ended, told = threading.Event(), threading.Event()

    def hang() -> None:
        assert ended.wait(20)

    slow = [Job(f"slow {number}", 0.02, hang) for number in range(9)]
    clockwork = Clockwork([*slow, Job("notify", 0.3, told.set)])
    clockwork.start()
    try:
        assert told.wait(10)
    finally:
        ended.set()
        clockwork.close()
