"""The vaccinator's pages: today's session, a vial's verdict on the whole screen, the recorded dose."""

from functools import partial
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.errors import FieldProblem
from portal.identity.service import Staff, require_staff
from portal.language import marked
from portal.vaccinator import service, words
from portal.vaccinator.rules import KEY_CHARACTERS_MAX, SCAN_CHARACTERS_MAX
from portal.vaccinator.schemas import Answer, CheckRequest, GiveRequest
from portal.web import language_of, render, translate, url
from sheetal.contracts.problem import Refused

router = APIRouter()
Vaccinator = Annotated[Staff, Depends(require_staff("vaccinator"))]
Id = Annotated[str, Query(max_length=48)]
FormId = Annotated[str, Form(max_length=48)]
# Refusals that concern the person or the code, not the vial: they are answered on the same page.
OF_THE_PERSON = frozenset(
    {"wrong_code", "too_many_codes", "too_young", "wrong_dose_number", "too_early", "already_given", "session_closed"}
)
OK = 200
CONFLICT = 409
UNPROCESSABLE = 422


@router.get("/v/today")
def today(request: Request, staff: Vaccinator, session: Id = "") -> Response:
    """The site's session with its holdings by word and sign, and its appointments without names."""
    state, now_ms = request.app.state, request.app.state.clock()
    sessions = service.sessions_today(state.ledger, staff, now_ms)
    chosen = next((one for one in sessions if one.id == session), None)
    chosen = chosen or next((one for one in sessions if one.is_open(now_ms)), None)
    if chosen is None:
        return render(request, "vaccinator/today.html", session=None, sessions=sessions)
    return render(
        request,
        "vaccinator/today.html",
        session=chosen,
        sessions=sessions,
        site=service.site_of(state.ledger, chosen, now_ms),
        holdings=[_shown(request, one) for one in service.holdings_now(state.ledger, staff, chosen.id, now_ms)],
        appointments=service.appointments(state.ledger, staff, chosen.id),
    )


@router.get("/v/dose")
def choose(request: Request, staff: Vaccinator, session: Id, appointment: Id) -> Response:
    """Scan or type the label of the vial's holding, for one appointment."""
    facts = service.appointment_at(request.app.state.ledger, staff, session, appointment)
    return render(request, "vaccinator/scan.html", session=session, appointment=facts, error="", scan="")


@router.get("/v/dose/check")
def check(
    request: Request,
    staff: Vaccinator,
    session: Id,
    appointment: Id,
    scan: Annotated[str, Query(max_length=SCAN_CHARACTERS_MAX)] = "",
) -> Response:
    """USE or DO NOT USE, on the whole screen."""
    state = request.app.state
    facts = service.appointment_at(state.ledger, staff, session, appointment)
    if not scan.strip():
        error = translate(request, "Scan the label, or type what stands on it.")
        page: dict[str, object] = {"session": session, "appointment": facts, "error": error, "scan": ""}
        return render(request, "vaccinator/scan.html", status=UNPROCESSABLE, **page)
    asked = CheckRequest(session=session, scan=scan.strip())
    return _verdict(request, staff, asked, appointment)


@router.post("/v/dose")
def give(  # noqa: PLR0913, PLR0917 - one form, its fields one by one
    request: Request,
    staff: Vaccinator,
    session: FormId,
    appointment: FormId,
    scan: Annotated[str, Form(min_length=1, max_length=SCAN_CHARACTERS_MAX)],
    key: Annotated[str, Form(min_length=8, max_length=KEY_CHARACTERS_MAX)],
    citizen_code: Annotated[str, Form(max_length=12)] = "",
) -> Response:
    """Record the dose; the form's key makes a double click one dose."""
    state = request.app.state
    try:
        asked = GiveRequest(session=session, scan=scan, appointment=appointment, citizen_code=citizen_code.strip())
    except ValidationError:
        problem = FieldProblem(marked("Enter the 4 digits on the slip."), field="citizen_code")
        return _verdict(request, staff, CheckRequest(session=session, scan=scan), appointment, problem.message, key)
    vaccination = service.Vaccination(state.ledger, state.cipher, state.signing_keys)
    try:
        given = service.give(vaccination, staff, asked, key, state.clock())
    except Refused as refused:
        of_person = str(refused.facts.get("reason")) in OF_THE_PERSON
        return _verdict(request, staff, asked, appointment, refused.message if of_person else "", key)
    return RedirectResponse(url(request, f"/v/given/{given.dose}"), 303)


@router.get("/v/given/{dose}")
def given(request: Request, staff: Vaccinator, dose: str) -> Response:
    """The dose is recorded; the way to the citizen's slip."""
    shown = service.given_dose(request.app.state.ledger, staff, dose)
    return render(request, "vaccinator/given.html", given=shown)


def _verdict(
    request: Request, staff: Staff, asked: CheckRequest, appointment: str, error: str = "", key: str = ""
) -> Response:
    state, now_ms = request.app.state, request.app.state.clock()
    facts = service.appointment_at(state.ledger, staff, asked.session, appointment)
    answer = service.check(state.ledger, staff, asked, now_ms)
    page: dict[str, object] = {
        "session": asked.session,
        "appointment": facts,
        "answer": answer,
        "scan": asked.scan,
        "site": service.site_of_session(state.ledger, asked.session, now_ms),
        "error": error,
        "key": key or str(uuid4()),
    }
    if answer.refused is None:
        return render(request, "vaccinator/use.html", status=CONFLICT if error else OK, **page)
    told = words.told(answer, answer.refused, partial(translate, request), language_of(request))
    return render(request, "vaccinator/do_not_use.html", status=OK, told=told, **page)


def _shown(request: Request, answer: Answer) -> dict[str, object]:
    told = None
    if answer.refused is not None:
        told = words.told(answer, answer.refused, partial(translate, request), language_of(request))
    return {"answer": answer, "told": told}
