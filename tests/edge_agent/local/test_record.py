from __future__ import annotations

import itertools
from datetime import date
from typing import TYPE_CHECKING

import pytest

from edge_agent.local.days import Rule, instant
from edge_agent.local.memory import OutboxMemory
from edge_agent.local.record import GRACE_MS, KEEP_MS, Entry, Record, read, revised
from edge_agent.sample import Sample
from tests.edge_agent.kit import MINUTE_MS
from tests.edge_agent.local.kit import INDIA, FakeMemory

if TYPE_CHECKING:
    from edge_agent.outbox.outbox import Outbox

DAY = date(2026, 11, 23)
NINE_MS, SIXTEEN_MS = instant(DAY, 9, INDIA), instant(DAY, 16, INDIA)
RULE = Rule(200, 800, 3 * MINUTE_MS)
SENSOR = "gw-t.a"


class Clock:
    def __init__(self, at_ms: int | None) -> None:
        self.at_ms = at_ms
        self.turn = 0

    def __call__(self) -> int | None:
        return self.at_ms

    def monotonic_ms(self) -> int:
        self.turn += 1
        return self.turn * 60_000


@pytest.fixture
def memory() -> FakeMemory:
    return FakeMemory()


@pytest.fixture
def clock() -> Clock:
    return Clock(SIXTEEN_MS + GRACE_MS)


def made(memory: FakeMemory, clock: Clock, *sensors: str) -> Record:
    return Record(memory, memory, lambda: dict.fromkeys(sensors or (SENSOR,), RULE), (9, 16), INDIA, clock)


def work(record: Record, clock: Clock, turns: int = 40) -> None:
    for _ in range(turns):
        record.work(clock.monotonic_ms())


def fill(memory: FakeMemory, from_ms: int, until_ms: int, value: int = 450, sensor: str = SENSOR) -> None:
    for at_ms in range(from_ms, until_ms, MINUTE_MS):
        memory.put(sensor, at_ms, value)


def test_a_period_is_closed_when_it_is_over_and_not_before(memory: FakeMemory, clock: Clock) -> None:
    fill(memory, NINE_MS, SIXTEEN_MS)
    memory.put(SENSOR, NINE_MS + 30_000, 310)
    memory.put(SENSOR, NINE_MS + 90_000, 790)
    record = made(memory, clock)
    clock.at_ms = SIXTEEN_MS + GRACE_MS - 1
    work(record, clock)
    assert record.entries(SENSOR) == []
    clock.at_ms = SIXTEEN_MS + GRACE_MS
    work(record, clock)
    [entry] = record.entries(SENSOR)
    assert (entry.from_ms, entry.until_ms, entry.low, entry.high) == (NINE_MS, SIXTEEN_MS, 310, 790)
    assert (entry.closed_at_ms, entry.revised_at_ms, entry.rows) == (clock.at_ms, None, 422)
    assert entry.unknown_ms == MINUTE_MS


def test_it_is_kept_over_a_restart_and_closed_once(memory: FakeMemory, clock: Clock) -> None:
    fill(memory, NINE_MS, SIXTEEN_MS)
    work(made(memory, clock), clock)
    again = made(memory, clock)
    before = again.entries(SENSOR)
    clock.at_ms = SIXTEEN_MS + 2 * GRACE_MS
    work(again, clock)
    assert again.entries(SENSOR) == before
    assert len(before) == 1


def test_a_period_without_any_reading_is_an_entry_without_values(memory: FakeMemory, clock: Clock) -> None:
    fill(memory, NINE_MS, NINE_MS + 60 * MINUTE_MS)
    clock.at_ms = instant(date(2026, 11, 25), 12, INDIA)
    record = made(memory, clock)
    work(record, clock)
    entries = record.entries(SENSOR)
    assert [entry.low for entry in entries] == [450, None, None, None]
    assert all(before.until_ms == after.from_ms for before, after in itertools.pairwise(entries))
    assert entries[1].unknown_ms == entries[1].until_ms - entries[1].from_ms


def test_late_readings_mark_the_entry_which_keeps_what_it_said_first(memory: FakeMemory, clock: Clock) -> None:
    fill(memory, NINE_MS, SIXTEEN_MS - 60 * MINUTE_MS)
    record = made(memory, clock)
    work(record, clock)
    [first] = record.entries(SENSOR)
    fill(memory, SIXTEEN_MS - 60 * MINUTE_MS, SIXTEEN_MS, 960)
    assert clock.at_ms is not None
    clock.at_ms += 5 * MINUTE_MS
    work(record, clock)
    [entry] = record.entries(SENSOR)
    assert (entry.low, entry.high, entry.revised_at_ms) == (450, 960, clock.at_ms)
    assert (entry.first_low, entry.first_high) == (450, 450)
    assert entry.closed_at_ms == first.closed_at_ms
    assert made(memory, clock).entries(SENSOR) == [entry]
    memory.put(SENSOR, NINE_MS + 1, -300)
    clock.at_ms += 5 * MINUTE_MS
    work(record, clock)
    [again] = record.entries(SENSOR)
    assert (again.low, again.first_low, again.first_high) == (-300, 450, 450)


