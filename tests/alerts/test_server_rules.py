from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from alerts.server_rules import Changes, Look, Probe, changes_of, still_beyond, wanted
from sheetal.contracts.device_alarm import AlarmKind
from sheetal.contracts.limits import MINUTE_MS, Side
from sheetal.ledger.alarm_writes import Raised
from sheetal.ledger.alarms import Alarm, ServerRule
from sheetal.ledger.checks_due import Check
from sheetal.ledger.forecasts import CURRENT_MS_MAX, Fit, Forecast
from sheetal.thermal.device_alarm import AlarmFact, AlarmRule
from tests.alerts.given import FACILITY, FRIDGE, TVC, appliance, at

PROBE = Probe(TVC, at(-60), MINUTE_MS, at(0), 450)
LOOK = Look(appliance=appliance(FRIDGE), probes=(PROBE,))
HEAT = AlarmRule(AlarmKind.HEAT, 800, inclusive=False, minutes=600)
FREEZE = AlarmRule(AlarmKind.FREEZE, -50, inclusive=True, minutes=60)
FORECAST = Forecast(
    appliance_id=FRIDGE,
    made_at_ms=at(0),
    side=Side.HOT,
    limit_centi_celsius=800,
    minutes=70,
    minutes_low=50,
    minutes_high=None,
    doses_at_risk=300,
    fit=Fit(
        sensor=TVC,
        rule="heat",
        rule_minutes=600,
        limit_minutes=10,
        limit_minutes_low=5,
        limit_minutes_high=None,
        is_warning=True,
    ),
)


def standing(rule: ServerRule = ServerRule.NO_DATA, **changes: object) -> Alarm:
    row: dict[str, object] = {
        "id": "x",
        "origin": "server",
        "facility_id": FACILITY,
        "gateway_id": None,
        "sensor_id": TVC,
        "appliance_id": FRIDGE,
        "kind": rule.value,
        "began_at_ms": at(0),
        "fired_at_ms": at(1),
        "cleared_at_ms": None,
        "received_at_ms": at(1),
        "extreme_centi_celsius": None,
        "limit_centi_celsius": None,
        "limit_minutes": None,
        "facts": {},
        "acknowledged_at_ms": None,
        "acknowledged_by": None,
        "cause": None,
        "comment": None,
        "assigned_to": None,
        "ended_at_ms": None,
        "ended_as": None,
        "ended_by": None,
        "change": 1,
    }
    return Alarm(**(row | changes))  # type: ignore[arg-type]


def rules(look: Look, minute: float) -> list[ServerRule]:
    return [one.rule for one in wanted(look, at(minute))]


def test_half_an_hour_of_silence_is_an_alarm_since_the_last_word() -> None:
    assert wanted(LOOK, at(30)) == []
    (silent,) = wanted(LOOK, at(30.1))
    assert (silent.rule, silent.began_at_ms, silent.sensor_id) == (ServerRule.NO_DATA, at(0), TVC)
    assert (silent.facility_id, silent.appliance_id, silent.facts) == (FACILITY, FRIDGE, {"sensors": [TVC]})


def test_a_logger_that_speaks_rarely_is_given_three_of_its_intervals() -> None:
    slow = replace(LOOK, probes=(PROBE._replace(interval_ms=15 * MINUTE_MS),))
    assert rules(slow, 45) == []
    assert rules(slow, 45.1) == [ServerRule.NO_DATA]


def test_a_probe_never_heard_is_silent_since_it_was_hung() -> None:
    (silent,) = wanted(replace(LOOK, probes=(PROBE._replace(heard_ms=None),)), at(0))
    assert silent.began_at_ms == at(-60)


def test_what_a_probe_said_elsewhere_counts_for_nothing() -> None:
    (silent,) = wanted(replace(LOOK, probes=(PROBE._replace(heard_ms=at(-500)),)), at(0))
    assert silent.began_at_ms == at(-60)


def test_a_clock_that_runs_ahead_says_nothing_of_the_time_to_come() -> None:
    ahead = replace(LOOK, probes=(PROBE._replace(heard_ms=at(600)),))
    assert rules(ahead, 0) == []


def test_the_first_of_several_silent_probes_dates_the_alarm() -> None:
    second = Probe("gw-01.top", at(-60), MINUTE_MS, at(-20), 450)
    (silent,) = wanted(replace(LOOK, probes=(PROBE, second)), at(40))
    assert (silent.began_at_ms, silent.facts) == (at(-20), {"sensors": ["gw-01.top", TVC]})
    (silent,) = wanted(replace(LOOK, probes=(PROBE, second)), at(20))
    assert silent.facts == {"sensors": ["gw-01.top"]}


def test_where_stock_rests_on_other_evidence_silence_is_no_alarm() -> None:
    assert wanted(replace(LOOK, has_live_stock=False), at(600)) == []
    assert wanted(replace(LOOK, probes=()), at(600)) == []


@pytest.mark.parametrize(("rule", "minutes", "kind"), [(HEAT, 600, ServerRule.HEAT), (FREEZE, 60, ServerRule.FREEZE)])
def test_the_gateway_has_five_minutes_to_say_it_itself(rule: AlarmRule, minutes: int, kind: ServerRule) -> None:
    fact = AlarmFact(rule, at(0), at(minutes), None, 910 if rule is HEAT else -120)
    look = replace(LOOK, probes=(), facts=((TVC, fact),))
    assert rules(look, minutes + 4.9) == []
    (new,) = wanted(look, at(minutes + 5))
    assert (new.rule, new.began_at_ms, new.sensor_id) == (kind, at(0), TVC)
    assert (new.extreme_centi_celsius, new.limit_centi_celsius, new.limit_minutes) == (
        fact.extreme_centi_celsius,
        rule.limit_centi_celsius,
        minutes,
    )


