from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.outbox.parcel import AUX, ROW, THINNED, Item, Parcel, spans, to_batch
from edge_agent.outbox.parcel import Moment as Sent
from edge_agent.outbox.thinning import STRETCH_ROWS_MIN, span_item, span_of, thin
from sheetal.contracts.batch import ThinnedSpan

FIXED: frozenset[tuple[int, int]] = frozenset()


def row(number: int, value: int | None = 450, *, notable: bool = False, boot: int = 7) -> Item:
    quality = 0 if value is not None else 1
    return Item(boot, number, ROW, "g.s", "", 60_000 * number, value, quality, None, notable, added_at_ms=0)


def numbers(items: tuple[Item, ...] | list[Item]) -> list[int]:
    return [item.sequence for item in items]


def test_the_middle_of_a_calm_quarter_becomes_one_span() -> None:
    thinned = thin([row(number) for number in range(15)], FIXED)
    assert [numbers(stretch) for stretch in thinned.spans] == [list(range(1, 14))]
    assert thinned.dropped == []


def test_what_is_notable_stays_with_its_neighbours() -> None:
    items = [row(number, 900 if number == 7 else 450, notable=number == 7) for number in range(15)]
    assert [numbers(stretch) for stretch in thin(items, FIXED).spans] == [[1, 2, 3, 4, 5], [9, 10, 11, 12, 13]]


def test_what_is_on_its_way_stays() -> None:
    items = [row(number) for number in range(12)]
    assert [numbers(stretch) for stretch in thin(items, {(7, 4), (7, 5)}).spans] == [[1, 2, 3], [6, 7, 8, 9, 10]]


def test_a_stretch_that_no_span_is_worth_stays() -> None:
    assert thin([row(number) for number in range(STRETCH_ROWS_MIN + 1)], FIXED).spans == []
    assert len(thin([row(number) for number in range(STRETCH_ROWS_MIN + 2)], FIXED).spans) == 1


def test_each_boot_has_its_own_span() -> None:
    items = [row(number, boot=7 if number < 8 else 8) for number in range(15)]
    assert [span_of(stretch).covers_boot for stretch in thin(items, FIXED).spans] == [7, 8]


def test_a_fault_that_goes_on_is_dropped_but_its_edges_stay() -> None:
    values = [450, 450, None, None, None, None, None, 450, 450]
    items = [row(number, value, notable=number in {2, 7}) for number, value in enumerate(values)]
    thinned = thin(items, FIXED)
    assert (thinned.spans, numbers(thinned.dropped)) == ([], [3, 4, 5])


def test_aux_values_between_the_first_and_the_last_are_dropped_unless_notable() -> None:
    items = [row(number)._replace(kind=AUX, field="TAMB", notable=number == 3) for number in range(6)]
    assert numbers(thin(items, {(7, 2)}).dropped) == [1, 4]


def test_nothing_is_thinned_of_nothing() -> None:
    assert thin([], FIXED) == ([], [])


def test_a_span_tells_what_it_stands_for() -> None:
    stretch = [row(1, 400), row(2, 401), row(5, 250)]
    span = span_of(stretch)
    assert (span.centi_celsius_min, span.centi_celsius_max, span.rows) == (250, 401, 3)
    assert (span.ends_at_ms, span.covers_boot, span.covers) == (300_000, 7, [(1, 2), (5, 5)])


@pytest.mark.parametrize(
    ("values", "mean"), [((1, 2), 2), ((2, 3), 2), ((-1, 0), 0), ((-2, -1), -2), ((1, 1, 2), 1), ((5,), 5)]
)
def test_the_mean_is_rounded_half_to_even(values: tuple[int, ...], mean: int) -> None:
    assert span_of([row(number, value) for number, value in enumerate(values)]).centi_celsius_mean == mean


@given(st.lists(st.integers(-10_000, 15_000), min_size=1, max_size=100))
def test_the_mean_is_the_nearest_whole_number(values: list[int]) -> None:
    span = span_of([row(number, value) for number, value in enumerate(values)])
    assert span.centi_celsius_mean == round(Fraction(sum(values), len(values)))
    assert span.centi_celsius_min <= span.centi_celsius_mean <= span.centi_celsius_max


def test_a_span_is_an_item_and_travels_in_the_words_of_the_wire() -> None:
    item = span_item([row(3, 400), row(4, 420), row(6, 440)], boot=9, sequence=77, at_ms=1_000)
    assert (item.key, item.kind, item.notable, item.measured_at_ms) == ((9, 77), THINNED, True, 180_000)
    assert spans.decode(item.body or b"").covers == [(3, 4), (6, 6)]
    batch = to_batch(Parcel(9, history=True, items=(item,)), "g", Sent(5_000))
    assert batch.rows == []
    assert batch.thinned == [
        ThinnedSpan(
            sequence=77,
            sensor="g.s",
            starts_at_ms=180_000,
            ends_at_ms=360_000,
            centi_celsius_min=400,
            centi_celsius_max=440,
            centi_celsius_mean=420,
            rows=3,
            covers_boot=7,
            covers=[(3, 4), (6, 6)],
        )
    ]


@given(st.lists(st.tuples(st.sampled_from([450, 460, None]), st.booleans(), st.booleans()), max_size=40))
def test_every_edge_survives_and_nothing_goes_twice(told: list[tuple[int | None, bool, bool]]) -> None:
    items = [row(number, value, notable=notable) for number, (value, notable, _) in enumerate(told)]
    fixed = {item.key for item, (_, _, flying) in zip(items, told, strict=True) if flying}
    thinned = thin(items, fixed)
    gone = [number for stretch in thinned.spans for number in numbers(stretch)] + numbers(thinned.dropped)
    assert len(gone) == len(set(gone))
    for number in gone:
        before, item, after = items[number - 1 : number + 2]
        assert not item.notable
        assert item.key not in fixed
        if item.value is None:
            assert before.value is None
            assert after.value is None
        else:
            assert all(one.value is not None and not one.notable for one in (before, after))
    assert all(len(stretch) >= STRETCH_ROWS_MIN for stretch in thinned.spans)
