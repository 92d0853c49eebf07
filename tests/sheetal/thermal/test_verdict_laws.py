"""The laws of promise 3, with `==`: order, repetition, lateness and cutting change no verdict and no digest."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sheetal.contracts.reading import Quality, Reading
from sheetal.contracts.verdict import Finding, Ground
from sheetal.thermal import vvm
from sheetal.thermal.exposure import summarise
from sheetal.thermal.life import Life, VvmReading
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.runs import samples_of
from sheetal.thermal.verdict import (
    digest,
    judge,
    judge_life,
    limits_of,
    reasons,
)
from tests.sheetal.thermal.given import MINUTE, T0, TVC, at, judged, segment, trace

if TYPE_CHECKING:
    from random import Random

    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Verdict
    from tests.sheetal.thermal.conftest import MakeProduct

rows = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from([-120, -50, 150, 400, 850])),
    max_size=60,
    unique_by=lambda row: row[0],
)


def judge_rows(product: Product, readings: list[Reading], through: int) -> Verdict:
    exposure = summarise(TVC, samples_of(readings), 30 * MINUTE, limits_of(product))
    life = Segment(1, "A-1", "telemetry", T0, None, (Trace(TVC, exposure),))
    return judge("H-1", product, [life], through)


@given(rows, st.randoms(), st.integers(1, 3))
def test_order_and_repetition_give_the_byte_same_verdict(
    make_product: MakeProduct,
    rows: list[tuple[int, int]],
    random: Random,
    times: int,
) -> None:
    product = make_product()
    readings = [Reading(TVC, at(m), value, Quality.OK, 1, i) for i, (m, value) in enumerate(sorted(rows))]
    shuffled = readings * times
    random.shuffle(shuffled)
    ordered, mixed = judge_rows(product, readings, T0), judge_rows(product, shuffled, T0)
    assert msgspec.json.encode(ordered) == msgspec.json.encode(mixed)
    assert digest(ordered) == digest(mixed)


@given(rows, st.randoms())
def test_any_series_of_arrivals_ends_in_the_same_digest(
    make_product: MakeProduct,
    rows: list[tuple[int, int]],
    random: Random,
) -> None:
    product = make_product()
    readings = [Reading(TVC, at(m), value, Quality.OK, 1, i) for i, (m, value) in enumerate(rows)]
    arrivals = list(range(0, len(readings), 7))
    seen = [digest(judge_rows(product, readings[:count], at(count))) for count in (*arrivals, len(readings))]
    random.shuffle(readings)
    assert digest(judge_rows(product, readings, at(99_999))) == seen[-1]


@given(rows, st.sets(st.integers(1, 399), max_size=5))
def test_cutting_the_life_into_segments_changes_no_finding(
    make_product: MakeProduct,
    rows: list[tuple[int, int]],
    cuts: set[int],
) -> None:
    product = make_product()
    limits = limits_of(product)
    samples = [(at(m) + 1, value) for m, value in sorted(rows)]
    edges = [T0, *sorted(at(cut) for cut in cuts), at(500)]
    life = [
        Segment(1, "A-1", "telemetry", begin, None if end == at(500) else end, (Trace(TVC, part),))
        for begin, end in pairwise(edges)
        for part in [summarise(TVC, [s for s in samples if begin <= s[0] < end], 30 * MINUTE, limits)]
    ]
    whole = Segment(1, "A-1", "telemetry", T0, None, (Trace(TVC, summarise(TVC, samples, 30 * MINUTE, limits)),))
    cut, uncut = judge("H-1", product, life, T0), judge("H-1", product, [whole], T0)
    assert cut.finding == uncut.finding
    assert [hit.run for hit in cut.reached] == [hit.run for hit in uncut.reached]


def test_a_holding_at_rest_gets_no_new_digest_each_minute(make_product: MakeProduct) -> None:
    product = make_product()
    seen = {
        digest(judge("H-1", product, [segment(0, None, trace(product, TVC, (0, last, 450)))], at(last)))
        for last in range(1, 500, 13)
    }
    assert len(seen) == 1


def test_the_first_data_of_a_stay_bring_a_new_digest_though_the_finding_is_the_same(make_product: MakeProduct) -> None:
    product = make_product()
    nothing = judge("H-1", product, [segment(0, None, trace(product, TVC))], at(10))
    something = judge("H-1", product, [segment(0, None, trace(product, TVC, (0, 10, 450)))], at(10))
    assert nothing.finding is something.finding is Finding.USABLE
    assert nothing.known_through_ms is None
    assert digest(nothing) != digest(something)


def test_a_growing_freeze_gets_few_new_digests_and_one_when_it_ends(make_product: MakeProduct) -> None:
    product = make_product()
    growing = [
        digest(judged(product, segment(0, None, trace(product, TVC, (0, 29, 400), (30, last, -180)))))
        for last in range(100, 1000, 9)
    ]
    ended = digest(
        judged(product, segment(0, None, trace(product, TVC, (0, 29, 400), (30, 999, -180), (1000, 1001, 400))))
    )
    assert len(set(growing)) <= 6
    assert ended not in growing


def test_a_digest_changes_with_the_rule_and_the_product_version(make_product: MakeProduct) -> None:
    product = make_product()
    verdict = judged(product, segment(0, None, trace(product, TVC, (0, 90, 450))))
    assert digest(verdict) != digest(msgspec.structs.replace(verdict, rule_version="other"))
    assert digest(verdict) != digest(msgspec.structs.replace(verdict, product_version=4))
    assert digest(verdict) == digest(msgspec.structs.replace(verdict, judged_through_ms=5, known_through_ms=5))


def test_an_excursion_beside_a_hold_is_no_new_reason_to_hold(make_product: MakeProduct) -> None:
    product = make_product()
    cold = (0, 70, -150), (71, 200, 400)
    first = judged(product, segment(0, None, trace(product, TVC, *cold)))
    later = judged(product, segment(0, None, trace(product, TVC, *cold, (201, 210, 900), (211, 220, 500))))
    assert digest(first) != digest(later)
    assert reasons(first) == reasons(later)


def test_a_reason_is_the_same_by_another_source_and_another_when_its_limit_changes(make_product: MakeProduct) -> None:
    """A citation put right in the catalogue must not hold again what a person has released."""
    product = make_product()
    frozen = segment(0, None, trace(product, TVC, (0, 70, -150), (71, 200, 400)))
    first = judged(product, frozen)
    freeze, heat = product.hold_rules
    cited = msgspec.structs.replace(freeze, source=msgspec.structs.replace(freeze.source, citation="the same, page 7"))
    shorter = msgspec.structs.replace(freeze, minutes=30)
    assert reasons(first) == reasons(judged(msgspec.structs.replace(product, hold_rules=[cited, heat]), frozen))
    assert reasons(first) != reasons(judged(msgspec.structs.replace(product, hold_rules=[shorter, heat]), frozen))


def test_reasons_stand_each_for_itself(make_product: MakeProduct) -> None:
    product = make_product()
    pieces = ((0, 70, -150), (71, 200, 400), (201, 300, -90), (301, 400, 400))
    first = reasons(judged(product, segment(0, None, trace(product, TVC, *pieces[:2]))))
    second = reasons(judged(product, segment(0, None, trace(product, TVC, (0, 200, 400), *pieces[2:]))))
    both = reasons(judged(product, segment(0, None, trace(product, TVC, *pieces))))
    assert (len(first), len(second), both) == (1, 1, first | second)


def test_a_monitors_computed_life_enters_a_digest_in_tenths_and_its_readings_as_they_are(
    make_product: MakeProduct,
) -> None:
    product = make_product(vvm_type="2")
    day = 1_440

    def digests(last: int, *readings: VvmReading) -> str:
        warm = segment(0, None, trace(product, TVC, (0, last, 700), every=60))
        return digest(judge_life(Life("H-1", product, [warm], vvm_readings=readings), at(last)))

    assert len({digests(days * day) for days in range(1, 100)}) <= 11
    assert digests(5 * day) != digests(5 * day, VvmReading(at(60), 2))
    assert vvm.life_ppm(((700, 2 * 100 * day * MINUTE),), "2") > 500_000


def test_a_computed_life_is_one_reason_wherever_it_ends(make_product: MakeProduct) -> None:
    """A warmer minute that comes late dates the end earlier; who read the vials has decided on it all the same."""
    product = make_product(vvm_type="2")

    def spent(warmest: int) -> Life:
        hot = trace(product, TVC, (0, 40_000, 3500), (40_060, 40_060, warmest), every=60)
        return Life("H-1", msgspec.structs.replace(product, hold_rules=[]), [segment(0, None, hot)])

    first, second = (judge_life(spent(value), at(41_000)) for value in (3500, 3900))
    assert [one.ground for one in first.proposals] == [Ground.VVM_LIFE]
    assert first.proposals[0].since_ms > second.proposals[0].since_ms
    assert reasons(first) == reasons(second) != frozenset()
