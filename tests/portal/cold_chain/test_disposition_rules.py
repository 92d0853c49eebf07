from __future__ import annotations

from dataclasses import replace

import pytest

from portal.cold_chain import disposition_rules as rules
from portal.cold_chain.disposition_rules import Panel
from portal.identity.rules import Role, Staff
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger.decision_rules import REASONS, ReasonCode
from sheetal.ledger.decisions import Decision
from sheetal.ledger.proofs import Kind
from sheetal.ledger.stock import Holding
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import NOW_MS

HELD = Holding(
    id="H-1",
    lot_id=seeds.LOT,
    product_id=seeds.PRODUCT,
    batch="CS-2301",
    facility_id=seeds.FACILITY,
    parent_id=None,
    doses_received=10,
    doses_left=10,
    disposition=Disposition.UNDER_ASSESSMENT,
    disposition_at_ms=NOW_MS,
    held_by_verdict_id=None,
    expires_at_ms=NOW_MS + HOUR_MS,
    gap_open_from_ms=None,
    thawed_at_ms=None,
    opened_at_ms=None,
    rejudges_open=0,
    created_at_ms=NOW_MS,
)
WAITING = Decision(
    id=1,
    holding_id="H-1",
    target=Disposition.RELEASED,
    reason_code=ReasonCode.NOT_EXPOSED,
    comment="x",
    doses=10,
    seen_verdict_id=None,
    attachments=(),
    signers_needed=2,
    signed_by="dr-asha",
    signed_at_ms=NOW_MS,
    second_signed_by=None,
    second_signed_at_ms=None,
    done_at_ms=None,
    withdrawn_by=None,
    withdrawn_at_ms=None,
)
PANEL = Panel(
    holding=HELD,
    product=None,
    decision=None,
    signer_name=None,
    proofs=[],
    orders=[],
    seen_verdict_id=None,
    case_doses=10,
    second_person_above=100,
    assess_by_ms=NOW_MS,
    kinds=[],
    reasons={},
    is_signer=True,
    is_witness=True,
    own_decision=False,
)


def who(role: Role) -> Staff:
    return Staff("s-1", "Person", role, seeds.FACILITY, "en")


@pytest.mark.parametrize("role", Role)
def test_who_handles_stock_never_releases_it(role: Role) -> None:
    may = role in {Role.COLD_CHAIN_OFFICER, Role.MEDICAL_OFFICER, Role.PROGRAMME_MANAGER}
    assert rules.may_decide(who(role)) is may
    assert rules.may_witness(who(role)) is (may or role in {Role.HANDLER, Role.VACCINATOR})


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ({}, [Kind.MANUFACTURER_REPLY, Kind.OTHER]),
        ({"vvm_type": "VVM14"}, [Kind.VVM_STAGE, Kind.MANUFACTURER_REPLY, Kind.OTHER]),
        ({"aluminium_adsorbed": True}, [Kind.SHAKE_TEST, Kind.MANUFACTURER_REPLY, Kind.OTHER]),
        ({"aluminium_adsorbed": False}, [Kind.MANUFACTURER_REPLY, Kind.OTHER]),
    ],
)
def test_only_evidence_that_can_say_something_is_offered(words: dict[str, object], kinds: list[Kind]) -> None:
    assert rules.kinds_for(seeds.product(**words)) == kinds


def test_of_an_unknown_product_only_words_and_letters_are_offered() -> None:
    assert rules.kinds_for(None) == [Kind.MANUFACTURER_REPLY, Kind.OTHER]


def test_reasons_without_their_evidence_are_not_offered() -> None:
    bare = rules.reasons_for(seeds.product(), held_by_order=False)
    assert bare["release"] == [ReasonCode.MANUFACTURER_ALLOWS, ReasonCode.SENSOR_WRONG, ReasonCode.NOT_EXPOSED]
    whole = seeds.product(vvm_type="VVM14", aluminium_adsorbed=True)
    full = rules.reasons_for(whole, held_by_order=True)
    assert tuple(full["release"]) == REASONS[Disposition.RELEASED]
    assert full["condemn"] == REASONS[Disposition.CONDEMNED]
    assert full["destroy"] == REASONS[Disposition.DESTROYED]


def test_held_stock_is_looked_at_within_the_programmes_time() -> None:
    assert rules.assess_by_ms(HELD, 60) == NOW_MS + HOUR_MS


@pytest.mark.parametrize(
    ("doses", "disposition", "people"),
    [
        (100, Disposition.UNDER_ASSESSMENT, 1),
        (101, Disposition.UNDER_ASSESSMENT, 2),
        (1, Disposition.CONDEMNED, 2),
    ],
)
def test_the_panel_says_how_many_sign(doses: int, disposition: Disposition, people: int) -> None:
    assert replace(PANEL, case_doses=doses, holding=replace(HELD, disposition=disposition)).people == people


@pytest.mark.parametrize(
    ("words", "sign", "withdraw"),
    [
        ({}, False, False),
        ({"decision": WAITING}, True, True),
        ({"decision": WAITING, "own_decision": True}, False, True),
        ({"decision": WAITING, "is_signer": False}, False, False),
        ({"decision": replace(WAITING, target=Disposition.DESTROYED), "is_signer": False}, True, False),
        (
            {
                "decision": replace(WAITING, target=Disposition.DESTROYED),
                "is_signer": False,
                "is_witness": False,
            },
            False,
            False,
        ),
    ],
)
def test_who_may_sign_second_and_withdraw(words: dict[str, object], sign: bool, withdraw: bool) -> None:  # noqa: FBT001 - the values under test
    panel = replace(PANEL, **words)
    assert (panel.may_sign_second, panel.may_withdraw) == (sign, withdraw)


def test_usable_is_what_the_gate_opens_for() -> None:
    assert not PANEL.is_usable
    assert replace(PANEL, holding=replace(HELD, disposition=Disposition.RELEASED_USE_FIRST)).is_usable
