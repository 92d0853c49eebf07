"""Recalls for officers' programs."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request

from portal.identity.service import OFFICERS, Staff, require_staff
from portal.recall import service

router = APIRouter()
Officer = Annotated[Staff, Depends(require_staff(*OFFICERS))]


@router.get("/api/v1/recalls/{holding}")
def recall(request: Request, holding: str, staff: Officer) -> dict[str, Any]:
    """The doses given from a holding after it was compromised; no person is named."""
    del staff
    found = service.recall_of(request.app.state.ledger, holding)
    doses = [
        {
            "dose": dose.dose,
            "certificate": dose.certificate,
            "administered_at_ms": dose.administered_at_ms,
            "level": int(dose.level),
            "contact_state": dose.contact_state,
        }
        for dose in found.doses
    ]
    return {"holding": found.holding, "compromised_from_ms": found.compromised_from_ms, "doses": doses}
