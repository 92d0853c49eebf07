from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from portal.cold_chain import excursions
from sheetal.contracts.batch import DaySummary
from sheetal.contracts.limits import MINUTE_MS, HoldRule, Measure, Side
from sheetal.ledger.catalogue import load_catalogue
from sheetal.thermal.exposure import summarise
from sheetal.thermal.paths import Segment, Trace
from sheetal.thermal.verdict import judge, limits_of

if TYPE_CHECKING:
    from sheetal.contracts.verdict import Verdict

START = 1_795_345_000_000
COVISHIELD = next(one for one in load_catalogue(Path(__file__).parents[3] / "catalogue") if one.product == "covishield")


def verdict_on(*values: int, product: object = COVISHIELD, days: tuple[DaySummary, ...] = ()) -> Verdict:
    assert isinstance(product, type(COVISHIELD))
    samples = [(START + n * MINUTE_MS, value) for n, value in enumerate(values)]
    trace = Trace("gw-01.x", summarise("gw-01.x", samples, 3 * MINUTE_MS, limits_of(product)), days)
    return judge("H-1", product, [Segment(1, "A-1", "telemetry", START, None, (trace,))], START + 10_000 * MINUTE_MS)


FROZEN = verdict_on(*[400] * 30, *[-90] * 75, *[400] * 30, *[900] * 20, *[400] * 9)
GOOD = verdict_on(*[400] * 60)


def test_what_held_stands_first_then_what_a_rule_watches_then_the_label() -> None:
    found = excursions.excursions_of(FROZEN, COVISHIELD)
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert found[0].reached is FROZEN.reached[0]
    assert (found[0].minutes_confirmed, found[0].minutes_possible, found[0].side) == (74, 76, Side.COLD)
    assert found[1].rule is not None
    assert (found[1].side, found[1].limit_centi_celsius, found[1].reached) == (Side.HOT, 800, None)
    assert [one.rule for one in found[2:]] == [None] * len(found[2:])
    assert all(one.is_drawn for one in found)


def test_nothing_outside_is_nothing() -> None:
    assert excursions.excursions_of(GOOD, COVISHIELD) == []
    assert excursions.pick([], 1) is None
    assert excursions.reached_ms(None) is None


def test_a_product_that_is_gone_leaves_runs_without_rules() -> None:
    found = excursions.excursions_of(FROZEN, None)
    assert found[0].rule is FROZEN.reached[0].rule
    assert {one.rule for one in found[1:]} == {None}


def test_a_number_picks_and_a_wrong_one_falls_back_to_the_first() -> None:
    found = excursions.excursions_of(FROZEN, COVISHIELD)
    assert excursions.pick(found, 2) is found[1]
    assert excursions.pick(found, 99) is found[0]


def test_the_minutes_are_over_after_the_first_reading_beyond() -> None:
    found = excursions.excursions_of(FROZEN, COVISHIELD)
    assert excursions.reached_ms(found[0]) == START + 90 * MINUTE_MS
    assert excursions.reached_ms(found[1]) is None


def test_a_run_that_only_possibly_lasted_counts_from_its_earliest_beginning() -> None:
    possible = verdict_on(*[400] * 30, *[-90] * 60, *[400] * 30)
    (held, *_) = excursions.excursions_of(possible, COVISHIELD)
    assert (held.minutes_confirmed, held.minutes_possible) == (59, 61)
    assert excursions.reached_ms(held) == START + 89 * MINUTE_MS


def test_a_run_is_drawn_with_its_margins_and_a_rest_by_its_last_day() -> None:
    found = excursions.excursions_of(FROZEN, COVISHIELD)
    what = excursions.drawn(FROZEN, found[0])
    assert what is not None
    assert (what.sensor, what.from_ms, what.until_ms) == (
        "gw-01.x",
        START + 5 * MINUTE_MS,
        START + 129 * MINUTE_MS,
    )
    rest = excursions.drawn(replace(GOOD, judged_through_ms=START + 60 * MINUTE_MS), None)
    assert rest is not None
    assert (rest.from_ms, rest.until_ms, rest.silent_until_ms) == (START, START + 59 * MINUTE_MS + 1, None)
    assert excursions.drawn(verdict_on(), None) is None


def test_a_long_silence_is_shown_in_part_and_told_whole() -> None:
    what = excursions.drawn(GOOD, None)
    assert what is not None
    assert what.until_ms == START + 59 * MINUTE_MS + excursions.SHOWN_SILENT_MS + 1
    assert what.silent_until_ms == GOOD.judged_through_ms
    assert excursions.silent_from_ms(GOOD) == START + 59 * MINUTE_MS
    near = replace(GOOD, judged_through_ms=START + 119 * MINUTE_MS)
    assert excursions.silent_from_ms(near) is None
    (stay,) = GOOD.stays
    assert excursions.silent_from_ms(replace(GOOD, stays=[replace(stay, until_ms=START + 1)])) is None
    assert excursions.silent_from_ms(verdict_on()) is None


def test_a_run_that_goes_on_is_drawn_to_its_newest_reading() -> None:
    going = verdict_on(*[400] * 30, *[-90] * 75)
    what = excursions.drawn(going, excursions.excursions_of(going, COVISHIELD)[0])
    assert what is not None
    assert what.until_ms == START + 104 * MINUTE_MS + 1


def test_a_loggers_own_count_has_no_readings_to_draw() -> None:
    day = DaySummary(
        0, "gw-01.x", START, START + 1440 * MINUTE_MS, -300, 500, -50, 60, 800, 600, 200, 0, 0, START + 120 * MINUTE_MS
    )
    held = verdict_on(days=(day,))
    (first, *_) = excursions.excursions_of(held, COVISHIELD)
    assert first.reached is not None
    assert not first.is_drawn
    assert excursions.drawn(held, first) is None


def test_a_sum_shows_its_longest_part() -> None:
    summed = HoldRule(
        rule="together",
        side=Side.HOT,
        limit_centi_celsius=800,
        inclusive=False,
        measure=Measure.CUMULATIVE,
        minutes=30,
        source=COVISHIELD.hold_rules[0].source,
    )
    product = msgspec.structs.replace(COVISHIELD, hold_rules=[*COVISHIELD.hold_rules, summed])
    found = verdict_on(*[400] * 9, *[900] * 15, *[400] * 9, *[900] * 25, *[400] * 9, product=product)
    (first, *_) = excursions.excursions_of(found, product)
    assert first.reached is not None
    assert first.reached.run is None
    assert first.run is not None
    assert first.run.samples == 25
    assert excursions.reached_ms(first) is None


def test_one_run_is_watched_by_the_rule_for_runs_first() -> None:
    together = msgspec.structs.replace(COVISHIELD.hold_rules[0], measure=Measure.CUMULATIVE)
    run = FROZEN.reached[0].run
    assert run is not None
    assert excursions.rule_of(run, [together, COVISHIELD.hold_rules[0]]) is COVISHIELD.hold_rules[0]
    assert excursions.rule_of(run, [together]) is together
    assert excursions.rule_of(run, []) is None


def test_an_instant_falls_into_a_stay() -> None:
    assert excursions.stay_of(GOOD, START + 1) is GOOD.stays[0]
    assert excursions.stay_of(GOOD, START - 1) is None
