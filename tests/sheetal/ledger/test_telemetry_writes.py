from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from sheetal.contracts.batch import AuxRow
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import judgement_writes
from sheetal.ledger import telemetry as reads
from sheetal.ledger import telemetry_writes as writes
from sheetal.ledger.telemetry_tables import aux_value, day_summary, sensor_state
from tests.sheetal.ledger.telemetry_rows import COVERAGE, DAY, STATE

if TYPE_CHECKING:
    from sheetal.contracts.batch import DaySummary
    from sheetal.ledger.connect import Ledger


def test_an_hour_is_marked_once_and_again(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        writes.mark_dirty(conn, [])
        writes.mark_dirty(conn, {("gw.a", HOUR_MS), ("gw.a", 0), ("gw.b", HOUR_MS)})
        before = {(one.sensor_id, one.hour_ms): one.marked for one in reads.dirty_hours(conn, 10)}
        writes.mark_dirty(conn, {("gw.a", 0)})
        after = {(one.sensor_id, one.hour_ms): one.marked for one in reads.dirty_hours(conn, 10)}
    assert before.keys() == after.keys() == {("gw.a", 0), ("gw.a", HOUR_MS), ("gw.b", HOUR_MS)}
    assert {key for key in after if after[key] != before[key]} == {("gw.a", 0)}


def test_a_judged_hour_goes_only_if_its_mark_is_unchanged(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        writes.mark_dirty(conn, {("gw.a", 0), ("gw.b", 0)})
        judged = reads.dirty_hours(conn, 10)
        writes.mark_dirty(conn, {("gw.b", 0)})
        assert judgement_writes.clear_dirty(conn, judged) == 1
        assert [one.sensor_id for one in reads.dirty_hours(conn, 10)] == ["gw.b"]


def test_an_hour_deleted_and_marked_anew_is_not_taken_for_the_old_one(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        writes.mark_dirty(conn, {("gw.a", 0)})
        judged = reads.dirty_hours(conn, 10)
        assert judgement_writes.clear_dirty(conn, judged) == 1
        writes.mark_dirty(conn, {("gw.a", 0)})
        assert judgement_writes.clear_dirty(conn, judged) == 0


def test_the_newest_sample_is_kept(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        assert writes.put_sensor_states(conn, []) == 0
        assert writes.put_sensor_states(conn, [STATE]) == 1
        older = STATE._replace(measured_at_ms=STATE.measured_at_ms - 1, centi_celsius=900)
        assert writes.put_sensor_states(conn, [older]) == 0
        same = STATE._replace(received_at_ms=STATE.received_at_ms + 5)
        assert writes.put_sensor_states(conn, [same]) == 1
        (kept,) = reads.sensor_states(conn)
    assert (kept.measured_at_ms, kept.centi_celsius) == (STATE.measured_at_ms, 450)
    assert kept.received_at_ms == STATE.received_at_ms + 5


def test_a_faulty_sample_has_no_value(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        writes.put_sensor_states(conn, [STATE._replace(centi_celsius=None, quality=2, clock_offset_ms=-5)])
        (kept,) = reads.sensor_states(conn)
    assert (kept.centi_celsius, kept.quality, kept.clock_offset_ms) == (None, 2, -5)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_the_newest_sample_wins_in_any_order(telemetry: Ledger, order: list[int]) -> None:
    with telemetry.write() as conn:
        conn.execute(delete(sensor_state))
        for step in order:
            writes.put_sensor_states(conn, [STATE._replace(measured_at_ms=1_000 + step, centi_celsius=step)])
        assert [state.centi_celsius for state in reads.sensor_states(conn)] == [5]


def test_coverage_widens_and_counts(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        writes.add_coverage(conn, [COVERAGE, replace(COVERAGE, boot=2)])
        writes.add_coverage(conn, [replace(COVERAGE, first_sequence=5, last_sequence=30, rows_stored=9)])
        writes.add_coverage(conn, [replace(COVERAGE, first_sequence=3, last_sequence=7, received_at_ms=1)])
        later, first = reads.coverages(conn, "gw-01")
        assert reads.coverages(conn, "gw-02") == []
    assert later.boot == 2
    assert (first.first_sequence, first.last_sequence) == (3, 30)
    assert (first.rows_stored, first.received_at_ms) == (COVERAGE.rows_stored * 2 + 9, COVERAGE.received_at_ms)


def test_of_two_values_for_one_instant_the_one_told_first_stands(telemetry: Ledger) -> None:
    told = [AuxRow(1, 1_000, "ilr1", "TAMB", 40.0), AuxRow(2, 1_000, "ilr1", "TAMB", 31.5)]
    with telemetry.write() as conn:
        assert writes.add_aux_values(conn, [("gw-01", 7, row) for row in told], 5) == 1
        assert conn.execute(aux_value.select()).one().value == 40.0


def test_a_value_beside_temperature_is_kept_once(telemetry: Ledger) -> None:
    first = AuxRow(1, 1_000, "ilr1", "TAMB", 31.5)
    other = AuxRow(2, 1_000, "ilr1", "TAMB", 40.0)
    with telemetry.write() as conn:
        assert writes.add_aux_values(conn, [], 5) == 0
        assert writes.add_aux_values(conn, [("gw-01", 7, first), ("gw-02", 7, first), ("gw-01", 7, first)], 5) == 2
        assert (
            writes.add_aux_values(conn, [("gw-01", 8, other), ("gw-01", 7, AuxRow(3, 2_000, "ilr1", "DORV", 1))], 6)
            == 1
        )
        kept = sorted(map(tuple, conn.execute(aux_value.select().where(aux_value.c.gateway_id == "gw-01"))))
    assert kept == [
        ("gw-01", "ilr1", "DORV", 2_000, 1.0, 7, 3, 6),
        ("gw-01", "ilr1", "TAMB", 1_000, 31.5, 7, 1, 5),
    ]


def test_thousands_of_hours_are_marked_at_once(telemetry: Ledger) -> None:
    hours = {(f"gw-{number:04d}.a", hour * HOUR_MS) for number in range(1_500) for hour in range(2)}
    with telemetry.write() as conn:
        writes.mark_dirty(conn, hours)
        before = {(one.sensor_id, one.hour_ms): one.marked for one in reads.dirty_hours(conn, 5_000)}
        writes.mark_dirty(conn, hours)
        after = {(one.sensor_id, one.hour_ms): one.marked for one in reads.dirty_hours(conn, 5_000)}
    assert before.keys() == after.keys() == hours
    assert all(after[key] != before[key] for key in hours)
    assert all(0 <= mark < 2**62 for mark in after.values())


def test_a_later_report_of_a_day_reaches_further(telemetry: Ledger) -> None:
    whole, half = DAY, day_until(DAY.starts_at_ms + DAY_MS // 2, 100)
    with telemetry.write() as conn:
        assert writes.put_day_summaries(conn, [half], 1) == 1
        assert writes.put_day_summaries(conn, [whole], 2) == 1
        assert writes.put_day_summaries(conn, [half], 3) == 0
        assert writes.put_day_summaries(conn, [whole], 4) == 0
        assert reads.day_summaries(conn, DAY.sensor, 0, 2 * DAY_MS) == [whole]
        assert conn.execute(day_summary.select()).one().complete is True


def test_another_report_of_the_same_day_adds_what_it_says_more(telemetry: Ledger) -> None:
    alarmed = msgspec.structs.replace(DAY, sequence=9, centi_celsius_min=-300, minutes_below=200, low_alarm_at_ms=500)
    with telemetry.write() as conn:
        assert writes.put_day_summaries(conn, [DAY], 1) == 1
        assert writes.put_day_summaries(conn, [alarmed], 2) == 1
        (kept,) = reads.day_summaries(conn, DAY.sensor, 0, DAY_MS)
        assert kept == msgspec.structs.replace(alarmed, sequence=DAY.sequence)
        for again in (DAY, alarmed, msgspec.structs.replace(alarmed, sequence=10)):
            assert writes.put_day_summaries(conn, [again], 3) == 0
        assert conn.execute(day_summary.select()).one().received_at_ms == 2


def test_one_batch_may_report_a_day_twice(telemetry: Ledger) -> None:
    alarmed = msgspec.structs.replace(DAY, high_alarm_at_ms=500)
    with telemetry.write() as conn:
        writes.put_day_summaries(conn, [alarmed, DAY], 1)
        assert reads.day_summaries(conn, DAY.sensor, 0, DAY_MS) == [alarmed]


def test_an_early_report_that_comes_late_says_nothing_of_the_time_since(telemetry: Ledger) -> None:
    """What it adds counts, but it has not seen the rest of the day."""
    early = msgspec.structs.replace(day_until(DAY_MS // 2, 1), low_alarm_at_ms=500)
    with telemetry.write() as conn:
        writes.put_day_summaries(conn, [DAY], 100)
        assert writes.put_day_summaries(conn, [early], 200) == 1
        (kept,) = reads.day_summaries(conn, DAY.sensor, 0, DAY_MS)
        assert (kept.ends_at_ms, kept.low_alarm_at_ms) == (DAY_MS, 500)
        assert conn.execute(day_summary.select()).one().received_at_ms == 100


def test_two_workers_reports_of_one_day_are_both_kept(telemetry: Ledger) -> None:
    low, high = (msgspec.structs.replace(DAY, **{f"{side}_alarm_at_ms": 500}) for side in ("low", "high"))

    def put_high() -> None:
        with telemetry.write() as other:
            writes.put_day_summaries(other, [high], 2)

    with telemetry.write() as conn:
        writes.put_day_summaries(conn, [low], 1)
        waiting = threading.Thread(target=put_high)
        waiting.start()
        time.sleep(0.2)
    waiting.join()
    with telemetry.read() as conn:
        (kept,) = reads.day_summaries(conn, DAY.sensor, 0, DAY_MS)
    assert (kept.low_alarm_at_ms, kept.high_alarm_at_ms) == (500, 500)


def day_until(ends_at_ms: int, sequence: int) -> DaySummary:
    return msgspec.structs.replace(DAY, ends_at_ms=ends_at_ms, sequence=sequence)


@pytest.mark.parametrize(("hours", "complete"), [(22, False), (23, True), (24, True), (25, True)])
def test_a_day_has_23_hours_at_least(telemetry: Ledger, hours: int, complete: object) -> None:
    with telemetry.write() as conn:
        writes.put_day_summaries(conn, [day_until(DAY.starts_at_ms + hours * HOUR_MS, 1)], 1)
        assert conn.execute(day_summary.select()).one().complete is complete
