"""Who may decide what on held stock, and what a person is offered (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.identity.rules import Role
from sheetal.contracts.disposition import USABLE, Disposition
from sheetal.contracts.limits import MINUTE_MS
from sheetal.ledger.decision_rules import KIND_OF, REASONS, ReasonCode, signers_needed
from sheetal.ledger.proofs import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portal.identity.rules import Staff
    from sheetal.contracts.product import Product
    from sheetal.ledger.decisions import Decision
    from sheetal.ledger.lot_holds import LotHold
    from sheetal.ledger.proofs import Attachment
    from sheetal.ledger.stock import Holding

SIGNERS = (Role.COLD_CHAIN_OFFICER, Role.MEDICAL_OFFICER, Role.PROGRAMME_MANAGER)
"""Who assesses, releases, condemns and holds whole lots; vaccinators and handlers may quarantine, never release."""
WITNESSES = (*SIGNERS, Role.HANDLER, Role.VACCINATOR)
"""Who may be the second person at a destruction."""
TARGETS = (Disposition.RELEASED, Disposition.RELEASED_USE_FIRST, Disposition.CONDEMNED)


@dataclass(frozen=True)
class ProofLine:
    """A piece of evidence, who added it, and whether an earlier decision rested on it."""

    proof: Attachment
    actor_name: str | None
    is_used: bool


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What stands of a holding's case, and what this person may do about it."""

    holding: Holding
    product: Product | None
    decision: Decision | None
    signer_name: str | None
    proofs: Sequence[ProofLine]
    orders: Sequence[LotHold]
    seen_verdict_id: int | None
    case_doses: int
    second_person_above: int
    assess_by_ms: int
    kinds: Sequence[Kind]
    reasons: dict[str, Sequence[ReasonCode]]
    is_signer: bool
    is_witness: bool
    own_decision: bool

    @property
    def is_usable(self) -> bool:
        """Whether its disposition opens the gate."""
        return self.holding.disposition in USABLE

    @property
    def people(self) -> int:
        """How many people sign what is decided now."""
        condemned = self.holding.disposition is Disposition.CONDEMNED
        target = Disposition.DESTROYED if condemned else Disposition.RELEASED
        return signers_needed(target, self.case_doses, self.second_person_above)

    @property
    def may_sign_second(self) -> bool:
        """Whether this person can give the missing signature."""
        if self.decision is None or self.own_decision:
            return False
        return self.is_witness if self.decision.target is Disposition.DESTROYED else self.is_signer

    @property
    def may_withdraw(self) -> bool:
        """Whether this person can take back what waits."""
        return self.decision is not None and (self.own_decision or self.is_signer)


def may_decide(staff: Staff) -> bool:
    """Whether this person's role assesses, releases and condemns."""
    return staff.role in SIGNERS


def may_witness(staff: Staff) -> bool:
    """Whether this person's role may witness a destruction."""
    return staff.role in WITNESSES


def kinds_for(product: Product | None) -> list[Kind]:
    """The kinds of evidence that can say something of this product."""
    offered = [Kind.MANUFACTURER_REPLY, Kind.OTHER]
    if product is None:
        return offered
    if product.aluminium_adsorbed is True:
        offered.insert(0, Kind.SHAKE_TEST)
    if product.vvm_type:
        offered.insert(0, Kind.VVM_STAGE)
    return offered


def reasons_for(product: Product | None, *, held_by_order: bool) -> dict[str, Sequence[ReasonCode]]:
    """The reasons offered, to release and to condemn and to destroy, without those that this product cannot have."""
    kinds = set(kinds_for(product))
    release = [one for one in REASONS[Disposition.RELEASED] if KIND_OF.get(one, Kind.OTHER) in kinds]
    if not held_by_order:
        release.remove(ReasonCode.LOT_HOLD_LIFTED)
    return {
        "release": release,
        "condemn": REASONS[Disposition.CONDEMNED],
        "destroy": REASONS[Disposition.DESTROYED],
    }


def assess_by_ms(holding: Holding, within_minutes: int) -> int:
    """By when the programme wants held stock looked at."""
    return holding.disposition_at_ms + within_minutes * MINUTE_MS
