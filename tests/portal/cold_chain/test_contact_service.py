from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.cold_chain import contact_service
from portal.cold_chain.contact_service import Typed, TypedStep, unheard
from portal.errors import FieldProblem
from portal.identity.service import Role
from sheetal.contracts.problem import NotFound
from sheetal.ledger import assets, audit, contacts, ladders
from sheetal.ledger.contacts import Hears

if TYPE_CHECKING:
    from portal.cold_chain.contact_service import ContactsPage
    from portal.identity.service import Staff
    from tests.portal.conftest import Stage

HOOK = "json://user:s3cret@127.0.0.1/hook"


@pytest.fixture
def manager(stage: Stage) -> Staff:
    return stage.add_person(Role.PROGRAMME_MANAGER)


def page(stage: Stage, staff: Staff, facility: str = "") -> ContactsPage:
    return contact_service.contacts_page(stage.ledger, staff, facility, stage.now_ms)


def add(stage: Stage, staff: Staff, facility: str = "F-101", **changes: object) -> int:
    typed = Typed(**({"facility_id": facility, "name": "Officer", "addresses": HOOK} | changes))  # type: ignore[arg-type]
    contact_service.add_contact(stage.ledger, stage.cipher, staff, typed, stage.now_ms)
    return max(one.id for one in page(stage, staff).contacts)


