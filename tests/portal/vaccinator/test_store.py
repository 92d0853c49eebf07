from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from portal.vaccinator import store
from sheetal.ledger.integrity import broken_rule

if TYPE_CHECKING:
    from tests.portal.clinic import Clinic


def row(clinic: Clinic, **changes: object) -> dict[str, object]:
    words: dict[str, object] = {
        "id": "dose-1",
        "holding_id": "H-1",
        "lot_id": "covishield/CS-2301",
        "facility_id": "F-101",
        "session_id": clinic.session.id,
        "vaccine": "COVISHIELD",
        "dose_number": 1,
        "doses_total": 2,
        "administered_at_ms": clinic.now_ms,
        "staff_id": clinic.staff.id,
        "idempotency_key": "key-1",
        "request_hash": "hash-1",
    }
    words["person_id"] = changes.pop("person_id", None) or clinic.add_person().id
    return words | changes


def insert(clinic: Clinic, **changes: object) -> None:
    values = row(clinic, **changes)
    with clinic.ledger.write() as conn:
        store.insert_dose(conn, values)


def test_a_dose_is_found_by_its_key_and_its_id(clinic: Clinic) -> None:
    clinic.receive("H-1")
    insert(clinic)
    with clinic.ledger.read() as conn:
        found = store.dose_by_key(conn, "key-1")
        assert found is not None
        assert (found.id, found.request_hash, found.holding_id) == ("dose-1", "hash-1", "H-1")
        assert store.dose_by_id(conn, "dose-1") == found
        assert store.dose_by_key(conn, "key-2") is store.dose_by_id(conn, "dose-2") is None


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"idempotency_key": "key-1"}, "uq_dose_idempotency_key"),
        ({"person_id": "same"}, "uq_dose_person_id_vaccine_dose_number"),
        ({"id": "dose-1"}, "pk_dose"),
        ({"dose_number": 3}, "ck_dose_number"),
    ],
)
def test_the_table_itself_keeps_one_dose_a_key_a_person_and_a_number(
    clinic: Clinic, changed: dict[str, object], rule: str
) -> None:
    clinic.receive("H-1")
    first = clinic.add_person().id
    insert(clinic, person_id=first)
    changed = {"id": "dose-2", "idempotency_key": "key-2"} | changed
    if changed.get("person_id") == "same":
        changed["person_id"] = first
    with pytest.raises(IntegrityError) as problem:
        insert(clinic, **changed)
    assert broken_rule(problem.value) == rule


def test_earlier_doses_are_of_one_person_and_one_vaccine(clinic: Clinic) -> None:
    clinic.receive("H-1")
    who = clinic.add_person().id
    insert(clinic, person_id=who)
    insert(clinic, person_id=who, id="d-2", idempotency_key="k-2", dose_number=2, administered_at_ms=clinic.now_ms + 5)
    insert(clinic, person_id=who, id="d-3", idempotency_key="k-3", vaccine="COVAXIN")
    insert(clinic, id="d-4", idempotency_key="k-4")
    with clinic.ledger.read() as conn:
        found = store.earlier_doses(conn, who, "COVISHIELD")
    assert found == [(1, clinic.now_ms), (2, clinic.now_ms + 5)]


def test_doses_since_an_instant_come_page_by_page_and_none_twice(clinic: Clinic) -> None:
    clinic.receive("H-1")
    clinic.receive("H-2")
    for number in range(7):
        at_ms = clinic.now_ms + number // 3
        holding = "H-2" if number == 6 else "H-1"
        insert(clinic, id=f"d-{number}", idempotency_key=f"k-{number}", administered_at_ms=at_ms, holding_id=holding)
    seen: list[str] = []
    last = None
    with clinic.ledger.read() as conn:
        while doses := store.doses_since(conn, ["H-1"], clinic.now_ms, last, 2):
            assert len(doses) <= 2
            seen += [dose.id for dose in doses]
            last = doses[-1]
        assert store.count_doses_since(conn, ["H-1"], clinic.now_ms) == 6
        assert store.count_doses_since(conn, ["H-1", "H-2"], clinic.now_ms + 1) == 4
        assert store.count_doses_since(conn, [], clinic.now_ms) == 0
    assert seen == [f"d-{number}" for number in range(6)]


def test_many_doses_are_found_by_id_oldest_first(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "IDS_MAX", 2)
    clinic.receive("H-1")
    for number in range(5):
        insert(clinic, id=f"d-{number}", idempotency_key=f"k-{number}", administered_at_ms=clinic.now_ms - number)
    with clinic.ledger.read() as conn:
        found = store.doses_by_id(conn, ["d-0", "d-4", "d-2", "d-1", "d-3", "nothing"])
        assert store.doses_by_id(conn, []) == []
    assert [dose.id for dose in found] == ["d-4", "d-3", "d-2", "d-1", "d-0"]
