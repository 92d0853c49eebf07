from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.cold_chain import rules
from portal.cold_chain.ahead import Ahead
from portal.cold_chain.rules import (
    ApplianceNow,
    GatewaySignature,
    Inside,
    Latest,
    LimitUsed,
    Place,
    Standing,
    State,
    Trouble,
    WorkRow,
)
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import HoldRule, Measure, Side, Source
from sheetal.contracts.verdict import Run

NOW = 1_800_000_000_000
MINUTE_MS = 60_000
JUDGED = [None, "in_range", "warm", "freezing", "no_data"]
SOURCE = Source(citation="sample", confidence="high")
FREEZE = HoldRule(
    rule="freeze",
    side=Side.COLD,
    limit_centi_celsius=-50,
    inclusive=True,
    measure=Measure.RUN,
    minutes=60,
    source=SOURCE,
)
HEAT = HoldRule(
    rule="heat",
    side=Side.HOT,
    limit_centi_celsius=800,
    inclusive=False,
    measure=Measure.RUN,
    minutes=600,
    source=SOURCE,
)
INSIDE = Inside(
    holding="H-1",
    appliance="A-1",
    lot="p/B",
    product="p",
    batch="B",
    doses=100,
    disposition=Disposition.AVAILABLE,
    disposition_at_ms=NOW,
    known_bound_ms=60 * MINUTE_MS,
    from_ms=NOW - 10**7,
    gap_open_from_ms=None,
    expires_at_ms=NOW + 10**9,
    rejudges_open=0,
)


def appliance(centi_celsius: int | None = 450, *, age_ms: int = 40_000, **changes: object) -> ApplianceNow:
    measured_ms = None if centi_celsius is None else NOW - age_ms
    known = ApplianceNow(
        id="A-1",
        name="ILR-1",
        kind="ilr",
        place=Place("F-1", "Centre", "केंद्र", "North"),
        centi_celsius_min=200,
        centi_celsius_max=800,
        freeze_alarm_centi_celsius=-50,
        judged_state="in_range",
        judged_through_ms=NOW - 5_000,
        known_through_ms=NOW - 40_000,
        latest=(Latest("gw.x", "top", MINUTE_MS, measured_ms, centi_celsius),),
        inside=(INSIDE,),
    )
    return replace(known, **changes)  # type: ignore[arg-type]  # each case names fields of its own


def run(side: Side = Side.COLD, minutes: int = 41, limit: int = -50, *, is_open: bool = True) -> Run:
    return Run(
        sensor="gw.x",
        side=side,
        limit_centi_celsius=limit,
        first_ms=NOW - minutes * MINUTE_MS,
        last_ms=NOW,
        earliest_possible_start_ms=NOW - (minutes + 1) * MINUTE_MS,
        confirmed_half_ms=minutes * 2 * MINUTE_MS,
        possible_half_ms=(minutes + 1) * 2 * MINUTE_MS,
        extreme_centi_celsius=limit - 40,
        samples=minutes,
        open=is_open,
    )


def row(trouble: Trouble, doses: int, minutes_left: int | None, name: str = "A-1") -> WorkRow:
    limit = None if minutes_left is None else LimitUsed(600 - minutes_left, 600, None)
    holding = INSIDE if trouble is Trouble.HELD else None
    return WorkRow(trouble, appliance(id=name), doses, limit, holding)


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (appliance(), State.IN_RANGE),
        (appliance(801), State.WARM),
        (appliance(800), State.IN_RANGE),
        (appliance(-50), State.FREEZING),
        (appliance(-49), State.IN_RANGE),
        (appliance(None), State.NO_DATA),
        (appliance(age_ms=5 * MINUTE_MS), State.IN_RANGE),
        (appliance(age_ms=5 * MINUTE_MS + 1), State.NO_DATA),
        (appliance(judged_state="warm"), State.WARM),
        (appliance(judged_state="freezing"), State.FREEZING),
        (appliance(judged_state="no_data"), State.NO_DATA),
        (appliance(judged_state=None, judged_through_ms=None), State.NO_DATA),
        (appliance(judged_through_ms=NOW - 10 * MINUTE_MS - 1), State.NO_DATA),
        (appliance(alarms=("freeze",)), State.FREEZING),
        (appliance(900, alarms=("freeze",)), State.FREEZING),
        (appliance(-200, freeze_alarm_centi_celsius=None), State.IN_RANGE),
    ],
)
def test_the_worst_of_engine_alarm_and_sample_is_shown(one: ApplianceNow, state: State) -> None:
    assert rules.state_of(one, NOW) is state


def test_a_slow_sensor_is_fresh_for_three_intervals() -> None:
    slow = Latest("gw.x", "top", 10 * MINUTE_MS, NOW - 30 * MINUTE_MS, 450)
    assert slow.is_fresh(NOW)
    assert not slow.is_fresh(NOW + 1)


@given(st.sampled_from(JUDGED), st.integers(0, 10**7), st.sampled_from([450, None]))
def test_without_fresh_data_nothing_is_in_range(judged: str | None, age_ms: int, sample: int | None) -> None:
    one = appliance(sample, age_ms=age_ms, judged_state=judged)
    if rules.state_of(one, NOW) is State.IN_RANGE:
        assert sample is not None
        assert age_ms <= 5 * MINUTE_MS


