from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sqlalchemy import update
from structlog.testing import capture_logs

from alerts.notify.announce import announce
from alerts.notify.grouping import Parcel
from alerts.notify.post import NO_ADDRESS, NO_FILES, PostOffice, deliver
from sheetal.contracts.problem import Unavailable
from sheetal.ledger import contacts, deliveries, judgement_writes
from sheetal.ledger.contacts import Hears, Reached
from sheetal.ledger.watch_tables import contact as contact_table
from tests.alerts.given import FACILITY, at
from tests.alerts.notify.told import BY, FIRST, SECOND, Desk, Recorder, add_contact, add_notice, told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pytest

    from alerts.notify.message import Message
    from sheetal.ledger.deliveries import Told
    from tests.alerts.given import World


def post(world: World, *keys: str, **facts: object) -> None:
    add_notice(world, *keys, **facts)  # type: ignore[arg-type]  # facts only
    announce(world.ledger, lambda _shown: None, at(0))


def undelivered(world: World, minute: float) -> list[deliveries.Undelivered]:
    with world.ledger.read() as conn:
        return deliveries.undelivered(conn, at(minute))


def test_what_a_channel_took_is_not_told_again(world: World) -> None:
    send = Recorder()
    desk = Desk(world, send)
    add_contact(world)
    post(world, "a")
    assert [desk.round(minute) for minute in (0, 1, 99)] == [1, 0, 0]
    assert len(send.heard) == 1
    assert world.notices()[0].sent_at_ms == at(0)
    assert desk.office.sent == 1


def test_the_second_channel_is_tried_at_once_when_the_first_fails(world: World) -> None:
    send = Recorder(lambda address: "down" if address == FIRST else None)
    desk = Desk(world, send)
    add_contact(world, FIRST, SECOND)
    post(world, "a")
    desk.round(0)
    assert [address for address, _ in send.heard] == [FIRST, SECOND]
    assert undelivered(world, 60) == []


def test_the_second_channel_is_spared_while_the_first_works(world: World) -> None:
    send = Recorder()
    add_contact(world, FIRST, SECOND)
    post(world, "a")
    Desk(world, send).round(0)
    assert [address for address, _ in send.heard] == [FIRST]


def test_a_channel_that_has_just_failed_is_waited_for_only_once(world: World) -> None:
    send = Recorder(lambda address: "no answer in time" if address == FIRST else None)
    desk = Desk(world, send)
    add_contact(world, FIRST, SECOND)
    for minute, key in ((0, "a"), (0.5, "b"), (2, "c")):
        post(world, key)
        desk.round(minute)
    assert [address for address, _ in send.heard] == [FIRST, SECOND, SECOND, FIRST, SECOND]


def test_behind_a_message_that_no_channel_takes_the_others_go_first_at_the_next_turn(world: World) -> None:
    send = Recorder(lambda _address: None)
    desk = Desk(world, send)
    add_contact(world)
    for number in range(3):
        add_notice(world, f"n{number}", group_key=f"group {number}")
    announce(world.ledger, lambda _shown: None, at(0))
    send.answer = lambda _address: "refused" if len(send.heard) == 1 else None
    desk.round(1)
    assert len(send.heard) == 1
    desk.round(1)
    assert len(send.heard) == 3
    assert desk.round(1) == 0
    assert desk.round(2) == 1
    assert len({message.body for _, message in send.heard}) == 3


def test_an_escalation_goes_through_every_channel(world: World) -> None:
    send = Recorder(lambda address: "down" if address == SECOND else None)
    desk = Desk(world, send)
    post(world, "a", contacts=[add_contact(world, FIRST, SECOND)])
    desk.round(0)
    assert [address for address, _ in send.heard] == [FIRST, SECOND]
    assert world.notices()[0].sent_at_ms == at(0)


def test_what_no_channel_takes_is_shown_as_undelivered_and_tried_ever_more_slowly(world: World) -> None:
    answers = ["down", "down", None]
    send = Recorder(lambda _address: answers.pop(0))
    desk = Desk(world, send)
    contact = add_contact(world)
    post(world, "a")
    with capture_logs() as lines:
        desk.round(0)
    assert [line["problem"] for line in lines] == ["down"]
    assert desk.round(4 / 60) == 0
    assert desk.round(5 / 60) == 1
    assert undelivered(world, 1) == []
    (found,) = undelivered(world, 2)
    assert (found.contact_id, found.attempts, found.problem) == (contact, 2, "down")
    assert desk.round(15 / 60) == 1
    assert undelivered(world, 2) == []
    assert len(send.heard) == 3


def test_an_end_between_sending_and_remembering_tells_twice_rather_than_never(world: World) -> None:
    """The real end by SIGKILL is `alerts.kill9`'s; here the thread that remembers ends instead."""
    heard: list[str] = []

    def send(_address: str, message: Message) -> str | None:
        heard.append(message.body)
        if len(heard) == 1:
            raise RuntimeError("taken, but nobody lives to remember it")
        return None

    add_contact(world)
    post(world, "a")
    with capture_logs():
        for _ in range(3):
            office = PostOffice(world.ledger, world.cipher, send, lambda: at(0))
            office.round()
            assert office.wait(10)
    assert len(heard) == 2
    assert heard[0] == heard[1]


