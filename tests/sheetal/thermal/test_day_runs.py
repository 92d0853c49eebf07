"""What day summaries add to a life: only what the holding was there for, each minute once, and none forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import Measure, Side
from sheetal.contracts.verdict import Finding
from sheetal.thermal.cuts import Check, days_of_checks
from sheetal.thermal.day_runs import day_runs, with_days
from sheetal.thermal.exposure import empty
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.verdict import judge, limits_of
from tests.sheetal.thermal.given import TOP, TVC, at, segment, trace

if TYPE_CHECKING:
    from sheetal.contracts.product import Product
    from sheetal.contracts.verdict import Verdict
    from tests.sheetal.thermal.conftest import MakeProduct, MakeRule

DAY = 1_440
LOGGER, SPARE = "gw-01.ft2", "gw-01.ft2-spare"


def summary(number: int = 0, sensor: str = LOGGER, **said: int | None) -> DaySummary:
    """A day within all limits but for what is said; its device has the limits of a 30-day logger."""
    calm = DaySummary(
        sequence=number,
        sensor=sensor,
        starts_at_ms=at(number * DAY),
        ends_at_ms=at((number + 1) * DAY),
        centi_celsius_min=310,
        centi_celsius_max=620,
        low_limit_centi_celsius=-50,
        low_limit_minutes=60,
        high_limit_centi_celsius=800,
        high_limit_minutes=600,
        minutes_below=0,
        minutes_above=0,
        minutes_unknown=0,
    )
    return replace(calm, **said)


def warm(minutes: int, number: int = 0, sensor: str = LOGGER) -> DaySummary:
    return summary(number, sensor, centi_celsius_max=1200, minutes_above=minutes)


def froze(minutes: int, alarm: float, number: int = 0) -> DaySummary:
    return summary(number, centi_celsius_min=-180, minutes_below=minutes, low_alarm_at_ms=at(alarm))


def logged(product: Product, first: float, last: float | None, *days: DaySummary, stay: int = 1) -> Segment:
    """A stay of which nothing but these days is known."""
    traces = [
        Trace(sensor, empty(limits_of(product)), tuple(day for day in days if day.sensor == sensor))
        for sensor in dict.fromkeys(day.sensor for day in days)
    ]
    return segment(first, last, *traces, stay=stay)


def judged(product: Product, *segments: Segment) -> Verdict:
    return judge("H-1", product, segments, at(90 * DAY))


@pytest.fixture
def budgeted(make_product: MakeProduct, make_rule: MakeRule) -> Product:
    """Twelve hours above 8 °C in all."""
    return make_product(make_rule("warm-total", limit=800, minutes=720, measure=Measure.CUMULATIVE))


@pytest.mark.parametrize(("came", "is_held"), [(0, True), (340, True), (341, False), (400, False), (1_000, False)])
def test_a_freeze_before_the_stock_came_is_not_held_against_it(
    make_product: MakeProduct,
    came: int,
    is_held: bool,  # noqa: FBT001 - a table of cases
) -> None:
    """The refrigerator was frozen from minute 340 to 400; what was unpacked there in the evening is sound."""
    product = make_product()
    verdict = judged(product, logged(product, came, None, froze(60, 400)))
    assert verdict.finding is (Finding.HOLD if is_held else Finding.EXCURSION_NOTED)
    assert all(run.first_ms >= at(came) for run in verdict.noted)


def test_a_freeze_after_the_stock_had_left_is_not_held_against_it(make_product: MakeProduct) -> None:
    product = make_product()
    assert judged(product, logged(product, -500, 340, froze(60, 400))).finding is Finding.EXCURSION_NOTED
    assert judged(product, logged(product, -500, 399, froze(60, 400))).finding is Finding.EXCURSION_NOTED
    assert judged(product, logged(product, -500, 400, froze(60, 400))).finding is Finding.HOLD


def test_minutes_that_nobody_dated_may_all_have_been_while_the_stock_was_there(make_product: MakeProduct) -> None:
    """For cold what is possible holds: 95 minutes less the alarm's 60 leave 35, and 130 leave 70."""
    product = make_product()
    few, many = (judged(product, logged(product, 500, None, froze(minutes, 400))) for minutes in (95, 130))
    assert (few.finding, many.finding) == (Finding.EXCURSION_NOTED, Finding.HOLD)
    (hit,) = many.reached
    assert (hit.minutes_confirmed, hit.minutes_possible, hit.compromised_from_ms) == (0, 70, at(500))


def test_of_a_whole_warm_day_what_was_spent_there_is_confirmed(make_product: MakeProduct) -> None:
    product = make_product()
    hot = summary(centi_celsius_min=900, centi_celsius_max=1200, minutes_above=DAY, high_alarm_at_ms=at(600))
    (run,) = day_runs([logged(product, 1_000, None, hot)], product.hold_rules[1], 600)
    assert (run.first_ms, run.last_ms) == (at(1_000), at(DAY))
    assert run.confirmed_half_ms == run.possible_half_ms == 2 * (at(DAY) - at(1_000))
    assert judged(product, logged(product, 1_000, None, hot)).finding is Finding.EXCURSION_NOTED
    assert judged(product, logged(product, 840, None, hot)).finding is Finding.HOLD


