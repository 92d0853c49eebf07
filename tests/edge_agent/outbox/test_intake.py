from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.outbox.intake import Given, Intake, insert, insert_alarms, oldest_ms
from edge_agent.outbox.parcel import AUX, DAY, ROW
from edge_agent.outbox.schema import PENDING, WAITING, open_file
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


def put(connection: sqlite3.Connection, *rows: Sample, boot: int = 5, sequence: int = 0) -> int:
    return insert(connection, Intake(rows=rows), Given(boot, sequence, T0_MS))


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT sequence FROM item WHERE boot = 5 ORDER BY sequence")]


def test_every_kind_is_kept_in_its_own_words(connection: sqlite3.Connection) -> None:
    aux = AuxSample(f"{GATEWAY}.ILR-1", T0_MS, "TAMB", 31)
    intake = Intake(rows=[sample(0, None)], aux=[aux], days=[DAY_DRAFT])
    assert insert(connection, intake, Given(5, 10, T0_MS)) == 3
    found = connection.execute(
        "SELECT sequence, kind, source, field, measured_at_ms, value, quality, notable FROM item ORDER BY sequence"
    ).fetchall()
    assert found[:2] == [
        (11, ROW, SENSOR, "", T0_MS, None, Quality.NO_VALUE, 0),
        (12, AUX, f"{GATEWAY}.ILR-1", "TAMB", T0_MS, 31.0, 0, 0),
    ]
    sequence, kind, source, field, at_ms, *_, notable = found[2]
    assert (sequence, kind, source, at_ms, notable) == (13, DAY, SENSOR, DAY_DRAFT.ends_at_ms, 1)
    assert field.startswith("day ")


def test_two_different_days_do_not_look_alike(connection: sqlite3.Connection) -> None:
    other = DaySummaryDraft(SENSOR, T0_MS, T0_MS + 86_400_000, 99, 900, -50, 60, 800, 600, 0, 0, 0)
    intake = Intake(days=[DAY_DRAFT, other, DAY_DRAFT])
    assert insert(connection, intake, Given(5, 0, T0_MS)) == 2


def test_a_number_stays_free_when_an_item_was_said_before(connection: sqlite3.Connection) -> None:
    assert put(connection, sample(0), sample(0), sample(1), sample(0), sample(2)) == 3
    assert numbers(connection) == [1, 2, 3]
    assert put(connection, sample(0), sequence=3) == 0
    assert put(connection, sample(0), boot=6) == 0
    assert put(connection, sample(0, 451), sample(0, None), sample(0, None), sequence=3) == 2
    assert put(connection, sample(0, sensor=f"{GATEWAY}.b"), sequence=5) == 1
    assert numbers(connection) == [1, 2, 3, 4, 5, 6]


def test_a_number_is_not_given_again_when_its_item_is_gone(connection: sqlite3.Connection) -> None:
    put(connection, sample(0), sample(1))
    connection.execute("DELETE FROM item")
    put(connection, sample(2), sample(3), sequence=2)
    assert numbers(connection) == [3, 4]


def test_what_the_gateway_stamps_itself_is_never_a_repetition(connection: sqlite3.Connection) -> None:
    own = sample(0)._replace(local=True)
    assert put(connection, own, own) == 2
    assert put(connection, sample(1), own, sample(1), sequence=2) == 2
    assert numbers(connection) == [1, 2, 3, 4]


def test_what_has_no_final_instant_waits(connection: sqlite3.Connection) -> None:
    put(connection, sample(0)._replace(local=True, monotonic_ms=77), sample(1)._replace(local=True))
    told = connection.execute("SELECT state, monotonic_ms, added_at_ms FROM item ORDER BY sequence").fetchall()
    assert told == [(WAITING, 77, T0_MS), (PENDING, None, T0_MS)]


def test_the_earliest_instant_of_an_intake() -> None:
    assert oldest_ms(Intake()) is None
    assert oldest_ms(Intake(rows=[sample(3), sample(1)])) == T0_MS + 60_000
    aux = AuxSample(f"{GATEWAY}.ILR-1", T0_MS - 5, "TAMB", 31)
    assert oldest_ms(Intake(rows=[sample(3)], aux=[aux], days=[DAY_DRAFT])) == T0_MS - 5


def test_an_alarm_is_put_in_once_and_its_clearing_beside_it(connection: sqlite3.Connection) -> None:
    cleared = DeviceAlarm(**{name: getattr(ALARM, name) for name in ALARM.__struct_fields__} | {"cleared_at_ms": 9})
    insert_alarms(connection, [ALARM, cleared], T0_MS)
    insert_alarms(connection, [ALARM], T0_MS + 1)
    told = connection.execute("SELECT alarm, cleared, added_at_ms FROM alarm ORDER BY cleared").fetchall()
    assert told == [("a", 0, T0_MS), ("a", 1, T0_MS)]
