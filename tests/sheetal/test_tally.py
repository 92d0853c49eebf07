from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetal.tally import ROWS, SECONDS, Buckets, Tally


def test_a_value_counts_in_every_bucket_that_is_not_below_it() -> None:
    buckets = Buckets((1.0, 5.0))
    for value in (0.5, 1.0, 4.0, 9.0):
        buckets.observe(value)
    assert buckets.cumulative() == [(1.0, 2), (5.0, 3), (float("inf"), 4)]
    assert (buckets.count, buckets.sum) == (4, 14.5)


def test_nothing_observed_is_all_zero() -> None:
    buckets = Buckets()
    assert (buckets.count, buckets.sum) == (0, 0.0)
    assert [bound for bound, _ in buckets.cumulative()] == [*SECONDS, float("inf")]
    assert {count for _, count in buckets.cumulative()} == {0}


@pytest.mark.parametrize("bounds", [SECONDS, ROWS])
def test_bounds_rise(bounds: tuple[float, ...]) -> None:
    assert list(bounds) == sorted(set(bounds))


@given(st.lists(st.floats(0, 1e6)))
def test_each_bound_counts_exactly_what_is_not_above_it(values: list[float]) -> None:
    buckets = Buckets()
    for value in values:
        buckets.observe(value)
    for bound, count in buckets.cumulative():
        assert count == sum(value <= bound for value in values)
    assert buckets.sum == pytest.approx(sum(values))


def test_a_tally_counts_by_its_words_in_order() -> None:
    tally = Tally()
    tally.add("/vial", "GET", "200")
    tally.add("/dose", "POST", "409", times=3)
    tally.add("/vial", "GET", "200")
    assert tally.items() == [(("/dose", "POST", "409"), 3), (("/vial", "GET", "200"), 2)]


def test_words_without_end_fill_no_memory() -> None:
    tally = Tally(words_max=3)
    for number in range(1_000):
        tally.add("GET", str(number))
    assert len(tally.items()) == 4
    assert dict(tally.items())["other", "other"] == 997
    assert sum(times for _, times in tally.items()) == 1_000


def test_threads_lose_no_count() -> None:
    tally = Tally()

    def count() -> None:
        for _ in range(5_000):
            tally.add("a")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.items() == [(("a",), 20_000)]