def test_the_deciding_sensor_is_the_one_furthest_outside() -> None:
    one = appliance(
        latest=(
            Latest("a", "top", None, NOW, 910),
            Latest("b", "low", None, NOW, 150),
            Latest("c", "x", None, None, None),
        )
    )
    assert one.deciding is not None
    assert one.deciding.sensor == "a"
    both_in = appliance(latest=(Latest("a", "top", None, NOW, 500), Latest("b", "low", None, NOW, 300)))
    assert both_in.deciding is not None
    assert both_in.deciding.sensor == "b"
    assert appliance(latest=()).deciding is None


@pytest.mark.parametrize(
    ("changes", "judged", "standing"),
    [
        ({}, True, Standing.USABLE),
        ({}, False, Standing.NOT_JUDGED),
        ({"rejudges_open": 1}, True, Standing.NOT_JUDGED),
        ({"gap_open_from_ms": NOW}, True, Standing.CANNOT_CONFIRM),
        ({"expires_at_ms": NOW}, True, Standing.EXPIRED),
        ({"disposition": Disposition.RELEASED_USE_FIRST}, True, Standing.USE_FIRST),
        ({"disposition": Disposition.RELEASED}, True, Standing.USABLE),
        ({"disposition": Disposition.QUARANTINED, "gap_open_from_ms": NOW}, True, Standing.HELD),
        ({"disposition": Disposition.UNDER_ASSESSMENT}, True, Standing.HELD),
        ({"disposition": Disposition.CONDEMNED}, True, Standing.CONDEMNED),
        ({"disposition": Disposition.DESTROYED}, False, Standing.CONDEMNED),
    ],
)
def test_a_holdings_line_says_the_worst(changes: dict[str, object], standing: Standing, *, judged: bool) -> None:
    one = replace(INSIDE, **changes)  # type: ignore[arg-type]  # each case names fields of its own
    assert rules.standing_of(one, NOW, is_judged=judged) is standing


def test_the_limit_used_is_that_of_the_rule_reached_first() -> None:
    used, found = rules.limit_used(State.FREEZING, [run(), run(Side.HOT, 500, 800)], [FREEZE, HEAT], NOW)
    assert used is not None
    assert (used.minutes_used, used.minutes_limit, used.minutes_left, used.share) == (41, 60, 19, 68)
    assert used.rule is FREEZE
    assert found == run()


def test_an_open_run_goes_on_to_the_newest_knowledge() -> None:
    used, _ = rules.limit_used(State.FREEZING, [run()], [FREEZE], NOW + 5 * MINUTE_MS)
    assert used is not None
    assert used.minutes_used == 46


def test_without_a_rule_for_the_side_no_limit_is_used() -> None:
    assert rules.limit_used(State.WARM, [run()], [FREEZE, HEAT], NOW) == (None, None)
    assert rules.limit_used(State.FREEZING, [run(limit=200)], [FREEZE], NOW) == (None, None)


def test_only_runs_that_reach_the_last_sample_are_open() -> None:
    assert rules.open_runs([run(), run(is_open=False)]) == [run()]


def test_a_limit_reached_shows_full_and_nothing_left() -> None:
    over = LimitUsed(74, 60, FREEZE)
    assert over.share == 100
    assert over.minutes_left == 0
    assert LimitUsed(0, 0, None).share == 100


def test_silence_counts_against_the_shortest_bound_of_usable_stock() -> None:
    held = replace(INSIDE, disposition=Disposition.QUARANTINED, known_bound_ms=MINUTE_MS)
    longer = replace(INSIDE, known_bound_ms=240 * MINUTE_MS)
    one = appliance(inside=(held, longer), known_through_ms=NOW - 130 * MINUTE_MS)
    used = rules.silence_used(one, NOW)
    assert used is not None
    assert (used.minutes_used, used.minutes_limit) == (130, 240)
    assert rules.silence_used(appliance(inside=(held,)), NOW) is None
    assert rules.silence_used(appliance(known_through_ms=None), NOW) is None


def test_held_and_unexplained_holdings_have_their_own_rows() -> None:
    held = replace(INSIDE, holding="H-2", disposition=Disposition.UNDER_ASSESSMENT)
    gap = replace(INSIDE, holding="H-3", gap_open_from_ms=NOW)
    found = rules.held_rows(appliance(inside=(INSIDE, held, gap)))
    assert [(one.trouble, one.holding.holding if one.holding else "") for one in found] == [
        (Trouble.HELD, "H-2"),
        (Trouble.NOT_JUDGED, "H-3"),
    ]
    assert found[0].key == "held-H-2"


