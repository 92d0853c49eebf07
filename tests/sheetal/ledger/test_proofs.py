from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from sheetal.ledger import proofs
from sheetal.ledger.proofs import Kind, OtherFacts, VvmFacts
from tests.sheetal.ledger.deciding import ALLOWED, PASSED, PHOTO, SEEN, STAGE_1, reason_of
from tests.sheetal.ledger.seeds import NOW_MS

if TYPE_CHECKING:
    from sheetal.ledger.proofs import Facts

GOOD: dict[Kind, Facts] = {
    Kind.VVM_STAGE: STAGE_1,
    Kind.SHAKE_TEST: PASSED,
    Kind.MANUFACTURER_REPLY: ALLOWED,
    Kind.OTHER: SEEN,
}


@pytest.mark.parametrize("kind", Kind)
def test_facts_know_their_kind_and_come_back_from_json(kind: Kind) -> None:
    facts = GOOD[kind]
    assert proofs.kind_of(facts) is kind
    assert proofs.facts_decoder.decode(msgspec.json.encode(facts)) == facts
    proofs.check_facts(facts, NOW_MS)


@pytest.mark.parametrize(
    ("facts", "changes", "reason"),
    [
        (STAGE_1, {"stage": 5}, "stage"),
        (STAGE_1, {"stage": 0}, "stage"),
        (STAGE_1, {"vials": 0}, "vials"),
        (STAGE_1, {"read_at_ms": NOW_MS + 1}, "future"),
        (PASSED, {"vials": -1}, "vials"),
        (PASSED, {"tested_at_ms": NOW_MS + 1}, "future"),
        (ALLOWED, {"reference": " "}, "reference"),
        (ALLOWED, {"replied_at_ms": NOW_MS + 1}, "future"),
        (SEEN, {"text": "  "}, "text"),
        (SEEN, {"text": "x" * 501}, "text"),
    ],
)
def test_what_says_nothing_is_refused(facts: VvmFacts, changes: dict[str, object], reason: str) -> None:
    wrong = msgspec.structs.replace(facts, **changes)
    assert reason_of(lambda: proofs.check_facts(wrong, NOW_MS)) == reason


def test_what_was_looked_at_says_when() -> None:
    seen = [proofs.seen_at_ms(facts) for facts in (STAGE_1, PASSED, ALLOWED, SEEN)]
    assert seen == [NOW_MS - 1, NOW_MS - 1, NOW_MS - 1, None]


def test_the_latest_instant_is_now() -> None:
    proofs.check_facts(msgspec.structs.replace(STAGE_1, read_at_ms=NOW_MS, stage=4), NOW_MS)
    proofs.check_facts(OtherFacts(text="x" * 500), NOW_MS)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PHOTO, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"%PDF-1.7 rest", "application/pdf"),
    ],
)
def test_a_file_is_known_by_its_first_bytes(content: bytes, media_type: str) -> None:
    assert proofs.media_type_of(content) == media_type


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"GIF89a", b"", b"PK\x03\x04", b"<html>%PDF-"])
def test_another_file_is_refused(content: bytes) -> None:
    assert reason_of(lambda: proofs.media_type_of(content)) == "media_type"


def test_a_file_has_a_size() -> None:
    whole = PHOTO.ljust(proofs.FILE_BYTES_MAX, b"x")
    assert proofs.media_type_of(whole) == "image/jpeg"
    assert reason_of(lambda: proofs.media_type_of(whole + b"x")) == "too_big"


@pytest.mark.parametrize("kind", Kind)
def test_some_proofs_are_as_good_as_their_picture(kind: Kind) -> None:
    proofs.check_file(kind, PHOTO)
    if kind in {Kind.VVM_STAGE, Kind.MANUFACTURER_REPLY}:
        assert reason_of(lambda: proofs.check_file(kind, None)) == "no_file"
        assert reason_of(lambda: proofs.check_file(kind, b"")) == "no_file"
    else:
        proofs.check_file(kind, None)
