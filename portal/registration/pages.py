"""The citizen's way to a session: which are planned, where and when; anyone may look, nobody is asked who they are."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from portal.registration import service
from portal.web import render

router = APIRouter()


@router.get("/book")
def sessions(request: Request) -> Response:
    """Sessions of the coming week with place, vaccine and hours."""
    state = request.app.state
    return render(request, "registration/sessions.html", sessions=service.open_sessions(state.ledger, state.clock()))
