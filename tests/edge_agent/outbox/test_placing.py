from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_agent.clock.timeline import ClockSource, Line
from edge_agent.outbox import placing
from edge_agent.outbox import schema as outbox_schema
from edge_agent.outbox.outbox import Intake, Outbox
from edge_agent.outbox.placing import Kept, Settled
from edge_agent.sample import AuxSample, Sample
from sheetal.contracts.batch import Ack
from sheetal.contracts.device_alarm import AlarmAck, AlarmKind, DeviceAlarm, alarm_id
from tests.edge_agent.kit import GATEWAY, SENSOR, T0_MS, sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge_agent.outbox.parcel import Item

OTHER = f"{GATEWAY}.other"
RTC = Kept(Line(ClockSource.RTC, T0_MS))
NONE = Kept(Line(ClockSource.NONE, T0_MS))
LATE_MS = T0_MS + 10**9


def waiting(monotonic_ms: int, centi_celsius: int | None = 450, base_ms: int = T0_MS) -> Sample:
    quality = 0 if centi_celsius is not None else 2
    return Sample(SENSOR, base_ms + monotonic_ms, centi_celsius, quality, local=True, monotonic_ms=monotonic_ms)


def offered(box: Outbox) -> list[Item]:
    parcel = box.next_batch(LATE_MS + 10**10)
    return [] if parcel is None else list(parcel.items)


def os_boot(box: Outbox) -> str:
    return box.change(lambda connection: placing.os_boot_of(connection, box.boot))


@pytest.fixture
def open_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Outbox]:
    """An outbox on the one file, in a named boot of the operating system."""

    def open_in(name: str) -> Outbox:
        (tmp_path / "boot_id").write_text(name)
        monkeypatch.setattr(outbox_schema, "OS_BOOT", tmp_path / "boot_id")
        return Outbox(tmp_path / "outbox.db", clock=lambda: T0_MS)

    return open_in


def test_what_waits_is_not_offered_and_gets_its_stamp_once(outbox: Outbox) -> None:
    outbox.add_rows([waiting(1_000), waiting(2_000), sample(0)])
    assert [item.measured_at_ms for item in offered(outbox)] == [T0_MS]
    name = os_boot(outbox)
    assert outbox.change(lambda c: placing.place(c, name, T0_MS + 5_000)) == 2
    assert sorted(item.measured_at_ms for item in offered(outbox)) == [T0_MS, T0_MS + 6_000, T0_MS + 7_000]
    assert outbox.change(lambda c: placing.place(c, name, T0_MS)) == 0, "a final stamp is final"
    assert outbox.change(lambda c: placing.rebase(c, name, T0_MS)) == 0


def test_provisional_stamps_follow_the_line_and_still_wait(outbox: Outbox) -> None:
    outbox.add_rows([waiting(1_000)])
    name = os_boot(outbox)
    assert outbox.change(lambda c: placing.rebase(c, name, T0_MS + 9_000)) == 1
    assert offered(outbox) == []
    found = outbox.change(lambda c: c.execute("SELECT measured_at_ms, monotonic_ms FROM item").fetchall())
    assert found == [(T0_MS + 10_000, 1_000)]


def test_every_process_of_the_same_operating_system_s_boot_is_placed(open_box: Callable[[str], Outbox]) -> None:
    for number in (1, 2):
        with closing(open_box("monday")) as box:
            box.add_rows([waiting(number * 1_000)])
    with closing(open_box("monday")) as box:
        assert box.change(lambda c: placing.place(c, "monday", T0_MS)) == 2


def test_another_boot_of_the_operating_system_is_never_placed_on_this_one_s_line(
    open_box: Callable[[str], Outbox],
) -> None:
    with closing(open_box("monday")) as box:
        box.add_rows([waiting(1_000)])
    with closing(open_box("tuesday")) as box:
        assert box.change(lambda c: placing.place(c, "tuesday", T0_MS)) == 0
        assert box.change(lambda c: placing.rebase(c, "tuesday", T0_MS)) == 0
        assert offered(box) == []


