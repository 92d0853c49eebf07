"""What a test looks at, and the acts it needs again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheetal.contracts.disposition import Disposition, RefusalReason
from sheetal.contracts.problem import Refused
from sheetal.ledger import holdings, judgements, rejudge, telemetry
from tests.alerts.given import FACILITY, HOLDING, at
from tests.sheetal.ledger import decided

if TYPE_CHECKING:
    from tests.alerts.given import World


def pending(world: World) -> tuple[int, int]:
    with world.telemetry.read() as conn:
        hours = len(telemetry.dirty_hours(conn, 5000))
    with world.ledger.read() as conn:
        return hours, len(rejudge.pending(conn, 5000))


def refusal(world: World, minute: float, holding: str = HOLDING) -> RefusalReason | None:
    try:
        with world.ledger.read() as conn:
            holdings.check_gate(conn, holding, FACILITY, at(minute))
    except Refused as refused:
        return RefusalReason(str(refused.facts["reason"]))
    return None


def release(world: World, minute: float) -> None:
    with world.ledger.write() as conn:
        seen = judgements.latest_hold_id(conn, HOLDING)
        for target in (Disposition.UNDER_ASSESSMENT, Disposition.RELEASED):
            why = "shake test passed"
            decided.set_disposition(conn, HOLDING, target, "dr-asha", why, at(minute), seen_verdict_id=seen)
