"""Short ways through the workflow for the tests of signed decisions, and how much of it was refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sheetal.contracts.disposition import Disposition
from sheetal.contracts.problem import Refused
from sheetal.ledger import attachments, catalogue, decisions, holdings, judgements, stock
from sheetal.ledger.decision_rules import ReasonCode, Signature, Wish
from sheetal.ledger.proofs import Answer, OtherFacts, ReplyFacts, ShakeFacts, ShakeResult, VvmFacts
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import ACTOR, FACILITY, LOT, NOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheetal.ledger.connect import Ledger
    from sheetal.ledger.decisions import Decision
    from sheetal.ledger.proofs import Attachment, Facts
    from sheetal.ledger.stock import Holding

FIRST = Signature(actor="dr-asha", role="medical_officer", facility_id=FACILITY, at_ms=NOW_MS)
SECOND = replace(FIRST, actor="k-rao", role="cold_chain_officer")
MANY = 500
PHOTO = b"\xff\xd8\xff\xe0 a made-up picture"
PASSED = ShakeFacts(
    result=ShakeResult.PASSED,
    vials=3,
    tested_at_ms=NOW_MS - 1,
    control_batch=LOT.partition("/")[2],
    control_frozen_solid=True,
)
STAGE_1 = VvmFacts(stage=1, vials=10, read_at_ms=NOW_MS - 1)
ALLOWED = ReplyFacts(answer=Answer.MAY_BE_USED, reference="MFR/2026/11", replied_at_ms=NOW_MS - 1)
SEEN = OtherFacts(text="the probe lay outside the refrigerator; photo of the place")


def reason_of(act: Callable[[], object]) -> object:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.facts["reason"]


def found(ledger: Ledger, holding_id: str = "H-1") -> Holding:
    with ledger.read() as conn:
        return stock.holding_by_id(conn, holding_id)


def make(ledger: Ledger, **words: object) -> None:
    """A second version of the product with these words, in force from now on."""
    with ledger.write() as conn:
        catalogue.record_products(conn, [seeds.product(version=2, effective_from="2021-05-14", **words)], NOW_MS)
    seeds.judge(ledger)


def assess(ledger: Ledger, holding_id: str = "H-1") -> None:
    """Quarantined by a person, then under assessment."""
    with ledger.write() as conn:
        for step in (Disposition.QUARANTINED, Disposition.UNDER_ASSESSMENT):
            if stock.holding_by_id(conn, holding_id).disposition is not step:
                holdings.set_disposition(conn, holding_id, step, ACTOR, "found warm", NOW_MS)


def attach(ledger: Ledger, facts: Facts, content: bytes | None = None, holding_id: str = "H-1") -> Attachment:
    with ledger.write() as conn:
        return attachments.attach(conn, holding_id, facts, content, FIRST)


def wish(ledger: Ledger, holding_id: str = "H-1", **words: object) -> Wish:
    """A release that rests on all that was added, as somebody sees the holding now."""
    with ledger.read() as conn:
        seen = judgements.latest_hold_id(conn, holding_id)
        proofs = tuple(one.id for one in attachments.attachments_of(conn, holding_id))
        doses = stock.holding_by_id(conn, holding_id).doses_left
    usual: dict[str, object] = {
        "target": Disposition.RELEASED,
        "reason": ReasonCode.NOT_EXPOSED,
        "comment": "it stood in the other refrigerator",
        "doses": doses,
        "seen_verdict_id": seen,
        "attachments": proofs,
    }
    return Wish(**{**usual, **words})


def propose(
    ledger: Ledger, made: Wish | None = None, by: Signature = FIRST, above: int = MANY, holding_id: str = "H-1"
) -> Decision:
    made = made or wish(ledger, holding_id)
    with ledger.write() as conn:
        return decisions.propose(conn, holding_id, made, by, above)


def sign(ledger: Ledger, decision: Decision, by: Signature = SECOND, seen: int | None = None) -> Decision:
    with ledger.write() as conn:
        return decisions.sign(conn, decision.id, by, seen)
