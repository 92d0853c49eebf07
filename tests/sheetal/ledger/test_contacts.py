from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from sheetal.contracts.problem import NotFound, Refused, Rejected
from sheetal.ledger import audit, contacts
from sheetal.ledger.contacts import ADDRESSES_MAX, ChannelKind, Hears, kind_of
from sheetal.ledger.watch_tables import contact, escalation_step
from tests.sheetal.ledger.contact_rows import BY, HOOK, MAIL, add_contact, add_step, new_contact
from tests.sheetal.ledger.seeds import CIPHER, FACILITY, NOW_MS, OTHER_FACILITY

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def test_a_contact_is_kept_without_showing_its_addresses(house: Ledger) -> None:
    with house.write() as conn:
        number = add_contact(conn, language="hi")
        found = contacts.contact_by_id(conn, number)
        row = conn.execute(select(contact)).mappings().one()
        opened = contacts.reached(conn, CIPHER, [number])[number]
    assert (found.name, found.language, found.hears) == ("Cold chain officer, North", "hi", {Hears.URGENT})
    assert found.channels == (ChannelKind.EMAIL, ChannelKind.WEBHOOK)
    assert opened.addresses == (MAIL, HOOK)
    assert b"secret" not in bytes(row["address_sealed"])
    assert "secret" not in f"{found} {opened} {new_contact()} {dict(row)}"


def test_adding_and_retiring_leave_a_trace_without_addresses(house: Ledger) -> None:
    with house.write() as conn:
        number = add_contact(conn)
        contacts.retire_contact(conn, number, BY, NOW_MS + 1)
    with house.read() as conn:
        traced = audit.entries(conn, FACILITY, 10, None)
        assert [one.act for one in traced][:2] == ["contact_retired", "contact_added"]
        assert "secret" not in str(traced)
        assert audit.verify_chain(conn, FACILITY).broken_at is None


def test_a_retired_contact_is_gone_with_its_addresses_and_steps(house: Ledger) -> None:
    with house.write() as conn:
        number = add_contact(conn)
        add_step(conn, number)
        contacts.retire_contact(conn, number, BY, NOW_MS)
        assert contacts.contacts(conn) == []
        assert contacts.reached(conn, CIPHER, [number]) == {}
        assert conn.execute(select(contact.c.address_sealed)).scalar_one() == b""
        assert conn.execute(select(escalation_step.c.retired_at_ms)).scalar_one() == NOW_MS
        for call in (
            lambda: contacts.retire_contact(conn, number, BY, NOW_MS),
            lambda: contacts.contact_by_id(conn, number),
        ):
            with pytest.raises(NotFound):
                call()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "  "}, "no_name"),
        ({"addresses": ()}, "no_address"),
        ({"addresses": (HOOK,) * (ADDRESSES_MAX + 1)}, "no_address"),
        ({"addresses": ("file:///etc/passwd",)}, "bad_address"),
        ({"hears": frozenset()}, "hears_nothing"),
    ],
)
def test_what_is_missing_is_named(house: Ledger, changes: dict[str, object], reason: str) -> None:
    with house.write() as conn:
        with pytest.raises(Refused) as refused:
            add_contact(conn, **changes)
        assert refused.value.facts["reason"] == reason
        assert contacts.contacts(conn) == []


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (MAIL, ChannelKind.EMAIL),
        ("smseagle://t@10.0.0.9/919876543210", ChannelKind.SMS),
        ("mmosts://chat.example/abc", ChannelKind.CHAT),
        ("jsons://example.in/x", ChannelKind.WEBHOOK),
    ],
)
def test_an_address_tells_its_kind(address: str, kind: ChannelKind) -> None:
    assert kind_of(address) is kind


@pytest.mark.parametrize(
    "address",
    ["", "json:", "json://", "dbus://x", "syslog://x", "http://x", "json://h\n", "json://[x", "json://" + "h" * 500],
)
def test_no_other_address_reaches_a_person(address: str) -> None:
    with pytest.raises(Refused):
        kind_of(address)


@pytest.mark.parametrize(
    "address",
    [
        "mailtos://me:secret@smtp.example?from=cold@example.in&to=a@example.in&mode=ssl&+Reply-To=b@example.in",
        "jsons://hooks.example/x?+X-Api-Key=1&:site=north&-page=2&METHOD=PUT&verify=yes",
        "tgram://1234:abc/5678/?silent=yes&thread=3",
        "msg91://t@key/919876543210?",
    ],
)
def test_options_that_say_who_is_told_and_how_are_taken(address: str) -> None:
    kind_of(address)


