from __future__ import annotations

import time

from sheetal.contracts.clock import now_ms


def test_now_is_whole_milliseconds_since_the_epoch() -> None:
    before = time.time_ns() // 1_000_000
    now = now_ms()
    assert type(now) is int
    assert before <= now <= time.time_ns() // 1_000_000