@pytest.mark.parametrize(
    ("kept", "error_ms", "settled"),
    [
        (RTC, None, Settled(2, 0, 0)),
        (RTC, 300_000, Settled(2, 0, 0)),
        (RTC, 300_001, Settled(0, 1, 1)),
        (NONE, None, Settled(0, 1, 1)),
        (None, None, Settled(0, 1, 1)),
    ],
)
def test_what_an_earlier_boot_left_keeps_a_battery_clock_s_stamp_or_has_no_instant(
    open_box: Callable[[str], Outbox], kept: Kept | None, error_ms: int | None, settled: Settled
) -> None:
    with closing(open_box("monday")) as box:
        aux = AuxSample(f"{GATEWAY}.ILR-1", T0_MS + 1_500, "TAMB", 30.0, local=True, monotonic_ms=1_500)
        box.add(Intake(rows=[waiting(1_000, None)], aux=[aux]))
        if kept is not None:
            box.change(lambda c: placing.remember(c, "monday", kept))
    with closing(open_box("tuesday")) as box:
        assert box.change(lambda c: placing.settle_earlier(c, "tuesday", LATE_MS, error_ms)) == settled
        items = offered(box)
        if settled.finished:
            assert [(item.kind, item.measured_at_ms) for item in items] == [
                ("row", T0_MS + 1_000),
                ("aux", T0_MS + 1_500),
            ]
        else:
            assert [(item.kind, item.measured_at_ms, item.value, item.quality) for item in items] == [
                ("unplaced", 1_000, None, 2)
            ]
            assert [reason for _, reason in box.refusals()] == [placing.WITHOUT_INSTANT]
        assert box.change(lambda c: placing.settle_earlier(c, "tuesday", LATE_MS, None)) == Settled(0, 0, 0)
        assert box.change(lambda c: placing.recall(c, "monday")) is None, "it is not needed any more"


def test_a_battery_clock_s_stamp_that_lies_ahead_is_none(open_box: Callable[[str], Outbox]) -> None:
    with closing(open_box("monday")) as box:
        box.add_rows([waiting(1_000), waiting(3_000)])
        box.change(lambda c: placing.remember(c, "monday", RTC))
    with closing(open_box("tuesday")) as box:
        settled = box.change(lambda c: placing.settle_earlier(c, "tuesday", T0_MS + 2_000, None))
        assert settled == Settled(1, 1, 0)
        assert sorted((item.kind, item.measured_at_ms) for item in offered(box)) == [
            ("row", T0_MS + 1_000),
            ("unplaced", 3_000),
        ]


def test_the_line_is_remembered_for_each_boot_of_the_operating_system(outbox: Outbox) -> None:
    kept = Kept(Line(ClockSource.ACK, 1, 2, 3), 4)
    assert outbox.change(lambda c: placing.recall(c, "monday")) is None
    outbox.change(lambda c: placing.remember(c, "monday", kept))
    assert outbox.change(lambda c: placing.recall(c, "monday")) == kept
    assert outbox.change(lambda c: placing.recall(c, "tuesday")) is None
    outbox.add(Intake(marks={"clock/monday": "?"}))
    assert outbox.change(lambda c: placing.recall(c, "monday")) is None, "what cannot be read is not there"
    assert outbox.change(placing.newest_past_ms) == 0, "and stops no start"


def test_the_newest_past_is_when_the_time_was_last_known_or_a_day_before_what_was_stored(outbox: Outbox) -> None:
    assert outbox.change(placing.newest_past_ms) == 0
    outbox.add_rows([sample(0)])
    assert outbox.change(placing.newest_past_ms) == 0, "a stamp that nobody has stored proves nothing"
    outbox.apply_ack(Ack(gateway=GATEWAY, boot=outbox.boot, stored=[(1, 1)]))
    assert outbox.change(placing.newest_past_ms) == T0_MS - placing.DAY_MS
    outbox.change(lambda c: placing.remember(c, "monday", Kept(Line(ClockSource.ACK, 0), T0_MS + 7)))
    assert outbox.change(placing.newest_past_ms) == T0_MS + 7


