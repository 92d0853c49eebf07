from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import retention
from ingest.retention import KEEP_DAYS_MIN, MARGIN_MS, Keep, Retention
from sheetal.contracts.limits import DAY_MS, HOUR_MS, MINUTE_MS
from sheetal.contracts.reading import Reading
from sheetal.ledger import rollup_writes, rollups, telemetry_writes
from sheetal.ledger.retention import Needed
from sheetal.ledger.telemetry import SensorState
from sheetal.readings.connect import open_readings
from tests.ingest.given import NOW_MS, SENSOR
from tests.stack.servers import influxd_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from sheetal.ledger.rollups import HourRollup
    from sheetal.readings.port import ReadingsStore
    from tests.ingest.conftest import Stores

FAR_MS = 4_000_000_000_000


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with influxd_server(tmp_path_factory.mktemp("influxd")) as url:
        yield url


@pytest.fixture(params=["sqlite", "memory", pytest.param("influx", marks=pytest.mark.stack)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReadingsStore]:
    url = {"sqlite": f"sqlite:///{tmp_path}/r.db", "memory": "memory:"}.get(request.param)
    with closing(open_readings(url or request.getfixturevalue("influx"))) as opened:
        opened.expire(FAR_MS)
        yield opened


def know(stores: Stores, *sensors: str) -> None:
    states = [
        SensorState(
            sensor_id=sensor,
            measured_at_ms=NOW_MS,
            centi_celsius=400,
            quality=0,
            received_at_ms=NOW_MS,
            clock_offset_ms=0,
        )
        for sensor in sensors
    ]
    with stores.telemetry.write() as conn:
        telemetry_writes.put_sensor_states(conn, states)


def row(at_ms: int, centi: int = 400, sensor: str = SENSOR) -> Reading:
    return Reading(sensor, at_ms, centi, 0, 1, 1)


def keeping(stores: Stores, store: ReadingsStore, keep: Keep = Keep(100)) -> Retention:  # noqa: B008 - a constant
    return Retention(stores.ledger, stores.telemetry, store, keep)


def always() -> bool:
    return True


def need(monkeypatch: pytest.MonkeyPatch, from_ms: int | None) -> None:
    found = None if from_ms is None else Needed(from_ms, "H-1")
    monkeypatch.setattr(retention, "needed_from", lambda _conn, _now_ms: found)


def test_without_a_setting_nothing_ever_goes(stores: Stores, store: ReadingsStore) -> None:
    know(stores, SENSOR)
    store.write([row(1)])
    assert keeping(stores, store, Keep()).turn(NOW_MS, always) == 0
    assert store.count(SENSOR, 0, FAR_MS) == 1


def test_old_readings_go_and_their_hours_stay(stores: Stores, store: ReadingsStore) -> None:
    know(stores, SENSOR, "gw-02.other")
    old_ms = (NOW_MS - 400 * DAY_MS) // HOUR_MS * HOUR_MS
    old = [row(old_ms + n * MINUTE_MS, 400 + n) for n in range(90)]
    fresh = [row(NOW_MS - 99 * DAY_MS), row(NOW_MS)]
    store.write([*old, *fresh, row(old_ms, 250, "gw-02.other")])
    assert keeping(stores, store).turn(NOW_MS, always) == 91
    assert store.read(SENSOR, 0, FAR_MS) == fresh
    with stores.telemetry.read() as conn:
        first, second = rollups.hours_of(conn, SENSOR, 0, FAR_MS)
        assert (first.hour_ms, first.n, first.centi_celsius_min, first.centi_celsius_max) == (old_ms, 60, 400, 459)
        assert first.centi_celsius_mean == pytest.approx(429.5)
        assert (second.n, second.centi_celsius_first, second.centi_celsius_last) == (30, 460, 489)
        assert len(rollups.hours_of(conn, "gw-02.other", 0, FAR_MS)) == 1
    assert keeping(stores, store).turn(NOW_MS, always) == 0


def test_what_a_verdict_rests_on_stays_with_a_margin(
    stores: Stores, store: ReadingsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(stores, SENSOR)
    needed_ms = NOW_MS - 300 * DAY_MS
    need(monkeypatch, needed_ms)
    store.write([row(NOW_MS - 400 * DAY_MS), row(needed_ms - MARGIN_MS), row(needed_ms), row(NOW_MS - 200 * DAY_MS)])
    assert keeping(stores, store).turn(NOW_MS, always) == 1
    assert store.count(SENSOR, needed_ms - MARGIN_MS, FAR_MS) == 3


def test_an_hour_that_waits_to_be_judged_keeps_its_readings(stores: Stores, store: ReadingsStore) -> None:
    old_ms = NOW_MS - 400 * DAY_MS
    with stores.telemetry.write() as conn:
        telemetry_writes.mark_dirty(conn, {(SENSOR, old_ms // HOUR_MS * HOUR_MS)})
    store.write([row(old_ms)])
    assert keeping(stores, store).turn(NOW_MS, always) == 0
    assert store.count(SENSOR, 0, FAR_MS) == 1


@pytest.mark.parametrize("is_first", [True, False])
def test_what_comes_late_while_hours_are_kept_is_judged_before_it_goes(
    stores: Stores, store: ReadingsStore, monkeypatch: pytest.MonkeyPatch, *, is_first: bool
) -> None:
    know(stores, SENSOR)
    days = range(300, 305)
    store.write([row(NOW_MS - day * DAY_MS) for day in days])
    late_ms = NOW_MS - (310 if is_first else 302) * DAY_MS
    put_rollups = rollup_writes.put_rollups

    def put_beside_a_worker(conn: Connection, kept: Sequence[HourRollup]) -> int:
        store.write([row(late_ms, -200)])
        telemetry_writes.mark_dirty(conn, {(SENSOR, late_ms // HOUR_MS * HOUR_MS)})
        return put_rollups(conn, kept)

    monkeypatch.setattr(rollup_writes, "put_rollups", put_beside_a_worker)
    keeping(stores, store).turn(NOW_MS, always)
    assert store.count(SENSOR, late_ms, late_ms + 1) == 1


def test_told_to_stop_nothing_has_gone(stores: Stores, store: ReadingsStore) -> None:
    know(stores, SENSOR)
    store.write([row(1)])
    assert keeping(stores, store).turn(NOW_MS, lambda: False) == 0
    assert store.count(SENSOR, 0, FAR_MS) == 1


def test_no_setting_is_shorter_than_gateways_remember(stores: Stores, store: ReadingsStore) -> None:
    found = keeping(stores, store, Keep(1)).expires_before(NOW_MS)
    assert found == (NOW_MS - KEEP_DAYS_MIN * DAY_MS) // DAY_MS * DAY_MS


def test_rollups_go_by_their_own_setting(stores: Stores, store: ReadingsStore) -> None:
    know(stores, SENSOR)
    store.write([row(NOW_MS - 800 * DAY_MS), row(NOW_MS - 300 * DAY_MS)])
    keeping(stores, store, Keep(100, 500)).turn(NOW_MS, always)
    keeping(stores, store, Keep(None, 500)).turn(NOW_MS, always)
    with stores.telemetry.read() as conn:
        assert len(rollups.hours_of(conn, SENSOR, 0, FAR_MS)) == 1


@given(
    instants=st.lists(st.integers(1, 500), max_size=30),
    needed_days=st.one_of(st.none(), st.integers(1, 600)),
    keep_days=st.integers(1, 500),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_kept_and_needed_no_needed_reading_goes(
    stores: Stores,
    monkeypatch: pytest.MonkeyPatch,
    instants: list[int],
    needed_days: int | None,
    keep_days: int,
) -> None:
    needed_ms = None if needed_days is None else NOW_MS - needed_days * DAY_MS
    need(monkeypatch, needed_ms)
    know(stores, SENSOR)
    with closing(open_readings("memory:")) as opened:
        all_of_them = [row(NOW_MS - days * DAY_MS) for days in sorted(set(instants), reverse=True)]
        opened.write(all_of_them)
        Retention(stores.ledger, stores.telemetry, opened, Keep(keep_days)).turn(NOW_MS, always)
        left = set(opened.read(SENSOR, 0, FAR_MS))
    for one in all_of_them:
        is_needed = needed_ms is not None and one.measured_at_ms >= needed_ms - MARGIN_MS
        is_young = one.measured_at_ms >= NOW_MS - max(keep_days, KEEP_DAYS_MIN) * DAY_MS
        if is_needed or is_young:
            assert one in left, one
    with stores.telemetry.read() as conn:
        hours = {hour.hour_ms for hour in rollups.hours_of(conn, SENSOR, 0, FAR_MS)}
    assert {one.measured_at_ms // HOUR_MS * HOUR_MS for one in set(all_of_them) - left} <= hours
