from __future__ import annotations

import sqlite3
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_agent.outbox.outbox import DAY_MS, Intake, Outbox
from edge_agent.outbox.parcel import AUX, DAY, Item, Key, Parcel
from edge_agent.sample import AuxSample, DaySummaryDraft, Sample
from edge_agent.settings.uplink import DepartureRule
from sheetal.contracts.batch import Ack, RefusedRange
from sheetal.contracts.device_alarm import AlarmAck, AlarmKind, DeviceAlarm
from tests.edge_agent.kit import GATEWAY, MINUTE_MS, SENSOR, T0_MS, sample

if TYPE_CHECKING:
    from tests.edge_agent.conftest import SetClock

RULE = DepartureRule()
LATER_MS = T0_MS + 10**9


def day(number: int, minimum: int = 100) -> DaySummaryDraft:
    starts = T0_MS + number * DAY_MS
    return DaySummaryDraft(SENSOR, starts, starts + DAY_MS, minimum, 900, -50, 60, 800, 600, 0, 0, 0)


def alarm(began_at_ms: int = T0_MS, cleared_at_ms: int | None = None) -> DeviceAlarm:
    return DeviceAlarm(
        alarm=f"{SENSOR}/freeze/{began_at_ms}",
        gateway=GATEWAY,
        boot=1,
        sensor=SENSOR,
        kind=AlarmKind.FREEZE,
        began_at_ms=began_at_ms,
        fired_at_ms=began_at_ms + 1,
        cleared_at_ms=cleared_at_ms,
        extreme_centi_celsius=-60,
        limit_centi_celsius=-50,
        limit_minutes=60,
    )


def stored(parcel: Parcel, *sequences: int) -> Ack:
    return Ack(gateway=GATEWAY, boot=parcel.boot, stored=[(number, number) for number in sequences])


def take(box: Outbox, at_ms: int = LATER_MS) -> Parcel:
    parcel = box.next_batch(at_ms)
    assert parcel is not None
    return parcel


def test_sequences_are_given_in_order_and_a_repetition_is_not_new(outbox: Outbox) -> None:
    assert outbox.add_rows([sample(0), sample(1), sample(0)]) == 2
    assert outbox.add_rows([sample(1), sample(2)]) == 1
    assert [item.sequence for item in take(outbox).items] == [1, 2, 3]
    assert outbox.pending_count() == 3


def test_another_value_at_the_same_instant_is_kept_as_well(outbox: Outbox) -> None:
    assert outbox.add_rows([sample(0, 450), sample(0, 460), sample(0, None), sample(0, None)]) == 3
    assert outbox.pending_count() == 3


def test_everything_of_one_moment_is_kept_together_or_not_at_all(outbox: Outbox) -> None:
    bad = Sample(None, T0_MS, 1, 0)  # type: ignore[arg-type] # the file refuses it
    with pytest.raises(sqlite3.IntegrityError):
        outbox.add(Intake(rows=[sample(0), bad], alarms=[alarm()], marks={"a": "1"}))
    assert (outbox.pending_count(), outbox.counts().alarms_pending, outbox.mark("a")) == (0, 0, None)
    assert outbox.add(Intake(rows=[sample(0)], alarms=[alarm()], marks={"a": "1"})) == 1
    assert (outbox.pending_count(), outbox.counts().alarms_pending, outbox.mark("a")) == (1, 1, "1")
    assert [item.sequence for item in take(outbox).items] == [1]


def test_aux_and_days_travel_too_and_are_said_once(outbox: Outbox) -> None:
    aux = AuxSample(f"{GATEWAY}.ILR-1", T0_MS, "TAMB", 31.5)
    assert outbox.add(Intake(aux=[aux, aux], days=[day(0), day(0), day(0, minimum=99)])) == 3
    assert sorted(item.kind for item in take(outbox).items) == [AUX, DAY, DAY]
    assert outbox.add_days([day(0)]) == 0


def test_a_later_boot_is_larger_and_keeps_what_waits(tmp_path: Path) -> None:
    boots = []
    for number in range(5):
        box = Outbox(tmp_path / "o.db")
        boots.append(box.boot)
        box.add_rows([sample(number)])
        box.close()
    assert boots == sorted(set(boots))
    assert [boot >> 32 for boot in boots] == [1, 2, 3, 4, 5]
    box = Outbox(tmp_path / "o.db")
    first = take(box)
    assert (first.boot, len(first.items)) == (boots[0], 1)
    assert box.pending_count() == 5
    box.close()


