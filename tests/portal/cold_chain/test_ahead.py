from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from portal.cold_chain.ahead import Ahead, ahead_of, line
from sheetal.contracts.limits import Side
from sheetal.ledger.forecasts import CURRENT_MS_MAX, Fit, Forecast, put_forecasts

if TYPE_CHECKING:
    from tests.portal.conftest import Browser, Stage

NOW = 1_800_000_000_000
MINUTE = 60_000
NBSP = "\u00a0"
IN_RANGE, FREEZING = "A-101-2", "A-101-1"
FORECAST = Forecast(
    appliance_id=IN_RANGE,
    made_at_ms=NOW,
    side=Side.HOT,
    limit_centi_celsius=800,
    minutes=642,
    minutes_low=630,
    minutes_high=675,
    doses_at_risk=100,
    fit=Fit(
        sensor="gw.x",
        rule="heat",
        rule_minutes=600,
        limit_minutes=42,
        limit_minutes_low=30,
        limit_minutes_high=75,
        is_warning=True,
    ),
)
AHEAD = Ahead(Side.HOT, 800, 42, 30, 75, 642, is_warning=True)


def plain(text: str, **facts: object) -> str:
    return (text % facts).replace(NBSP, " ")


def with_fit(**changes: object) -> Forecast:
    return replace(FORECAST, fit=msgspec.structs.replace(FORECAST.fit, **changes))


def forecast(stage: Stage, made: Forecast, minutes_ago: int = 2, **changes: object) -> None:
    with stage.ledger.write() as conn:
        put_forecasts(conn, [replace(made, made_at_ms=stage.now_ms - minutes_ago * MINUTE, **changes)])


def test_a_forecast_is_counted_from_now_on() -> None:
    assert ahead_of(FORECAST, NOW) == AHEAD
    assert ahead_of(FORECAST, NOW + 2 * MINUTE) == Ahead(Side.HOT, 800, 40, 28, 73, 640, is_warning=True)


def test_a_limit_ahead_stays_ahead_until_it_is_forecast_anew() -> None:
    late = ahead_of(with_fit(limit_minutes=2, limit_minutes_low=1, limit_minutes_high=3), NOW + 4 * MINUTE)
    assert late is not None
    assert (late.limit_minutes, late.limit_minutes_low, late.limit_minutes_high) == (1, 0, 0)
    assert not late.has_passed


def test_a_passed_limit_stays_passed() -> None:
    passed = ahead_of(with_fit(limit_minutes=0, limit_minutes_low=0, limit_minutes_high=None), NOW + MINUTE)
    assert passed is not None
    assert passed.has_passed
    assert passed.limit_minutes_high is None


def test_a_forecast_that_nobody_renewed_is_not_shown() -> None:
    assert ahead_of(FORECAST, NOW + CURRENT_MS_MAX + 1) is None
    assert ahead_of(None, NOW) is None


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (AHEAD, "+8.0 °C in about 42 min (30 min to 1 h 15 min)"),
        (replace(AHEAD, limit_minutes_high=None), "+8.0 °C in about 42 min (30 min or later)"),
        (replace(AHEAD, limit_minutes=0), "+8.0 °C is passed"),
        (replace(AHEAD, side=Side.COLD, limit_centi_celsius=-50), "−0.5 °C in about 42 min (30 min to 1 h 15 min)"),
    ],
)
def test_it_is_said_in_one_line(ahead: Ahead, said: str) -> None:
    assert line(ahead, "en", plain).replace(NBSP, " ") == said


def test_an_appliance_that_leaves_its_cycle_stands_in_the_worklist_before_harm(seeded: Stage, officer: Browser) -> None:
    assert f"row-warming-{IN_RANGE}" not in officer.get("/cc").text
    forecast(seeded, FORECAST)
    page = officer.get("/cc").text.replace(NBSP, " ")
    assert f"row-warming-{IN_RANGE}" in page
    for text in ("Warming", "+8.0 °C in about 40 min (28 min to 1 h 13 min)", "10 h 40 min"):
        assert text in page, text
    assert 'href="#g-adv"/></svg><span>Warming</span>' in page


def test_the_list_goes_by_doses_and_time_left(seeded: Stage, officer: Browser) -> None:
    soon = with_fit(limit_minutes=1, limit_minutes_low=1, limit_minutes_high=1)
    forecast(seeded, soon, minutes=1, side=Side.COLD, limit_centi_celsius=-50)
    page = officer.get("/cc").text
    assert page.index("row-held-") < page.index(f"row-cooling-{IN_RANGE}")
    forecast(seeded, with_fit(limit_minutes=600), 1, minutes=12_000)
    late = officer.get("/cc").text
    assert late.index(f"row-freeze-{FREEZING}") < late.index(f"row-warming-{IN_RANGE}")


def test_nobody_is_sent_to_an_appliance_that_is_on_its_way_out(seeded: Stage, officer: Browser) -> None:
    assert "Move stock to ILR-2" in officer.get("/cc").text
    assert "Move stock to ILR-2" in officer.get(f"/cc/appliances/{FREEZING}").text
    forecast(seeded, FORECAST)
    for path in ("/cc", f"/cc/appliances/{FREEZING}", f"/cc/appliances/{IN_RANGE}"):
        assert "Move stock to ILR-2" not in officer.get(path).text, path


def test_what_is_no_warning_stands_in_no_list(seeded: Stage, officer: Browser) -> None:
    forecast(seeded, with_fit(is_warning=False))
    assert f"row-warming-{IN_RANGE}" not in officer.get("/cc").text


def test_the_appliance_s_page_says_how_long_is_left(seeded: Stage, officer: Browser) -> None:
    forecast(seeded, FORECAST)
    page = officer.get(f"/cc/appliances/{IN_RANGE}").text.replace(NBSP, " ")
    assert "10 h 40 min" in page
    assert "+8.0 °C in about 40 min (28 min to 1 h 13 min)" in page
    assert "Warming" in page


def test_it_is_said_in_hindi(seeded: Stage, officer: Browser) -> None:
    forecast(seeded, FORECAST)
    page = officer.get(f"/hi/cc/appliances/{IN_RANGE}").text.replace(NBSP, " ")
    assert "गर्म हो रहा है" in page
    assert "लगभग 40 मिनट में +8.0 °C" in page


def test_an_open_run_keeps_its_own_time(seeded: Stage, officer: Browser) -> None:
    before = officer.get(f"/cc/appliances/{FREEZING}").text.replace(NBSP, " ")
    assert "19 min" in before
    passed = with_fit(limit_minutes=0, limit_minutes_low=0, limit_minutes_high=0, rule="freeze", rule_minutes=60)
    forecast(seeded, passed, appliance_id=FREEZING, side=Side.COLD, limit_centi_celsius=-50, minutes=17)
    page = officer.get(f"/cc/appliances/{FREEZING}").text.replace(NBSP, " ")
    assert "15 min" in page
    assert "if it stays so" in page