def test_a_slow_contact_keeps_nobody_else_waiting_and_is_not_told_twice(world: World) -> None:
    go_on, waits = threading.Event(), threading.Event()
    heard: list[str] = []

    def send(address: str, _message: Message) -> str | None:
        if address == FIRST:
            waits.set()
            assert go_on.wait(10)
        heard.append(address)
        return None

    add_contact(world, FIRST)
    add_contact(world, SECOND)
    post(world, "a")
    office = PostOffice(world.ledger, world.cipher, send, lambda: at(0))
    assert office.round() == 2
    assert waits.wait(10)
    assert office.round() == 0
    go_on.set()
    assert office.wait(10)
    assert sorted(heard) == [FIRST, SECOND]
    assert office.round() == 0


def test_a_retired_contact_is_told_nothing_more(world: World) -> None:
    send = Recorder()
    contact = add_contact(world)
    post(world, "a")
    with world.ledger.write() as conn:
        contacts.retire_contact(conn, contact, BY, at(0))
    assert Desk(world, send).round(1) == 0
    assert send.heard == []


def test_a_contact_whose_addresses_do_not_open_keeps_nobody_else_waiting(world: World) -> None:
    send = Recorder()
    desk = Desk(world, send)
    broken, _ = add_contact(world, FIRST), add_contact(world, SECOND)
    with world.ledger.write() as conn:
        conn.execute(
            update(contact_table).where(contact_table.c.id == broken).values(address_sealed=b"of another place")
        )
    post(world, "a")
    with capture_logs() as lines:
        desk.round(0)
    assert [address for address, _ in send.heard] == [SECOND]
    assert {line["contact_id"] for line in lines} == {broken}
    (found,) = undelivered(world, 60)
    assert (found.contact_id, found.problem) == (broken, NO_ADDRESS)


def test_an_error_inside_a_channel_leaves_the_contact_for_the_next_turn(world: World) -> None:
    answers: list[Exception | None] = [RuntimeError("odd"), None]

    def send(_address: str, _message: Message) -> str | None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return None

    add_contact(world)
    post(world, "a")
    office = PostOffice(world.ledger, world.cipher, send, lambda: at(0))
    with capture_logs():
        for _ in range(2):
            assert office.round() == 1
            assert office.wait(10)
    assert world.notices()[0].sent_at_ms == at(0)


def test_every_problem_is_named_and_no_address_is_one_too() -> None:
    parcel = Parcel(1, (told(1),), 0)
    assert deliver(lambda address, _: f"{address} x", Reached(1, "en", ("a", "b")), parcel) == "a x; b x"
    assert deliver(lambda *_: None, Reached(1, "en", ()), parcel) == NO_ADDRESS


def test_one_contact_that_is_being_told_much_keeps_nobody_else_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, heard = threading.Event(), threading.Event()

    def send(address: str, _message: Message) -> str | None:
        if address == FIRST:
            assert answer.wait(10)
        else:
            heard.set()
        return None

    monkeypatch.setattr(deliveries, "ROWS_MAX", 1)
    add_contact(world, FIRST)
    add_contact(world, SECOND)
    add_notice(world, "a")
    with world.ledger.read() as conn:
        (notice,) = deliveries.unaddressed(conn)
        chosen = dict.fromkeys(contacts.hearers(conn, FACILITY, Hears.URGENT), at(0))
    with world.ledger.write() as conn:
        deliveries.address(conn, notice.id, chosen, at(0))
    office = PostOffice(world.ledger, world.cipher, send, lambda: at(0))
    try:
        assert [office.round(), office.round()] == [1, 1]
        assert heard.wait(10)
    finally:
        answer.set()
    assert office.wait(10)


def report_before_alarm(
    world: World, enclose: Callable[[Sequence[Told]], tuple[Path, ...]]
) -> tuple[Recorder, list[int]]:
    """A report and then an alarm for one contact; gives what was heard, and how much was begun at each turn."""
    send, minute = Recorder(), [0.0]
    add_contact(world)
    post(world, "report")
    office = PostOffice(world.ledger, world.cipher, send, lambda: at(minute[0]), enclose)
    begun = []
    with capture_logs():
        for now in (0.0, 0.02, 0.04):
            minute[0] = now
            if now:
                with world.ledger.write() as conn:
                    judgement_writes.add_notice(conn, f"a{now}", "test", FACILITY, {}, at(now))
                announce(world.ledger, lambda _shown: None, at(now))
            begun.append(office.round())
            assert office.wait(10)
    return send, begun


def test_a_report_whose_files_are_not_to_be_had_keeps_no_alarm_waiting(world: World) -> None:
    def away(notices: Sequence[Told]) -> tuple[Path, ...]:
        if any(one.kind == "holding_gap" for one in notices):
            raise Unavailable("the readings store is away")
        return ()

    send, begun = report_before_alarm(world, away)
    assert begun == [1, 1, 1]
    assert ["test" in message.body for _, message in send.heard] == [True, True]
    assert [one.problem for one in undelivered(world, 3)] == [NO_FILES]


def test_a_report_whose_files_can_never_be_made_is_told_without_them(world: World) -> None:
    def broken(_notices: Sequence[Told]) -> tuple[Path, ...]:
        raise ValueError("no such font")

    send, begun = report_before_alarm(world, broken)
    assert begun == [1, 1, 1]
    assert len(send.heard) == 3
    assert undelivered(world, 3) == []