def test_a_thaw_at_noon_makes_no_frozen_day_of_the_hours_after_it(make_product: MakeProduct) -> None:
    """Ten minutes in the freezer's logger after the thaw are no day of freezing in the next stage."""
    product = make_product()
    frozen = summary(centi_celsius_min=-2100, centi_celsius_max=-1900, minutes_below=DAY, low_alarm_at_ms=at(60))
    assert judged(product, logged(product, 720, 730, frozen)).finding is Finding.EXCURSION_NOTED
    assert judged(product, logged(product, 720, 790, frozen)).finding is Finding.HOLD


def test_a_stay_that_is_cut_in_pieces_has_its_day_whole(make_product: MakeProduct) -> None:
    product = make_product()
    hot = summary(centi_celsius_min=900, centi_celsius_max=1200, minutes_above=DAY)
    pieces = [logged(product, first, last, hot) for first, last in ((0, 500), (500, 700), (700, None))]
    (run,) = day_runs(pieces, product.hold_rules[1], 600)
    assert run == day_runs([logged(product, 0, None, hot)], product.hold_rules[1], 600)[0]
    assert run.confirmed_half_ms == 2 * (at(DAY) - at(0))


def test_an_hour_elsewhere_breaks_the_run_of_a_day(make_product: MakeProduct, make_rule: MakeRule) -> None:
    """The refrigerator was hot all day; the stock stood in it before and after a session, which nobody measured."""
    product = make_product(make_rule("heat", limit=800, minutes=600))
    hot = summary(centi_celsius_min=900, centi_celsius_max=1200, minutes_above=DAY)
    away = segment(500, 560)
    life = [logged(product, 0, 500, hot), away, logged(product, 560, 1_150, hot)]
    runs = day_runs(life, product.hold_rules[0], 600)
    assert [run.confirmed_half_ms // 120_000 for run in runs] == [500, 590]
    assert judged(product, *life).finding is Finding.EXCURSION_NOTED
    assert judged(product, *life[:2], logged(product, 560, 1_160, hot)).finding is Finding.HOLD


@pytest.mark.parametrize(("days", "minutes"), [((0, 1), 700), ((1,), 600)])
def test_an_alarm_after_midnight_adds_no_minute_of_the_day_before_twice(
    budgeted: Product, days: tuple[int, ...], minutes: int
) -> None:
    """The run began at 14:20 and fired at 00:20 the next day; each day has counted its own minutes of it."""
    both = warm(580), replace(warm(120, 1), high_alarm_at_ms=at(DAY + 20))
    (use,) = judged(budgeted, logged(budgeted, 0, None, *(both[number] for number in days))).budgets
    assert use.minutes_confirmed == minutes


def test_a_run_that_ended_before_the_stock_came_is_none_of_its_own_whatever_day_it_began_on(
    make_product: MakeProduct,
    make_rule: MakeRule,
) -> None:
    """Six hours before midnight and four after: of the day itself the stock missed less than the run lasted."""
    product = make_product(make_rule("hot", limit=800, minutes=60))
    fired = replace(warm(240, 1), high_alarm_at_ms=at(DAY + 240))
    assert judged(product, logged(product, DAY + 300, None, fired)).finding is not Finding.HOLD
    assert judged(product, logged(product, DAY + 170, None, fired)).finding is Finding.HOLD


def test_a_day_stamped_by_a_clock_that_runs_ahead_stands_as_it_is(make_product: MakeProduct) -> None:
    product = make_product()
    ahead = replace(froze(70, 400), ends_at_ms=at(0))
    assert judged(product, logged(product, -60, None, ahead)).finding is Finding.HOLD


def test_readings_and_days_add_up(budgeted: Product) -> None:
    """A week by telemetry and a week by a logger are one budget: 400 and 400 minutes of 720."""
    by_wire = segment(-DAY, 0, trace(budgeted, TVC, (-DAY, -401, 500), (-400, -1, 1200)))
    verdict = judged(budgeted, by_wire, logged(budgeted, 0, None, warm(400), stay=2))
    assert verdict.finding is Finding.HOLD
    assert [(use.minutes_confirmed, use.minutes_possible) for use in verdict.budgets] == [(799, 801)]
    (hit,) = verdict.reached
    assert (hit.stay, hit.run, hit.minutes_confirmed) == (2, None, 799)
    assert at(0) <= hit.compromised_from_ms <= at(400)


def test_a_logger_that_counts_in_pieces_has_counted(budgeted: Product) -> None:
    """Its alarm needs 600 unbroken minutes; a budget does not."""
    verdict = judged(budgeted, logged(budgeted, 0, None, warm(300), warm(300, 1), warm(119, 2)))
    assert [use.minutes_confirmed for use in verdict.budgets] == [719]
    assert verdict.finding is Finding.EXCURSION_NOTED
    reached = judged(budgeted, logged(budgeted, 0, None, warm(300), warm(300, 1), warm(120, 2)))
    assert reached.finding is Finding.HOLD
    assert reached.reached[0].compromised_from_ms == at(2 * DAY + 120)


def test_a_logger_with_a_milder_limit_has_counted_nothing_of_ours(budgeted: Product) -> None:
    mild = replace(warm(900), high_limit_centi_celsius=600)
    (use,) = judged(budgeted, logged(budgeted, 0, None, mild)).budgets
    assert (use.minutes_confirmed, use.minutes_possible) == (0, 900)


def test_two_loggers_in_one_refrigerator_tell_each_minute_once(budgeted: Product) -> None:
    both = logged(budgeted, 0, None, warm(400), warm(500, 0, SPARE), warm(100, 1, SPARE))
    (use,) = judged(budgeted, both).budgets
    assert (use.minutes_confirmed, use.minutes_possible) == (600, 600)


def test_a_day_that_readings_tell_too_adds_only_what_they_missed(budgeted: Product) -> None:
    wired = trace(budgeted, TVC, (0, 99, 500), (100, 400, 1200), (401, DAY, 500))
    day = Trace(LOGGER, empty(limits_of(budgeted)), (warm(320),))
    (use,) = judged(budgeted, segment(0, None, wired, day)).budgets
    assert (use.minutes_confirmed, use.minutes_possible) == (320, 322)
    own = wired._replace(days=(warm(320, sensor=TVC),))
    (use,) = judged(budgeted, segment(0, None, own)).budgets
    assert (use.minutes_confirmed, use.minutes_possible) == (300, 302), "its own readings tell the day whole"


def test_a_day_of_which_half_was_spent_elsewhere_proves_only_what_must_have_been_here(budgeted: Product) -> None:
    """1,000 warm minutes of 1,440, of which the stock missed 720: 280 at least, 720 at most."""
    (use,) = judged(budgeted, logged(budgeted, 720, None, warm(1_000))).budgets
    assert (use.minutes_confirmed, use.minutes_possible) == (280, 720)


def test_days_without_a_way_through_readings_are_a_way_of_their_own(budgeted: Product) -> None:
    calm = segment(-DAY, 0, trace(budgeted, TOP, (-DAY, -1, 500)))
    life = [calm, logged(budgeted, 0, None, warm(300))]
    (run,) = with_days([], life, budgeted.hold_rules[0])
    assert (run.sensor, run.side, run.confirmed_half_ms) == (LOGGER, Side.HOT, 600 * 60_000)
    assert with_days([], [calm], budgeted.hold_rules[0]) == []


def checked(product: Product, *readings: tuple[int, int, int, int]) -> Segment:
    """A stay that rests on a person's record: (minute, now, least, most)."""
    checks = [Check("A-1", at(minute), *values) for minute, *values in readings]
    days = days_of_checks(checks, at(0))
    return Segment(1, "A-1", "twice_daily", at(0), None, (Trace("A-1/checks", empty(limits_of(product)), days),))


def test_an_outage_that_is_written_down_every_two_hours_is_one_run(make_product: MakeProduct) -> None:
    """Who looks often must not hide eleven hours of heat from a rule of ten."""
    product = make_product()
    hours = [(minute, 1200, 1100, 1300) for minute in range(120, 661, 60)]
    verdict = judged(product, checked(product, (60, 1200, 1150, 1250), *hours))
    assert verdict.finding is Finding.HOLD
    (hit,) = verdict.reached
    assert (hit.minutes_confirmed, hit.compromised_from_ms) == (660, at(600))
    shorter = judged(product, checked(product, (60, 1200, 1150, 1250), *hours[:-2]))
    assert shorter.finding is Finding.EXCURSION_NOTED


def test_a_cool_hour_between_two_checks_breaks_the_run(make_product: MakeProduct) -> None:
    product = make_product()
    hours = [(minute, 1200, 1100, 1300) for minute in range(60, 661, 60)]
    hours[5] = (360, 1200, 500, 1300)
    assert judged(product, checked(product, *hours)).finding is Finding.EXCURSION_NOTED


def test_a_record_tells_of_its_stay_also_where_a_sensor_comes_in_the_middle(make_product: MakeProduct) -> None:
    product = make_product()
    record = checked(product, (700, 1200, 1100, 1300))._replace(until_ms=at(100))
    later = segment(100, None, trace(product, TVC, (100, 120, 1200)))
    assert judged(product, record, later).finding is Finding.HOLD


def test_a_cold_run_is_dated_where_a_shorter_rule_may_have_been_reached_before_the_alarm(
    make_product: MakeProduct, make_rule: MakeRule
) -> None:
    """The device waits 60 minutes, the product's rule 30: of 100 minutes the first 40 may have come in the night."""
    strict = make_product(make_rule("freeze", limit=-50, minutes=30))
    for minutes, dated in ((100, 0), (60, 340)):
        verdict = judged(strict, logged(strict, 0, None, froze(minutes, 400)))
        assert [hit.compromised_from_ms for hit in verdict.reached] == [at(dated)]
    nearer = make_product(make_rule("cool", limit=0, minutes=60))
    (hit,) = judged(nearer, logged(nearer, 0, None, froze(60, 400))).reached
    assert hit.compromised_from_ms == at(0), "at 0 °C it may have been all day"
