"""The same races on a real PostgreSQL, where writers do not take turns by themselves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from portal.recall import service as recall
from portal.registration import service as registration
from portal.registration.service import NewPerson
from portal.registration.tables import person
from sheetal.contracts.limits import HOUR_MS
from sheetal.contracts.problem import Refused
from sheetal.ledger import audit, schema
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.field_cipher import FieldCipher
from tests.portal.clinic import BIRTH_DATE, MOBILE, Clinic, add_facilities, open_clinic
from tests.portal.conftest import NOW_MS
from tests.stack.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portal.certificate.keys import SigningKeys
    from tests.portal.clinic import Booked

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, keys: SigningKeys) -> Iterator[Clinic]:
    with postgresql_server(tmp_path_factory.mktemp("server")) as url:
        schema.upgrade(url, url)
        with closing(open_ledger(url)) as ledger:
            add_facilities(ledger, NOW_MS)
            yield open_clinic(ledger, FieldCipher({"k1": bytes(range(32))}), keys, NOW_MS)


def outcomes(acts: list[Callable[[], object]]) -> list[str]:
    """What becomes of acts that begin at the same time."""
    start = Barrier(len(acts))

    def one(act: Callable[[], object]) -> str:
        start.wait(20)
        try:
            return str(act())
        except Refused as refused:
            return str(refused.facts["reason"])

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def giving(clinic: Clinic, booked: Booked, label: str, *, key: str = "", code: str = "") -> Callable[[], str]:
    return lambda: "new" if clinic.give(booked, label, key=key, code=code).is_new else "again"


def test_equal_posts_are_one_dose(clinic: Clinic) -> None:
    clinic.receive("H-equal")
    booked = clinic.book()
    posts = [giving(clinic, booked, "H-equal", key="key-equal") for _ in range(10)]
    assert sorted(outcomes(posts)) == ["again"] * 9 + ["new"]
    assert clinic.doses_left("H-equal") == 19


def test_one_key_for_two_people_is_one_dose_and_a_refusal(clinic: Clinic) -> None:
    clinic.receive("H-key")
    posts = [giving(clinic, clinic.book(), "H-key", key="key-shared") for _ in range(6)]
    assert sorted(outcomes(posts)) == ["new"] + ["other_request"] * 5
    assert clinic.doses_left("H-key") == 19


def test_the_last_dose_is_given_once(clinic: Clinic) -> None:
    clinic.receive("H-last", doses=2)
    posts = [giving(clinic, clinic.book(), "H-last") for _ in range(8)]
    assert sorted(outcomes(posts)) == ["new"] * 2 + ["no_doses_left"] * 6


def test_codes_cannot_outrun_their_count(clinic: Clinic) -> None:
    clinic.receive("H-code")
    booked = clinic.book()
    posts = [giving(clinic, booked, "H-code", key=f"guess-{code}", code=f"{code:04}") for code in range(12)]
    assert sorted(outcomes(posts)) == ["too_many_codes"] * 7 + ["wrong_code"] * 5


def test_a_dose_against_a_hold_is_recalled_or_refused(clinic: Clinic) -> None:
    clinic.receive("H-race", doses=50)
    posts = [giving(clinic, clinic.book(), "H-race") for _ in range(9)]
    found = outcomes([*posts, lambda: clinic.freeze("H-race", clinic.now_ms - HOUR_MS)])[:-1]
    recall.open_new_recalls(clinic.ledger, clinic.now_ms)
    given = found.count("new")
    assert set(found) <= {"new", "held"}
    assert clinic.doses_left("H-race") == 50 - given
    assert recall.recall_of(clinic.ledger, "H-race").total == given


def test_recalling_at_once_lists_each_dose_once(clinic: Clinic) -> None:
    clinic.receive("H-twice")
    given = {clinic.dose_from("H-twice") for _ in range(4)}
    clinic.freeze("H-twice", clinic.now_ms - HOUR_MS)
    rounds = outcomes([lambda: recall.open_new_recalls(clinic.ledger, clinic.now_ms)] * 4)
    assert sum(int(newly) for newly in rounds) == 4
    assert {dose.dose for dose in recall.recall_of(clinic.ledger, "H-twice").doses} == given


def test_a_mobile_takes_four_members(clinic: Clinic) -> None:
    before = clinic.count(person)

    def register() -> None:
        with clinic.ledger.write() as conn:
            registration.add_person(conn, clinic.cipher, NewPerson("Asha", BIRTH_DATE, MOBILE), clinic.now_ms)

    assert sorted(outcomes([register] * 7)) == ["None"] * 4 + ["mobile_full"] * 3
    assert clinic.count(person) == before + 4


def test_a_session_takes_as_many_as_it_has_places(clinic: Clinic) -> None:
    small = clinic.add_session(capacity=2)
    people = [clinic.add_person() for _ in range(6)]
    found = outcomes([lambda who=who: clinic.book(person=who, session=small) for who in people])  # type: ignore[misc]
    assert found.count("full") == 4


def test_the_chain_of_it_all_is_whole(clinic: Clinic) -> None:
    with clinic.ledger.read() as conn:
        assert audit.verify_chain(conn, "F-101").broken_at is None