def test_a_contact_is_kept_as_it_was_typed(stage: Stage, manager: Staff) -> None:
    number = add(
        stage, manager, addresses=f"  {HOOK}\n\n mailto://a:b@127.0.0.1?to=a@b.in \n", hears=("urgent", "digest", "x")
    )
    (found,) = page(stage, manager).contacts
    assert found.hears == {Hears.URGENT, Hears.DIGEST}
    with stage.ledger.read() as conn:
        opened = contacts.reached(conn, stage.cipher, [number])[number]
    assert opened.addresses == (HOOK, "mailto://a:b@127.0.0.1?to=a@b.in")
    assert "s3cret" not in repr(Typed(addresses=HOOK))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"addresses": ""}, "addresses"),
        ({"addresses": "x://y"}, "addresses"),
        ({"hears": ()}, "hears"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(
    stage: Stage, manager: Staff, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(FieldProblem) as problem:
        add(stage, manager, **changes)
    assert problem.value.field == field
    assert page(stage, manager).contacts == []


def test_among_very_many_the_chosen_facilitys_own_are_always_listed(
    stage: Stage, manager: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(stage, manager, "F-102", name="Officer, South")
    add(stage, manager, "F-101", name="Officer, North")
    monkeypatch.setattr(contacts, "CONTACTS_MAX", 1)
    assert [one.name for one in page(stage, manager, "F-101").contacts] == ["Officer, North"]
    found = page(stage, manager, "F-102")
    assert [one.name for one in found.contacts] == ["Officer, North", "Officer, South"]
    assert [one.name for one in found.eligible] == ["Officer, South"]


def test_a_facility_that_is_not_there_has_no_contact_no_step_and_no_page(stage: Stage, manager: Staff) -> None:
    with pytest.raises(NotFound):
        add(stage, manager, "F-999")
    with pytest.raises(NotFound):
        contact_service.add_step(stage.ledger, manager, "F-999", TypedStep(), stage.now_ms)
    with pytest.raises(NotFound):
        page(stage, manager, "F-999")


def test_where_nobody_hears_what_is_urgent_is_said(stage: Stage, manager: Staff) -> None:
    assert [place.id for place in page(stage, manager).unheard] == ["F-101", "F-102"]
    add(stage, manager)
    assert [place.id for place in page(stage, manager).unheard] == ["F-102"]
    add(stage, manager, "F-102", hears=("digest",))
    assert [place.id for place in page(stage, manager).unheard] == ["F-102"]
    add(stage, manager, "")
    assert page(stage, manager).unheard == []
    assert unheard([], []) == []


def test_a_step_stands_on_its_facilitys_ladder_and_can_be_taken_out(stage: Stage, manager: Staff) -> None:
    number = add(stage, manager)
    typed = TypedStep(number, "15", "22:00", "06:00")
    contact_service.add_step(stage.ledger, manager, "F-101", typed, stage.now_ms)
    (step,) = page(stage, manager, "F-101").steps
    assert (step.after_minutes, step.from_minute_of_day, step.until_minute_of_day) == (15, 1320, 360)
    assert page(stage, manager, "F-102").steps == []
    contact_service.retire_step(stage.ledger, manager, step.id, stage.now_ms)
    assert page(stage, manager, "F-101").steps == []
    with stage.ledger.read() as conn:
        acts = [one.act for one in audit.entries(conn, "F-101", 10, None)]
    assert acts[:3] == ["ladder_step_retired", "ladder_step_added", "contact_added"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        (TypedStep(0, "x"), "after_minutes"),
        (TypedStep(0, "15", "x"), "from"),
        (TypedStep(0, "15", "08:00", "08:00"), "from"),
    ],
)
def test_what_is_wrong_about_a_step_is_told_at_its_field(
    stage: Stage, manager: Staff, typed: TypedStep, field: str
) -> None:
    number = add(stage, manager)
    with pytest.raises(FieldProblem) as problem:
        contact_service.add_step(
            stage.ledger,
            manager,
            "F-101",
            TypedStep(number, typed.after_minutes, typed.begins, typed.ends),
            stage.now_ms,
        )
    assert problem.value.field == field


def test_only_those_who_hear_of_a_facility_may_stand_on_its_ladder(stage: Stage, manager: Staff) -> None:
    own, foreign, general = add(stage, manager), add(stage, manager, "F-102"), add(stage, manager, "")
    assert {one.id for one in page(stage, manager, "F-101").eligible} == {own, general}
    assert {one.id for one in page(stage, manager, "F-102").eligible} == {foreign, general}


def test_the_general_ladder_is_shown_where_there_is_no_own(stage: Stage, manager: Staff) -> None:
    number = add(stage, manager, "")
    with stage.ledger.write() as conn:
        new = ladders.NewStep(facility_id=None, contact_id=number, after_minutes=30)
        ladders.add_step(conn, new, manager.id, "F-101", stage.now_ms)
    found = page(stage, manager, "F-101")
    assert (found.steps, [one.after_minutes for one in found.general_steps]) == ([], [30])


def test_reports_are_for_those_who_may_see_the_facility(stage: Stage, manager: Staff) -> None:
    handler = stage.add_person(Role.HANDLER, "F-102")
    assert [place.id for place in contact_service.report_places(stage.ledger, handler)] == ["F-102"]
    assert len(contact_service.report_places(stage.ledger, manager)) == 2
    body, kind = contact_service.report_file(
        stage.ledger, stage.readings, handler, ("F-102", "2026-11.csv"), stage.now_ms
    )
    assert (body[:3], kind) == (b"\xef\xbb\xbf", "text/csv; charset=utf-8")
    with pytest.raises(NotFound):
        contact_service.report_file(stage.ledger, stage.readings, handler, ("F-101", "2026-11.csv"), stage.now_ms)


@pytest.mark.parametrize("name", ["2026-11", "2026-11.exe", "2026-13.pdf", "2027-01.pdf", ".pdf", "../x.pdf"])
def test_what_is_no_report_is_not_found(stage: Stage, manager: Staff, name: str) -> None:
    with pytest.raises(NotFound):
        contact_service.report_file(stage.ledger, stage.readings, manager, ("F-101", name), stage.now_ms)
    with pytest.raises(NotFound):
        contact_service.report_file(stage.ledger, stage.readings, manager, ("F-999", "2026-11.pdf"), stage.now_ms)


def test_a_retired_contact_is_gone_from_the_page(stage: Stage, manager: Staff) -> None:
    contact_service.retire_contact(stage.ledger, manager, add(stage, manager), stage.now_ms)
    assert page(stage, manager).contacts == []
    with stage.ledger.read() as conn:
        assert assets.facility_by_id(conn, "F-101").id == "F-101"
