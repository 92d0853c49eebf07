"""Pages of places and things: facilities, and one facility with its appliances, gateways, sessions and lots."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from portal.identity.service import OFFICERS, Role, Staff, require_staff
from portal.orchestration import service
from portal.web import render

router = APIRouter()
Watcher = Annotated[Staff, Depends(require_staff(*OFFICERS, Role.HANDLER))]


@router.get("/cc/facilities")
def facilities(request: Request, staff: Watcher) -> Response:
    """Every facility this person may see, with its gateways and stock in figures."""
    state = request.app.state
    lines = service.facility_lines(state.ledger, staff, state.clock())
    return render(request, "orchestration/facilities.html", lines=lines)


@router.get("/cc/facilities/{facility_id}")
def facility(request: Request, staff: Watcher, facility_id: str) -> Response:
    """One facility: what stands there, what speaks for it and what is planned."""
    state = request.app.state
    page = service.facility_page(state.ledger, staff, facility_id, state.clock())
    return render(request, "orchestration/facility.html", page=page)
