from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from portal.certificate import service
from portal.certificate.advisory import Level
from portal.certificate.mirror import Mirror
from portal.certificate.status_list import open_list
from portal.worker.status import Published, is_due, publish_if_due
from tests.portal.given_certificates import NOW_MS, RECORD

if TYPE_CHECKING:
    from portal.certificate.status_list import StatusList
    from tests.portal.given_certificates import Books

MINUTE_MS = 60_000
instants = st.integers(0, 10**13)


@given(instants, st.none() | instants, st.integers(0, 2 * MINUTE_MS))
def test_the_lists_are_due_on_the_clock_and_after_a_change(at: int, change: int | None, later: int) -> None:
    published = Published(at_ms=at, newest_change_ms=change)
    assert is_due(published, change, at + later, MINUTE_MS) == (later >= MINUTE_MS)
    assert is_due(published, (change or 0) + 1, at + later, MINUTE_MS)
    assert is_due(None, change, at, MINUTE_MS)
    assert at == 0 or is_due(published, change, at - 1, MINUTE_MS)


def published_list(books: Books) -> StatusList:
    return open_list((books.mirror / "status" / "doses.json").read_bytes(), books.keys.trust)


def test_a_changed_level_is_published_at_once_and_an_unchanged_one_on_the_clock(books: Books) -> None:
    mirror = Mirror(books.mirror)
    index = books.issue(RECORD).status_index
    first = publish_if_due(books.ledger, books.keys, mirror, None, NOW_MS, MINUTE_MS)
    assert published_list(books).level_of(index) is Level.OK

    assert publish_if_due(books.ledger, books.keys, mirror, first, NOW_MS + 1000, MINUTE_MS) is first
    with books.ledger.write() as connection:
        service.set_level(connection, RECORD.dose, Level.UNDER_INVESTIGATION, NOW_MS + 1500)
    second = publish_if_due(books.ledger, books.keys, mirror, first, NOW_MS + 2000, MINUTE_MS)
    assert published_list(books).level_of(index) is Level.UNDER_INVESTIGATION

    assert publish_if_due(books.ledger, books.keys, mirror, second, NOW_MS + 3000, MINUTE_MS) is second
    third = publish_if_due(books.ledger, books.keys, mirror, second, NOW_MS + 2000 + MINUTE_MS, MINUTE_MS)
    assert third.at_ms == NOW_MS + 2000 + MINUTE_MS
    assert published_list(books).valid_from_ms == third.at_ms // 1000 * 1000


def test_the_key_list_goes_along(books: Books) -> None:
    publish_if_due(books.ledger, books.keys, Mirror(books.mirror), None, NOW_MS, MINUTE_MS)
    assert b"Sample Health Department" in (books.mirror / "keys" / "trust.json").read_bytes()
