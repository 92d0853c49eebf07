from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.outbox.bounds import Bound, Freed, Need, OutboxFull, Room, bytes_used, thin_quarter
from edge_agent.outbox.outbox import Intake, Outbox
from edge_agent.outbox.parcel import AUX, QUARTER_MS, ROW, THINNED, Item, spans
from edge_agent.outbox.schema import open_file
from edge_agent.sample import AuxSample, Sample
from sheetal.contracts.batch import Ack, RefusedRange
from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, SENSOR, T0_MS, sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LATER_MS = T0_MS + 10**10
SOME_DAY_MS = T0_MS - T0_MS % QUARTER_MS


def small(path: Path, rows_max: int = 1_000, **more: int) -> Outbox:
    return Outbox(path / "o.db", clock=lambda: LATER_MS, rows_max=rows_max, **more)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Outbox]:
    opened = small(tmp_path)
    yield opened
    opened.close()


def rows(first: int, last: int, *, notable: bool = False) -> list[Sample]:
    return [sample(number, 900 if notable else 450, notable=notable) for number in range(first, last)]


def everything(box: Outbox) -> list[Item]:
    items: list[Item] = []
    on_way: set[tuple[int, int]] = set()
    while parcel := box.next_batch(LATER_MS + 10**9, in_flight=on_way):
        items += parcel.items
        on_way |= parcel.keys
    box.next_batch(LATER_MS + 10**9, backlog=False)
    return items


def fill(box: Outbox, *intakes: list[Sample], size: int = 20) -> None:
    """Adds rows a few at a time, as they are measured."""
    for intake in intakes:
        for first in range(0, len(intake), size):
            box.add_rows(intake[first : first + size])


def alarm() -> DeviceAlarm:
    return DeviceAlarm(
        alarm="a",
        gateway=GATEWAY,
        boot=1,
        sensor=SENSOR,
        kind=AlarmKind.HEAT,
        began_at_ms=1,
        fired_at_ms=2,
        cleared_at_ms=None,
        extreme_centi_celsius=900,
        limit_centi_celsius=800,
        limit_minutes=600,
    )


