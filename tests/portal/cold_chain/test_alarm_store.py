from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert

from portal.cold_chain import alarm_store
from portal.cold_chain.alarm_views import Told
from sheetal.ledger import alarms, deliveries, judgement_writes, judgements
from sheetal.ledger.watch_tables import contact, delivery

if TYPE_CHECKING:
    from tests.portal.conftest import Stage


def test_what_became_of_a_notice_is_found_for_either_origin(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        known = [one.id for one in alarms.alarms(conn)]
        judgement_writes.add_notice(conn, f"device_alarm/{known[0]}", "device_alarm", "F-101", {}, 5)
        judgement_writes.add_notice(conn, "server_alarm/other", "server_alarm", "F-101", {}, 6)
        judgement_writes.add_notice(conn, f"alarm_reminder/{known[1]}/1", "alarm_reminder", "F-101", {}, 7)
        assert alarm_store.told(conn, [*known, "other"]) == {known[0]: Told(5, None), "other": Told(6, None)}
        first = judgements.notices(conn)[-1]
        deliveries.address(conn, first.id, {}, 9)
        assert alarm_store.told(conn, known) == {known[0]: Told(5, 9)}


def test_of_the_people_asked_some_are_reached(seeded: Stage) -> None:
    person = {"name": "x", "address_sealed": b"x", "kinds": "urgent", "created_at_ms": 1}
    with seeded.ledger.write() as conn:
        judgement_writes.add_notice(conn, "server_alarm/x", "server_alarm", "F-101", {}, 6)
        number = judgements.notices(conn)[0].id
        for sent_at_ms in (8, None, 9):
            who = conn.execute(insert(contact).values(**person).returning(contact.c.id)).scalar_one()
            row = {"notice_id": number, "contact_id": who, "attempts": 1, "next_try_ms": 7, "sent_at_ms": sent_at_ms}
            conn.execute(insert(delivery).values(**row))
        assert alarm_store.told(conn, ["x"]) == {"x": Told(6, None, 2, 3)}


def test_open_alarms_are_counted_by_place_and_by_whether_anybody_answers(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        assert alarm_store.open_counts(conn, None) == (2, 2)
        assert alarm_store.open_counts(conn, "F-101") == (1, 1)
        alarms.acknowledge_alarm(conn, alarms.alarms(conn)[0].id, "s", "test", "x", 5)
        assert alarm_store.open_counts(conn, None) == (1, 2)
        for one in alarms.alarms(conn):
            alarms.end_alarm(conn, one.id, "s", "lost_contact", "x", 6)
        assert alarm_store.open_counts(conn, None) == alarm_store.open_counts(conn, "F-9") == (0, 0)


def test_many_alarms_are_asked_for_in_parts(seeded: Stage) -> None:
    with seeded.ledger.write() as conn:
        judgement_writes.add_notice(conn, "server_alarm/x", "server_alarm", "F-101", {}, 6)
        found = alarm_store.told(conn, [*(f"a{number}" for number in range(1_200)), "x"])
    assert found == {"x": Told(6, None)}
    with seeded.ledger.read() as conn:
        assert alarm_store.told(conn, []) == {}


def test_contacts_are_told_by_their_post(seeded: Stage) -> None:
    row = {"name": "District officer", "address_sealed": b"x", "kinds": "urgent", "created_at_ms": 1}
    with seeded.ledger.write() as conn:
        number = conn.execute(insert(contact).values(**row).returning(contact.c.id)).scalar_one()
        assert alarm_store.contact_names(conn, [number, number, 99_999]) == {number: "District officer"}
        assert alarm_store.contact_names(conn, []) == {}
