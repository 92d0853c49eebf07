from __future__ import annotations

import pytest

from alerts.notify.retry import pause_ms


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 10), (5, 80), (11, 3600), (10_000, 3600)])
def test_tries_grow_rarer_up_to_an_hour(attempts: int, seconds: int) -> None:
    assert pause_ms(attempts) == seconds * 1_000


def test_five_tries_fall_into_the_first_three_minutes() -> None:
    assert sum(pause_ms(number) for number in range(1, 6)) <= 180_000