def test_delivered_items_go_first_and_the_oldest_of_them(box: Outbox) -> None:
    fill(box, rows(0, 900))
    box.apply_ack(Ack(gateway=GATEWAY, boot=box.boot, stored=[(101, 400)]))
    fill(box, rows(900, 1_200))
    counts = box.counts()
    assert (counts.pending, counts.thinned, counts.dropped) == (900, 0, 0)
    assert 60 <= counts.delivered <= 100
    left = box.history(SENSOR, T0_MS, LATER_MS, 10_000)
    missing = set(range(1_200)) - {(one.measured_at_ms - T0_MS) // MINUTE_MS for one in left}
    assert missing == set(range(100, 100 + len(missing)))


def test_refused_items_go_next(box: Outbox) -> None:
    fill(box, rows(0, 900))
    boot = box.boot
    box.apply_ack(Ack(gateway=GATEWAY, boot=boot, stored=[(1, 10)], refused=[RefusedRange(11, 60, "implausible")]))
    fill(box, rows(900, 1_020))
    counts = box.counts()
    assert (counts.pending, counts.delivered, counts.thinned) == (960, 0, 0)
    assert 10 <= counts.refused < 50


def test_then_the_oldest_quarters_are_thinned_and_what_is_notable_stays(
    box: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        fill(box, rows(0, 100, notable=True), rows(100, 2_000))
    counts = box.counts()
    assert counts.dropped == 0
    assert counts.pending <= 1_020
    items = everything(box)
    assert sum(item.notable and item.kind == ROW for item in items) == 100
    told = [spans.decode(item.body or b"") for item in items if item.kind == THINNED]
    assert sum(span.rows for span in told) == counts.thinned
    plain = {item.measured_at_ms for item in items if item.kind == ROW}
    newest = [sample(number).measured_at_ms for number in range(1_450, 2_000)]
    assert plain.issuperset(newest)
    assert "thinned" in caplog.text


def test_the_first_and_the_last_reading_of_a_quarter_stay(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection:
        stamps = [SOME_DAY_MS + minute * MINUTE_MS for minute in range(30)]
        connection.executemany(
            "INSERT INTO item (boot, sequence, kind, source, field, measured_at_ms, value, quality, notable,"
            " added_at_ms) VALUES (5, ?, 'row', 'g.s', '', ?, ?, 0, 0, 0)",
            [(number, stamp, 400 + number) for number, stamp in enumerate(stamps, start=1)],
        )
        freed = thin_quarter(connection, SOME_DAY_MS, Need(boot=6, sequence=40, at_ms=LATER_MS, on_way=()))
        assert freed == Freed(thinned=13, spans=1)
        assert freed.rows == 12
        left = connection.execute("SELECT boot, sequence, kind FROM item ORDER BY boot, sequence").fetchall()
    assert left == [(5, 1, ROW), *((5, number, ROW) for number in range(15, 31)), (6, 41, THINNED)]


def test_aux_values_are_dropped_and_counted_but_not_a_door(box: Outbox) -> None:
    def said(number: int, field: str, *, notable: bool = False) -> AuxSample:
        return AuxSample(f"{GATEWAY}.ILR-1", T0_MS + number * MINUTE_MS, field, number, notable)

    for number in range(1_500):
        box.add(Intake(aux=[said(number, "TAMB"), said(number, "DORV", notable=True)][: 2 if number % 5 == 0 else 1]))
    counts = box.counts()
    assert counts.pending <= 1_000
    items = everything(box)
    assert len([item for item in items if item.field == "DORV"]) == 300
    assert all(item.kind == AUX for item in items)
    assert counts.dropped == 1_800 - counts.pending


def test_when_only_what_must_stay_is_left_new_intake_is_refused_and_counted(tmp_path: Path) -> None:
    box = small(tmp_path)
    with pytest.raises(OutboxFull) as full:
        fill(box, rows(0, 5_000, notable=True))
    assert isinstance(full.value, sqlite3.Error)
    assert (full.value.rows, full.value.bound.rows_max) == (1_000, 1_000)
    assert full.value.size_bytes == box.counts().bytes
    for _ in range(3):
        with pytest.raises(OutboxFull, match="1000 items of 1000"):
            box.add_rows(rows(9_000, 9_001))
    counts = box.counts()
    assert (counts.pending, counts.intakes_refused, counts.dropped, counts.thinned) == (1_000, 4, 0, 0)
    box.apply_ack(Ack(gateway=GATEWAY, boot=box.boot, stored=[(1, 500)]))
    assert box.add_rows(rows(9_000, 9_001)) == 1
    box.close()
    again = small(tmp_path)
    assert again.counts().intakes_refused == 4
    again.close()


def test_an_alarm_finds_the_last_hundredth(box: Outbox) -> None:
    with pytest.raises(OutboxFull):
        fill(box, rows(0, 5_000, notable=True), size=1)
    assert box.counts().pending == 990
    for number in range(10):
        box.add(Intake(rows=rows(6_000 + number, 6_001 + number, notable=True), alarms=[alarm()]))
    with pytest.raises(OutboxFull):
        box.add(Intake(rows=rows(7_000, 7_001), alarms=[alarm()]))


def test_a_refused_intake_does_not_wear_the_disk(box: Outbox, tmp_path: Path) -> None:
    with pytest.raises(OutboxFull):
        fill(box, rows(0, 5_000, notable=True))
    before = (tmp_path / "o.db-wal").stat()
    for _ in range(20):
        with pytest.raises(OutboxFull):
            box.add_rows(rows(9_000, 9_001))
    after = (tmp_path / "o.db-wal").stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_bytes_are_bounded_too(tmp_path: Path) -> None:
    bytes_max = 400_000
    box = small(tmp_path, 1_000_000, bytes_max=bytes_max)
    sizes = []
    for first in range(0, 8_000, 20):
        box.add_rows(rows(first, first + 20))
        sizes.append(box.counts().bytes)
    assert max(sizes) <= bytes_max + 10_000
    assert box.counts().thinned > 1_000
    assert (tmp_path / "o.db").stat().st_size < 2 * bytes_max
    box.close()


def test_the_present_quarter_and_what_is_on_its_way_are_not_thinned(tmp_path: Path) -> None:
    at_ms = SOME_DAY_MS + 100 * QUARTER_MS
    box = Outbox(tmp_path / "o.db", clock=lambda: at_ms, rows_max=100)
    stamps = [at_ms - QUARTER_MS + second * 9_000 for second in range(120)]
    fresh = [Sample(SENSOR, stamp, 450, 0) for stamp in stamps]
    fill(box, fresh[:100], size=100)
    parcel = box.next_batch(at_ms + 10**9)
    assert parcel is not None
    assert len(parcel.items) == 100
    with pytest.raises(OutboxFull):
        fill(box, fresh[100:])
    assert {item.key for item in everything(box)} >= parcel.keys
    box.next_batch(LATER_MS + 10**9, backlog=False)
    box._room.look_everywhere()
    fill(box, fresh[100:])
    assert box.counts().thinned == 98
    assert {item.measured_at_ms for item in everything(box)} >= {one for one in stamps if one >= at_ms}
    box.close()


def test_a_logger_that_tells_its_memory_again_does_not_fill_a_thinned_outbox_anew(box: Outbox) -> None:
    told = [sample(number, 400 + number % 7) for number in range(2_000)]
    fill(box, told)
    counts = box.counts()
    assert counts.thinned > 1_000
    for first in range(0, 2_000, 50):
        assert box.add_rows(told[first : first + 50]) == 0
    assert box.counts().pending <= counts.pending
    inside = next(item for item in everything(box) if item.kind == THINNED).measured_at_ms + 1
    late = [
        Sample(SENSOR, inside, 390, 0),
        Sample(SENSOR, inside, 401, 0, notable=True),
        Sample(SENSOR, inside, None, 1),
    ]
    assert box.add_rows(late) == 3
    assert box.add_rows([Sample(SENSOR, inside, 403, 0), Sample(f"{SENSOR}-2", inside, 403, 0)]) == 1


def test_a_full_disk_confines_the_outbox_until_there_is_room(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [0]
    monkeypatch.setattr(box._file, "free_bytes", lambda: free[0])
    box.grow_again()
    assert box._room.bound == Bound(1_000)
    fill(box, rows(0, 100))
    box.free_space()
    assert box._room.bound == Bound(1_000, box.counts().bytes)
    with pytest.raises(OutboxFull):
        fill(box, rows(100, 900, notable=True))
    box.grow_again()
    with pytest.raises(OutboxFull):
        box.add_rows(rows(2_000, 2_001, notable=True))
    free[0] = 400_000
    box.grow_again()
    assert box._room.bound == Bound(1_000, box.counts().bytes + 200_000)
    assert box.add_rows(rows(2_000, 2_001, notable=True)) == 1
    free[0] = 2**40
    box.grow_again()
    assert not box._room.is_confined


def test_a_search_that_found_nothing_is_not_repeated_for_a_while(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection:
        connection.executemany(
            "INSERT INTO item (boot, sequence, kind, source, field, measured_at_ms, value, quality, notable,"
            " added_at_ms) VALUES (5, ?, 'row', 'g.s', '', ?, 900, 0, 1, 0)",
            [(number, SOME_DAY_MS + number * MINUTE_MS) for number in range(200)],
        )
        room = Room(Bound(100))
        asked: list[str] = []
        connection.set_trace_callback(asked.append)
        for minute in range(5):
            assert room.make(connection, 200, Need(6, 0, LATER_MS + minute * MINUTE_MS, ())) == Freed()
        assert len([one for one in asked if "kind IN" in one]) <= 8
        connection.set_trace_callback(None)


def test_the_bytes_used_leave_out_free_pages(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "o.db")) as connection:
        empty = bytes_used(connection)
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [(str(n), "x" * 500) for n in range(1_000)])
        assert bytes_used(connection) > empty + 500_000
        connection.execute("DELETE FROM meta")
        assert bytes_used(connection) <= empty + 8_192


@given(st.integers(100, 10**7), st.integers(10**6, 10**9))
def test_lower_bounds_are_lower(rows_max: int, bytes_max: int) -> None:
    bound = Bound(rows_max, bytes_max)
    assert bound.less(2) < bound.less(1) < bound
    assert bound.less(2).rows_max >= rows_max * 0.98
    assert bound.less(2).bytes_max >= bytes_max * 0.75
    assert bytes_max - bound.less(1).bytes_max <= 1024 * 1024
