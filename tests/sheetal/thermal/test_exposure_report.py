from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import Measure, StorageRange
from sheetal.contracts.reading import Quality, Reading
from sheetal.contracts.verdict import Ground
from sheetal.thermal.exposure_report import GROUNDS, LINES_MAX, build_report, reason_of
from sheetal.thermal.life import Life, VvmReading
from sheetal.thermal.report import ExposureReport
from sheetal.thermal.verdict import judge_life
from tests.sheetal.thermal.given import TVC, at, segment, trace

if TYPE_CHECKING:
    from tests.sheetal.thermal.conftest import MakeProduct, MakeRule

MINUTE = 60_000
T0 = 1_780_000_000_000
SENSOR = "gw-01.tvc"


def rows(*pieces: tuple[int, int, int]) -> list[Reading]:
    return [
        Reading(SENSOR, T0 + minute * MINUTE, value, Quality.OK, 1, minute)
        for first, last, value in pieces
        for minute in range(first, last + 1)
    ]


FREEZE = rows((0, 29, 400), (30, 99, -180), (100, 200, 400))


def report(readings: list[Reading], *arguments: object, until: int = 201) -> ExposureReport:
    products = list(arguments)
    return build_report(SENSOR, readings, [], products, T0, T0 + until * MINUTE, MINUTE)  # type: ignore[arg-type]


def test_a_freeze_is_told_by_side_with_confirmed_and_possible_minutes(make_product: MakeProduct) -> None:
    found = report(FREEZE, make_product())
    assert [(r.limit_centi_celsius, r.minutes_confirmed, r.minutes_possible) for r in found.runs] == [
        (-50, 69, 71),
        (200, 69, 71),
    ]
    assert (found.readings, found.first_ms, found.last_ms) == (201, T0, T0 + 200 * MINUTE)
    assert (found.centi_celsius_min, found.centi_celsius_max, found.minutes_unknown) == (-180, 400, 0)
    assert found.mkt.celsius is not None
    assert -1.8 <= found.mkt.celsius <= 4.0


def test_what_if_names_rule_minutes_and_source(make_product: MakeProduct) -> None:
    (line,) = report(FREEZE, make_product()).what_if
    assert (line.product, line.finding, line.rule) == ("covishield", "hold", "freeze")
    assert (line.minutes_confirmed, line.minutes_possible, line.what_if) == (69, 71, True)
    assert line.source is not None
    assert "at or below -0.5 °C for 69 min confirmed, 71 min possible, unbroken" in line.reason


def test_what_if_of_a_short_excursion_tells_the_longest(make_product: MakeProduct) -> None:
    (line,) = report(rows((0, 50, 500), (51, 90, 910), (91, 200, 500)), make_product()).what_if
    assert (line.finding, line.rule, line.source) == ("excursion_noted", None, None)
    assert (line.minutes_confirmed, line.minutes_possible) == (39, 41)
    assert "below every hold rule" in line.reason


def test_what_if_of_nothing_and_of_all_good(make_product: MakeProduct) -> None:
    assert "nothing can be confirmed" in report([], make_product()).what_if[0].reason
    assert "within the labelled range" in report(rows((0, 200, 500)), make_product()).what_if[0].reason


def test_a_cumulative_rule_and_a_borderline_are_said(make_product: MakeProduct, make_rule: MakeRule) -> None:
    product = make_product(make_rule("sum", limit=800, minutes=30, measure=Measure.CUMULATIVE))
    (line,) = report(rows((0, 20, 830), (21, 40, 500), (41, 60, 830)), product).what_if
    assert "above +8.0 °C" in line.reason
    assert "together" in line.reason
    assert "borderline" in line.reason


def test_gaps_are_listed_and_their_time_is_unknown() -> None:
    found = report(rows((0, 20, 500), (100, 120, 500)), until=200)
    assert [(gap.from_ms - T0, gap.until_ms - T0) for gap in found.gaps] == [(20 * MINUTE, 100 * MINUTE)]
    assert found.minutes_unknown == 80 + 80
    assert found.mkt.celsius is None
    assert found.mkt.note == "insufficient data"


def test_an_empty_report_is_whole_and_unknown() -> None:
    found = report([], until=90)
    assert (found.readings, found.first_ms, found.centi_celsius_mean, found.minutes_unknown) == (0, None, None, 90)


def test_rows_outside_the_span_are_left_out() -> None:
    assert report(FREEZE, until=30).runs == []
    assert report(FREEZE, until=30).readings == 30


