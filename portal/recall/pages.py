"""The officers' recall list: doses given after a holding was compromised, and whether their owners have been told."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.identity.service import OFFICERS, Role, Staff, require_staff
from portal.recall import service
from portal.recall.rules import ContactState
from portal.web import render, url

router = APIRouter()
Officer = Annotated[Staff, Depends(require_staff(*OFFICERS))]
# Those who tell people; admins and auditors only read.
TELLERS = (Role.COLD_CHAIN_OFFICER, Role.MEDICAL_OFFICER, Role.PROGRAMME_MANAGER)
Teller = Annotated[Staff, Depends(require_staff(*TELLERS))]
Page = Annotated[int, Query(ge=1)]


@router.get("/cc/recalls/{holding}")
def recall(request: Request, staff: Officer, holding: str, page: Page = 1) -> Response:
    """The list; people stand by the end of their reference, never by name."""
    found = service.recall_of(request.app.state.ledger, holding, page)
    return render(request, "recall/recall.html", recall=found, may_tell=staff.role in TELLERS)


@router.post("/cc/recalls/{holding}/contact")
def contact(
    request: Request,
    staff: Teller,
    holding: str,
    dose: Annotated[str, Form(max_length=48)],
    state: Annotated[ContactState, Form()],
    page: Annotated[int, Form(ge=1)] = 1,
) -> Response:
    """Note that a dose's owner has been told, or could not be reached."""
    noted = service.Contacted(holding, dose, state)
    service.set_contact(request.app.state.ledger, staff, noted, request.app.state.clock())
    return RedirectResponse(url(request, f"/cc/recalls/{holding}", page=page), 303)


@router.post("/cc/recalls/{holding}/person")
def person(
    request: Request,
    staff: Teller,
    holding: str,
    dose: Annotated[str, Form(max_length=48)],
    page: Annotated[int, Form(ge=1)] = 1,
) -> Response:
    """Name and mobile of a recalled dose's owner, for staff of the facility that gave it; opening leaves a trace."""
    state = request.app.state
    found = service.open_person(state.ledger, state.cipher, staff, holding, dose, state.clock())
    return render(request, "recall/person.html", holding=holding, dose=dose, contact=found, page=page)