def test_fresh_rows_wait_for_company_or_a_minute(outbox: Outbox, clock: SetClock) -> None:
    outbox.add_rows([sample(number) for number in range(-4, 5)])
    assert outbox.next_batch(T0_MS) is None
    outbox.add_rows([sample(5)])
    parcel = take(outbox, T0_MS)
    assert (len(parcel.items), parcel.history) == (10, False)
    assert outbox.next_batch(T0_MS, in_flight=parcel.keys) is None
    clock.at_ms += 30_000
    outbox.add_rows([sample(6)])
    assert outbox.next_batch(clock.at_ms, in_flight=parcel.keys) is None
    late = outbox.next_batch(clock.at_ms + 60_000, in_flight=parcel.keys)
    assert late is not None
    assert [item.measured_at_ms for item in late.items] == [T0_MS + 6 * MINUTE_MS]


def test_a_notable_row_goes_at_once_and_takes_the_others_along(outbox: Outbox) -> None:
    outbox.add_rows([sample(0), sample(1, 900, notable=True)])
    assert len(take(outbox, T0_MS).items) == 2


def test_what_is_wanted_at_once_goes_at_once_and_again_after_a_lost_connection(outbox: Outbox) -> None:
    outbox.add(Intake(rows=[sample(0)], at_once=True))
    outbox.add_rows([sample(1)])
    first = take(outbox, T0_MS)
    assert [item.notable for item in first.items] == [False, False]
    outbox.add_rows([sample(2)])
    assert outbox.next_batch(T0_MS, in_flight=first.keys) is None, "only that"
    assert len(take(outbox, T0_MS).items) == 3


def test_fresh_goes_before_backlog_and_backlog_oldest_first_in_large_batches(outbox: Outbox) -> None:
    outbox.add_rows([sample(number) for number in range(1_200)])
    now_ms = T0_MS + 1_200 * MINUTE_MS
    outbox.add_rows([sample(number) for number in range(1_200, 1_210)])
    fresh = take(outbox, now_ms)
    assert (fresh.history, len(fresh.items)) == (False, 20)
    on_way, sizes, stamps = set(fresh.keys), [], []
    while parcel := outbox.next_batch(now_ms, in_flight=on_way):
        assert parcel.history
        sizes.append(len(parcel.items))
        stamps += [item.measured_at_ms for item in parcel.items]
        on_way |= parcel.keys
    assert sizes == [500, 500, 190]
    assert stamps == sorted(stamps)
    assert outbox.next_batch(now_ms, in_flight=on_way) is None


def test_backlog_can_be_left_out(outbox: Outbox) -> None:
    outbox.add_rows([sample(0)])
    assert outbox.next_batch(LATER_MS, backlog=False) is None


def test_only_named_ranges_are_settled(outbox: Outbox) -> None:
    outbox.add_rows([sample(number) for number in range(10)])
    parcel = take(outbox)
    ack = Ack(gateway=GATEWAY, boot=parcel.boot, stored=[(2, 4), (8, 8)], refused=[RefusedRange(6, 6, "implausible")])
    assert outbox.apply_ack(ack) == 5
    assert [item.sequence for item in take(outbox).items] == [1, 5, 7, 9, 10]
    assert outbox.counts()[:5] == (5, 4, 1, 0, 0)
    [(refused, reason)] = outbox.refusals()
    assert (refused.sequence, refused.measured_at_ms, reason) == (6, T0_MS + 5 * MINUTE_MS, "implausible")
    assert outbox.apply_ack(ack) == 0


def test_an_ack_of_another_boot_settles_nothing(outbox: Outbox) -> None:
    outbox.add_rows([sample(0)])
    assert outbox.apply_ack(Ack(gateway=GATEWAY, boot=outbox.boot + 1, stored=[(0, 100)])) == 0


def test_an_ack_with_absurd_numbers_does_no_harm(outbox: Outbox) -> None:
    outbox.add_rows([sample(0), sample(1)])
    spans = [(5, 1), (-(2**70), 1), (2, 2**70)]
    assert outbox.apply_ack(Ack(gateway=GATEWAY, boot=outbox.boot, stored=spans)) == 2


def test_stored_by_one_worker_wins_over_refused_by_another(outbox: Outbox) -> None:
    outbox.add_rows([sample(0), sample(1)])
    boot = outbox.boot
    kept = Ack(gateway=GATEWAY, boot=boot, stored=[(1, 2)])
    refused = Ack(gateway=GATEWAY, boot=boot, refused=[RefusedRange(1, 2, "future_stamp")])
    outbox.apply_ack(refused)
    outbox.apply_ack(kept)
    outbox.apply_ack(refused)
    assert outbox.counts()[:5] == (0, 2, 0, 0, 0)


def test_delivered_rows_stay_sixty_days(outbox: Outbox, clock: SetClock) -> None:
    outbox.add_rows([sample(0), sample(1)])
    outbox.apply_ack(stored(take(outbox), 1))
    clock.at_ms += 60 * DAY_MS
    assert outbox.prune() == 0
    clock.at_ms += 1
    assert outbox.prune() == 1
    assert outbox.counts()[:5] == (1, 0, 0, 0, 0)