def test_order_and_repetition_give_the_byte_same_report(make_product: MakeProduct) -> None:
    shuffled = FREEZE * 2
    Random(7).shuffle(shuffled)
    product = make_product()
    assert msgspec.json.encode(report(shuffled, product)) == msgspec.json.encode(report(FREEZE, product))


def test_without_an_interval_the_rows_give_the_cap() -> None:
    ten = [Reading(SENSOR, T0 + 10 * i * MINUTE, 500, 0, 1, i) for i in range(10)]
    assert build_report(SENSOR, ten, [], [], T0, T0 + 100 * MINUTE, None).cap_ms == 30 * MINUTE


def test_lists_are_bounded_and_totals_are_not() -> None:
    flapping = [Reading(SENSOR, T0 + i * MINUTE, 900 if i % 2 else 500, 0, 1, i) for i in range(2 * (LINES_MAX + 40))]
    found = report(flapping, until=5000)
    assert len(found.runs) == LINES_MAX
    assert found.runs_total == LINES_MAX + 40
    assert [run.first_ms for run in found.runs] == sorted(run.first_ms for run in found.runs)


def test_day_summaries_come_sorted_without_repetition_and_are_judged(make_product: MakeProduct) -> None:
    def day(number: int, alarm: int | None) -> DaySummary:
        return DaySummary(
            sequence=number,
            sensor=SENSOR,
            starts_at_ms=T0 + number * 1440 * MINUTE,
            ends_at_ms=T0 + (number + 1) * 1440 * MINUTE,
            centi_celsius_min=-120,
            centi_celsius_max=600,
            low_limit_centi_celsius=-50,
            low_limit_minutes=60,
            high_limit_centi_celsius=800,
            high_limit_minutes=600,
            minutes_below=90,
            minutes_above=0,
            minutes_unknown=0,
            low_alarm_at_ms=alarm,
        )

    days = [day(2, None), day(0, T0 + 300 * MINUTE), day(2, None)]
    found = build_report(SENSOR, [], days, [make_product()], T0, T0 + 4320 * MINUTE, None)
    assert [summary.sequence for summary in found.day_summaries] == [0, 2]
    assert (found.what_if[0].finding, found.what_if[0].minutes_confirmed) == ("hold", 60)


@pytest.mark.parametrize("readings", [[], FREEZE])
def test_the_report_survives_the_wire(make_product: MakeProduct, readings: list[Reading]) -> None:
    found = report(readings, make_product())
    assert msgspec.json.decode(msgspec.json.encode(found), type=ExposureReport) == found


@pytest.mark.parametrize(
    ("celsius", "asked"),
    [((-20, -18), {"frozen"}), ((3, 6), {"cool"}), ((-2, 6), {"cool", "frozen"}), ((-20, 6), {"cool", "frozen"})],
    ids=["a freezer", "a refrigerator", "one that froze", "one that failed"],
)
def test_it_is_not_asked_what_frozen_stock_would_have_done_in_a_refrigerator(
    make_product: MakeProduct, celsius: tuple[int, int], asked: set[str]
) -> None:
    cool = make_product()
    cold = StorageRange(stage="frozen", centi_celsius_min=-2500, centi_celsius_max=-1500, source=cool.ranges[0].source)
    products = [replace(cool, product="cool"), replace(cool, product="frozen", stage="frozen", ranges=[cold])]
    readings = rows((0, 9, 100 * celsius[0]), (10, 19, 100 * celsius[1]))
    assert {one.product for one in report(readings, *products).what_if} == asked


def test_a_hold_without_a_run_says_why_and_never_that_all_is_well(make_product: MakeProduct) -> None:
    product = make_product()
    calm = segment(0, None, trace(product, TVC, (0, 300, 450)))
    life = Life("H-1", product, [calm], expires_at_ms=at(100))
    assert reason_of(judge_life(life, at(300))) == "past the expiry date of its lot"
    assert reason_of(judge_life(life, at(99))) == "within the labelled range in all that is known"
    read = life._replace(vvm_readings=(VvmReading(at(50), 3), VvmReading(at(60), 4)))
    both = "a vial monitor was read at its discard point; past the expiry date of its lot"
    assert reason_of(judge_life(read, at(300))) == both
    cold = life._replace(segments=[segment(0, None, trace(product, TVC, (0, 90, -180)))])
    told = reason_of(judge_life(cold, at(300)))
    assert told.startswith("at or below -0.5 °C for 90 min")
    assert told.endswith("; past the expiry date of its lot")


def test_every_ground_has_its_words() -> None:
    assert set(GROUNDS) == set(Ground)