def test_old_entries_are_looked_at_again_too(memory: FakeMemory, clock: Clock) -> None:
    begin_ms = NINE_MS - 10 * 86_400_000
    fill(memory, begin_ms, begin_ms + 60 * MINUTE_MS)
    record = made(memory, clock)
    work(record, clock)
    assert len(record.entries(SENSOR)) == 21
    fill(memory, begin_ms + 3 * 86_400_000, begin_ms + 3 * 86_400_000 + 60 * MINUTE_MS, 990)
    work(record, clock, 200)
    marked = [entry for entry in record.entries(SENSOR) if entry.revised_at_ms is not None]
    assert [(entry.low, entry.first_low) for entry in marked] == [(990, None)]


def test_forgotten_readings_change_nothing(memory: FakeMemory, clock: Clock) -> None:
    fill(memory, NINE_MS, SIXTEEN_MS)
    record = made(memory, clock)
    work(record, clock)
    before = record.entries(SENSOR)
    memory.rows[SENSOR] = memory.rows[SENSOR][:5]
    work(record, clock)
    assert record.entries(SENSOR) == before


def test_entries_are_forgotten_after_sixty_days(memory: FakeMemory, clock: Clock) -> None:
    old = Entry(NINE_MS - KEEP_MS - 10**8, NINE_MS - KEEP_MS - 10**7, 1, 2, 0, 9, 0)
    last = Entry(NINE_MS - 17 * 60 * MINUTE_MS, NINE_MS, 1, 2, 0, 9, 0)
    record = made(memory, clock)
    record._keep(SENSOR, [old, last])
    work(record, clock)
    entries = record.entries(SENSOR)
    assert old not in entries
    assert entries[0] == last
    assert len(entries) == 2


def test_no_record_is_made_without_a_clock(memory: FakeMemory, clock: Clock) -> None:
    fill(memory, NINE_MS, SIXTEEN_MS)
    clock.at_ms = None
    record = made(memory, clock)
    work(record, clock)
    assert record.entries(SENSOR) == []
    assert memory.asked == 0


def test_each_sensor_has_its_own_and_a_silent_one_has_none(memory: FakeMemory, clock: Clock) -> None:
    fill(memory, NINE_MS, SIXTEEN_MS)
    fill(memory, NINE_MS, SIXTEEN_MS, 700, "gw-t.b")
    record = made(memory, clock, SENSOR, "gw-t.b", "gw-t.silent")
    work(record, clock)
    assert [len(record.entries(sensor)) for sensor in (SENSOR, "gw-t.b", "gw-t.silent")] == [1, 1, 0]
    assert record.entries("gw-t.b")[0].low == 700


def test_an_idle_turn_asks_little(memory: FakeMemory, clock: Clock) -> None:
    fill(memory, NINE_MS, SIXTEEN_MS)
    record = made(memory, clock)
    work(record, clock)
    before = memory.asked
    for second in range(100):
        record.work(clock.turn * 60_000 + second * 300)
    assert memory.asked - before <= 12


def test_a_damaged_record_begins_anew(memory: FakeMemory, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    memory.marks[f"record/{SENSOR}"] = "[[1,"
    assert made(memory, clock).entries(SENSOR) == []
    assert "begins anew" in caplog.text


def test_nothing_to_watch_is_nothing_to_do(memory: FakeMemory, clock: Clock) -> None:
    record = Record(memory, memory, dict, (9, 16), INDIA, clock)
    work(record, clock)
    assert memory.marks == {}


def test_a_revision_never_narrows_an_entry() -> None:
    was = Entry(0, 1, 100, 900, 5, 9, 7)
    now = Entry(0, 1, 200, 800, 0, 12, 9)
    assert revised(was, now, 9) == Entry(0, 1, 100, 900, 0, 12, 7, 9, 100, 900)


def test_the_real_outbox_serves_it(outbox: Outbox, clock: Clock) -> None:
    outbox.add_rows([Sample(SENSOR, NINE_MS + minute * MINUTE_MS, 400 + minute, 0) for minute in range(300)])
    memory = OutboxMemory(outbox)
    record = Record(memory, memory, lambda: {SENSOR: RULE}, (9, 16), INDIA, clock)
    work(record, clock)
    [entry] = record.entries(SENSOR)
    assert (entry.low, entry.high, entry.rows) == (400, 699, 300)
    again = Record(memory, memory, lambda: {SENSOR: RULE}, (9, 16), INDIA, clock)
    assert again.entries(SENSOR) == [entry]
    story = read(memory, SENSOR, NINE_MS, SIXTEEN_MS, RULE)
    assert (story.low, story.high) == (400, 699)
