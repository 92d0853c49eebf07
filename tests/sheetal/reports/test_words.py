from __future__ import annotations

import pytest

from sheetal.reports.words import MINUS, WORDS, degrees, month_name, share


def test_every_word_is_there_in_both_languages() -> None:
    for english, hindi in WORDS.values():
        assert not any("\u0900" <= letter <= "\u097f" for letter in english)
        assert any("\u0900" <= letter <= "\u097f" for letter in hindi)


def test_months_are_named() -> None:
    assert month_name("2026-01") == ("January 2026", "जनवरी 2026")
    assert month_name("2026-12") == ("December 2026", "दिसंबर 2026")


@pytest.mark.parametrize(
    ("centi_celsius", "said"),
    [(-90, f"{MINUS}0.9"), (-4, "0.0"), (-5, f"{MINUS}0.1"), (1_126, "11.3"), (0, "0.0")],
)
def test_degrees_are_rounded_half_away_from_zero(centi_celsius: int, said: str) -> None:
    assert degrees(centi_celsius) == f"{said}\u00a0°C"


def test_what_is_not_known_is_a_dash() -> None:
    assert degrees(None) == share(None) == "—"
    assert share(991) == "99.1\u00a0%"
