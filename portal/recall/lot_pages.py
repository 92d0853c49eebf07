"""`/cc/lot-recalls/{lot}`: the doses given of a lot that an authority holds, for the officers who follow them up."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from portal.identity.service import OFFICERS, Staff, require_staff
from portal.recall import lot_list
from portal.web import render

router = APIRouter()
Officer = Annotated[Staff, Depends(require_staff(*OFFICERS))]
Page = Annotated[int, Query(ge=1)]


@router.get("/cc/lot-recalls/{lot_id:path}")
def lot_doses(request: Request, staff: Officer, lot_id: str, page: Page = 1) -> Response:
    """The list; people stand by the end of their reference, never by name."""
    del staff
    found = lot_list.doses_of_lot(request.app.state.ledger, lot_id, page)
    return render(request, "recall/lot_doses.html", listed=found)
