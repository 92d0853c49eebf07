from __future__ import annotations

import pytest

from sheetal.readings.port import YEAR_2100_MS, check_bucket_width, clamp_span


@pytest.mark.parametrize(
    ("asked", "clamped"),
    [
        ((5, 9, None), (5, 9)),
        ((5, 9, 6), (7, 9)),
        ((5, 9, 2), (5, 9)),
        ((-5, 9, None), (1, 9)),
        ((0, 2**80, None), (1, YEAR_2100_MS)),
        ((2**70, 2**80, None), (YEAR_2100_MS, YEAR_2100_MS)),
        ((-9, -5, None), (1, 1)),
    ],
)
def test_a_span_is_cut_to_where_samples_can_be(asked: tuple[int, int, int | None], clamped: tuple[int, int]) -> None:
    assert clamp_span(*asked) == clamped


def test_a_bucket_needs_a_width() -> None:
    check_bucket_width(1)
    with pytest.raises(ValueError, match="not 0"):
        check_bucket_width(0)
