from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import formats
from portal.cold_chain import alarm_rules
from portal.cold_chain.alarm_rules import Escalation, centi_celsius_of, escalation_of, instant_of, written
from portal.errors import FieldProblem
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.ledger.ladders import Ladders, Step
from tests.portal.conftest import NOW_MS

INDIA = "Asia/Kolkata"
MINUTE_NOW_MS = NOW_MS - NOW_MS % MINUTE_MS
AT = "2026-11-23T14:50"
NEVER = ("0001-01-01T00:00", "1969-12-31T23:59", "9999-12-31T23:59")
MUTE = {"appliance": "A-1", "kind": "heat", "from": AT, "until": "2026-11-23T16:50", "reason": " Defrost "}
CHECK = {"at": AT, "now": "4.5", "low": "3.9", "high": "", "initials": " RK "}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4.5", 450),
        ("4,5", 450),
        (" 4 ", 400),
        ("+4.05", 405),
        ("-0.9", -90),
        (f"{formats.MINUS}0.9 °C", -90),
        ("-0.04", -4),
        ("80", 8_000),
        ("-100", -10_000),
    ],
)
def test_a_temperature_is_read_as_people_write_it(text: str, expected: int) -> None:
    assert centi_celsius_of(text, "now") == expected


@pytest.mark.parametrize("text", ["", "warm", "4.567", "4..5", "80.01", "-101", "4.5 F", "1e2"])
def test_what_is_no_temperature_is_asked_for_again(text: str) -> None:
    with pytest.raises(FieldProblem) as caught:
        centi_celsius_of(text, "low")
    assert caught.value.facts["field"] == "low"


@given(st.integers(-10_000, 8_000))
def test_what_a_page_shows_to_the_hundredth_is_read_back(value: int) -> None:
    sign = "-" if value < 0 else ""
    assert centi_celsius_of(f"{sign}{abs(value) // 100}.{abs(value) % 100:02}", "now") == value


def test_a_time_is_the_places_own_and_comes_back_as_it_was_written() -> None:
    assert instant_of(AT, INDIA, "at") == MINUTE_NOW_MS
    assert written(NOW_MS, INDIA) == AT
    assert instant_of(AT, "UTC", "at") == MINUTE_NOW_MS + 11 * HOUR_MS // 2


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01T00:00", "2026-11-23T14:50+05:30", *NEVER])
def test_what_is_no_time_is_asked_for_again(text: str) -> None:
    with pytest.raises(FieldProblem) as caught:
        instant_of(text, INDIA, "until")
    assert caught.value.facts["field"] == "until"


def test_a_window_is_what_was_asked_for() -> None:
    new = alarm_rules.mute_of(MUTE, "F-1", INDIA, NOW_MS)
    assert (new.facility_id, new.appliance_id, new.kind, new.reason) == ("F-1", "A-1", "heat", "Defrost")
    assert (new.from_ms, new.until_ms) == (MINUTE_NOW_MS, MINUTE_NOW_MS + 2 * HOUR_MS)
    everything = alarm_rules.mute_of(MUTE | {"appliance": "", "kind": ""}, "F-1", INDIA, NOW_MS)
    assert (everything.appliance_id, everything.kind) == (None, None)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("from", "x"),
        ("until", "x"),
        ("until", AT),
        ("until", "2026-11-23T14:49"),
        ("until", "2026-11-30T14:51"),
        ("kind", "holding_held"),
        ("reason", "  "),
    ],
)
def test_a_window_that_cannot_be_names_its_field(field: str, text: str) -> None:
    with pytest.raises(FieldProblem) as caught:
        alarm_rules.mute_of(MUTE | {field: text}, "F-1", INDIA, NOW_MS)
    assert caught.value.facts["field"] == field


def test_no_window_lies_further_ahead_than_a_silence_may_reach() -> None:
    ahead = MUTE | {"from": "2026-11-29T14:50", "until": "2026-11-30T14:51"}
    with pytest.raises(FieldProblem) as caught:
        alarm_rules.mute_of(ahead, "F-1", INDIA, NOW_MS)
    assert caught.value.facts["field"] == "until"
    alarm_rules.mute_of(ahead | {"until": "2026-11-30T14:49"}, "F-1", INDIA, NOW_MS)


def test_a_window_in_the_past_is_no_window() -> None:
    past = MUTE | {"from": "2026-11-23T10:00", "until": "2026-11-23T11:00"}
    with pytest.raises(FieldProblem):
        alarm_rules.mute_of(past, "F-1", INDIA, NOW_MS)


def test_a_check_is_what_was_written_down() -> None:
    read = alarm_rules.check_of(CHECK, INDIA, NOW_MS)
    assert (read.checked_at_ms, read.centi_celsius, read.centi_celsius_min, read.centi_celsius_max, read.initials) == (
        MINUTE_NOW_MS,
        450,
        390,
        None,
        "RK",
    )


def test_this_minute_is_now_and_never_the_future() -> None:
    just_before = MINUTE_NOW_MS - 5_000
    assert alarm_rules.check_of(CHECK, INDIA, just_before).checked_at_ms == just_before


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("at", "2026-11-23T14:52"),
        ("at", "noon"),
        ("now", ""),
        ("low", "x"),
        ("low", "4.6"),
        ("high", "4.4"),
        ("initials", " "),
        ("initials", "RKRKRKRKR"),
    ],
)
def test_a_check_that_cannot_be_names_its_field(field: str, text: str) -> None:
    with pytest.raises(FieldProblem) as caught:
        alarm_rules.check_of(CHECK | {field: text}, INDIA, NOW_MS)
    assert caught.value.facts["field"] == field


def step(number: int, after: int) -> Step:
    return Step(id=number, facility_id=None, contact_id=number, after_minutes=after)


def test_who_is_told_next_follows_the_ladder() -> None:
    ladder = Ladders({None: [step(1, 0), step(2, 15), step(3, 60)]})
    told_ms = NOW_MS - 10 * MINUTE_MS
    assert escalation_of("F-1", told_ms, ladder, 15, NOW_MS) == Escalation(told_ms + 15 * MINUTE_MS, 2)
    assert escalation_of("F-1", told_ms, ladder, 15, told_ms + 15 * MINUTE_MS) == Escalation(
        told_ms + 60 * MINUTE_MS, 3
    )
    assert escalation_of("F-1", told_ms, ladder, 15, told_ms + 60 * MINUTE_MS) is None


@pytest.mark.parametrize("ladder", [Ladders({}), Ladders({None: [step(1, 0)]})])
def test_without_a_ladder_everybody_is_told_once(ladder: Ladders) -> None:
    assert escalation_of("F-1", NOW_MS, ladder, 15, NOW_MS) == Escalation(NOW_MS + 15 * MINUTE_MS, None)
    assert escalation_of("F-1", NOW_MS - 15 * MINUTE_MS, ladder, 15, NOW_MS) is None
