from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alerts.notify.pipeline import send_due
from tests.alerts.given import at
from tests.alerts.notify.told import Desk, Recorder, add_contact, add_notice

if TYPE_CHECKING:
    from alerts.notify.channels.screen import Shown
    from tests.alerts.given import World


def test_a_notice_is_shown_and_told_once(world: World) -> None:
    shown: list[Shown] = []
    send = Recorder()
    desk = Desk(world, send)
    add_contact(world)
    add_notice(world, "a", "b")
    assert send_due(world.ledger, shown.append, desk.office, at(0)) == 2
    assert desk.office.wait(10)
    assert send_due(world.ledger, shown.append, desk.office, at(0)) == 0
    assert desk.office.wait(10)
    assert [len(one.notices) for one in shown] == [2]
    assert [message.body.count("Nobody knows") for _, message in send.heard] == [2]
    assert all(one.sent_at_ms == at(0) for one in world.notices())


def test_without_contacts_the_screen_is_enough(world: World) -> None:
    shown: list[Shown] = []
    desk = Desk(world, Recorder())
    add_notice(world, "a")
    assert send_due(world.ledger, shown.append, desk.office, at(3)) == 1
    assert [one.sent_at_ms for one in world.notices()] == [at(3)]
    assert len(shown) == 1


def test_a_crash_before_remembering_shows_twice_rather_than_never(world: World) -> None:
    shown: list[Shown] = []
    desk = Desk(world, Recorder())

    def crash(one: Shown) -> None:
        shown.append(one)
        raise RuntimeError("the process died here")

    add_notice(world, "a")
    with pytest.raises(RuntimeError):
        send_due(world.ledger, crash, desk.office, at(0))
    send_due(world.ledger, shown.append, desk.office, at(0))
    assert len(shown) == 2
