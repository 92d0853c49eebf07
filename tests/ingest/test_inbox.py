from __future__ import annotations

import threading
import time

from ingest.inbox import Inbox
from tests.ingest.given import message


def test_messages_leave_in_the_order_they_came() -> None:
    inbox = Inbox()
    sent = [message(str(number).encode()) for number in range(10)]
    for one in sent:
        inbox.put(one)
    assert len(inbox) == 10
    assert [inbox.take() for _ in range(10)] == sent
    assert len(inbox) == 0


def test_many_are_taken_at_once_oldest_first_and_never_more_than_there_are() -> None:
    inbox = Inbox()
    sent = [message(str(number).encode()) for number in range(10)]
    for one in sent:
        inbox.put(one)
    assert inbox.take_many(4) == sent[:4]
    assert inbox.take() == sent[4]
    assert inbox.take_many(100) == sent[5:]
    assert inbox.take_many(100) == []


def test_the_bytes_that_wait_are_told() -> None:
    inbox = Inbox()
    assert inbox.bytes == 0
    for size in (3, 0, 5, 7):
        inbox.put(message(b"x" * size))
    assert inbox.bytes == 15
    inbox.take_many(3)
    assert inbox.bytes == 7
    inbox.take()
    assert inbox.bytes == 0


def test_many_taken_at_once_make_room() -> None:
    inbox = Inbox(messages_max=2, bytes_max=10)
    inbox.put(message(b"x" * 9))
    inbox.put(message(b"x"))
    assert inbox.room == 0
    inbox.take_many(2)
    assert inbox.room > 0


def test_an_inbox_emptied_at_once_is_waited_for_again() -> None:
    inbox = Inbox()
    inbox.put(message(b"1"))
    inbox.take_many(10)
    assert inbox.take_many(10) == []
    began = time.monotonic()
    inbox.wait(0.05)
    assert time.monotonic() - began > 0.04


def test_room_is_bounded_in_messages() -> None:
    inbox = Inbox(messages_max=2)
    assert inbox.room > 0
    inbox.put(message(b""))
    assert inbox.room > 0
    inbox.put(message(b""))
    assert inbox.room == 0
    inbox.take()
    assert inbox.room > 0


def test_room_is_bounded_in_bytes() -> None:
    inbox = Inbox(bytes_max=10)
    inbox.put(message(b"x" * 9))
    assert inbox.room > 0
    inbox.put(message(b"x"))
    assert inbox.room == 0
    inbox.take()
    assert inbox.room > 0


def test_an_empty_inbox_gives_nothing_at_once() -> None:
    assert Inbox().take() is None


def test_wait_is_no_longer_than_told() -> None:
    began = time.monotonic()
    Inbox().wait(0.05)
    assert 0.04 < time.monotonic() - began < 10


def test_wait_ends_with_a_message_however_often_it_was_empty_before() -> None:
    inbox = Inbox()
    for number in range(3):
        sent = message(str(number).encode())
        timer = threading.Timer(0.05, inbox.put, [sent])
        timer.start()
        inbox.wait(10)
        assert inbox.take() == sent
        assert inbox.take() is None
        timer.join()


def test_nothing_is_lost_or_doubled_between_two_threads() -> None:
    inbox = Inbox()
    sent = [message(str(number).encode()) for number in range(20_000)]
    sender = threading.Thread(target=lambda: [inbox.put(one) for one in sent])
    sender.start()
    taken = []
    while len(taken) < len(sent):
        inbox.wait(5)
        while (one := inbox.take()) is not None:
            taken.append(one)
    sender.join()
    assert taken == sent
