from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.outbox_intake import Entry, Intake, entries_of, insert, insert_alarms
from edge_agent.outbox_schema import PENDING, WAITING, open_file
from edge_agent.parcel import AUX, DAY, ROW
from edge_agent.sample import AuxSample, DaySummaryDraft, Sample
from sheetal.contracts.device_alarm import AlarmKind, DeviceAlarm
from sheetal.contracts.reading import Quality
from tests.edge_agent.kit import GATEWAY, SENSOR, T0_MS, sample

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

DAY_DRAFT = DaySummaryDraft(SENSOR, T0_MS, T0_MS + 86_400_000, 100, 900, -50, 60, 800, 600, 0, 0, 0)
ALARM = DeviceAlarm(
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


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_file(tmp_path / "o.db")) as opened:
        yield opened


def entry(item: Sample) -> Entry:
    [found] = entries_of(Intake(rows=[item]))
    return found


def test_every_kind_becomes_an_entry_of_its_own() -> None:
    aux = AuxSample(f"{GATEWAY}.ILR-1", T0_MS, "TAMB", 31)
    row, beside, day = entries_of(Intake(rows=[sample(0, None)], aux=[aux], days=[DAY_DRAFT]))
    assert row == Entry(ROW, SENSOR, "", T0_MS, None, Quality.NO_VALUE, None, notable=False)
    assert beside == Entry(AUX, f"{GATEWAY}.ILR-1", "TAMB", T0_MS, 31.0, 0, None, notable=False)
    assert (day.kind, day.measured_at_ms, day.notable, day.field[:4]) == (DAY, DAY_DRAFT.ends_at_ms, True, "day ")


def test_two_different_days_do_not_look_alike() -> None:
    other = DaySummaryDraft(SENSOR, T0_MS, T0_MS + 86_400_000, 99, 900, -50, 60, 800, 600, 0, 0, 0)
    one, another = entries_of(Intake(days=[DAY_DRAFT, other]))
    assert one.field != another.field


def test_a_number_stays_free_when_an_item_was_said_before(connection: sqlite3.Connection) -> None:
    assert insert(connection, entry(sample(0)), 5, 1, T0_MS)
    assert not insert(connection, entry(sample(0)), 5, 2, T0_MS)
    assert not insert(connection, entry(sample(0)), 6, 1, T0_MS)
    assert insert(connection, entry(sample(0, 451)), 5, 2, T0_MS)
    assert insert(connection, entry(sample(0, None)), 5, 3, T0_MS)
    assert not insert(connection, entry(sample(0, None)), 5, 4, T0_MS)
    assert insert(connection, entry(sample(0, sensor=f"{GATEWAY}.b")), 5, 4, T0_MS)


def test_what_the_gateway_stamps_itself_is_never_a_repetition(connection: sqlite3.Connection) -> None:
    own = sample(0)._replace(local=True)
    assert insert(connection, entry(own), 5, 1, T0_MS)
    assert insert(connection, entry(own), 5, 2, T0_MS)


def test_what_has_no_final_instant_waits(connection: sqlite3.Connection) -> None:
    insert(connection, entry(sample(0)._replace(local=True, monotonic_ms=77)), 5, 1, T0_MS)
    insert(connection, entry(sample(1)._replace(local=True)), 5, 2, T0_MS)
    told = connection.execute("SELECT state, monotonic_ms, added_at_ms FROM item ORDER BY sequence").fetchall()
    assert told == [(WAITING, 77, T0_MS), (PENDING, None, T0_MS)]


def test_an_alarm_is_put_in_once_and_its_clearing_beside_it(connection: sqlite3.Connection) -> None:
    cleared = DeviceAlarm(**{name: getattr(ALARM, name) for name in ALARM.__struct_fields__} | {"cleared_at_ms": 9})
    insert_alarms(connection, [ALARM, cleared], T0_MS)
    insert_alarms(connection, [ALARM], T0_MS + 1)
    told = connection.execute("SELECT alarm, cleared, added_at_ms FROM alarm ORDER BY cleared").fetchall()
    assert told == [("a", 0, T0_MS), ("a", 1, T0_MS)]
