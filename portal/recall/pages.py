"""The officers' recall list: doses given after a holding was compromised, and whether their owners have been told."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.identity.service import OFFICERS, Staff, require_staff
from portal.recall import service
from portal.web import render, url

router = APIRouter()
Officer = Annotated[Staff, Depends(require_staff(*OFFICERS))]


@router.get("/cc/recalls/{holding}")
def recall(request: Request, staff: Officer, holding: str) -> Response:
    """The list; people stand by the end of their reference, never by name."""
    del staff
    return render(request, "recall/recall.html", recall=service.recall_of(request.app.state.ledger, holding))


@router.post("/cc/recalls/{holding}/contact")
def contact(
    request: Request,
    staff: Officer,
    holding: str,
    dose: Annotated[str, Form(max_length=48)],
    state: Annotated[str, Form(max_length=16)],
) -> Response:
    """Note that a dose's owner has been told, or could not be reached."""
    service.set_contact(request.app.state.ledger, staff, dose, state, request.app.state.clock())
    return RedirectResponse(url(request, f"/cc/recalls/{holding}"), 303)
