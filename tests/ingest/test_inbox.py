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
    assert [inbox.take(0) for _ in range(10)] == sent
    assert len(inbox) == 0


def test_room_is_bounded_in_messages() -> None:
    inbox = Inbox(messages_max=2)
    assert inbox.has_room()
    inbox.put(message(b""))
    assert inbox.has_room()
    inbox.put(message(b""))
    assert not inbox.has_room()
    inbox.take(0)
    assert inbox.has_room()


def test_room_is_bounded_in_bytes() -> None:
    inbox = Inbox(bytes_max=10)
    inbox.put(message(b"x" * 9))
    assert inbox.has_room()
    inbox.put(message(b"x"))
    assert not inbox.has_room()
    inbox.take(0)
    assert inbox.has_room()


def test_take_waits_no_longer_than_told() -> None:
    began = time.monotonic()
    assert Inbox().take(0.05) is None
    assert 0.04 < time.monotonic() - began < 1


def test_take_wakes_for_a_message() -> None:
    inbox = Inbox()
    sent = message(b"late")
    timer = threading.Timer(0.05, inbox.put, [sent])
    timer.start()
    assert inbox.take(10) == sent
    timer.join()
