from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import delete
from structlog.testing import capture_logs

from portal.certificate.mirror import Mirror
from portal.worker.seals import SealKeeper
from sheetal.ledger import seals
from sheetal.ledger.connect import open_ledger
from sheetal.ledger.judgement_tables import seal as seal_table
from tests.portal.given_certificates import NOW_MS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sheetal.ledger.connect import Ledger
    from tests.portal.given_certificates import Books


@pytest.fixture
def ledger(books: Books) -> Iterator[Ledger]:
    with closing(open_ledger(f"sqlite:///{books.folder / 'ledger.db'}")) as opened:
        yield opened


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror.open(tmp_path / "seal-mirror")


def seal(ledger: Ledger, at_ms: int = NOW_MS) -> seals.Seal:
    with ledger.write() as conn:
        return seals.add_seal(conn, lambda _text: "signed", at_ms)


def lying(mirror: Mirror) -> seals.Seal:
    return msgspec.json.decode((mirror.folder / seals.MIRROR_FILE).read_bytes(), type=seals.Seal)


def aside(mirror: Mirror) -> list[str]:
    return sorted(path.name for path in (mirror.folder / seals.ASIDE_FOLDER).glob("*"))


def test_the_newest_seal_lies_in_the_mirror(ledger: Ledger, mirror: Mirror) -> None:
    keep = SealKeeper(mirror)
    keep(ledger, NOW_MS)
    assert not (mirror.folder / seals.MIRROR_FILE).exists()
    for minute in range(3):
        made = seal(ledger, NOW_MS + minute * 60_000)
        keep(ledger, NOW_MS)
        assert lying(mirror) == made
    assert aside(mirror) == []


def test_a_seal_that_stands_is_not_written_again(ledger: Ledger, mirror: Mirror) -> None:
    keep = SealKeeper(mirror)
    seal(ledger)
    keep(ledger, NOW_MS)
    (mirror.folder / seals.MIRROR_FILE).unlink()
    keep(ledger, NOW_MS)
    assert not (mirror.folder / seals.MIRROR_FILE).exists()
    SealKeeper(mirror)(ledger, NOW_MS)
    assert (mirror.folder / seals.MIRROR_FILE).exists()


def test_a_ledger_that_went_back_is_told_and_its_witness_stays(ledger: Ledger, mirror: Mirror) -> None:
    seal(ledger)
    lost = seal(ledger, NOW_MS + 60_000)
    SealKeeper(mirror)(ledger, NOW_MS)
    with ledger.write() as conn:
        conn.execute(delete(seal_table).where(seal_table.c.number == lost.number))
    with capture_logs() as logs:
        SealKeeper(mirror)(ledger, NOW_MS)
    assert [line["log_level"] for line in logs] == ["error"]
    assert aside(mirror) == [f"{lost.number}-{lost.hash[:16]}.json"]
    other = seal(ledger, NOW_MS + 90_000)
    SealKeeper(mirror)(ledger, NOW_MS)
    assert (lying(mirror), len(aside(mirror))) == (other, 1)


def test_another_seal_under_the_same_number_is_told_too(ledger: Ledger, mirror: Mirror) -> None:
    lost = seal(ledger)
    SealKeeper(mirror)(ledger, NOW_MS)
    with ledger.write() as conn:
        conn.execute(delete(seal_table))
    seal(ledger, NOW_MS + 1)
    SealKeeper(mirror)(ledger, NOW_MS)
    assert aside(mirror) == [f"{lost.number}-{lost.hash[:16]}.json"]


def test_a_damaged_one_is_written_anew(ledger: Ledger, mirror: Mirror) -> None:
    made = seal(ledger)
    (mirror.folder / seals.MIRROR_FILE).write_bytes(b"torn")
    SealKeeper(mirror)(ledger, NOW_MS)
    assert lying(mirror) == made
