from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.conflicts import Conflict, StoredThrough, by_sensor
from ingest.writer import Writer
from sheetal.contracts.problem import Unavailable
from sheetal.readings.memory import MemoryReadings
from sheetal.readings.sqlite import SqliteReadings
from tests.ingest.given import NOW_MS, SENSOR, reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ingest.writer import Written
    from sheetal.contracts.reading import Reading
    from sheetal.readings.port import WriteResult

MINUTE = 60_000


class WatchedReadings(SqliteReadings):
    """The real store; counts what it is asked and fails when told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reads = 0
        self.looks: list[tuple[list[str], int]] = []
        self.writes = 0
        self.is_away = False
        self.dies_after_write = False

    def read_many(self, spans: Sequence[tuple[str, int, int]]) -> list[Reading]:
        self.reads += 1
        return super().read_many(spans)

    def newest_ms(self, sensors: Sequence[str], start_ms: int, end_ms: int) -> dict[str, int]:
        self.looks.append((list(sensors), start_ms))
        return super().newest_ms(sensors, start_ms, end_ms)

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        self.writes += 1
        if self.is_away:
            raise Unavailable("away")
        result = super().write(batch)
        if self.dies_after_write:
            raise Unavailable("no answer came")
        return result


class ShowsTooEarly(MemoryReadings):
    """A store that shows rows of a write that never reached its disk, as InfluxDB 1.x does."""

    def __init__(self) -> None:
        super().__init__()
        self.capabilities = super().capabilities._replace(reads_are_durable=False)
        self.is_full = False
        self.durable: list[Reading] = []

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        result = super().write(batch)
        if self.is_full:
            raise Unavailable("no space left on device")
        self.durable += batch
        return result


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WatchedReadings]:
    made = WatchedReadings(tmp_path / "readings.db")
    yield made
    made.close()


@pytest.fixture
def writer(store: WatchedReadings) -> Writer:
    return Writer(store, lambda: True)


def at(minute: int, centi: int = 450, *, sensor: str = SENSOR) -> Reading:
    return reading(NOW_MS + minute * MINUTE, centi, sensor=sensor, sequence=abs(minute))


def stored(store: SqliteReadings) -> list[Reading]:
    return store.read(SENSOR, 0, NOW_MS * 2)


def stored_in(store: MemoryReadings) -> list[Reading]:
    return store.read(SENSOR, 0, NOW_MS * 2)


def test_fresh_rows_go_blind_after_the_first_sight(store: WatchedReadings, writer: Writer) -> None:
    writer.write([at(0)], NOW_MS)
    reads = store.reads
    for minute in range(1, 20):
        assert writer.write([at(minute)], NOW_MS).new == [at(minute)]
    assert store.reads == reads
    assert len(stored(store)) == 20


def test_years_of_a_stopped_clock_are_not_looked_through(store: WatchedReadings, writer: Writer) -> None:
    years = -10 * 365 * 24 * 60
    old = [at(years, sensor=f"{SENSOR}-{number}") for number in range(3)]
    assert writer.write([*old, at(0)], NOW_MS).new == [*old, at(0)]
    assert writer.write(old, NOW_MS).repeated == old
    assert store.looks == [([SENSOR], NOW_MS)]


def test_history_is_compared_until_a_fresh_row_tells_what_is_newest(store: WatchedReadings, writer: Writer) -> None:
    week = 8 * 24 * 60
    writer.write([at(-week)], NOW_MS)
    store.write([at(1 - week, 400)])
    assert writer.write([at(1 - week, 999)], NOW_MS).conflicting
    writer.write([at(0)], NOW_MS)
    reads = store.reads
    writer.write([at(1)], NOW_MS)
    assert store.reads == reads
    assert writer.write([at(2 - week), at(1 - week, 999)], NOW_MS).conflicting


def test_a_repeated_row_is_a_no_op_and_durable(store: WatchedReadings, writer: Writer) -> None:
    writer.write([at(0), at(1)], NOW_MS)
    again = writer.write([at(1), at(2)], NOW_MS)
    assert (again.repeated, again.new) == ([at(1)], [at(2)])
    assert again.instants == by_sensor([at(1), at(2)])
    assert stored(store) == [at(0), at(1), at(2)]


def test_a_conflicting_row_leaves_the_original(store: WatchedReadings, writer: Writer) -> None:
    writer.write([at(0, 400)], NOW_MS)
    found = writer.write([at(0, 999)], NOW_MS)
    assert found.conflicting == [Conflict(at(0, 400), at(0, 999))]
    assert found.instants == by_sensor([at(0, 999)])
    assert stored(store) == [at(0, 400)]


def test_a_restarted_worker_finds_conflicts_with_what_another_stored(store: WatchedReadings) -> None:
    Writer(store, lambda: True).write([at(minute) for minute in range(10)], NOW_MS)
    fresh = Writer(store, lambda: True)
    assert fresh.write([at(3, 999)], NOW_MS).conflicting
    # Minute 3 is not the newest there is, so the later ones must not be taken for new.
    assert fresh.write([at(7, 999)], NOW_MS).conflicting
    assert fresh.write([at(10)], NOW_MS).new
    assert [one.centi_celsius for one in stored(store)] == [450] * 11


def test_backlog_behind_fresh_rows_is_read_back(store: WatchedReadings, writer: Writer) -> None:
    writer.write([at(100)], NOW_MS)
    assert writer.write([at(50), at(51)], NOW_MS).new == [at(50), at(51)]
    assert writer.write([at(51, 999)], NOW_MS).conflicting
    assert len(stored(store)) == 3


def test_while_another_worker_lives_nothing_goes_blind(store: WatchedReadings) -> None:
    alone = True
    mine, other = Writer(store, lambda: alone), Writer(store, lambda: alone)
    mine.write([at(0)], NOW_MS)
    alone = False
    other.write([at(1, 400)], NOW_MS)
    assert mine.write([at(1, 999)], NOW_MS).conflicting == [Conflict(at(1, 400), at(1, 999))]


def test_an_absent_store_is_reported_and_the_same_call_may_be_repeated(store: WatchedReadings, writer: Writer) -> None:
    store.is_away = True
    with pytest.raises(Unavailable):
        writer.write([at(0)], NOW_MS)
    store.is_away, store.dies_after_write = False, True
    with pytest.raises(Unavailable):
        writer.write([at(0), at(1)], NOW_MS)
    store.dies_after_write = False
    assert writer.write([at(0), at(1)], NOW_MS).instants == by_sensor([at(0), at(1)])
    assert stored(store) == [at(0), at(1)]


def test_rows_the_store_refuses_are_told_apart_with_all_that_hang_on_them(
    store: WatchedReadings, writer: Writer
) -> None:
    bad = at(5, 99_999)
    found = writer.write([at(4), bad, bad, at(5, 450), at(6)], NOW_MS)
    assert found.new == [at(4), at(6)]
    assert (found.repeated, found.conflicting) == ([], [])
    assert [one for one, _ in found.refused] == [bad, bad, at(5, 450)]
    assert {reason for _, reason in found.refused} == {"implausible"}
    assert stored(store) == [at(4), at(6)]


def test_more_than_one_request_of_rows_is_written_whole(store: WatchedReadings, writer: Writer) -> None:
    rows = [at(minute) for minute in range(12_001)]
    assert len(writer.write(rows, NOW_MS + 10**9).new) == 12_001
    assert len(stored(store)) == 12_001


def test_a_row_that_can_be_read_though_its_write_failed_is_written_again_before_it_is_called_durable() -> None:
    store = ShowsTooEarly()
    writer = Writer(store, lambda: True)
    store.is_full = True
    with pytest.raises(Unavailable):
        writer.write([at(0), at(1)], NOW_MS)
    store.is_full = False
    assert writer.write([at(0), at(1)], NOW_MS).repeated == [at(0), at(1)]
    assert store.durable == [at(0), at(1)]


def test_the_original_of_a_conflict_is_written_again_too_and_stays() -> None:
    store = ShowsTooEarly()
    writer = Writer(store, lambda: True)
    store.is_full = True
    with pytest.raises(Unavailable):
        writer.write([at(0, 400)], NOW_MS)
    store.is_full = False
    found = writer.write([at(0, 999), at(5)], NOW_MS)
    assert found.conflicting == [Conflict(at(0, 400), at(0, 999))]
    assert sorted(store.durable) == [at(0, 400), at(5)]


def test_rows_read_back_beside_the_offered_ones_are_left_alone() -> None:
    store = ShowsTooEarly()
    Writer(store, lambda: True).write([at(0), at(1), at(2)], NOW_MS)
    store.durable.clear()
    Writer(store, lambda: True).write([at(0), at(2)], NOW_MS)
    assert store.durable == [at(0), at(2)]


def test_a_store_whose_reads_are_durable_is_not_written_twice(store: WatchedReadings, writer: Writer) -> None:
    writer.write([at(0), at(1)], NOW_MS)
    store.writes = 0
    assert len(Writer(store, lambda: True).write([at(0), at(1)], NOW_MS).repeated) == 2
    assert store.writes == 0


class Gated(MemoryReadings):
    """A store whose writes wait to be let through, one by one, and are noted as they begin."""

    def __init__(self) -> None:
        super().__init__()
        self.began: list[list[Reading]] = []
        self.gates: list[threading.Event] = []
        self._notes = threading.Lock()
        self.is_open = True

    def write(self, batch: Sequence[Reading]) -> WriteResult:
        gate = threading.Event()
        with self._notes:
            self.began.append(list(batch))
            self.gates.append(gate)
        if not self.is_open:
            assert gate.wait(30)
        return super().write(batch)


def begin(writer: Writer, rows: list[Reading]) -> tuple[threading.Thread, list[Written]]:
    found: list[Written] = []
    thread = threading.Thread(target=lambda: found.append(writer.write(rows, NOW_MS)), daemon=True)
    thread.start()
    return thread, found


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def gated() -> Gated:
    return Gated()


@pytest.fixture
def gated_writer(gated: Gated) -> Writer:
    writer = Writer(gated, lambda: True)
    writer.write([at(0), at(0, sensor="gw-01.b")], NOW_MS)
    gated.is_open = False
    return writer


def test_fresh_rows_of_two_calls_go_side_by_side(gated: Gated, gated_writer: Writer) -> None:
    one, _ = begin(gated_writer, [at(1)])
    other, _ = begin(gated_writer, [at(2)])
    until(lambda: len(gated.began) == 3)
    for gate in gated.gates:
        gate.set()
    one.join(20)
    other.join(20)
    assert stored_in(gated) == [at(0), at(1), at(2)]


def test_a_row_that_another_call_is_still_writing_is_compared_when_it_stands(
    gated: Gated, gated_writer: Writer
) -> None:
    one, first = begin(gated_writer, [at(1, 400)])
    until(lambda: len(gated.began) == 2)
    other, second = begin(gated_writer, [at(1, 999)])
    time.sleep(0.2)
    assert len(gated.began) == 2, "the second waits"
    for gate in gated.gates:
        gate.set()
    one.join(20)
    other.join(20)
    assert first[0].new == [at(1, 400)]
    assert second[0].conflicting == [Conflict(at(1, 400), at(1, 999))]
    assert stored_in(gated) == [at(0), at(1, 400)]


def test_nobody_overtakes_one_that_waits_to_compare(gated: Gated, gated_writer: Writer) -> None:
    one, _ = begin(gated_writer, [at(1)])
    until(lambda: len(gated.began) == 2)
    waiting, found = begin(gated_writer, [at(1), at(3, sensor="gw-01.b")])
    time.sleep(0.1)
    late, overtaken = begin(gated_writer, [at(3, 999, sensor="gw-01.b")])
    time.sleep(0.2)
    assert len(gated.began) == 2
    gated.is_open = True
    gated.gates[1].set()
    for thread in (one, waiting, late):
        thread.join(20)
    assert found[0].repeated == [at(1)]
    assert overtaken[0].conflicting == [Conflict(at(3, sensor="gw-01.b"), at(3, 999, sensor="gw-01.b"))]


def test_a_fresh_write_that_failed_is_compared_when_it_comes_again(store: WatchedReadings, writer: Writer) -> None:
    writer.write([at(0)], NOW_MS)
    store.is_away = True
    with pytest.raises(Unavailable):
        writer.write([at(1)], NOW_MS)
    store.is_away = False
    assert writer.write([at(1, 999)], NOW_MS).new == [at(1, 999)], "the first never stood"
    assert writer.write([at(1)], NOW_MS).conflicting


def test_nothing_is_nothing(writer: Writer) -> None:
    assert writer.write([], NOW_MS) == ([], [], [], [], {})


batches = st.lists(
    st.lists(st.builds(at, st.integers(-60, 60), st.integers(400, 401), sensor=st.sampled_from([SENSOR, "gw-01.b"]))),
    max_size=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches, st.integers(1, 3), st.sets(st.integers(0, 7)))
def test_whatever_the_order_the_first_of_every_key_stays(
    offered: list[list[Reading]], sensors_max: int, restarts: set[int]
) -> None:
    store = MemoryReadings()
    writer = Writer(store, lambda: True, StoredThrough(sensors_max))
    first: dict[tuple[str, int], Reading] = {}
    for number, rows in enumerate(offered):
        if number in restarts:
            writer = Writer(store, lambda: True, StoredThrough(sensors_max))
        found = writer.write(rows, NOW_MS)
        assert found.instants == by_sensor(rows)
        for row in rows:
            kept = first.setdefault((row.sensor, row.measured_at_ms), row)
            is_conflict = any(conflict.offered == row for conflict in found.conflicting)
            assert is_conflict == (kept.centi_celsius != row.centi_celsius)
    held = [one for sensor in (SENSOR, "gw-01.b") for one in store.read(sensor, 0, NOW_MS * 2)]
    assert sorted(held) == sorted(first.values())
