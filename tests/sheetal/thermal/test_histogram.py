from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sheetal.thermal.histogram import add, known_times, total_half_ms

series = st.dictionaries(st.integers(0, 200), st.integers(-20, 20), max_size=30).map(
    lambda found: sorted(found.items())
)
histograms = st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 10**12)), max_size=10).map(tuple)


def test_the_picture_in_the_docstring() -> None:
    samples = [(0, 500), (10, 510), (30, 500), (100, 900)]
    assert known_times(samples, 20) == ((500, 30), (510, 30), (900, 0))


def test_nothing_has_no_times() -> None:
    assert known_times([], 10) == () == add([])
    assert total_half_ms(()) == 0


def test_a_span_exactly_as_long_as_the_cap_is_known() -> None:
    assert known_times([(0, 500), (20, 500)], 20) == ((500, 40),)
    assert known_times([(0, 500), (20, 500)], 19) == ((500, 0),)


@given(series, st.integers(0, 30))
def test_all_known_spans_are_in_it_and_nothing_else(samples: list[tuple[int, int]], cap: int) -> None:
    spans = [later - earlier for (earlier, _), (later, _) in pairwise(samples)]
    assert total_half_ms(known_times(samples, cap)) == 2 * sum(span for span in spans if span <= cap)


@given(series, st.integers(0, 30))
def test_it_is_sorted_and_names_each_temperature_once(samples: list[tuple[int, int]], cap: int) -> None:
    named = [value for value, _ in known_times(samples, cap)]
    assert named == sorted({value for _, value in samples})


@given(st.lists(histograms, max_size=5), st.randoms(use_true_random=False))
def test_times_add_in_any_order_and_grouping(parts: list[tuple[tuple[int, int], ...]], random: object) -> None:
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert add(shuffled) == add(parts) == add([add(parts[:2]), add(parts[2:])])
    expected: Counter[int] = Counter()
    for value, half_ms in (pair for part in parts for pair in part):
        expected[value] += half_ms
    assert dict(add(parts)) == dict(expected)
