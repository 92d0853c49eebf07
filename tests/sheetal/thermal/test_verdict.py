"""Verdicts: promise 7 rule by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import Measure, Side
from sheetal.contracts.verdict import Finding
from sheetal.thermal.exposure import summarise
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.verdict import (
    NOTED_MAX,
    REACHED_MAX,
    RULE_VERSION,
    judge,
    limits_of,
    range_limits,
    reasons,
)
from tests.sheetal.thermal.given import MINUTE, TOP, TVC, at, judged, segment, trace

if TYPE_CHECKING:
    from tests.sheetal.thermal.conftest import MakeProduct, MakeRule


def test_in_range_is_usable(make_product: MakeProduct) -> None:
    product = make_product()
    verdict = judged(product, segment(0, None, trace(product, TVC, (0, 300, 450))))
    assert (verdict.finding, verdict.reached, verdict.noted) == (Finding.USABLE, [], [])
    assert (verdict.rule_version, verdict.product, verdict.product_version) == (RULE_VERSION, "covishield", 3)
    assert verdict.known_through_ms == at(300)
    assert verdict.stays[0].readings == 301


def test_both_ends_of_the_label_are_in_range(make_product: MakeProduct) -> None:
    product = make_product()
    assert (
        judged(product, segment(0, None, trace(product, TVC, (0, 99, 200), (100, 800, 800)))).finding is Finding.USABLE
    )


def test_a_confirmed_freeze_holds_from_its_earliest_possible_start(make_product: MakeProduct) -> None:
    product = make_product()
    verdict = judged(product, segment(0, None, trace(product, TVC, (0, 29, 400), (30, 95, -180), (96, 120, 400))))
    (hit,) = verdict.reached
    assert verdict.finding is Finding.HOLD
    assert (hit.minutes_confirmed, hit.minutes_possible) == (65, 67)
    assert (hit.compromised_from_ms, hit.appliance, hit.stay) == (at(29), "A-1", 1)
    assert hit.borderline is False
    assert [run.limit_centi_celsius for run in verdict.noted] == [200]


@pytest.mark.parametrize(
    ("last_minute", "finding"),
    [(57, Finding.EXCURSION_NOTED), (58, Finding.HOLD), (59, Finding.HOLD), (60, Finding.HOLD)],
    ids=["possible 59", "possible 60", "possible 61", "confirmed 60"],
)
def test_for_cold_a_possible_duration_that_reaches_the_limit_holds(
    make_product: MakeProduct,
    last_minute: int,
    finding: Finding,
) -> None:
    product = make_product()
    pieces = ((-10, -1, 400), (0, last_minute, -100), (last_minute + 1, 90, 400))
    assert judged(product, segment(-10, None, trace(product, TVC, *pieces))).finding is finding


@pytest.mark.parametrize(("last_minute", "finding"), [(599, Finding.EXCURSION_NOTED), (600, Finding.HOLD)])
def test_for_heat_only_a_confirmed_duration_holds(
    make_product: MakeProduct,
    last_minute: int,
    finding: Finding,
) -> None:
    product = make_product()
    pieces = ((-10, -1, 400), (0, last_minute, 900), (last_minute + 1, 700, 400))
    verdict = judged(product, segment(-10, None, trace(product, TVC, *pieces)))
    assert verdict.finding is finding


def test_heat_compromises_from_the_instant_the_limit_was_possibly_reached(make_product: MakeProduct) -> None:
    product = make_product()
    verdict = judged(product, segment(-10, None, trace(product, TVC, (-10, -1, 400), (0, 700, 900))))
    assert verdict.reached[0].compromised_from_ms == at(-1 + 600)
    assert verdict.noted == []


@pytest.mark.parametrize(("value", "borderline"), [(-99, True), (-100, True), (-101, False)])
def test_within_half_a_degree_is_borderline(make_product: MakeProduct, value: int, borderline: bool) -> None:  # noqa: FBT001 - a parameter of the test
    product = make_product()
    verdict = judged(product, segment(0, None, trace(product, TVC, (0, 90, value))))
    assert verdict.reached[0].borderline is borderline


def test_a_gap_is_never_held_against_stock(make_product: MakeProduct) -> None:
    product = make_product()
    verdict = judged(product, segment(0, None, trace(product, TVC, (0, 20, 900), (2000, 2020, 900))))
    assert verdict.finding is Finding.EXCURSION_NOTED
    assert verdict.stays[0].minutes_unknown == 1980
    assert max(run.possible_half_ms for run in verdict.noted) == 2 * 23 * MINUTE


def test_minutes_in_pieces_raise_no_run_rule_but_a_cumulative_one(
    make_product: MakeProduct,
    make_rule: MakeRule,
) -> None:
    pieces = [piece for k in range(20) for piece in ((30 * k, 30 * k + 24, 900), (30 * k + 25, 30 * k + 29, 790))]
    plain = make_product()
    assert judged(plain, segment(0, None, trace(plain, TVC, *pieces))).finding is Finding.EXCURSION_NOTED
    summed = make_product(make_rule("sum", limit=800, minutes=120, measure=Measure.CUMULATIVE))
    verdict = judged(summed, segment(0, None, trace(summed, TVC, *pieces)))
    (hit,) = verdict.reached
    assert hit.run is None
    assert hit.minutes_confirmed == 20 * 24
    assert hit.compromised_from_ms == at(4 * 30 - 1 + (120 - 25 - 3 * 26))


def test_hot_and_cold_minutes_are_never_added(make_product: MakeProduct, make_rule: MakeRule) -> None:
    product = make_product(
        make_rule("cold sum", limit=-50, minutes=60, measure=Measure.CUMULATIVE),
        make_rule("hot sum", limit=800, minutes=60, measure=Measure.CUMULATIVE),
    )
    verdict = judged(product, segment(0, None, trace(product, TVC, (0, 40, 900), (41, 80, -100))))
    assert verdict.finding is Finding.EXCURSION_NOTED


def test_a_run_goes_on_when_the_holding_moves(make_product: MakeProduct) -> None:
    product = make_product()
    verdict = judged(
        product,
        segment(0, 40, trace(product, "gw-01.a", (0, 39, -150))),
        segment(40, None, trace(product, "gw-02.b", (40, 75, -150), (76, 90, 400)), stay=2, appliance="A-2"),
    )
    (hit,) = verdict.reached
    assert hit.minutes_confirmed == 75
    assert (hit.stay, hit.appliance, hit.run and hit.run.sensor) == (1, "A-1", "gw-01.a")


def test_a_run_goes_on_when_a_sensor_is_changed(make_product: MakeProduct) -> None:
    product = make_product()
    steady = [(0, 39, 400)], [(40, 90, 400)]
    verdict = judged(
        product,
        segment(0, 40, trace(product, TOP, *steady[0]), trace(product, "gw-01.old", (0, 39, -150))),
        segment(40, None, trace(product, TOP, *steady[1]), trace(product, "gw-01.new", (40, 75, -150), (76, 90, 400))),
    )
    assert verdict.finding is Finding.HOLD
    assert verdict.stays[0].sensors == ["gw-01.new", "gw-01.old", TOP]


def test_the_worst_sensor_counts_and_a_removed_one_is_not_forgotten(make_product: MakeProduct) -> None:
    product = make_product()
    verdict = judged(
        product,
        segment(0, 100, trace(product, TOP, (0, 99, 400)), trace(product, "gw-01.old", (0, 99, -150))),
        segment(100, None, trace(product, TOP, (100, 200, 400))),
    )
    assert verdict.finding is Finding.HOLD
    assert verdict.reached[0].run is not None
    assert verdict.reached[0].run.sensor == "gw-01.old"


def test_cumulative_minutes_belong_to_the_holding(make_product: MakeProduct, make_rule: MakeRule) -> None:
    product = make_product(make_rule("sum", limit=800, minutes=60, measure=Measure.CUMULATIVE))
    verdict = judged(
        product,
        segment(0, 100, trace(product, "gw-01.a", (0, 35, 900), (36, 99, 500))),
        segment(100, 5000, stay=2, appliance="carrier"),
        segment(5000, None, trace(product, "gw-02.b", (5000, 5040, 500), (5041, 5075, 900)), stay=3, appliance="A-2"),
    )
    (hit,) = verdict.reached
    assert hit.minutes_confirmed == 69
    assert (hit.stay, hit.appliance) == (3, "A-2")


def test_a_stay_that_begins_in_a_freeze_counts_from_its_own_start(make_product: MakeProduct) -> None:
    product = make_product()
    cold = trace(product, TVC, (15, 120, -150), every=15)
    verdict = judged(product, segment(7, None, cold))
    assert verdict.reached[0].compromised_from_ms == at(7)


def test_silence_before_a_stay_adds_no_more_than_a_cap(make_product: MakeProduct) -> None:
    product = make_product()
    verdict = judged(product, segment(-5000, None, trace(product, TVC, (0, 61, -150))))
    assert verdict.reached[0].compromised_from_ms == at(-3)
    assert verdict.stays[0].minutes_unknown == 5000


def test_the_end_of_a_stay_adjoins_its_last_reading(make_product: MakeProduct) -> None:
    product = make_product()
    cold = trace(product, TVC, (0, 45, -150), every=15)
    assert judged(product, segment(0, None, cold)).finding is Finding.EXCURSION_NOTED
    assert judged(product, segment(0, 60, cold)).finding is Finding.HOLD


def test_a_carrier_without_a_sensor_is_unknown_time(make_product: MakeProduct) -> None:
    verdict = judged(make_product(), segment(0, 90))
    assert verdict.finding is Finding.USABLE
    assert verdict.known_through_ms is None
    assert verdict.stays[0].minutes_unknown == 90


@pytest.mark.parametrize("cut", range(1, 120, 7))
def test_a_split_holding_has_the_exposure_of_the_whole(make_product: MakeProduct, cut: int) -> None:
    product = make_product()
    pieces = [(0, 29, 400), (30, 95, -180), (96, 120, 900)]
    whole = judged(product, segment(0, None, trace(product, TVC, *pieces)))
    early = [(first, min(last, cut - 1), value) for first, last, value in pieces if first < cut]
    late = [(max(first, cut), last, value) for first, last, value in pieces if last >= cut]
    parts = judged(
        product,
        segment(0, cut, trace(product, TVC, *early)),
        segment(cut, None, trace(product, TVC, *late), stay=2),
    )
    assert [(hit.run, hit.compromised_from_ms) for hit in parts.reached] == [
        (hit.run, hit.compromised_from_ms) for hit in whole.reached
    ]
    assert parts.noted == whole.noted


def test_every_run_that_reaches_a_rule_is_named(make_product: MakeProduct) -> None:
    product = make_product()
    pieces = ((0, 70, -150), (71, 200, 400), (201, 300, -90), (301, 400, 400))
    first = judged(product, segment(0, None, trace(product, TVC, *pieces[:2])))
    both = judged(product, segment(0, None, trace(product, TVC, *pieces)))
    assert [hit.compromised_from_ms for hit in both.reached] == [at(0), at(200)]
    assert reasons(first) != reasons(both)


def test_runs_that_reach_are_bounded_and_keep_the_first_and_the_newest(make_product: MakeProduct) -> None:
    product = make_product()
    pieces = [piece for k in range(120) for piece in ((90 * k, 90 * k + 70, -150), (90 * k + 71, 90 * k + 89, 400))]
    hits = judged(product, segment(0, None, trace(product, TVC, *pieces))).reached
    assert len(hits) == REACHED_MAX + 1
    assert (hits[0].compromised_from_ms, hits[-1].compromised_from_ms) == (at(0), at(90 * 119 - 1))


def test_noted_runs_are_bounded_and_in_order(make_product: MakeProduct) -> None:
    product = make_product()
    pieces = [piece for k in range(300) for piece in ((4 * k, 4 * k + 1, 900), (4 * k + 2, 4 * k + 3, 400))]
    verdict = judged(product, segment(0, None, trace(product, TVC, *pieces)))
    assert len(verdict.noted) == NOTED_MAX
    assert [run.first_ms for run in verdict.noted] == sorted(run.first_ms for run in verdict.noted)


def test_a_frozen_stage_is_judged_by_its_own_upper_limit(make_product: MakeProduct, make_rule: MakeRule) -> None:
    product = make_product(make_rule("thaw", limit=-1500, minutes=60, inclusive=False), low=None, high=-1500)
    rule = msgspec.structs.replace(product.hold_rules[0], side=Side.HOT)
    product = msgspec.structs.replace(product, hold_rules=[rule])
    assert judged(product, segment(0, None, trace(product, TVC, (0, 500, -2000)))).finding is Finding.USABLE
    assert judged(product, segment(0, None, trace(product, TVC, (0, 60, -1400)))).finding is Finding.HOLD
    assert [limit.side for limit in range_limits(product)] == [Side.HOT]


def day(*, below: int = 0, low: int = 300, alarm: float | None = None, low_limit: int = -50) -> DaySummary:
    return DaySummary(
        sequence=1,
        sensor=TVC,
        starts_at_ms=at(0),
        ends_at_ms=at(1440),
        centi_celsius_min=low,
        centi_celsius_max=700,
        low_limit_centi_celsius=low_limit,
        low_limit_minutes=60,
        high_limit_centi_celsius=800,
        high_limit_minutes=600,
        minutes_below=below,
        minutes_above=0,
        minutes_unknown=12,
        low_alarm_at_ms=None if alarm is None else at(alarm),
    )


@pytest.mark.parametrize(
    ("summary", "finding"),
    [
        (day(), Finding.USABLE),
        (day(below=95, low=-130, alarm=400), Finding.HOLD),
        (day(below=300, low=-130), Finding.EXCURSION_NOTED),
        (day(low=150), Finding.EXCURSION_NOTED),
    ],
    ids=["in range", "alarm fired", "many minutes, no alarm", "below the label only"],
)
def test_day_summaries_are_evidence(make_product: MakeProduct, summary: DaySummary, finding: Finding) -> None:
    product = make_product()
    logger = Trace(TVC, summarise(TVC, [], 0, limits_of(product)), (summary,))
    verdict = judge("H-1", product, [Segment(1, "A-1", "logger_file", at(0), None, (logger,))], at(2000))
    assert verdict.finding is finding
    assert verdict.known_through_ms == at(1440)
    assert verdict.stays[0].minutes_unknown == 12
    if finding is Finding.HOLD:
        assert (verdict.reached[0].minutes_confirmed, verdict.reached[0].minutes_possible) == (60, 95)
        assert verdict.reached[0].compromised_from_ms == at(340)


@pytest.mark.parametrize(
    ("pieces", "finding"),
    [
        (((-600, -1, 450), (1441, 2000, 450)), Finding.HOLD),
        (((-600, 700, 450), (1300, 2000, 450)), Finding.HOLD),
        (((-600, 2000, 450),), Finding.USABLE),
    ],
    ids=["readings before and after, none in it", "half of the day is missing", "every minute of the day"],
)
def test_a_day_whose_readings_are_missing_speaks_for_itself(
    make_product: MakeProduct, pieces: tuple[tuple[int, int, int], ...], finding: Finding
) -> None:
    product = make_product()
    told = day(below=119, low=-130)
    patient = msgspec.structs.replace(told, low_limit_minutes=120)
    readings = trace(product, TVC, *pieces)._replace(days=(patient,))
    assert judged(product, segment(-600, None, readings)).finding is finding


def test_of_a_day_only_what_was_spent_here_must_be_told(make_product: MakeProduct) -> None:
    product = make_product()
    patient = msgspec.structs.replace(day(below=119, low=-130), low_limit_minutes=120)
    readings = trace(product, TVC, (700, 1100, 450))._replace(days=(patient,))
    assert judged(product, segment(700, 1101, readings)).finding is Finding.USABLE
    assert judged(product, segment(600, 1101, readings)).finding is Finding.HOLD


def test_nothing_is_known_of_the_future(make_product: MakeProduct) -> None:
    product = make_product()
    life = [segment(0, None, trace(product, TVC, (0, 500, 450)))]
    verdict = judge("H-1", product, life, at(100))
    assert (verdict.known_through_ms, verdict.stays[0].known_through_ms) == (at(100), at(100))


def test_a_day_that_has_readings_speaks_through_its_alarm_alone(make_product: MakeProduct) -> None:
    product = make_product()
    readings = trace(product, TVC, (0, 1439, 450))
    noisy = readings._replace(days=(day(below=40, low=-130),))
    alarmed = readings._replace(days=(day(below=70, low=-130, alarm=400),))
    assert judged(product, segment(0, None, noisy)).finding is Finding.USABLE
    assert judged(product, segment(0, None, alarmed)).finding is Finding.HOLD
