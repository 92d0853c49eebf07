from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import judgement_writes
from sheetal.ledger import telemetry as reads
from sheetal.ledger import telemetry_writes as writes
from tests.sheetal.ledger.telemetry_rows import DAY, STATE

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


@pytest.fixture
def three_sensors(telemetry: Ledger) -> Ledger:
    for name in ("gw-01.a", "gw-01.b", "gw-02.c"):
        with telemetry.write() as conn:
            writes.put_sensor_states(conn, [replace(STATE, sensor_id=name)])
    return telemetry


def names(found: list[reads.SensorState]) -> list[str]:
    return [state.sensor_id for state in found]


def test_states_come_in_order_of_change(three_sensors: Ledger) -> None:
    with three_sensors.write() as conn:
        writes.put_sensor_states(conn, [STATE])
    with three_sensors.read() as conn:
        assert names(reads.sensor_states(conn)) == ["gw-01.b", "gw-02.c", "gw-01.a"]
        assert [state.change for state in reads.sensor_states(conn)] == [2, 3, 4]


def test_a_page_asks_for_its_sensors_and_what_is_new(three_sensors: Ledger) -> None:
    with three_sensors.read() as conn:
        assert names(reads.sensor_states(conn, ["gw-02.c", "gw-01.a", "gw-09.x"])) == ["gw-01.a", "gw-02.c"]
        assert names(reads.sensor_states(conn, after_change=1)) == ["gw-01.b", "gw-02.c"]
        assert names(reads.sensor_states(conn, ["gw-01.a"], after_change=1)) == []
        assert names(reads.sensor_states(conn, [])) == []


def test_fresh_hours_come_before_a_backlog(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        writes.mark_dirty(conn, {("gw.b", 5 * HOUR_MS), ("gw.a", 5 * HOUR_MS), ("gw.a", HOUR_MS)})
        found = [(one.hour_ms // HOUR_MS, one.sensor_id) for one in reads.dirty_hours(conn, 10)]
        assert (sorted(found[:2]), found[2:]) == ([(5, "gw.a"), (5, "gw.b")], [(1, "gw.a")])
        assert len(reads.dirty_hours(conn, 2)) == 2


def test_under_overload_no_sensor_starves(telemetry: Ledger) -> None:
    """Twelve sensors are marked again in every round and six are judged: after 60 rounds each has had its turn."""
    sensors = {f"gw.s{number:02}" for number in range(12)}
    served: set[str] = set()
    with telemetry.write() as conn:
        for _ in range(60):
            writes.mark_dirty(conn, {(sensor, 0) for sensor in sensors})
            judged = reads.dirty_hours(conn, 6)
            served |= {one.sensor_id for one in judged}
            assert judgement_writes.clear_dirty(conn, judged) == 6
    assert served == sensors


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "days"),
    [
        (0, DAY_MS, [0]),
        (0, DAY_MS + 1, [0, 1]),
        (DAY_MS - 1, DAY_MS, [0]),
        (DAY_MS, 3 * DAY_MS, [1, 2]),
        (3 * DAY_MS, 9 * DAY_MS, []),
    ],
)
def test_days_are_found_by_what_they_touch(telemetry: Ledger, from_ms: int, until_ms: int, days: list[int]) -> None:
    summaries = [
        msgspec.structs.replace(DAY, starts_at_ms=day * DAY_MS, ends_at_ms=(day + 1) * DAY_MS) for day in (2, 0, 1)
    ]
    with telemetry.write() as conn:
        writes.put_day_summaries(conn, summaries, 1)
        found = reads.day_summaries(conn, DAY.sensor, from_ms, until_ms)
        assert [one.starts_at_ms // DAY_MS for one in found] == days
        assert reads.day_summaries(conn, "gw-09.x", from_ms, until_ms) == []


def test_letters_come_newest_first_and_bounded(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        for at_ms in (1, 3, 2):
            writes.add_dead_letter(conn, "t", bytes([at_ms]), "bad_json", "d", at_ms)
        assert [one.last_at_ms for one in reads.dead_letters(conn, 10)] == [3, 2, 1]
        assert len(reads.dead_letters(conn, 1)) == 1
