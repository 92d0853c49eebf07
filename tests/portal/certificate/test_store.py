from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, inspect, select
from sqlalchemy.exc import IntegrityError

from portal.certificate import store
from portal.certificate.advisory import Level
from portal.certificate.tables import certificate
from tests.portal.given_certificates import NOW_MS

if TYPE_CHECKING:
    from tests.portal.given_certificates import Books


def row(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": f"certificate-{number}",
        "dose_id": f"dose-{number}",
        "facility_id": "F-101",
        "record_sealed": b"r",
        "hcert_sealed": b"h",
        "secret_sealed": b"s",
        "status_index": number,
        "level": 0,
        "issued_at_ms": NOW_MS + number,
        "export_attempts": 0,
        **changes,
    }


def test_the_migrated_table_is_the_model(books: Books) -> None:
    with books.ledger.read() as connection:
        columns = {column["name"] for column in inspect(connection).get_columns("certificate")}
        indexes = {index["name"] for index in inspect(connection).get_indexes("certificate")}
    assert columns == {column.name for column in certificate.columns}
    assert {str(index.name) for index in certificate.indexes} <= indexes


def test_a_taken_index_or_dose_is_not_inserted(books: Books) -> None:
    with books.ledger.write() as connection:
        assert store.insert(connection, row(1))
        assert not store.insert(connection, row(2, status_index=1))
        assert not store.insert(connection, row(3, dose_id="dose-1"))
        assert not store.insert(connection, row(1, dose_id="dose-4", status_index=4))


@pytest.mark.parametrize(
    "wrong", [{"level": 4}, {"level": -1}, {"level": 3}, {"superseded_at_ms": NOW_MS}, {"status_index": -1}]
)
def test_the_table_itself_refuses_what_cannot_be(books: Books, wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), books.ledger.write() as connection:
        connection.execute(insert(certificate).values(**row(1, **wrong)))


def test_what_failed_waits_behind_what_is_new(books: Books) -> None:
    with books.ledger.write() as connection:
        for number in range(4):
            store.insert(connection, row(number))
        store.count_attempt(connection, ["certificate-0"])
        store.mark_exported(connection, ["certificate-1"], NOW_MS)
        assert [waiting.id for waiting in store.pending(connection, 10)] == [
            "certificate-2",
            "certificate-3",
            "certificate-0",
        ]
        assert len(store.pending(connection, 2)) == 2
        assert store.count_pending(connection) == 3


def test_levels_are_listed_by_index_with_the_newest_change(books: Books) -> None:
    with books.ledger.write() as connection:
        for number in range(3):
            store.insert(connection, row(number))
        assert store.levels(connection) == {}
        assert store.newest_level_change_ms(connection) is None
        store.change_level(connection, "certificate-2", Level.REVACCINATION_ADVISED, NOW_MS + 5)
        store.change_level(connection, "certificate-1", Level.UNDER_INVESTIGATION, NOW_MS + 3)
        assert store.levels(connection) == {2: Level.REVACCINATION_ADVISED, 1: Level.UNDER_INVESTIGATION}
        assert store.newest_level_change_ms(connection) == NOW_MS + 5


def test_superseding_ends_the_current_one_alone(books: Books) -> None:
    with books.ledger.write() as connection:
        store.insert(connection, row(1))
        store.insert(connection, row(2))
        assert store.supersede(connection, "dose-1", NOW_MS)
        assert not store.supersede(connection, "dose-1", NOW_MS)
        assert store.current_of_dose(connection, "dose-1") is None
        assert store.insert(connection, row(3, dose_id="dose-1"))
        levels = connection.execute(select(certificate.c.level).order_by(certificate.c.status_index)).scalars().all()
    assert levels == [3, 0, 0]
