from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from sheetal.contracts.batch import AuxRow, ThinnedSpan, UnplacedRow
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.ledger import judgement_writes, telemetry_letters
from sheetal.ledger import telemetry as reads
from sheetal.ledger import telemetry_writes as writes
from tests.sheetal.ledger.telemetry_rows import DAY, STATE

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


@pytest.fixture
def three_sensors(telemetry: Ledger) -> Ledger:
    for name in ("gw-01.a", "gw-01.b", "gw-02.c"):
        with telemetry.write() as conn:
            writes.put_sensor_states(conn, [STATE._replace(sensor_id=name)])
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


def letter(payload: bytes, reason: str = "bad_json") -> writes.DeadLetterRow:
    return writes.DeadLetterRow(None, "t", payload, reason, "d")


def test_letters_come_newest_first_and_bounded(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        for at_ms in (1, 3, 2):
            writes.add_dead_letters(conn, [letter(bytes([at_ms]))], at_ms)
        assert [one.last_at_ms for one in reads.dead_letters(conn, 10)] == [3, 2, 1]
        assert len(reads.dead_letters(conn, 1)) == 1


def test_letters_can_be_walked_over_by_reason_and_topic(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        for number in range(6):
            topic = f"cc/v1/gw-0{number % 2}/data"
            one = letter(bytes([number]), ("bad_json", "wrong_mac")[number // 3])
            writes.add_dead_letters(conn, [one._replace(topic=topic)], 5)
        page = reads.letters_after(conn, 0, 4)
        rest = reads.letters_after(conn, page[-1].id, 4)
        assert [one.head for one in (*page, *rest)] == [bytes([number]) for number in range(6)]
        assert {one.head for one in reads.letters_after(conn, 0, 9, reason="wrong_mac")} == {b"\3", b"\4", b"\5"}
        both = reads.letters_after(conn, 0, 9, reason="wrong_mac", topic="cc/v1/gw-01/data")
        assert [one.head for one in both] == [b"\3", b"\5"]


def test_letters_that_went_are_counted_the_latest_first(telemetry: Ledger) -> None:
    with telemetry.write() as conn:
        for at_ms, gateway in ((5, "gw-01"), (6, None)):
            letters = [
                writes.DeadLetterRow(gateway, "t", f"{gateway} {n}".encode(), "bad_json", "") for n in range(300)
            ]
            telemetry_letters.add_dead_letters(conn, letters, at_ms, telemetry_letters.Room(0, 0))
        assert reads.dropped_letters(conn) == [("", "bad_json", 300, 6), ("gw-01", "bad_json", 300, 5)]
        assert len(reads.dropped_letters(conn, 1)) == 1


def test_values_beside_temperature_are_found_by_channel_and_span(telemetry: Ledger) -> None:
    rows = [AuxRow(number, 1_000 * number, "ilr1", "TAMB", number / 2) for number in range(1, 8)]
    others = [AuxRow(9, 3_000, "ilr2", "TAMB", 9.0), AuxRow(9, 3_000, "ilr1", "DORV", 9.0)]
    channel = reads.Channel("gw-01", "ilr1", "TAMB")
    with telemetry.write() as conn:
        writes.add_aux_values(conn, [("gw-01", 7, row) for row in (*rows, *others)], 9_000)
        writes.add_aux_values(conn, [("gw-02", 7, rows[2])], 9_000)
        found = reads.aux_values(conn, channel, 2_000, 6_000, 100)
        assert [(one.measured_at_ms, one.value) for one in found] == [
            (2_000, 1),
            (3_000, 1.5),
            (4_000, 2),
            (5_000, 2.5),
        ]
        assert found[0] == (2_000, 1.0, 7, 2, 9_000)
        assert [one.measured_at_ms for one in reads.aux_values(conn, channel, 0, 9_000, 2)] == [6_000, 7_000]
        assert reads.aux_values(conn, channel._replace(field="SVA"), 0, 9_000, 2) == []


def test_rows_without_an_instant_come_in_the_order_of_their_boots_and_moments(telemetry: Ledger) -> None:
    rows = [(2, UnplacedRow(1, 10, "gw-01.a", 450, 0)), (1, UnplacedRow(9, 70, "gw-01.a", None, 2))]
    rows += [(1, UnplacedRow(8, 90, "gw-01.a", 440, 0)), (1, UnplacedRow(7, 5, "gw-01.b", 430, 0))]
    with telemetry.write() as conn:
        assert writes.add_unplaced_rows(conn, rows, 7_000) == 4
        assert writes.add_unplaced_rows(conn, rows, 8_000) == 0
        assert writes.contradicting(conn, rows, []) == []
        other = msgspec.structs.replace(rows[0][1], monotonic_ms=rows[0][1].monotonic_ms + 1)
        assert writes.contradicting(conn, [(rows[0][0], other), *rows[1:]], []) == [other]
        found = reads.unplaced_rows(conn, "gw-01.a", 10)
        assert len(reads.unplaced_rows(conn, "gw-01.a", 2)) == 2
    assert [(one.boot, one.sequence, one.monotonic_ms, one.centi_celsius) for one in found] == [
        (1, 9, 70, None),
        (1, 8, 90, 440),
        (2, 1, 10, 450),
    ]
    assert {one.received_at_ms for one in found} == {7_000}


def test_thinned_spans_are_found_by_any_instant_they_touch(telemetry: Ledger) -> None:
    span = ThinnedSpan(
        sequence=1,
        sensor="gw-01.a",
        starts_at_ms=1_000,
        ends_at_ms=2_000,
        centi_celsius_min=400,
        centi_celsius_max=500,
        centi_celsius_mean=450,
        rows=5,
        covers_boot=3,
        covers=[(4, 6), (8, 9)],
    )
    with telemetry.write() as conn:
        assert writes.add_thinned_spans(conn, [span, msgspec.structs.replace(span, sensor="gw-01.b")], 7_000) == 2
        assert writes.add_thinned_spans(conn, [span], 8_000) == 0
        longer = msgspec.structs.replace(span, ends_at_ms=span.ends_at_ms + 1)
        assert writes.contradicting(conn, [], [span, longer]) == [longer]
        assert [reads.thinned_spans(conn, "gw-01.a", *bounds) for bounds in ((0, 1_000), (2_001, 9_000))] == [[], []]
        (found,) = reads.thinned_spans(conn, "gw-01.a", 2_000, 9_000)
    assert (found.rows, found.covers, found.centi_celsius_mean) == (5, [(4, 6), (8, 9)], 450)
