"""`/cc/audit`: one click verifies a facility's chain of audit entries and says up to which minute it is covered."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from portal.cold_chain import audit_service, service
from portal.identity.service import OFFICERS, Staff, require_staff
from portal.web import render

router = APIRouter()
Officer = Annotated[Staff, Depends(require_staff(*OFFICERS))]
PAGE_MAX = 10_000
FACILITY_CHARACTERS_MAX = 48


@router.get("/cc/audit")
def chains(
    request: Request,
    staff: Officer,
    page: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 1,
    facility: Annotated[str, Query(max_length=FACILITY_CHARACTERS_MAX)] = "",
) -> Response:
    """All chains; with a facility named, what verifying its chain finds."""
    state = request.app.state
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    checked = None
    if facility:
        checked = audit_service.check(state.ledger, state.cipher, state.settings.mirror_folder, facility, state.clock())
    shown = audit_service.chains(state.ledger, page)
    words = audit_service.OUTSIDE_WORDS
    return render(request, "cold_chain/audit.html", chains=shown, checked=checked, outside_words=words)
