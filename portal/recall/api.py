"""Recalls for officers' programs."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from portal.identity.service import OFFICERS, Staff, require_staff
from portal.recall import service

router = APIRouter()
Officer = Annotated[Staff, Depends(require_staff(*OFFICERS))]
PAGE_SIZE = 500


@router.get("/api/v1/recalls/{holding}")
def recall(request: Request, holding: str, staff: Officer, page: Annotated[int, Query(ge=1)] = 1) -> dict[str, Any]:
    """The doses given from a holding after it was compromised, 500 a page; no person is named."""
    del staff
    found = service.recall_of(request.app.state.ledger, holding, page, PAGE_SIZE)
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
    return {
        "holding": found.holding,
        "side": found.side,
        "compromised_from_ms": found.compromised_from_ms,
        "withdrawn_at_ms": found.withdrawn_at_ms,
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
        "doses": doses,
    }
