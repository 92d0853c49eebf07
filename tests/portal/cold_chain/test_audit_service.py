from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import delete, update

from alerts.outbound import SEAL_PURPOSE
from portal.cold_chain import audit_service
from portal.cold_chain.audit_service import OUTSIDE_WORDS, genuine, read_seal
from sheetal.contracts.problem import NotFound
from sheetal.ledger import audit, seals
from sheetal.ledger.judgement_tables import audit as audit_table
from sheetal.ledger.judgement_tables import audit_head
from sheetal.ledger.seals import Outside

if TYPE_CHECKING:
    from pathlib import Path

    from portal.cold_chain.audit_service import Checked
    from tests.portal.conftest import Stage


def seal(stage: Stage, folder: Path | None = None) -> seals.Seal:
    with stage.ledger.write() as conn:
        made = seals.add_seal(
            conn, lambda text: stage.cipher.blind_index(text.decode(), purpose=SEAL_PURPOSE), stage.now_ms
        )
    if folder is not None:
        (folder / seals.MIRROR_FILE).write_bytes(msgspec.json.encode(made))
    return made


def act(stage: Stage) -> None:
    with stage.ledger.write() as conn:
        audit.append(conn, "F-101", audit.AuditEntry(stage.now_ms, "s-1", "tested", "x"))


def check(stage: Stage, mirror: Path | None = None) -> Checked:
    return audit_service.check(stage.ledger, stage.cipher, mirror, "F-101", stage.now_ms)


def test_the_purpose_is_the_one_that_alerts_seals_for() -> None:
    assert seals.PURPOSE == SEAL_PURPOSE


def test_a_check_says_what_the_seal_covers(stage: Stage, tmp_path: Path) -> None:
    act(stage)
    seal(stage, tmp_path)
    act(stage)
    act(stage)
    found = check(stage, tmp_path)
    said = found.coverage
    assert (said.is_whole, said.entries, said.sealed_number, found.tail) == (True, 3, 1, 2)
    assert (said.outside, said.sealed_at_ms, found.checked_at_ms) == (Outside.AGREES, stage.now_ms, stage.now_ms)
    assert found.name == "Centre 101"


def test_without_a_mirror_nothing_outside_is_asked(stage: Stage, tmp_path: Path) -> None:
    act(stage)
    assert check(stage).coverage.outside is Outside.NONE
    assert check(stage, tmp_path).coverage.outside is Outside.NONE
    (tmp_path / seals.MIRROR_FILE).write_bytes(b"torn")
    assert check(stage, tmp_path).coverage.outside is Outside.NONE


def test_a_changed_entry_is_told(stage: Stage) -> None:
    act(stage)
    act(stage)
    with stage.ledger.write() as conn:
        conn.execute(update(audit_table).where(audit_table.c.number == 1).values(actor="another"))
    assert (check(stage).coverage.broken_at, check(stage).coverage.is_whole) == (1, False)


def test_a_ledger_that_went_back_contradicts_its_mirror(stage: Stage, tmp_path: Path) -> None:
    act(stage)
    seal(stage, tmp_path)
    with stage.ledger.write() as conn:
        conn.execute(delete(audit_table))
        conn.execute(delete(seals.seal_table))
        conn.execute(update(audit_head).values(number=0, hash=audit.GENESIS_HASH))
    said = check(stage, tmp_path).coverage
    assert (said.outside, said.is_whole, said.broken_at) == (Outside.CONTRADICTS, False, 1)


def test_a_seal_put_aside_goes_on_contradicting_the_ledger_that_lost_it(stage: Stage, tmp_path: Path) -> None:
    for _ in range(3):
        act(stage)
    lost = seal(stage)
    with stage.ledger.write() as conn:
        conn.execute(delete(audit_table))
        conn.execute(delete(seals.seal_table))
        conn.execute(update(audit_head).values(number=0, hash=audit.GENESIS_HASH))
    seal(stage, tmp_path)
    assert check(stage, tmp_path).coverage.outside is Outside.AGREES
    aside = tmp_path / seals.ASIDE_FOLDER
    aside.mkdir()
    (aside / "2-torn.json").write_bytes(b"torn")
    (aside / f"{lost.number}-{lost.hash[:16]}.json").write_bytes(msgspec.json.encode(lost))
    said = check(stage, tmp_path).coverage
    assert (said.outside, said.is_whole, said.broken_at) == (Outside.CONTRADICTS, False, 1)


def test_an_unknown_facility_has_no_chain(stage: Stage) -> None:
    with pytest.raises(NotFound):
        audit_service.check(stage.ledger, stage.cipher, None, "F-404", stage.now_ms)


def test_the_list_says_how_far_the_newest_seal_reaches(stage: Stage) -> None:
    act(stage)
    assert audit_service.chains(stage.ledger).sealed_at_ms is None
    seal(stage)
    act(stage)
    page = audit_service.chains(stage.ledger)
    assert [(line.facility_id, line.entries, line.sealed) for line in page.lines] == [("F-101", 2, 1), ("F-102", 0, 0)]
    assert (page.page, page.pages, page.sealed_at_ms) == (1, 1, stage.now_ms)


def test_many_facilities_come_in_pages(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_service, "PAGE_SIZE", 1)
    assert [line.facility_id for line in audit_service.chains(stage.ledger, 2).lines] == ["F-102"]
    with pytest.raises(NotFound):
        audit_service.chains(stage.ledger, 3)


def test_a_signature_is_of_our_key(stage: Stage) -> None:
    made = seal(stage)
    assert genuine(stage.cipher)(made)
    assert not genuine(stage.cipher)(seals.Seal(**{**fields(made), "signature": "forged"}))


def fields(made: seals.Seal) -> dict[str, object]:
    return {name: getattr(made, name) for name in seals.Seal.__slots__}


def test_a_kept_seal_reads_as_it_was(stage: Stage, tmp_path: Path) -> None:
    made = seal(stage, tmp_path)
    assert read_seal(tmp_path / seals.MIRROR_FILE) == made


def test_every_state_of_the_copy_has_its_words() -> None:
    assert set(OUTSIDE_WORDS) == set(Outside)