def test_alarms_are_sent_until_named_with_their_clearing(outbox: Outbox) -> None:
    cleared = alarm(cleared_at_ms=T0_MS + 5)
    outbox.add(Intake(alarms=[alarm()]))
    outbox.add(Intake(alarms=[alarm(), cleared]))
    assert outbox.next_alarms(10) == [alarm(), cleared]
    assert outbox.next_alarms(1) == [alarm()]
    assert outbox.next_alarms(10, {(cleared.alarm, True)}) == [alarm()]
    assert outbox.apply_alarm_ack(AlarmAck(gateway=GATEWAY, alarms=[(cleared.alarm, True), ("another", False)])) == 1
    assert outbox.next_alarms(10) == [alarm()]
    assert outbox.apply_alarm_ack(AlarmAck(gateway=GATEWAY, alarms=[(cleared.alarm, False)] * 2)) == 1
    assert outbox.next_alarms(10) == []
    outbox.add(Intake(alarms=[alarm()]))
    assert outbox.counts().alarms_pending == 0


def test_settled_alarms_are_forgotten_too(outbox: Outbox, clock: SetClock) -> None:
    outbox.add(Intake(alarms=[alarm(), alarm(T0_MS + 1)]))
    outbox.apply_alarm_ack(AlarmAck(gateway=GATEWAY, alarms=[(alarm().alarm, False)]))
    clock.at_ms += 61 * DAY_MS
    outbox.prune()
    outbox.add(Intake(alarms=[alarm()]))
    assert outbox.counts().alarms_pending == 2


def everything_pending(box: Outbox) -> list[Item]:
    items: list[Item] = []
    on_way: set[Key] = set()
    while parcel := box.next_batch(T0_MS + 10**10, in_flight=on_way):
        items += parcel.items
        on_way |= parcel.keys
    return items


def test_space_is_freed_from_settled_rows_only(outbox: Outbox) -> None:
    outbox.add_rows([sample(number) for number in range(10)])
    outbox.apply_ack(Ack(gateway=GATEWAY, boot=outbox.boot, stored=[(1, 4)]))
    assert outbox.free_space() == 4
    assert outbox.pending_count() == 6


def test_many_threads_get_sequences_of_their_own(outbox: Outbox) -> None:
    def add(start: int) -> None:
        for number in range(50):
            outbox.add_rows([sample(number, sensor=f"{GATEWAY}.s{start}")])

    threads = [threading.Thread(target=add, args=(start,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sequences = [item.sequence for item in everything_pending(outbox)]
    assert sorted(sequences) == list(range(1, 301))


class OutboxMachine(RuleBasedStateMachine):
    """Any interleaving of adding, sending, acks in any order and crashes loses nothing that was not acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "o.db"
        self.box = Outbox(self.path)
        self.left_open: list[Outbox] = []
        self.minute = 0
        self.pending: dict[tuple[int, int], int] = {}
        self.settled: set[int] = set()
        self.acks: list[Ack] = []

    @rule(count=st.integers(1, 30), again=st.integers(0, 5))
    def add(self, count: int, again: int) -> None:
        rows = [sample(number) for number in range(max(0, self.minute - again), self.minute + count)]
        assert self.box.add_rows(rows) == count
        self.minute += count

    @precondition(lambda self: self.minute)
    @rule(data=st.data(), refuse=st.booleans())
    def answer_some(self, data: st.DataObject, refuse: bool) -> None:  # noqa: FBT001 - drawn
        parcel = self.box.next_batch(T0_MS + 10**10)
        if parcel is None:
            return
        chosen = data.draw(st.lists(st.sampled_from(parcel.items), unique=True))
        spans = [(item.sequence, item.sequence) for item in chosen]
        ack = Ack(gateway=GATEWAY, boot=parcel.boot, stored=[] if refuse else spans)
        if refuse:
            ack = Ack(gateway=GATEWAY, boot=parcel.boot, refused=[RefusedRange(a, b, "x") for a, b in spans])
        self.box.apply_ack(ack)
        self.acks.append(ack)
        self.settled |= {item.measured_at_ms for item in chosen}

    @precondition(lambda self: self.acks)
    @rule(data=st.data())
    def answer_again(self, data: st.DataObject) -> None:
        before = self.box.pending_count()
        self.box.apply_ack(data.draw(st.sampled_from(self.acks)))
        assert self.box.pending_count() == before

    @rule()
    def crash(self) -> None:
        self.left_open.append(self.box)
        self.box = Outbox(self.path)

    @rule()
    def prune(self) -> None:
        self.box.prune()

    @invariant()
    def nothing_is_lost_and_nothing_settled_comes_back(self) -> None:
        assert self.box.pending_count() == self.minute - len(self.settled)
        stamps = {item.measured_at_ms for item in everything_pending(self.box)}
        everything = {T0_MS + number * MINUTE_MS for number in range(self.minute)}
        assert stamps == everything - self.settled

    def teardown(self) -> None:
        for box in [*self.left_open, self.box]:
            box.close()
        self.folder.cleanup()


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
