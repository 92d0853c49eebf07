from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import Side
from sheetal.ledger import assets, holdings
from sheetal.ledger.forecasts import (
    CURRENT_MS_MAX,
    Fit,
    Forecast,
    Kept,
    Watched,
    drop_forecasts,
    forecasts,
    put_forecasts,
    watched,
)
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import ACTOR, APPLIANCE, NOW_MS, SECOND_APPLIANCE, SENSOR

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger

FORECAST = Forecast(
    appliance_id=APPLIANCE,
    made_at_ms=NOW_MS,
    side=Side.HOT,
    limit_centi_celsius=800,
    minutes=642,
    minutes_low=630,
    minutes_high=None,
    doses_at_risk=480,
    fit=Fit(
        sensor=SENSOR,
        rule="heat",
        rule_minutes=600,
        limit_minutes=42,
        limit_minutes_low=30,
        limit_minutes_high=None,
        is_warning=True,
        tau_minutes=340,
        asymptote_centi_celsius=2_900,
        error_centi_celsius=6,
        samples=13,
    ),
)


def hang(ledger: Ledger, appliance_id: str = APPLIANCE, from_ms: int = NOW_MS - 1_000) -> None:
    with ledger.write() as conn:
        assets.assign_sensor(conn, SENSOR, appliance_id, "coldest", from_ms, NOW_MS)


def seen(ledger: Ledger) -> dict[str, Forecast]:
    with ledger.read() as conn:
        return forecasts(conn)


def watch(ledger: Ledger) -> list[Watched]:
    with ledger.read() as conn:
        return watched(conn)


def test_what_is_put_is_read_again(house: Ledger) -> None:
    with house.write() as conn:
        put_forecasts(conn, [FORECAST])
    assert seen(house) == {APPLIANCE: FORECAST}


def test_a_newer_forecast_takes_the_place_of_the_older(house: Ledger) -> None:
    newer = replace(FORECAST, made_at_ms=NOW_MS + 60_000, side=Side.COLD, limit_centi_celsius=-50, minutes_high=700)
    with house.write() as conn:
        put_forecasts(conn, [FORECAST])
        put_forecasts(conn, [newer])
    assert seen(house) == {APPLIANCE: newer}


def test_one_appliance_may_be_asked_for(house: Ledger) -> None:
    other = replace(FORECAST, appliance_id=SECOND_APPLIANCE)
    with house.write() as conn:
        put_forecasts(conn, [FORECAST, other])
    with house.read() as conn:
        assert forecasts(conn, SECOND_APPLIANCE) == {SECOND_APPLIANCE: other}
        assert forecasts(conn, "A-none") == {}


def test_an_appliance_that_heads_nowhere_any_more_has_no_row(house: Ledger) -> None:
    with house.write() as conn:
        put_forecasts(conn, [FORECAST, replace(FORECAST, appliance_id=SECOND_APPLIANCE)])
        drop_forecasts(conn, [APPLIANCE, *(f"A-gone-{number}" for number in range(1_200))])
    assert set(seen(house)) == {SECOND_APPLIANCE}


def test_nothing_to_put_or_to_drop_changes_nothing(house: Ledger) -> None:
    with house.write() as conn:
        put_forecasts(conn, [])
        drop_forecasts(conn, [])
    assert seen(house) == {}


def test_an_unknown_appliance_has_no_forecast(house: Ledger) -> None:
    with pytest.raises(IntegrityError), house.write() as conn:
        put_forecasts(conn, [replace(FORECAST, appliance_id="A-none")])


@pytest.mark.parametrize(("age_ms", "is_current"), [(0, True), (CURRENT_MS_MAX, True), (CURRENT_MS_MAX + 1, False)])
def test_an_old_forecast_is_not_current(age_ms: int, *, is_current: bool) -> None:
    assert FORECAST.is_current(NOW_MS + age_ms) is is_current


def test_a_forecast_of_the_future_is_not_current() -> None:
    assert not FORECAST.is_current(NOW_MS - 1)


def test_stock_under_a_sensor_is_watched(house: Ledger) -> None:
    hang(house)
    seeds.receive(house, "H-1")
    (found,) = watch(house)
    assert (found.appliance_id, found.sensors) == (APPLIANCE, (SENSOR,))
    (kept,) = found.kept
    assert kept == Kept("covishield", kept.doses, None, None)
    assert kept.doses > 0


def test_stock_without_a_sensor_is_not_watched(house: Ledger) -> None:
    seeds.receive(house, "H-1")
    assert watch(house) == []


def test_a_sensor_without_stock_is_not_watched(house: Ledger) -> None:
    hang(house)
    assert watch(house) == []


def test_held_stock_needs_no_warning_any_more(house: Ledger) -> None:
    hang(house)
    seeds.receive(house, "H-1")
    seeds.receive(house, "H-2")
    with house.write() as conn:
        holdings.set_disposition(conn, "H-1", Disposition.QUARANTINED, ACTOR, "found frozen", NOW_MS)
    (found,) = watch(house)
    assert len(found.kept) == 1


def test_stock_that_was_carried_away_is_watched_where_it_stands(house: Ledger) -> None:
    hang(house)
    seeds.receive(house, "H-1")
    with house.write() as conn:
        holdings.move_holding(conn, "H-1", SECOND_APPLIANCE, EvidenceKind.TELEMETRY, NOW_MS, NOW_MS, ACTOR)
    assert watch(house) == []


def test_a_sensor_that_was_taken_away_watches_nothing(house: Ledger) -> None:
    hang(house)
    seeds.receive(house, "H-1")
    hang(house, SECOND_APPLIANCE, NOW_MS)
    assert watch(house) == []
