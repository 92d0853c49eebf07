from __future__ import annotations

import base64
import dataclasses
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from portal.certificate import bundle, service
from portal.certificate.advisory import Level
from portal.certificate.tables import certificate
from portal.certificate.verify import verify_hcert
from sheetal.contracts.problem import NotFound, Refused, Rejected, Unavailable
from tests.portal.given_certificates import NAME, NOW_MS, RECORD, STANDBY_URL, another

if TYPE_CHECKING:
    from portal.certificate.schemas import Prepared
    from tests.portal.given_certificates import Books


def test_a_prepared_certificate_is_signed_and_authentic_before_it_is_kept(books: Books) -> None:
    prepared = service.prepare(RECORD, books.keys, NOW_MS)
    verified = verify_hcert(prepared.hcert, books.keys.trust, NOW_MS)
    assert verified.status_index == prepared.status_index
    assert len(prepared.secret) == 16
    again = service.prepare(RECORD, books.keys, NOW_MS)
    assert (again.secret, again.status_index) != (prepared.secret, prepared.status_index)


def test_commit_keeps_it_in_the_callers_transaction(books: Books) -> None:
    issued = books.issue(RECORD)
    with books.ledger.read() as connection:
        found = service.certificate_of_dose(connection, RECORD.dose)
        assert found is not None
        assert found == service.certificate_by_id(connection, issued.certificate)
        assert (found.level, found.exported_at_ms, found.facility) == (Level.OK, None, "F-101")
        assert service.link_of(connection, books.cipher, books.keys, issued.certificate) == issued.link


def test_a_rolled_back_dose_leaves_no_certificate(books: Books) -> None:
    prepared = service.prepare(RECORD, books.keys, NOW_MS)

    def refused_dose() -> None:
        with books.ledger.write() as connection:
            service.commit(connection, books.cipher, prepared, NOW_MS)
            raise Refused("the gate closed", reason="held")

    with pytest.raises(Refused):
        refused_dose()
    with books.ledger.read() as connection:
        assert service.certificate_of_dose(connection, RECORD.dose) is None
        assert service.count_pending(connection) == 0


def test_the_link_names_the_bundle_and_hides_the_secret_behind_the_hash(books: Books) -> None:
    issued = books.issue(RECORD)
    path, _, fragment = issued.link.partition("#")
    secret = base64.urlsafe_b64decode(fragment + "==")
    assert fragment == issued.link_secret
    assert path == f"{STANDBY_URL}/c/{bundle.name_of(secret, RECORD.certificate)}"


def test_nothing_personal_is_readable_in_the_database(books: Books) -> None:
    issued = books.issue(RECORD)
    with books.ledger.read() as connection:
        row = connection.execute(select(certificate)).one()
    books.ledger.close()
    kept = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    kept += b"".join(path.read_bytes() for path in books.folder.glob("ledger.db*"))
    assert issued.certificate.encode() in kept
    for word in (NAME, "1990-02-03", RECORD.reference_id, "HC1:", issued.link_secret, RECORD.facility_name):
        assert word.encode() not in kept
    assert base64.urlsafe_b64decode(issued.link_secret + "==") not in kept


def test_a_dose_has_one_current_certificate(books: Books) -> None:
    books.issue(RECORD)
    for record in (another(dose=RECORD.dose), another(certificate=RECORD.certificate)):
        with pytest.raises(Refused) as problem:
            books.issue(record)
        assert problem.value.facts["reason"] == "already_issued"


