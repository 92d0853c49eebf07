from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from portal.errors import FieldProblem
from portal.identity.service import Role
from portal.orchestration import catalogue, catalogue_form
from sheetal.contracts.limits import DAY_MS
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger import audit, rejudge
from sheetal.ledger import catalogue as ledger_catalogue
from sheetal.ledger.product_build import product_of
from tests.portal.orchestration.typed_product import TYPED
from tests.sheetal.ledger.catalogue_kit import PLAIN, SHIPPED

if TYPE_CHECKING:
    from portal.identity.service import Staff
    from sheetal.contracts.product import Product
    from tests.portal.conftest import Stage


@pytest.fixture
def admin(seeded: Stage) -> Staff:
    return seeded.add_person(Role.ADMIN)


def add(stage: Stage, staff: Staff, **changes: str) -> Product:
    return catalogue.add(stage.ledger, staff, SHIPPED, TYPED | changes, stage.now_ms)


def next_of(stage: Stage, product_id: str) -> dict[str, str]:
    return catalogue_form.typed_of(catalogue.newest(stage.ledger, product_id))


def test_the_list_names_every_product_and_how_sure_its_weakest_limit_is(seeded: Stage) -> None:
    lines = {one.product.product: one for one in catalogue.lines(seeded.ledger, seeded.now_ms)}
    assert len(lines) == 29
    assert lines["covishield"].confidence == "high"
    assert lines["corbevax"].confidence == "low"
    assert lines["comirnaty-purple"].confidence == "medium"
    names = [one.product.display_name for one in catalogue.lines(seeded.ledger, seeded.now_ms)]
    assert names == sorted(names, key=str.casefold)


def test_a_version_that_waits_is_named_with_its_day(seeded: Stage, admin: Staff) -> None:
    day = ledger_catalogue.day_of(seeded.now_ms + DAY_MS)
    add_typed = next_of(seeded, "covaxin") | {"effective_from": day}
    catalogue.add(seeded.ledger, admin, SHIPPED, add_typed, seeded.now_ms)
    line = next(one for one in catalogue.lines(seeded.ledger, seeded.now_ms) if one.product.product == "covaxin")
    assert (line.product.version, line.waits) == (2, day)
    page = catalogue.page(seeded.ledger, "covaxin", 3, seeded.now_ms)
    assert (page.is_in_force, page.product.version, page.newest.version) == (False, 3, 3)
    assert catalogue.page(seeded.ledger, "covaxin", None, seeded.now_ms).product.version == 2


def test_a_product_is_recorded_with_an_entry_in_the_signers_chain(seeded: Stage, admin: Staff) -> None:
    made = add(seeded, admin)
    with seeded.ledger.read() as conn:
        assert ledger_catalogue.product_version(conn, "typhoid", seeded.now_ms) == made
        entry = audit.entries(conn, admin.facility_id, 1)[0]
    assert (entry.actor, entry.act, entry.subject) == (admin.id, "product_version_added", "product/typhoid")


def test_the_history_says_what_changed(seeded: Stage, admin: Staff) -> None:
    add(seeded, admin)
    typed = next_of(seeded, "typhoid") | {"first_max": "7", "effective_from": "2026-11-23"}
    catalogue.add(seeded.ledger, admin, SHIPPED, typed, seeded.now_ms + 1_000)
    page = catalogue.page(seeded.ledger, "typhoid", None, seeded.now_ms)
    assert [(one.product.version, one.changed, one.in_force) for one in page.versions] == [
        (2, ["ranges"], True),
        (1, [], False),
    ]
    assert page.fits_form


def test_a_new_version_has_the_stock_judged_again(seeded: Stage, admin: Staff) -> None:
    with seeded.ledger.write() as conn:
        rejudge.clear(conn, [one.id for one in rejudge.pending(conn, 100)])
    catalogue.add(seeded.ledger, admin, SHIPPED, next_of(seeded, "covaxin"), seeded.now_ms)
    with seeded.ledger.read() as conn:
        assert [one.holding_id for one in rejudge.pending(conn, 100)] == ["H-2"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_max": "1"}, "first_max"),
        ({"rule_0_limit": "7.9"}, "rule_0_limit"),
        ({"first_default_refrigerated": ""}, "first_default_refrigerated"),
        ({"vaccine": "tcv"}, "vaccine"),
        ({"vvm_type": "3"}, "vvm_type"),
        ({"product": "Typhoid"}, "product"),
        ({"doses_total": "0"}, "doses_total"),
        ({"effective_from": "23.11.2026"}, "effective_from"),
        ({"vial_0_hours": "0"}, "vial_0_hours"),
        ({"rule_0_minutes": "0"}, "rule_0_minutes"),
        ({"version": "2"}, "version"),
    ],
)
def test_what_the_ledger_refuses_is_shown_beside_its_field(
    seeded: Stage, admin: Staff, changes: dict[str, str], field: str
) -> None:
    with pytest.raises(FieldProblem) as caught:
        add(seeded, admin, **changes)
    assert (caught.value.field, bool(caught.value.message)) == (field, True)
    with pytest.raises(NotFound):
        catalogue.page(seeded.ledger, "typhoid", None, seeded.now_ms)


def test_two_admins_cannot_add_the_same_version(seeded: Stage, admin: Staff) -> None:
    typed = next_of(seeded, "covaxin")
    catalogue.add(seeded.ledger, admin, SHIPPED, typed, seeded.now_ms)
    with pytest.raises(FieldProblem, match="meanwhile"):
        catalogue.add(seeded.ledger, admin, SHIPPED, typed | {"first_max": "7"}, seeded.now_ms)


def test_a_version_before_the_one_so_far_is_refused(seeded: Stage, admin: Staff) -> None:
    with pytest.raises(FieldProblem) as caught:
        catalogue.add(
            seeded.ledger, admin, SHIPPED, next_of(seeded, "covaxin") | {"effective_from": "2021-01-01"}, seeded.now_ms
        )
    assert caught.value.field == "effective_from"


def test_unknown_products_and_versions_are_not_there(seeded: Stage) -> None:
    with pytest.raises(NotFound):
        catalogue.page(seeded.ledger, "nothing", None, seeded.now_ms)
    with pytest.raises(NotFound):
        catalogue.page(seeded.ledger, "covaxin", 9, seeded.now_ms)
    with pytest.raises(NotFound):
        catalogue.newest(seeded.ledger, "nothing")


def test_a_product_too_large_for_the_form_is_left_to_its_file(seeded: Stage) -> None:
    base = product_of(catalogue_form.read_form(TYPED), PLAIN)
    many = [msgspec.structs.replace(base.hold_rules[0], rule=f"own-{number}") for number in range(13)]
    with seeded.ledger.write() as conn:
        ledger_catalogue.record_products(conn, [msgspec.structs.replace(base, hold_rules=many)], seeded.now_ms)
    assert not catalogue.page(seeded.ledger, "typhoid", None, seeded.now_ms).fits_form
    with pytest.raises(Refused):
        catalogue.newest(seeded.ledger, "typhoid")


def test_a_product_of_which_nothing_is_in_force_shows_its_newest_version(seeded: Stage, admin: Staff) -> None:
    day = ledger_catalogue.day_of(seeded.now_ms + DAY_MS)
    add(seeded, admin, effective_from=day)
    page = catalogue.page(seeded.ledger, "typhoid", None, seeded.now_ms)
    assert (page.product.version, page.is_in_force) == (1, False)
