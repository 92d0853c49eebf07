from __future__ import annotations

from typing import TYPE_CHECKING

from portal.certificate import service
from tests.portal.given_certificates import NAME, NOW_MS, RECORD

if TYPE_CHECKING:
    from tests.portal.given_certificates import Books


def test_nothing_that_passes_between_slices_shows_a_person_or_a_secret(books: Books) -> None:
    prepared = service.prepare(RECORD, books.keys, NOW_MS)
    with books.ledger.write() as connection:
        issued = service.commit(connection, books.cipher, prepared, NOW_MS)
    with books.ledger.read() as connection:
        waiting = service.pending_exports(connection, 1)[0]
        slip = service.slip(connection, books.cipher, books.keys, issued.certificate)
    shown = repr([prepared, issued, waiting, slip, service.bundle_file(books.cipher, waiting)])
    for secret in (NAME, issued.link_secret, prepared.hcert, "1990-02-03", "<svg"):
        assert secret not in shown