def test_one_dose_offered_by_many_threads_gets_one_certificate(books: Books) -> None:
    outcomes: list[str] = []

    def offer() -> None:
        try:
            outcomes.append(books.issue(another(dose=RECORD.dose)).certificate)
        except Refused:
            outcomes.append("refused")

    threads = [threading.Thread(target=offer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("refused") == 7


def with_index(prepared: Prepared, index: int) -> Prepared:
    return dataclasses.replace(prepared, status_index=index)


def test_a_taken_status_index_is_drawn_and_signed_again(books: Books) -> None:
    taken = books.issue(RECORD).status_index
    prepared = with_index(service.prepare(another(), books.keys, NOW_MS), taken)
    with books.ledger.write() as connection:
        issued = service.commit(connection, books.cipher, prepared, NOW_MS)
    assert issued.status_index != taken
    with books.ledger.read() as connection:
        waiting = {one.id: one for one in service.pending_exports(connection, 10)}[issued.certificate]
    file = service.bundle_file(books.cipher, waiting)
    secret = base64.urlsafe_b64decode(issued.link_secret + "==")
    content = bundle.unseal(file.data, secret, bundle.name_of(secret, issued.certificate))
    assert verify_hcert(content.hcert, books.keys.trust, NOW_MS).status_index == issued.status_index


def test_a_full_status_list_is_unavailable_not_endless(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.certificate.advisory.ENTRIES", 4)
    for _ in range(4):
        books.issue(another())
    with pytest.raises(Unavailable):
        books.issue(another())


def test_reissue_supersedes_and_keeps_the_earlier_one_retrievable(books: Books) -> None:
    first = books.issue(RECORD)
    corrected = another(dose=RECORD.dose, person_name="Asha Corrected")
    with books.ledger.write() as connection:
        second = service.reissue(connection, books.cipher, service.prepare(corrected, books.keys, NOW_MS), NOW_MS + 1)
    with books.ledger.read() as connection:
        current = service.certificate_of_dose(connection, RECORD.dose)
        assert current is not None
        assert current.id == second.certificate
        earlier = service.certificate_by_id(connection, first.certificate)
        assert (earlier.level, earlier.superseded_at_ms) == (Level.SUPERSEDED, NOW_MS + 1)
        assert service.levels(connection) == {first.status_index: Level.SUPERSEDED}
        assert service.link_of(connection, books.cipher, books.keys, first.certificate) == first.link


def test_reissue_needs_something_to_replace(books: Books) -> None:
    with pytest.raises(NotFound), books.ledger.write() as connection:
        service.reissue(connection, books.cipher, service.prepare(RECORD, books.keys, NOW_MS), NOW_MS)


def test_a_level_is_set_once_and_touches_nothing_else(books: Books) -> None:
    issued = books.issue(RECORD)
    with books.ledger.write() as connection:
        before = connection.execute(select(certificate.c.hcert_sealed)).scalar_one()
        assert service.set_level(connection, RECORD.dose, Level.UNDER_INVESTIGATION, NOW_MS + 9)
        assert not service.set_level(connection, RECORD.dose, Level.UNDER_INVESTIGATION, NOW_MS + 10)
        assert service.newest_level_change_ms(connection) == NOW_MS + 9
        assert connection.execute(select(certificate.c.hcert_sealed)).scalar_one() == before
        assert service.levels(connection) == {issued.status_index: Level.UNDER_INVESTIGATION}
        assert service.set_level(connection, RECORD.dose, Level.OK, NOW_MS + 11)
        assert not service.set_level(connection, RECORD.dose, Level.SUPERSEDED, NOW_MS + 12)


def test_a_dose_without_certificate_has_no_level(books: Books) -> None:
    with pytest.raises(NotFound), books.ledger.write() as connection:
        service.set_level(connection, "no-such-dose", Level.UNDER_INVESTIGATION, NOW_MS)


def test_what_is_unknown_is_not_found(books: Books) -> None:
    with books.ledger.read() as connection:
        for ask in (
            lambda: service.certificate_by_id(connection, "none"),
            lambda: service.link_of(connection, books.cipher, books.keys, "none"),
            lambda: service.slip(connection, books.cipher, books.keys, "none"),
        ):
            with pytest.raises(NotFound):
                ask()
        assert service.certificate_of_dose(connection, "none") is None


def test_a_bundle_is_the_same_bytes_each_time(books: Books) -> None:
    books.issue(RECORD)
    with books.ledger.read() as connection:
        waiting = service.pending_exports(connection, 1)[0]
    assert service.bundle_file(books.cipher, waiting) == service.bundle_file(books.cipher, waiting)


def test_a_field_moved_to_another_row_does_not_open(books: Books) -> None:
    books.issue(RECORD)
    books.issue(another())
    with books.ledger.read() as connection:
        one, two = service.pending_exports(connection, 2)
    with pytest.raises(Rejected):
        service.bundle_file(books.cipher, dataclasses.replace(one, secret_sealed=two.secret_sealed))


def test_certificate_ids_are_random_and_fit_a_urn() -> None:
    ids = {service.new_certificate_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 26 and one.isalnum() and one.isupper() for one in ids)
