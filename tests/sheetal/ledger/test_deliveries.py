from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.limits import MINUTE_MS
from sheetal.ledger import contacts, deliveries, judgements
from sheetal.ledger.deliveries import GIVEN_UP_AFTER_MS, PROBLEM_CHARACTERS_MAX, SHOWN_FOR_MS
from sheetal.ledger.judgements import Severity
from tests.sheetal.ledger.contact_rows import BY, add_contact, add_notice
from tests.sheetal.ledger.seeds import FACILITY, NOW_MS, OTHER_FACILITY

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from sheetal.ledger.connect import Ledger


def waiting(conn: Connection, at_ms: int = NOW_MS) -> list[tuple[int, int, int, int]]:
    return [(one.notice.id, one.contact_id, one.attempts, one.next_try_ms) for one in deliveries.waiting(conn, at_ms)]


def sent_at(conn: Connection) -> list[int | None]:
    return [one.sent_at_ms for one in sorted(judgements.notices(conn), key=lambda one: one.id)]


def test_a_new_notice_is_addressed_once(house: Ledger) -> None:
    with house.write() as conn:
        contact = add_contact(conn)
        number = add_notice(conn, "a", severity=Severity.ROUTINE, group_key="alarms/F-101")
        (new,) = deliveries.unaddressed(conn)
        assert (new.id, new.kind, new.severity, new.group_key) == (number, "hold", "routine", "alarms/F-101")
        assert new.facts == {"key": "a"}
        deliveries.address(conn, number, {contact: NOW_MS + 5}, NOW_MS)
        deliveries.address(conn, number, {contact: NOW_MS + 9}, NOW_MS)
        assert deliveries.unaddressed(conn) == []
        assert waiting(conn) == [(number, contact, 0, NOW_MS + 5)]
        assert sent_at(conn) == [None]


def test_what_nobody_is_to_hear_counts_as_sent(house: Ledger) -> None:
    with house.write() as conn:
        deliveries.address(conn, add_notice(conn, "a"), {}, NOW_MS + 1)
        assert sent_at(conn) == [NOW_MS + 1]
        assert deliveries.unaddressed(conn) == waiting(conn) == []


def test_a_notice_is_sent_when_the_first_contact_has_it_and_the_other_still_waits(house: Ledger) -> None:
    with house.write() as conn:
        one, other = add_contact(conn), add_contact(conn)
        number = add_notice(conn, "a")
        deliveries.address(conn, number, dict.fromkeys((one, other), NOW_MS), NOW_MS)
        assert deliveries.mark_sent(conn, [number], one, NOW_MS + 3) == 1
        assert deliveries.mark_sent(conn, [number], one, NOW_MS + 4) == 0
        assert sent_at(conn) == [NOW_MS + 3]
        assert waiting(conn) == [(number, other, 0, NOW_MS)]
        deliveries.mark_sent(conn, [number], other, NOW_MS + 5)
        assert sent_at(conn) == [NOW_MS + 3]


def test_a_failure_is_kept_with_its_problem_until_a_channel_takes_it(house: Ledger) -> None:
    late_ms = NOW_MS + 2 * MINUTE_MS
    with house.write() as conn:
        contact = add_contact(conn)
        number = add_notice(conn, "a")
        deliveries.address(conn, number, {contact: NOW_MS}, NOW_MS)
        deliveries.mark_failed(conn, [number], contact, "x" * 999, NOW_MS + 7)
        assert waiting(conn) == [(number, contact, 1, NOW_MS + 7)]
        assert deliveries.undelivered(conn, late_ms - 1) == []
        (found,) = deliveries.undelivered(conn, late_ms)
        assert (found.notice_id, found.contact_id, found.attempts) == (number, contact, 1)
        assert found.contact_name == "Cold chain officer, North"
        assert found.problem == "x" * PROBLEM_CHARACTERS_MAX
        assert deliveries.undelivered(conn, late_ms, OTHER_FACILITY) == []
        assert len(deliveries.undelivered(conn, late_ms, FACILITY)) == 1
        deliveries.mark_sent(conn, [number], contact, late_ms)
        deliveries.mark_failed(conn, [number], contact, "late word of an earlier try", late_ms)
        assert deliveries.undelivered(conn, late_ms) == []


def test_an_old_message_is_tried_no_more_but_still_shown(house: Ledger) -> None:
    with house.write() as conn:
        contact = add_contact(conn)
        number = add_notice(conn, "a")
        deliveries.address(conn, number, {contact: NOW_MS}, NOW_MS)
        assert len(waiting(conn, NOW_MS + GIVEN_UP_AFTER_MS)) == 1
        assert waiting(conn, NOW_MS + GIVEN_UP_AFTER_MS + 1) == []
        assert len(deliveries.undelivered(conn, NOW_MS + GIVEN_UP_AFTER_MS + 1)) == 1
        assert deliveries.undelivered(conn, NOW_MS + SHOWN_FOR_MS + 1) == []


def test_a_retired_contact_waits_for_nothing(house: Ledger) -> None:
    with house.write() as conn:
        contact = add_contact(conn)
        deliveries.address(conn, add_notice(conn, "a"), {contact: NOW_MS}, NOW_MS)
        assert len(deliveries.undelivered(conn, NOW_MS + 2 * MINUTE_MS)) == 1
        contacts.retire_contact(conn, contact, BY, NOW_MS)
        assert waiting(conn) == []
        assert deliveries.undelivered(conn, NOW_MS + 2 * MINUTE_MS) == []


def test_a_group_was_last_told_when_its_newest_message_was_taken(house: Ledger) -> None:
    with house.write() as conn:
        contact = add_contact(conn)
        for number, at_ms in (
            (add_notice(conn, "a", group_key="site"), 5),
            (add_notice(conn, "b", group_key="site"), 9),
        ):
            deliveries.address(conn, number, {contact: NOW_MS}, NOW_MS)
            deliveries.mark_sent(conn, [number], contact, NOW_MS + at_ms)
        assert deliveries.last_told_ms(conn, FACILITY, "site", NOW_MS) == {contact: NOW_MS + 9}
        assert deliveries.last_told_ms(conn, FACILITY, "site", NOW_MS + 10) == {}
        assert deliveries.last_told_ms(conn, FACILITY, "other", NOW_MS) == {}
        assert deliveries.last_told_ms(conn, OTHER_FACILITY, "site", NOW_MS) == {}


def test_the_next_due_comes_first(house: Ledger) -> None:
    with house.write() as conn:
        contact = add_contact(conn)
        for key, at_ms in (("late", 9), ("soon", 1)):
            deliveries.address(conn, add_notice(conn, key), {contact: NOW_MS + at_ms}, NOW_MS)
        assert [one.notice.facts["key"] for one in deliveries.waiting(conn, NOW_MS)] == ["soon", "late"]
        assert len(deliveries.waiting(conn, NOW_MS, 1)) == 1


def test_some_contacts_may_be_left_out(house: Ledger) -> None:
    with house.write() as conn:
        first, second = add_contact(conn), add_contact(conn)
        deliveries.address(conn, add_notice(conn, "a"), {first: NOW_MS, second: NOW_MS}, NOW_MS)
        assert [one.contact_id for one in deliveries.waiting(conn, NOW_MS, 1, without={first})] == [second]
        assert deliveries.waiting(conn, NOW_MS, without={first, second}) == []
