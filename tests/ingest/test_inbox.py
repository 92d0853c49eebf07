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


def test_room_is_bounded_in_messages() -> None:
    inbox = Inbox(messages_max=2)
    assert inbox.has_room()
    inbox.put(message(b""))
    assert inbox.has_room()
    inbox.put(message(b""))
    assert not inbox.has_room()
    inbox.take()
    assert inbox.has_room()


def test_room_is_bounded_in_bytes() -> None:
    inbox = Inbox(bytes_max=10)
    inbox.put(message(b"x" * 9))
    assert inbox.has_room()
    inbox.put(message(b"x"))
    assert not inbox.has_room()
    inbox.take()
    assert inbox.has_room()


def test_an_empty_inbox_gives_nothing_at_once() -> None:
    assert Inbox().take() is None


def test_wait_is_no_longer_than_told() -> None:
    began = time.monotonic()
    Inbox().wait(0.05)
    assert 0.04 < time.monotonic() - began < 1


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
