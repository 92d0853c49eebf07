from __future__ import annotations

import pytest

from alerts.notify.words import sentence

FACTS = {
    "holding": "H-1",
    "lot": "covishield/CS-1",
    "reason": "at or below -0.5 °C for 70 min",
    "compromised_from_ms": 1_795_000_000_000,
    "from_ms": 1_795_000_000_000,
    "kind": "freeze",
    "sensor": "gw-01.tvc",
    "began_at_ms": 0,
    "fired_at_ms": 0,
    "cleared_at_ms": 0,
    "extreme_centi_celsius": -180,
}
KINDS = ["holding_held", "holding_gap", "device_alarm", "device_alarm_cleared", "device_alarm_unacknowledged"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sentence_without_holes(kind: str) -> None:
    text = sentence(kind, FACTS)
    assert text.endswith(".")
    assert "{" not in text
    assert "?" not in text


def test_instants_and_temperatures_are_told_for_people() -> None:
    assert "2026-11-18 11:06 UTC" in sentence("holding_held", FACTS)
    assert "-1.8 °C at worst" in sentence("device_alarm", FACTS)


def test_a_missing_fact_is_a_question_mark_and_an_unknown_kind_its_name() -> None:
    assert "?" in sentence("holding_held", {})
    assert sentence("seal_broken", {"b": 1, "a": 2}) == "seal_broken: a, b"


def test_a_silent_probe_is_told_without_any_temperature() -> None:
    facts = {"kind": "no_data", "sensor": "gw-01.tvc", "began_at_ms": 0, "extreme_centi_celsius": 0}
    told = sentence("device_alarm", facts)
    assert told.startswith("The gateway has had no valid value of gw-01.tvc since 1970-01-01 00:00 UTC.")
    assert "°C" not in told
    assert "no_data alarm of gw-01.tvc has ended" in sentence("device_alarm_cleared", facts | {"cleared_at_ms": 5})
