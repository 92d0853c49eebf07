from __future__ import annotations

import re
import string

import pytest

from alerts.notify.words import LANGUAGES, SAID, sentence
from sheetal.ledger.base import EPOCH_MS_MAX

FACTS = {
    "holding": "H-1",
    "lot": "covishield/CS-1",
    "reference": "CDL/2026/17",
    "reason": "at or below -0.5 °C for 70 min",
    "compromised_from_ms": 1_795_000_000_000,
    "from_ms": 1_795_000_000_000,
    "kind": "freeze",
    "appliance_name": "ILR 1",
    "sensor": "gw-01.tvc",
    "began_at_ms": 0,
    "fired_at_ms": 0,
    "cleared_at_ms": 0,
    "extreme_centi_celsius": -180,
    "minutes": 30,
    "day": "2026-11-23",
    "alarms_open": 1,
    "alarms_unacknowledged": 1,
    "holdings_held": 2,
    "holdings_gap": 0,
    "checks": 4,
    "undelivered": 0,
    "period": "2026-10",
    "in_range_percent": "99.1",
    "alarms": 3,
    "holds": 1,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAID)
def test_every_kind_has_a_sentence_without_holes(name: str, language: str) -> None:
    kind, _, of = name.partition("/")
    text = sentence(kind, FACTS | ({"kind": of} if of else {}), language)
    assert text.endswith((".", "।"))
    assert not re.search(r"[{}?]|None", text)
    assert ("\u0900" <= max(text) <= "\u097f") is (language == "hi")


def test_both_languages_tell_the_same_facts() -> None:
    places = {
        name: [{field for _, field, _, _ in string.Formatter().parse(said) if field} for said in both]
        for name, both in SAID.items()
    }
    assert [name for name, (english, hindi) in places.items() if english != hindi] == []


def test_instants_are_told_in_indian_time_and_temperatures_in_degrees() -> None:
    assert "2026-11-18 16:36 IST" in sentence("holding_held", FACTS)
    assert "-1.8 °C at worst" in sentence("device_alarm", FACTS)


def test_a_missing_fact_is_a_question_mark_and_an_unknown_kind_its_name() -> None:
    assert "?" in sentence("holding_held", {})
    assert sentence("seal_broken", {"b": 1, "a": 2}) == "seal_broken: a, b"


def test_a_silent_probe_is_told_without_any_temperature() -> None:
    facts = {"kind": "no_data", "sensor": "gw-01.tvc", "began_at_ms": 0, "extreme_centi_celsius": 0}
    told = sentence("device_alarm", facts)
    assert told.startswith("The gateway has had no valid value of gw-01.tvc since 1970-01-01 05:30 IST.")
    assert "°C" not in told
    assert "no-data alarm of gw-01.tvc has ended" in sentence("device_alarm_cleared", facts | {"cleared_at_ms": 5})


def test_a_place_is_named_by_what_is_known_of_it() -> None:
    facts = {"kind": "heat", "sensor": "gw-01.tvc", "appliance": None, "appliance_name": None, "minutes": 30}
    assert "heat alarm of gw-01.tvc" in sentence("alarm_reminder", facts)
    assert "heat alarm of A-1" in sentence("alarm_reminder", facts | {"appliance": "A-1"})
    assert "ILR 1 का गर्मी का अलार्म" in sentence("alarm_reminder", facts | {"appliance_name": "ILR 1"}, "hi")


@pytest.mark.parametrize("instant", [10**15, -1, EPOCH_MS_MAX + 1])
def test_an_instant_that_no_calendar_has_stops_no_notice(instant: int) -> None:
    assert str(instant) in sentence("device_alarm", {"began_at_ms": instant})