def test_of_two_hot_probes_the_first_is_named() -> None:
    facts = (
        (TVC, AlarmFact(HEAT, at(5), at(605), None, 900)),
        ("gw-01.top", AlarmFact(HEAT, at(0), at(600), None, 990)),
    )
    (new,) = wanted(replace(LOOK, probes=(), facts=facts), at(700))
    assert (new.sensor_id, new.began_at_ms) == ("gw-01.top", at(0))


def test_a_missed_check_is_dated_by_its_hour() -> None:
    (new,) = wanted(replace(LOOK, missed=Check(at(-30), at(-300))), at(1))
    assert (new.rule, new.began_at_ms) == (ServerRule.MISSED_CHECK, at(-30))


def test_a_forecast_warns_while_it_is_fresh_and_says_how_long_is_left() -> None:
    look = replace(LOOK, forecast=FORECAST)
    last_ms = at(0) + CURRENT_MS_MAX
    (new,) = wanted(look, last_ms)
    assert (new.rule, new.limit_centi_celsius) == (ServerRule.SPOILAGE_WARNING, 800)
    assert new.facts == {"side": "hot", "minutes": 70, "minutes_low": 50, "doses_at_risk": 300}
    assert wanted(look, last_ms + 1) == []
    usual = replace(FORECAST, fit=structs.replace(FORECAST.fit, is_warning=False))
    assert wanted(replace(LOOK, forecast=usual), at(1)) == []


def test_a_bounded_forecast_says_both_ends() -> None:
    (new,) = wanted(replace(LOOK, forecast=replace(FORECAST, minutes_high=110)), at(1))
    assert new.facts["minutes_high"] == 110


def condition(rule: ServerRule = ServerRule.NO_DATA) -> Raised:
    return Raised(rule=rule, facility_id=FACILITY, appliance_id=FRIDGE, began_at_ms=at(9))


JUDGED = {(FRIDGE, rule) for rule in ServerRule}


def test_a_condition_is_raised_once_and_cleared_when_it_is_gone() -> None:
    assert changes_of([condition()], [], JUDGED) == Changes([condition()], [])
    assert changes_of([condition()], [standing()], JUDGED) == Changes([], [])
    assert changes_of([], [standing()], JUDGED) == Changes([], ["x"])


def test_where_the_gateway_says_the_same_the_server_is_silent() -> None:
    device = standing(origin="device", gateway_id="gw-01")
    assert changes_of([condition()], [device], JUDGED) == Changes([], [])
    assert changes_of([], [device], JUDGED) == Changes([], [])


def test_what_a_person_has_ended_is_not_raised_before_its_cause_was_gone() -> None:
    ended = standing(ended_at_ms=at(5), ended_as="lost_contact", ended_by="ravi")
    assert changes_of([condition()], [ended], JUDGED) == Changes([], [])
    assert changes_of([], [ended], JUDGED) == Changes([], ["x"])


def test_what_could_not_be_looked_at_stands() -> None:
    heat = standing(ServerRule.HEAT)
    assert changes_of([], [heat], {(FRIDGE, ServerRule.NO_DATA)}) == Changes([], [])
    assert changes_of([], [heat], {("A-9", ServerRule.HEAT)}) == Changes([], [])


@pytest.mark.parametrize(
    ("rule", "limit", "value", "goes_on"),
    [
        (ServerRule.HEAT, 800, 801, True),
        (ServerRule.HEAT, 800, 751, True),
        (ServerRule.HEAT, 800, 750, False),
        (ServerRule.FREEZE, -50, -50, True),
        (ServerRule.FREEZE, -50, -1, True),
        (ServerRule.FREEZE, -50, 0, False),
        (ServerRule.HEAT, 800, None, True),
    ],
)
def test_only_a_value_well_inside_closes_an_alarm(
    rule: ServerRule, limit: int, value: int | None, *, goes_on: bool
) -> None:
    one = standing(rule, limit_centi_celsius=limit)
    assert still_beyond(one, PROBE._replace(centi_celsius=value)) is goes_on


def test_an_alarm_whose_probe_was_taken_away_is_over() -> None:
    assert not still_beyond(standing(ServerRule.HEAT, limit_centi_celsius=800), None)


@pytest.mark.parametrize(
    ("changes", "is_raised"),
    [
        ({}, False),
        ({"sensor_id": "gw-9.other"}, False),
        ({"ended_at_ms": at(9), "ended_as": "lost_contact"}, False),
        ({"ended_at_ms": at(9), "ended_as": "lost_contact", "sensor_id": "gw-9.other"}, True),
    ],
)
@pytest.mark.parametrize("rule", [ServerRule.NO_DATA, ServerRule.HEAT])
def test_a_gateways_alarm_once_ended_silences_its_own_sensor_alone(
    rule: ServerRule, changes: dict[str, object], *, is_raised: bool
) -> None:
    facts: dict[str, object] = {"sensors": [TVC]} if rule is ServerRule.NO_DATA else {}
    new = Raised(rule=rule, facility_id=FACILITY, appliance_id=FRIDGE, began_at_ms=at(0), sensor_id=TVC, facts=facts)
    found = changes_of([new], [standing(rule, origin="device", **changes)], {(FRIDGE, rule)})
    assert found == Changes([new] if is_raised else [], [])


def test_a_second_silent_sensor_speaks_though_the_first_was_put_aside() -> None:
    put_aside = standing(origin="device", ended_at_ms=at(9), ended_as="sensor_fault")
    both = replace(LOOK, probes=(PROBE, PROBE._replace(sensor="gw-1.z")))
    (silent,) = wanted(both, at(31))
    assert changes_of([silent], [put_aside], {(FRIDGE, ServerRule.NO_DATA)}).raised == [silent]
