from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, update

from alerts.notify.announce import announce, shown_of
from alerts.notify.escalate import REMINDER, UNACKNOWLEDGED
from sheetal.ledger import contacts, deliveries, judgement_writes
from sheetal.ledger.contacts import Hears, retire_contact
from sheetal.ledger.judgement_tables import notice
from sheetal.ledger.judgements import Severity
from sheetal.ledger.watch_tables import escalation_step
from tests.alerts.given import FACILITY, at
from tests.alerts.notify.told import BY, add_contact, add_notice, told

if TYPE_CHECKING:
    from alerts.notify.channels.screen import Shown
    from tests.alerts.given import World


def audience(world: World, minute: float = 0) -> dict[int, int]:
    """Who is told, and how many seconds after the beginning."""
    announce(world.ledger, lambda _shown: None, at(minute))
    with world.ledger.read() as conn:
        return {one.contact_id: (one.next_try_ms - at(0)) // 1000 for one in deliveries.waiting(conn, at(minute))}


def step(world: World, contact_id: int, after_minutes: int, hours: tuple[int, int] = (0, 1440)) -> None:
    row = {
        "facility_id": FACILITY,
        "contact_id": contact_id,
        "after_minutes": after_minutes,
        "from_minute_of_day": hours[0],
        "until_minute_of_day": hours[1],
        "created_at_ms": at(0),
    }
    with world.ledger.write() as conn:
        conn.execute(insert(escalation_step).values(**row))


def test_notices_of_one_kind_and_place_are_shown_together() -> None:
    shown = shown_of([told(3), told(1, "other"), told(2), told(4, facility="F-2")])
    assert [(one.kind, one.facility_id, one.notices) for one in shown] == [
        ("other", FACILITY, (1,)),
        ("holding_gap", FACILITY, (2, 3)),
        ("holding_gap", "F-2", (4,)),
    ]


def test_what_names_one_group_is_shown_together_whatever_its_kind() -> None:
    shown = shown_of([told(1, "device_alarm", group_key="site"), told(2, "server_alarm", group_key="site")])
    assert [one.notices for one in shown] == [(1, 2)]


def test_those_who_hear_it_are_told_at_once(world: World) -> None:
    urgent, digest = add_contact(world), add_contact(world, hears=frozenset({Hears.DIGEST}))
    add_notice(world, "a")
    assert audience(world) == {urgent: 0}
    add_notice(world, "b", severity=Severity.DIGEST)
    with world.ledger.read() as conn:
        waiting = deliveries.unaddressed(conn)
    assert [one.severity for one in waiting] == ["digest"]
    assert set(audience(world)) == {urgent, digest}


def test_a_group_is_gathered_for_ten_seconds(world: World) -> None:
    contact = add_contact(world)
    add_notice(world, "a", group_key="alarms/F-101")
    assert audience(world) == {contact: 10}


def test_an_escalation_is_for_those_it_names_and_no_other(world: World) -> None:
    add_contact(world)
    second = add_contact(world)
    add_notice(world, "a", alarm="x", contacts=[second, 99])
    assert audience(world) == {second: 0}


@pytest.mark.parametrize(
    ("after", "hours", "is_told"), [(0, (0, 1440), True), (15, (0, 1440), False), (0, (1, 2), False)]
)
def test_on_a_ladder_an_alarm_is_first_heard_by_its_own_step(
    world: World, after: int, hours: tuple[int, int], *, is_told: bool
) -> None:
    contact = add_contact(world)
    step(world, contact, after, hours)
    add_notice(world, "an alarm", alarm="x")
    assert audience(world) == ({contact: 0} if is_told else {})
    add_notice(world, "a hold")
    assert contact in audience(world)


def test_one_group_shows_its_first_notice_first(world: World) -> None:
    shown: list[Shown] = []
    add_notice(world, "a", "b")
    assert announce(world.ledger, shown.append, at(0)) == 2
    assert announce(world.ledger, shown.append, at(0)) == 0
    assert [one.text.count("Nobody knows") for one in shown] == [2]


def test_a_severity_of_a_later_release_is_heard_as_urgent(world: World) -> None:
    contact = add_contact(world, hears=frozenset({Hears.URGENT}))
    add_notice(world, "a")
    with world.ledger.write() as conn:
        conn.execute(update(notice).values(severity="newer"))
    assert audience(world) == {contact: 0}


@pytest.mark.parametrize("kind", [UNACKNOWLEDGED, REMINDER])
def test_where_the_ladder_leads_to_nobody_now_everybody_hears_what_nobody_answered(world: World, kind: str) -> None:
    officer, digest = add_contact(world), add_contact(world, hears=frozenset({Hears.DIGEST}))
    step(world, officer, 0, (1, 2))
    with world.ledger.write() as conn:
        judgement_writes.add_notice(conn, kind, kind, FACILITY, {"alarm": "x"}, at(0))
    assert audience(world) == {officer: 0}
    assert digest != officer


def test_an_escalation_whose_person_is_gone_is_for_everybody(world: World) -> None:
    officer, gone = add_contact(world), add_contact(world)
    step(world, officer, 0, (1, 2))
    with world.ledger.write() as conn:
        retire_contact(conn, gone, BY, at(0))
        judgement_writes.add_notice(conn, "a", UNACKNOWLEDGED, FACILITY, {"alarm": "x", "contacts": [gone]}, at(0))
    assert audience(world) == {officer: 0}


def test_an_escalation_finds_its_person_among_however_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "CONTACTS_MAX", 1)
    add_contact(world)
    second = add_contact(world)
    add_notice(world, "a", alarm="x", contacts=[second])
    assert audience(world) == {second: 0}
