from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from portal.certificate import bundle, service
from portal.certificate.mirror import Mirror
from portal.certificate.tables import certificate
from portal.certificate.verify import verify_hcert
from portal.worker import export
from portal.worker.export import export_pending
from tests.portal.given_certificates import NAME, NOW_MS, RECORD, another

if TYPE_CHECKING:
    from pathlib import Path

    from tests.portal.given_certificates import Books


def bundles(mirror: Path) -> list[Path]:
    return sorted(mirror.glob("b/*/*.enc"))


def test_a_new_certificate_is_exported_and_opens_with_its_link(books: Books) -> None:
    issued = books.issue(RECORD)
    done = export_pending(books.ledger, books.cipher, Mirror(books.mirror), NOW_MS + 900)
    assert (done.written, done.failed) == (1, 0)
    name, secret = issued.link.split("/c/")[1].split("#")
    data = (books.mirror / bundle.path_of(name)).read_bytes()
    content = bundle.unseal(data, base64.urlsafe_b64decode(secret + "=="), name)
    assert content.name == NAME
    assert verify_hcert(content.hcert, books.keys.trust, NOW_MS).status_index == issued.status_index
    with books.ledger.read() as connection:
        assert service.certificate_by_id(connection, issued.certificate).exported_at_ms == NOW_MS + 900


def test_there_is_nothing_left_to_do_afterwards(books: Books) -> None:
    books.issue(RECORD)
    mirror = Mirror(books.mirror)
    export_pending(books.ledger, books.cipher, mirror, NOW_MS)
    assert export_pending(books.ledger, books.cipher, mirror, NOW_MS) == export.Exported(0, 0)


def test_a_batch_is_bounded(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BATCH_MAX", 2)
    for _ in range(5):
        books.issue(another())
    mirror = Mirror(books.mirror)
    written = [export_pending(books.ledger, books.cipher, mirror, NOW_MS).written for _ in range(4)]
    assert written == [2, 2, 1, 0]


def test_a_crash_between_file_and_mark_writes_the_same_bytes_again(books: Books) -> None:
    books.issue(RECORD)
    mirror = Mirror(books.mirror)
    export_pending(books.ledger, books.cipher, mirror, NOW_MS)
    before = {path: path.read_bytes() for path in bundles(books.mirror)}
    with books.ledger.write() as connection:
        connection.execute(update(certificate).values(exported_at_ms=None))
    assert export_pending(books.ledger, books.cipher, mirror, NOW_MS + 1).written == 1
    assert {path: path.read_bytes() for path in bundles(books.mirror)} == before


def test_nothing_is_marked_when_the_disk_is_full(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.issue(RECORD)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        export_pending(books.ledger, books.cipher, Mirror(books.mirror), NOW_MS)
    with books.ledger.read() as connection:
        assert service.count_pending(connection) == 1


def test_one_that_does_not_open_blocks_no_other(books: Books) -> None:
    bad = books.issue(another())
    with books.ledger.write() as connection:
        where = certificate.c.id == bad.certificate
        connection.execute(update(certificate).where(where).values(secret_sealed=b"damaged"))
    books.issue(RECORD)
    done = export_pending(books.ledger, books.cipher, Mirror(books.mirror), NOW_MS)
    assert (done.written, done.failed) == (1, 1)
    with books.ledger.read() as connection:
        attempts = select(certificate.c.export_attempts).where(certificate.c.id == bad.certificate)
        assert connection.execute(attempts).scalar_one() == 1


def test_no_personal_byte_is_readable_in_the_mirror(books: Books) -> None:
    links = [books.issue(another()).link for _ in range(5)]
    export_pending(books.ledger, books.cipher, Mirror(books.mirror), NOW_MS)
    files = [path for path in books.mirror.rglob("*") if path.is_file()]
    everything = b"".join(path.read_bytes() + str(path).encode() for path in files)
    assert len(bundles(books.mirror)) == 5
    for word in (NAME, "Unmistakable", "1990-02-03", RECORD.reference_id, RECORD.batch, "HC1:", RECORD.facility):
        assert word.encode() not in everything
    for link in links:
        assert link.split("#")[1].encode() not in everything
    assert len({path.stat().st_size for path in bundles(books.mirror)}) == 1
