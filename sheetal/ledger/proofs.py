"""What speaks for or against held stock, by kind, and which files may carry it (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from sheetal.contracts.problem import Refused

STAGES = range(1, 5)
FILE_BYTES_MAX = 2 * 1024 * 1024
TEXT_CHARACTERS_MAX = 500
MAGIC: dict[str, bytes] = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "application/pdf": b"%PDF-",
}
"""The media types that a file may have, each known by its first bytes, whatever its sender called it."""


class Kind(StrEnum):
    """What kind of proof it is."""

    VVM_STAGE = "vvm_stage"
    SHAKE_TEST = "shake_test"
    MANUFACTURER_REPLY = "manufacturer_reply"
    OTHER = "other"


class ShakeResult(StrEnum):
    """Whether the test vials settled more slowly than the frozen control."""

    PASSED = "passed"
    FAILED = "failed"


class Answer(StrEnum):
    """What the manufacturer says of this very exposure."""

    MAY_BE_USED = "may_be_used"
    MUST_NOT_BE_USED = "must_not_be_used"


class VvmFacts(msgspec.Struct, frozen=True, kw_only=True, tag="vvm_stage"):
    """The worst stage among the vials looked at (1 to 4; 3 is the discard point), and when."""

    stage: int
    vials: int
    read_at_ms: int


class ShakeFacts(msgspec.Struct, frozen=True, kw_only=True, tag="shake_test"):
    """A shake test: how many vials, when, and its control, frozen solid on purpose and thawed."""

    result: ShakeResult
    vials: int
    tested_at_ms: int
    control_batch: str
    control_frozen_solid: bool


class ReplyFacts(msgspec.Struct, frozen=True, kw_only=True, tag="manufacturer_reply"):
    """The manufacturer's own answer, by the reference of its letter."""

    answer: Answer
    reference: str
    replied_at_ms: int


class OtherFacts(msgspec.Struct, frozen=True, kw_only=True, tag="other"):
    """Anything else, in words."""

    text: str


Facts = VvmFacts | ShakeFacts | ReplyFacts | OtherFacts
KINDS = {VvmFacts: Kind.VVM_STAGE, ShakeFacts: Kind.SHAKE_TEST, ReplyFacts: Kind.MANUFACTURER_REPLY}
NEEDS_FILE = {Kind.VVM_STAGE: "a photo of the vials", Kind.MANUFACTURER_REPLY: "the letter"}
facts_decoder: msgspec.json.Decoder[Facts] = msgspec.json.Decoder(Facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A proof on a holding without its file; `sha256` is the file's, None where there is none."""

    id: int
    holding_id: str
    kind: Kind
    facts: Facts
    media_type: str | None
    size_bytes: int
    sha256: str | None
    actor: str
    attached_at_ms: int


def kind_of(facts: Facts) -> Kind:
    """The kind that these facts belong to."""
    return KINDS.get(type(facts), Kind.OTHER)


def seen_at_ms(facts: Facts) -> int | None:
    """When what it tells was seen; None where it does not say."""
    match facts:
        case VvmFacts(read_at_ms=at_ms) | ShakeFacts(tested_at_ms=at_ms) | ReplyFacts(replied_at_ms=at_ms):
            return at_ms
    return None


def check_facts(facts: Facts, now_ms: int) -> None:
    """Refuse (`stage`, `vials`, `future`, `reference`, `text`) what says nothing."""
    for reason, told in _wrong(facts, now_ms).items():
        raise Refused(told, next_step="look at the entry again", reason=reason)


def media_type_of(content: bytes) -> str:
    """What a file is by its first bytes; raises Refused (`media_type`, `too_big`)."""
    if len(content) > FILE_BYTES_MAX:
        next_step = "make the picture smaller"
        raise Refused("a file may have two megabytes", next_step=next_step, reason="too_big", bytes=len(content))
    for name, start in MAGIC.items():
        if content.startswith(start):
            return name
    raise Refused("a file is a JPEG, a PNG or a PDF", next_step="take a photo", reason="media_type")


def check_file(kind: Kind, content: bytes | None) -> None:
    """Refuse (`no_file`) what is only as good as the picture that shows it."""
    if not content and kind in NEEDS_FILE:
        raise Refused(f"this evidence needs {NEEDS_FILE[kind]}", next_step="add a file", reason="no_file", kind=kind)


def _wrong(facts: Facts, now_ms: int) -> dict[str, str]:
    match facts:
        case VvmFacts(stage=stage, vials=vials, read_at_ms=at_ms):
            wrong = {} if stage in STAGES else {"stage": "a vial monitor has the stages 1 to 4"}
            return wrong | _wrong_look(vials, at_ms, now_ms)
        case ShakeFacts(vials=vials, tested_at_ms=at_ms):
            return _wrong_look(vials, at_ms, now_ms)
        case ReplyFacts(reference=reference, replied_at_ms=at_ms):
            wrong = {} if reference.strip() else {"reference": "a reply is named by its reference"}
            return wrong | _wrong_look(1, at_ms, now_ms)
    return {} if 0 < len(facts.text.strip()) <= TEXT_CHARACTERS_MAX else {"text": "say in words what it shows"}


def _wrong_look(vials: int, at_ms: int, now_ms: int) -> dict[str, str]:
    wrong = {} if vials > 0 else {"vials": "at least one vial is looked at"}
    return wrong | ({"future": "it cannot have been seen in the future"} if at_ms > now_ms else {})