def test_the_worklist_is_in_order_of_doses_by_time_left() -> None:
    rows = [
        row(Trouble.WARM, 4310, 496, "warm"),
        row(Trouble.FREEZING, 2180, 19, "freeze"),
        row(Trouble.NO_DATA, 38400, 110, "silent"),
        row(Trouble.FREEZING, 10, 0, "spoiling"),
        row(Trouble.HELD, 960, None, "held"),
        row(Trouble.WARM, 90000, None, "unknown"),
    ]
    order = [one.appliance.id for one in rules.in_order(rows)]
    assert order == ["held", "spoiling", "silent", "freeze", "unknown", "warm"]


@given(st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 600)), max_size=12), st.randoms())
def test_the_order_does_not_depend_on_the_order_of_arrival(facts: list[tuple[int, int]], chance: object) -> None:
    rows = [row(Trouble.WARM, doses, left, f"A-{number}") for number, (doses, left) in enumerate(facts)]
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert rules.in_order(mixed) == rules.in_order(rows)


def test_stock_in_danger_is_told_a_refuge_of_its_own_facility() -> None:
    rows = [row(Trouble.FREEZING, 10, 5), row(Trouble.FREEZING, 0, 5), row(Trouble.NO_DATA, 10, 5)]
    named = rules.with_refuge(rows, {"F-1": ["ILR-2", "ILR-3"], "F-2": ["ILR-9"]})
    assert [one.move_to for one in named] == ["ILR-2", None, None]
    assert rules.with_refuge(rows, {})[0].move_to is None


def test_counts_add_up() -> None:
    held = replace(INSIDE, holding="H-2", disposition=Disposition.QUARANTINED, doses=7)
    everything = [appliance(id="A-1"), appliance(-90, id="A-2", inside=(INSIDE, held)), appliance(None, id="A-3")]
    counts = rules.counts_of(everything, {one.id: rules.state_of(one, NOW) for one in everything})
    assert counts.in_range + counts.warm + counts.freezing + counts.no_data == counts.appliances == 3
    assert (counts.held_holdings, counts.held_doses) == (1, 7)
    assert counts.doses_at_risk == 200
    assert counts.doses == 307
    assert counts.facilities == 1


KEY = bytes(range(32))
PATH = "/api/v1/sensors/gw-01.x/exposure?from_ms=1&until_ms=2"


def signature(at_ms: int = NOW, path: str = PATH, key: bytes = KEY) -> GatewaySignature:
    mac = hmac.new(key, f"GET\n{path}\n{at_ms}".encode(), hashlib.sha256).hexdigest()
    return GatewaySignature("gw-01", str(at_ms), mac, path)


def test_a_signature_fits_its_key_path_and_time() -> None:
    assert signature().fits(KEY, NOW)
    assert signature(NOW - 300_000).fits(KEY, NOW)
    assert signature(NOW + 300_000).fits(KEY, NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        signature(NOW - 300_001),
        signature(NOW + 300_001),
        signature(key=bytes(32)),
        replace(signature(), path_with_query=PATH + "0"),
        replace(signature(), at=str(NOW - 1)),
        replace(signature(), at=""),
        replace(signature(), at="-5"),
        replace(signature(), at="१२३"),
        replace(signature(), mac=""),
        replace(signature(), mac="é" * 64),
    ],
)
def test_any_other_signature_does_not(wrong: GatewaySignature) -> None:
    assert not wrong.fits(KEY, NOW)


AHEAD = Ahead(Side.HOT, 800, 42, 30, None, 642, is_warning=True)


def test_an_appliance_that_heads_out_of_its_range_has_a_line_of_its_own() -> None:
    one = appliance()
    found = rules.heading_row(one, AHEAD)
    assert found is not None
    assert (found.trouble, found.doses, found.minutes_left, found.key) == (Trouble.WARMING, 100, 642, "warming-A-1")
    cooling = rules.heading_row(one, replace(AHEAD, side=Side.COLD))
    assert cooling is not None
    assert cooling.trouble is Trouble.COOLING
    assert rules.heading_row(one, replace(AHEAD, is_warning=False)) is None
    assert rules.heading_row(one, None) is None


def test_the_shorter_of_run_and_forecast_is_what_is_left() -> None:
    warm = row(Trouble.WARM, 10, 500)
    assert warm.minutes_left == 500
    assert replace(warm, ahead=AHEAD).minutes_left == 500
    assert replace(warm, ahead=replace(AHEAD, minutes_left=20)).minutes_left == 20
    assert row(Trouble.HELD, 10, None).minutes_left == 0
    assert row(Trouble.WARM, 10, None).minutes_left is None


def test_a_forecast_decides_the_place_in_the_list() -> None:
    heading = replace(row(Trouble.WARMING, 100, None, "A-2"), ahead=replace(AHEAD, minutes_left=50))
    known = [row(Trouble.WARM, 100, 40, "A-1"), row(Trouble.WARM, 100, 60, "A-3")]
    assert [one.appliance.id for one in rules.in_order([heading, *known])] == ["A-1", "A-2", "A-3"]


def test_stock_that_will_be_in_danger_has_a_refuge_named() -> None:
    heading = replace(row(Trouble.WARMING, 100, None), ahead=AHEAD)
    (found,) = rules.with_refuge([heading], {"F-1": ["ILR-9"]})
    assert found.move_to == "ILR-9"