@pytest.mark.parametrize(
    "address",
    [
        "tgram://1234:abc/5678/?template=/run/secrets/field-keys",
        "slack://T1/A1/x/?to=a&TEMPLATE=http://10.0.0.1/",
        "slack://T1/A1/x/#general?template=/etc/passwd",
        "slack://T1/A1/x/?to=a;template=/etc/passwd",
        "slack://T1/A1/x/?%74emplate=/etc/passwd",
        "slack://T1/A1/x/?to=a&%20template%20=/etc/passwd",
        "mailto://a:b@h?pgpprv=/etc/key",
        "mailto://a:b@h?wkd=yes",
        "ntfy://h/topic?attach=http://10.0.0.1/",
        "matrix://u:p@h/#room?e2ee=yes&store=yes",
        "json://h/x?retry=9",
        "json://h/x?wait=600",
        "json://h/x?optional=yes",
        "json://h/x?redirect=yes",
    ],
)
def test_no_option_reads_a_file_fetches_waits_or_makes_little_of_a_failure(address: str) -> None:
    with pytest.raises(Refused) as refused:
        kind_of(address)
    assert refused.value.facts["reason"] == "bad_option"


def test_addresses_do_not_move_from_one_contact_to_another(house: Ledger) -> None:
    with house.write() as conn:
        one, other = add_contact(conn), add_contact(conn)
        sealed = conn.execute(select(contact.c.address_sealed).where(contact.c.id == one)).scalar_one()
        conn.execute(update(contact).where(contact.c.id == other).values(address_sealed=sealed))
        with pytest.raises(Rejected):
            contacts.reached(conn, CIPHER, [other])


def test_a_facility_hears_its_own_and_those_of_everywhere(house: Ledger) -> None:
    with house.write() as conn:
        own = add_contact(conn)
        everywhere = add_contact(conn, facility_id=None)
        foreign = add_contact(conn, facility_id=OTHER_FACILITY)
        assert {one.id for one in contacts.contacts(conn, FACILITY)} == {own, everywhere}
        assert contacts.hearers(conn, FACILITY, Hears.URGENT) == sorted([own, everywhere])
        assert contacts.hearers(conn, OTHER_FACILITY, Hears.URGENT) == sorted([everywhere, foreign])
        assert contacts.hearers(conn, FACILITY, Hears.DIGEST) == []


def test_on_a_ladder_an_alarm_is_heard_by_a_step_of_zero_minutes_within_its_hours(house: Ledger) -> None:
    with house.write() as conn:
        plain, at_night, later = add_contact(conn), add_contact(conn), add_contact(conn)
        add_step(conn, at_night, 0, (22 * 60, 6 * 60))
        add_step(conn, later, 15)
        assert contacts.hearers(conn, FACILITY, Hears.URGENT, 23 * 60) == sorted([plain, at_night])
        assert contacts.hearers(conn, FACILITY, Hears.URGENT, 12 * 60) == [plain]
        assert contacts.hearers(conn, FACILITY, Hears.URGENT) == sorted([plain, at_night, later])


def test_a_step_elsewhere_changes_nothing_here(house: Ledger) -> None:
    with house.write() as conn:
        number = add_contact(conn, facility_id=None)
        add_step(conn, number, 15, facility_id=OTHER_FACILITY)
        assert contacts.hearers(conn, FACILITY, Hears.URGENT, 0) == [number]
        assert contacts.hearers(conn, OTHER_FACILITY, Hears.URGENT, 0) == []


def test_a_facilitys_own_ladder_takes_the_place_of_the_general_one(house: Ledger) -> None:
    with house.write() as conn:
        general, own = add_contact(conn, facility_id=None), add_contact(conn)
        add_step(conn, general, 15, facility_id=None)
        assert contacts.hearers(conn, FACILITY, Hears.URGENT, 0) == [own]
        add_step(conn, own, 15)
        assert contacts.hearers(conn, FACILITY, Hears.URGENT, 0) == [general]
        assert contacts.hearers(conn, OTHER_FACILITY, Hears.URGENT, 0) == []


def test_those_that_stand_are_found_among_however_many(house: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "CONTACTS_MAX", 1)
    with house.write() as conn:
        first, gone, last = (add_contact(conn) for _ in range(3))
        contacts.retire_contact(conn, gone, BY, NOW_MS)
        assert contacts.standing(conn, [last, gone, first, 404]) == [first, last]
        assert contacts.standing(conn, []) == []


def test_where_something_is_heard_is_known_of_all(house: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "CONTACTS_MAX", 1)
    with house.write() as conn:
        assert contacts.heard_at(conn, Hears.URGENT) == set()
        add_contact(conn)
        gone = add_contact(conn, facility_id=None)
        add_contact(conn, facility_id=None, hears=frozenset({Hears.DIGEST}))
        assert contacts.heard_at(conn, Hears.URGENT) == {FACILITY, None}
        contacts.retire_contact(conn, gone, BY, NOW_MS)
        assert contacts.heard_at(conn, Hears.URGENT) == {FACILITY}
        assert contacts.heard_at(conn, Hears.DIGEST) == {None}
