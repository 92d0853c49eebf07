"""The vaccinator's pages: today's session, a vial's verdict on the whole screen, the recorded dose."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.identity.service import Staff, require_staff
from portal.language import marked
from portal.registration.service import Appointment
from portal.vaccinator import service, site, words
from portal.vaccinator.rules import SCAN_CHARACTERS_MAX
from portal.vaccinator.schemas import CODE_PATTERN, Answer, CheckRequest, GiveForm, GiveRequest, Site
from portal.vaccinator.wiring import vaccination_of
from portal.web import language_of, render, translate, url
from sheetal.contracts.problem import Refused

router = APIRouter()
Vaccinator = Annotated[Staff, Depends(require_staff("vaccinator"))]
Id = Annotated[str, Query(max_length=48)]
OK, CONFLICT, UNPROCESSABLE = 200, 409, 422
WRONG_CODE = "wrong_code"


@router.get("/v/today")
def today(request: Request, staff: Vaccinator, session: Id = "") -> Response:
    """The site's session with its holdings by word and sign, and its appointments without names."""
    state = request.app.state
    found = site.today(state.ledger, staff, session, state.clock())
    vials = [] if found is None else [_vial(request, answer) for answer in found.holdings]
    return render(request, "vaccinator/today.html", today=found, vials=vials)


@router.get("/v/dose")
def choose(request: Request, staff: Vaccinator, session: Id, appointment: Id) -> Response:
    """Scan or type the label of the vial's holding, for one appointment."""
    found = site.appointment_at(request.app.state.ledger, staff, session, appointment)
    if found.state != "booked":
        return _not_given(request, session, service.already_closed())
    return _scan(request, session, found)


@router.get("/v/dose/check")
def check(
    request: Request,
    staff: Vaccinator,
    session: Id,
    appointment: Id,
    scan: Annotated[str, Query(max_length=SCAN_CHARACTERS_MAX)] = "",
) -> Response:
    """USE or DO NOT USE, on the whole screen."""
    found = site.appointment_at(request.app.state.ledger, staff, session, appointment)
    if found.state != "booked":
        return _not_given(request, session, service.already_closed())
    if not scan.strip():
        return _scan(request, session, found, translate(request, "Scan the label, or type what stands on it."))
    shown = _look(request, staff, CheckRequest(session=session, scan=scan), found)
    request.app.state.gate_answers.add("check", words.answer_of(shown.answer.refused))
    if shown.answer.refused is None:
        return _use(request, shown)
    return _do_not_use(request, shown, shown.answer.refused)


@router.post("/v/dose")
def give(request: Request, staff: Vaccinator, form: Annotated[GiveForm, Form()]) -> Response:
    """Record the dose; the form's key makes a double click one dose."""
    state = request.app.state
    found = site.appointment_at(state.ledger, staff, form.session, form.appointment)
    code = form.citizen_code.strip()
    if CODE_PATTERN.fullmatch(code) is None:
        shown = _look(request, staff, CheckRequest(session=form.session, scan=form.scan), found)
        return _code_again(request, shown, form.key, marked("Enter the 4 digits on the slip."), UNPROCESSABLE)
    asked = GiveRequest(session=form.session, scan=form.scan, appointment=form.appointment, citizen_code=code)
    try:
        given = service.give(vaccination_of(state), staff, asked, form.key, state.clock())
    except Refused as refused:
        state.gate_answers.add("dose", words.answer_of(refused))
        if words.reason_of(refused) == WRONG_CODE:
            return _code_again(request, _look(request, staff, asked, found), form.key, refused.message, CONFLICT)
        if words.is_of_vial(refused):
            return _do_not_use(request, _look(request, staff, asked, found), refused, CONFLICT)
        return _not_given(request, form.session, refused)
    state.gate_answers.add("dose", words.answer_of(None))
    return RedirectResponse(url(request, f"/v/given/{given.dose}"), 303)


@router.get("/v/given/{dose}")
def given(request: Request, staff: Vaccinator, dose: str) -> Response:
    """The dose is recorded; the way to the citizen's slip."""
    shown = service.given_dose(request.app.state.ledger, staff, dose)
    return render(request, "vaccinator/given.html", given=shown)


@dataclass(frozen=True)
class _Verdict:
    """What both verdict screens show."""

    asked: CheckRequest
    appointment: Appointment
    answer: Answer
    site: Site


def _look(request: Request, staff: Staff, asked: CheckRequest, appointment: Appointment) -> _Verdict:
    """Ask the gate, for the screen that shows its answer."""
    ledger, now_ms = request.app.state.ledger, request.app.state.clock()
    answer = service.check(ledger, staff, asked, now_ms)
    return _Verdict(asked, appointment, answer, site.site_of_session(ledger, staff, asked.session, now_ms))


def _code_again(request: Request, shown: _Verdict, key: str, error: str, status: int) -> Response:
    """USE again with what is wrong with the code, unless the gate has closed meanwhile."""
    if shown.answer.refused is not None:
        return _do_not_use(request, shown, shown.answer.refused, CONFLICT)
    return _use(request, shown, key=key, error=error, status=status)


def _scan(request: Request, session: str, appointment: Appointment, error: str = "") -> Response:
    status = UNPROCESSABLE if error else OK
    page: dict[str, object] = {"session": session, "appointment": appointment, "error": error}
    return render(request, "vaccinator/scan.html", status=status, **page)


def _use(request: Request, shown: _Verdict, *, key: str = "", error: str = "", status: int = OK) -> Response:
    return render(request, "vaccinator/use.html", status=status, shown=shown, error=error, key=key or str(uuid4()))


def _do_not_use(request: Request, shown: _Verdict, refused: Refused, status: int = OK) -> Response:
    told = words.told(shown.answer, refused, _speaker(request))
    return render(request, "vaccinator/do_not_use.html", status=status, shown=shown, told=told)


def _not_given(request: Request, session: str, refused: Refused) -> Response:
    told = words.told(Answer(holding=""), refused, _speaker(request))
    return render(request, "vaccinator/not_given.html", status=CONFLICT, told=told, session=session)


def _vial(request: Request, answer: Answer) -> dict[str, object]:
    told = words.told(answer, answer.refused, _speaker(request)) if answer.refused else None
    return {"answer": answer, "told": told}


def _speaker(request: Request) -> words.Speaker:
    return words.Speaker(partial(translate, request), language_of(request), request.app.state.clock())
