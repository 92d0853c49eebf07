from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import update

from sheetal.contracts.disposition import EvidenceKind
from sheetal.contracts.problem import NotFound
from sheetal.ledger import attachments, audit, holdings, vvm_readings
from sheetal.ledger.decision_tables import attachment
from sheetal.ledger.holdings import Split
from sheetal.ledger.proofs import Kind
from tests.sheetal.ledger import deciding, seeds
from tests.sheetal.ledger.deciding import ALLOWED, FIRST, PASSED, PHOTO, SEEN, STAGE_1, attach, reason_of
from tests.sheetal.ledger.seeds import FACILITY, NOW_MS
from tests.sheetal.ledger.test_pictures import HEAD, JPEG_START, PLACE, SCAN, segment

if TYPE_CHECKING:
    from sheetal.ledger.connect import Ledger


def test_a_photo_is_kept_with_its_hash_in_the_chain(stocked: Ledger) -> None:
    made = attach(stocked, STAGE_1, PHOTO)
    assert (made.kind, made.facts, made.media_type) == (Kind.VVM_STAGE, STAGE_1, "image/jpeg")
    assert (made.sha256, made.size_bytes) == (hashlib.sha256(PHOTO).hexdigest(), len(PHOTO))
    with stocked.read() as conn:
        assert attachments.attachments_of(conn, "H-1") == [made]
        assert attachments.content_of(conn, "H-1", made.id) == ("image/jpeg", PHOTO)
        entry = next(one for one in audit.entries(conn, FACILITY, 9) if one.act == "evidence_added")
        assert audit.verify_chain(conn, FACILITY).broken_at is None
    assert json.loads(entry.detail)["sha256"] == made.sha256
    assert PHOTO.decode("latin1") not in entry.detail


def test_a_stage_is_judged_too(stocked: Ledger) -> None:
    attach(stocked, STAGE_1, PHOTO)
    with stocked.read() as conn:
        assert vvm_readings.worst_stage(conn, "H-1") == 1
    assert deciding.found(stocked).rejudges_open == 1


def test_words_need_no_file_and_mark_nothing(stocked: Ledger) -> None:
    made = attach(stocked, SEEN)
    assert (made.media_type, made.sha256, made.size_bytes) == (None, None, 0)
    assert deciding.found(stocked).rejudges_open == 0
    with stocked.read() as conn, pytest.raises(NotFound):
        attachments.content_of(conn, "H-1", made.id)


def test_what_needs_a_picture_is_refused_without(stocked: Ledger) -> None:
    assert reason_of(lambda: attach(stocked, ALLOWED)) == "no_file"
    assert reason_of(lambda: attach(stocked, STAGE_1, b"")) == "no_file"
    assert reason_of(lambda: attach(stocked, ALLOWED, b"GIF89a")) == "media_type"
    assert reason_of(lambda: attach(stocked, msgspec.structs.replace(STAGE_1, stage=9), PHOTO)) == "stage"


def test_a_shake_test_is_only_for_aluminium_adsorbed_vaccine(stocked: Ledger) -> None:
    assert reason_of(lambda: attach(stocked, PASSED)) == "shake_test_not_for"
    deciding.make(stocked, aluminium_adsorbed=True)
    assert attach(stocked, PASSED).kind is Kind.SHAKE_TEST
    foreign = msgspec.structs.replace(PASSED, control_batch="another")
    assert reason_of(lambda: attach(stocked, foreign)) == "shake_test_control"


def test_an_unknown_holding_takes_no_evidence(house: Ledger) -> None:
    with house.write() as conn, pytest.raises(NotFound):
        attachments.attach(conn, "H-404", SEEN, None, FIRST)


def test_evidence_is_of_this_very_holding(stocked: Ledger) -> None:
    seeds.receive(stocked, "H-2")
    made, other = attach(stocked, SEEN), attach(stocked, ALLOWED, PHOTO, "H-2")
    with stocked.read() as conn:
        assert attachments.chosen(conn, "H-1", [made.id, made.id]) == [made]
        assert attachments.chosen(conn, "H-1", []) == []
        assert reason_of(lambda: attachments.chosen(conn, "H-1", [made.id, other.id])) == "no_such_evidence"
        with pytest.raises(NotFound):
            attachments.content_of(conn, "H-1", other.id)


def test_what_was_known_before_a_split_is_known_of_the_part(stocked: Ledger) -> None:
    before = attach(stocked, SEEN)
    with stocked.write() as conn:
        part = Split(
            holding_id="H-1a", doses=4, appliance_id=seeds.APPLIANCE, evidence_kind=EvidenceKind.TELEMETRY, at_ms=NOW_MS
        )
        holdings.split_holding(conn, "H-1", part, NOW_MS, FIRST.actor)
        later = replace(FIRST, at_ms=NOW_MS + 1)
        after = attachments.attach(conn, "H-1", SEEN, None, later)
        own = attachments.attach(conn, "H-1a", SEEN, None, later)
    with stocked.read() as conn:
        assert attachments.known_of(conn, "H-1a") == [own, before]
        assert attachments.known_of(conn, "H-1") == [before, after]


def test_a_file_exchanged_in_the_database_is_not_shown(stocked: Ledger) -> None:
    made = attach(stocked, ALLOWED, PHOTO)
    with stocked.write() as conn:
        conn.execute(update(attachment).values(content=PHOTO + b"another"))
    with stocked.read() as conn:
        assert reason_of(lambda: attachments.content_of(conn, "H-1", made.id)) == "changed"


def test_a_holding_has_no_more_evidence_than_fits(stocked: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "FILES_MAX", 2)
    attach(stocked, SEEN)
    attach(stocked, SEEN)
    assert reason_of(lambda: attach(stocked, SEEN)) == "too_many"
    assert [one.attached_at_ms for one in listed(stocked)] == [NOW_MS, NOW_MS]


def listed(ledger: Ledger) -> list[attachments.Attachment]:
    with ledger.read() as conn:
        return attachments.attachments_of(conn, "H-1")


def test_what_the_camera_wrote_is_not_kept(stocked: Ledger) -> None:
    told = JPEG_START + segment(0xE1, PLACE) + HEAD + SCAN
    made = attach(stocked, ALLOWED, told)
    with stocked.read() as conn:
        _, kept = attachments.content_of(conn, "H-1", made.id)
    assert kept == JPEG_START + HEAD + SCAN
    assert made.size_bytes == len(kept)