def alarm(box: Outbox, began_at_ms: int, *, cleared: bool = False, sensor: str = SENSOR, boot: int = 0) -> DeviceAlarm:
    return DeviceAlarm(
        alarm=alarm_id(sensor, AlarmKind.FREEZE, began_at_ms),
        gateway=GATEWAY,
        boot=boot or box.boot,
        sensor=sensor,
        kind=AlarmKind.FREEZE,
        began_at_ms=began_at_ms,
        fired_at_ms=began_at_ms + 60,
        cleared_at_ms=began_at_ms + 90 if cleared else None,
        extreme_centi_celsius=-60,
        limit_centi_celsius=-50,
        limit_minutes=60,
    )


def test_alarms_that_nobody_has_heard_of_move_with_their_names(outbox: Outbox) -> None:
    first = alarm(outbox, T0_MS)
    outbox.add(Intake(alarms=[first, alarm(outbox, T0_MS, cleared=True)]))
    assert outbox.change(lambda c: placing.shift_alarms(c, [os_boot_in(c, outbox)], {SENSOR}, -500)) == {first.alarm}
    assert outbox.next_alarms(9) == [alarm(outbox, T0_MS - 500), alarm(outbox, T0_MS - 500, cleared=True)]


def os_boot_in(connection: object, box: Outbox) -> str:
    return placing.os_boot_of(connection, box.boot)  # type: ignore[arg-type] # the outbox's connection


@pytest.mark.parametrize("why", ["told", "settled", "another sensor", "an earlier boot"])
def test_other_alarms_keep_their_instants(open_box: Callable[[str], Outbox], why: str) -> None:
    with closing(open_box("monday")) as box:
        earlier = box.boot
    with closing(open_box("tuesday")) as box:
        sensor = OTHER if why == "another sensor" else SENSOR
        one = alarm(box, T0_MS, sensor=sensor, boot=earlier if why == "an earlier boot" else 0)
        later = msgspec.structs.replace(one, cleared_at_ms=T0_MS + 90)
        box.add(Intake(alarms=[one, later]))
        if why == "told":
            box.add(Intake(marks={placing.told(one.alarm): ""}))
        if why == "settled":
            box.apply_alarm_ack(AlarmAck(gateway=GATEWAY, alarms=[(one.alarm, False)]))
        assert box.change(lambda c: placing.shift_alarms(c, ["tuesday"], {SENSOR}, 500)) == set()
        assert later in box.next_alarms(9)
        box.change(lambda c: placing.settle_earlier(c, "tuesday", LATE_MS, None))
        assert box.mark(placing.told(one.alarm)) is None, "once anchored nothing moves any more"


def test_alarms_of_earlier_boots_can_be_moved_too(open_box: Callable[[str], Outbox]) -> None:
    with closing(open_box("monday")) as box:
        box.change(lambda c: placing.remember(c, "monday", RTC))
        box.add(Intake(alarms=[alarm(box, T0_MS)]))
    with closing(open_box("tuesday")) as box:
        box.change(lambda c: placing.remember(c, "sunday", NONE))
        box.change(lambda c: placing.remember(c, "tuesday", RTC))
        earlier = box.change(lambda c: placing.boots_by_battery_clock(c, "tuesday"))
        assert earlier == ["monday"]
        assert len(box.change(lambda c: placing.shift_alarms(c, ["tuesday", *earlier], {SENSOR}, 500))) == 1
        assert [one.began_at_ms for one in box.next_alarms(9)] == [T0_MS + 500]
