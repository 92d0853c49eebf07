"""Rows of a real file are damaged by SQL, as a worn card damages them; everything beside them must go."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.outbox.aside import ALARM, NEVER_MS, UNREADABLE, read_alarm
from edge_agent.outbox.outbox import DAY_MS, Intake, Outbox
from edge_agent.outbox.parcel import DAY, THINNED
from edge_agent.sample import AuxSample, DaySummaryDraft
from sheetal.contracts.batch import Ack
from sheetal.contracts.device_alarm import AlarmAck, AlarmKind, DeviceAlarm
from tests.edge_agent.kit import GATEWAY, SENSOR, T0_MS, sample

if TYPE_CHECKING:
    from pathlib import Path

    from tests.edge_agent.conftest import SetClock

LATER_MS = T0_MS + 10**10


def day(number: int) -> DaySummaryDraft:
    return DaySummaryDraft(
        SENSOR, T0_MS + number * DAY_MS, T0_MS + (number + 1) * DAY_MS, 200, 800, -50, 60, 800, 600, 0, 0, 0
    )


def alarm(number: int, cleared_at_ms: int | None = None) -> DeviceAlarm:
    return DeviceAlarm(
        alarm=f"alarm-{number}",
        gateway=GATEWAY,
        boot=1,
        sensor=SENSOR,
        kind=AlarmKind.HEAT,
        began_at_ms=number,
        fired_at_ms=number + 1,
        cleared_at_ms=cleared_at_ms,
        extreme_centi_celsius=900,
        limit_centi_celsius=800,
        limit_minutes=600,
    )


def damage(tmp_path: Path, change: str, *values: object) -> None:
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as connection:
        assert connection.execute(change, values).rowcount > 0
        connection.commit()


def sent(box: Outbox) -> list[int]:
    """Sends and settles until nothing is ready; the numbers of what went."""
    went: list[int] = []
    while (parcel := box.next_batch(LATER_MS)) is not None:
        numbers = [item.sequence for item in parcel.items]
        assert numbers
        went += numbers
        box.apply_ack(Ack(gateway=GATEWAY, boot=parcel.boot, stored=[(number, number) for number in numbers]))
    return went


def refused(box: Outbox) -> set[tuple[int, str]]:
    return {(item.sequence, reason) for item, reason in box.refusals()}


DAMAGE = {
    "no JSON": "body = x'7b'",
    "no UTF-8": "body = x'22ff22'",
    "another kind of JSON": "body = x'5b5d'",
    "no body": "body = NULL",
    "a number for a body": "body = 7",
    "too large": "body = zeroblob(300000)",
    "an unknown kind": "kind = 'dax'",
    "a word for a quality": "quality = 'good'",
    "a word for an instant of keeping": "added_at_ms = 'soon'",
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=list(DAMAGE))
def test_two_damaged_day_summaries_hold_nobody_up(outbox: Outbox, tmp_path: Path, change: str) -> None:
    outbox.add(Intake(rows=[sample(0), sample(1)], days=[day(number) for number in range(4)]))
    damage(tmp_path, f"UPDATE item SET {change} WHERE sequence IN (4, 5)")  # noqa: S608 - the words stand above
    assert sorted(sent(outbox)) == [1, 2, 3, 6]
    assert refused(outbox) == {(4, UNREADABLE), (5, UNREADABLE)}
    assert outbox.counts()[:3] == (0, 4, 2)
    assert [(span.first, span.last, span.reason) for span in outbox.refused_ranges()] == [(4, 5, UNREADABLE)]


@pytest.mark.parametrize("value", ["'warm'", "'450'", "x'01c2'", "9e999"])
def test_a_value_of_a_wrong_type_stands_aside(outbox: Outbox, tmp_path: Path, value: str) -> None:
    aux = [AuxSample(SENSOR, T0_MS + number, "TAMB", 21.5) for number in range(2)]
    outbox.add(Intake(rows=[sample(0), sample(1)], aux=aux))
    damage(tmp_path, f"UPDATE item SET value = {value} WHERE sequence IN (1, 3)")  # noqa: S608 - the words stand above
    assert sorted(sent(outbox)) == [2, 4]
    assert refused(outbox) == {(1, UNREADABLE), (3, UNREADABLE)}


def test_a_damaged_thinned_span_stands_aside_and_leaves_the_page_alone(outbox: Outbox, tmp_path: Path) -> None:
    outbox.add_rows([sample(0, 300), sample(1), sample(2, 600)])
    damage(tmp_path, "UPDATE item SET kind = ?, field = ?, body = x'5b31' WHERE sequence = 2", THINNED, THINNED)
    assert outbox.extremes(SENSOR, 0, LATER_MS) == (300, 600)
    assert sorted(sent(outbox)) == [1, 3]
    assert refused(outbox) == {(2, UNREADABLE)}


def test_fresh_items_depart_beside_a_damaged_one(outbox: Outbox, tmp_path: Path) -> None:
    outbox.add_rows([sample(number) for number in range(11)])
    damage(tmp_path, "UPDATE item SET added_at_ms = 'soon', value = 'warm' WHERE sequence = 1")
    parcel = outbox.next_batch(T0_MS)
    assert parcel is not None
    assert [item.sequence for item in parcel.items] == list(range(2, 12))
    assert not parcel.history


def test_what_is_unreadable_is_kept_as_it_is_and_never_forgotten(
    outbox: Outbox, clock: SetClock, tmp_path: Path
) -> None:
    outbox.add(Intake(days=[day(0), day(1)], alarms=[alarm(1)]))
    damage(tmp_path, "UPDATE item SET body = x'7b' WHERE sequence = 1")
    damage(tmp_path, "UPDATE alarm SET body = x'7b'")
    assert sent(outbox) == [2]
    assert outbox.next_alarms(9) == []
    clock.at_ms += 400 * DAY_MS
    assert outbox.prune() == 1
    assert outbox.prune() == 0
    assert {(item.kind, item.body, reason) for item, reason in outbox.refusals()} == {
        (DAY, b"{", UNREADABLE),
        (ALARM, b"{", UNREADABLE),
    }
    assert outbox.counts()[:4] == (0, 0, 2, 0)


def test_a_full_outbox_does_not_let_it_go(clock: SetClock, tmp_path: Path) -> None:
    with closing(Outbox(tmp_path / "outbox.db", clock=clock, rows_max=20)) as box:
        box.add(Intake(days=[day(0)]))
        damage(tmp_path, "UPDATE item SET body = x'7b'")
        for first in range(0, 60, 10):
            box.add_rows([sample(number) for number in range(first, first + 10)])
            sent(box)
        assert refused(box) == {(1, UNREADABLE)}


def test_damaged_alarms_stand_aside_and_the_others_go(outbox: Outbox, tmp_path: Path) -> None:
    outbox.add(Intake(alarms=[alarm(number) for number in range(4)]))
    damage(tmp_path, "UPDATE alarm SET body = x'7b7d' WHERE alarm = 'alarm-0'")
    damage(tmp_path, "UPDATE alarm SET body = 3.5 WHERE alarm = 'alarm-2'")
    assert outbox.next_alarms(9) == [alarm(1), alarm(3)]
    outbox.apply_alarm_ack(AlarmAck(gateway=GATEWAY, alarms=[("alarm-1", False), ("alarm-3", False)]))
    assert outbox.next_alarms(9) == []
    assert [(item.kind, item.source, reason) for item, reason in outbox.refusals()] == [
        (ALARM, "alarm-0", UNREADABLE),
        (ALARM, "alarm-2", UNREADABLE),
    ]
    assert (outbox.counts().refused, outbox.counts().alarms_pending) == (2, 0)
    [span] = outbox.refused_ranges()
    assert (span.boot, span.reason, span.items) == (0, UNREADABLE, 2)


def test_it_stands_aside_after_a_restart(outbox: Outbox, clock: SetClock, tmp_path: Path) -> None:
    outbox.add(Intake(days=[day(0)], alarms=[alarm(1)]))
    damage(tmp_path, "UPDATE item SET body = NULL")
    damage(tmp_path, "UPDATE alarm SET body = x'00'")
    assert (sent(outbox), outbox.next_alarms(9)) == ([], [])
    with closing(Outbox(tmp_path / "outbox.db", clock=clock)) as later:
        assert later.counts()[:4] == (0, 0, 2, 0)
        assert (sent(later), later.next_alarms(9)) == ([], [])


def test_it_is_left_out_even_where_it_cannot_be_put_aside(
    outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.add_rows([sample(0), sample(1)])
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as other:
        other.execute("UPDATE item SET value = 'warm' WHERE sequence = 1")
        other.execute(
            "CREATE TRIGGER worn BEFORE UPDATE ON item WHEN NEW.state = 2 BEGIN SELECT RAISE(ABORT, 'worn'); END"
        )
        other.commit()
        assert sent(outbox) == [2]
        assert (refused(outbox), outbox.pending_count(), caplog.text) == (set(), 1, "")
        other.execute("DROP TRIGGER worn")
        other.commit()
    assert sent(outbox) == []
    assert refused(outbox) == {(1, UNREADABLE)}
    assert f"({outbox.boot}, 1)" in caplog.text


def test_a_body_that_is_no_alarm_is_none() -> None:
    assert [read_alarm(body) for body in (b"", b"{}", b"[]", b"\xff", b"[" * 100_000)] == [None] * 5
    assert NEVER_MS > LATER_MS
