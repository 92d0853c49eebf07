from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal.recall import store
from portal.recall.store import Case
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger import judgement_writes

if TYPE_CHECKING:
    from tests.portal.clinic import Clinic


def case(compromise: int, number: int = 1, from_ms: int = 5) -> Case:
    return Case(f"case-{number}", compromise, "H-1", "cold", from_ms, opened_at_ms=9)


@pytest.fixture
def compromise(clinic: Clinic) -> int:
    clinic.receive("H-1")
    clinic.dose_from("H-1")
    clinic.dose_from("H-1")
    return clinic.freeze("H-1", clinic.now_ms - HOUR_MS)


def doses(clinic: Clinic) -> list[str]:
    with clinic.ledger.read() as conn:
        return list(conn.exec_driver_sql("SELECT id FROM dose ORDER BY id").scalars())


def test_a_compromise_waits_until_it_has_a_case(clinic: Clinic, compromise: int) -> None:
    with clinic.ledger.write() as conn:
        waiting = store.compromises_without_case(conn, 9)
        assert [(one.id, one.holding_id, one.side) for one in waiting] == [(compromise, "H-1", "cold")]
        assert store.insert_case(conn, case(compromise))
        assert not store.insert_case(conn, case(compromise, 2))
        assert store.compromises_without_case(conn, 9) == []


def test_a_compromise_with_a_lower_number_that_shows_later_is_not_missed(clinic: Clinic, compromise: int) -> None:
    later = clinic.freeze("H-1", clinic.now_ms)
    with clinic.ledger.write() as conn:
        assert store.insert_case(conn, case(later))
        assert [one.id for one in store.compromises_without_case(conn, 9)] == [compromise]


def test_a_withdrawn_compromise_gets_no_case_and_shows_on_the_one_it_has(clinic: Clinic, compromise: int) -> None:
    with clinic.ledger.write() as conn:
        store.insert_case(conn, case(compromise))
        assert store.open_cases(conn, 0, 9) == [case(compromise)]
        judgement_writes.withdraw_compromise(conn, compromise, 77)
        assert [one.withdrawn_at_ms for one in store.open_cases(conn, 0, 9)] == [77]
    second = clinic.freeze("H-1", clinic.now_ms)
    with clinic.ledger.write() as conn:
        judgement_writes.withdraw_compromise(conn, second, 78)
        assert store.compromises_without_case(conn, 9) == []


def test_a_case_is_closed_once_and_then_not_open(clinic: Clinic, compromise: int) -> None:
    with clinic.ledger.write() as conn:
        store.insert_case(conn, case(compromise))
        assert store.count_open_cases(conn) == 1
        assert store.close_case(conn, "case-1", 50)
        assert not store.close_case(conn, "case-1", 51)
        assert (store.count_open_cases(conn), store.open_cases(conn, 0, 9)) == (0, [])
        assert [one.closed_at_ms for one in store.cases_of(conn, "H-1")] == [50]


def test_open_cases_come_window_by_window_and_cases_of_a_holding_by_their_beginning(
    clinic: Clinic, compromise: int
) -> None:
    numbers = [compromise, *(clinic.freeze("H-1", clinic.now_ms + step) for step in range(3))]
    with clinic.ledger.write() as conn:
        for number, one in enumerate(numbers):
            store.insert_case(conn, case(one, number, from_ms=100 - number))
        windows = [[one.compromise_id for one in store.open_cases(conn, offset, 3)] for offset in (0, 3, 6)]
        assert windows == [numbers[:3], numbers[3:], []]
        assert [one.compromised_from_ms for one in store.cases_of(conn, "H-1")] == [97, 98, 99, 100]
        assert store.cases_of(conn, "H-2") == []


def test_a_dose_is_listed_once_a_case(clinic: Clinic, compromise: int) -> None:
    first, second = doses(clinic)
    with clinic.ledger.write() as conn:
        store.insert_case(conn, case(compromise))
        assert store.insert_dose(conn, "case-1", first, 10)
        assert not store.insert_dose(conn, "case-1", first, 11)
        assert store.count_listed(conn, "case-1") == 1
        assert store.listed_among(conn, ["case-1"], [first, second]) == {first}
        listed = store.listed(conn, ["case-1"])
        assert list(listed) == [first]
        assert (listed[first].contact_state, listed[first].listed_at_ms) == ("to_contact", 10)


def test_a_told_owner_is_told_in_every_case_of_the_dose(clinic: Clinic, compromise: int) -> None:
    first, second = doses(clinic)
    other = clinic.freeze("H-1", clinic.now_ms)
    with clinic.ledger.write() as conn:
        for number, one in ((1, compromise), (2, other)):
            store.insert_case(conn, case(one, number))
            store.insert_dose(conn, f"case-{number}", first, 10)
            store.insert_dose(conn, f"case-{number}", second, 10)
        store.set_contact(conn, first, "contacted", clinic.staff.id, 30)
        for number in (1, 2):
            listed = store.listed(conn, [f"case-{number}"])
            assert (listed[first].contact_state, listed[first].contacted_at_ms) == ("contacted", 30)
            assert (listed[second].contact_state, listed[second].contacted_at_ms) == ("to_contact", None)
