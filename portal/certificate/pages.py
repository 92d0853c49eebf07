"""The slip that a vaccinator hands over right after the dose: the person's own link, as a code to scan."""

import base64
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.certificate import service
from portal.certificate.rules import may_hand_over
from portal.identity.service import Role, Staff, require_staff
from portal.language import DEFAULT_LANGUAGE, marked
from portal.web import language_of, render
from sheetal.contracts.problem import NotFound, Unavailable
from sheetal.ledger import audit

router = APIRouter()
Giver = Annotated[Staff, Depends(require_staff(Role.VACCINATOR, Role.MEDICAL_OFFICER))]


@router.get("/certificate")
def find(request: Request) -> Response:
    """How a citizen opens their certificate; nothing is looked up."""
    return render(request, "certificate/find.html", verify_url=_verifier(request))


@router.get("/verify")
def verify(request: Request) -> Response:
    """The verifier stands on the static site, which lives on when this one does not."""
    return RedirectResponse(_verifier(request), 303)


@router.get("/certificates/{certificate}")
def slip(request: Request, staff: Giver, certificate: str) -> Response:
    """The slip; for staff of the facility that gave the dose, on the day it was given. Opening it leaves a trace."""
    state = request.app.state
    keys, now_ms = state.signing_keys, state.clock()
    if keys is None:
        raise Unavailable(marked("Certificates are not set up here."))
    with state.ledger.write() as connection:
        found = service.certificate_by_id(connection, certificate)
        if not may_hand_over(found, staff.facility_id, now_ms):
            raise NotFound(marked("No such certificate."))
        shown = service.slip(connection, state.cipher, keys, certificate)
        audit.append(
            connection, found.facility, audit.AuditEntry(now_ms, staff.id, "certificate_slip_opened", certificate)
        )
    picture = base64.b64encode(shown.link_qr_svg.encode()).decode()
    return render(request, "certificate/slip.html", slip=shown, picture=picture)


def _verifier(request: Request) -> str:
    prefix = "" if language_of(request) == DEFAULT_LANGUAGE else f"/{language_of(request)}"
    return f"{request.app.state.settings.standby_url}{prefix}/verify"
