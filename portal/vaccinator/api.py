"""The vaccinator's JSON API: the same service as the pages, for tablets with an app of their own."""

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from portal.errors import PROBLEM_JSON
from portal.identity.service import Staff, require_staff
from portal.vaccinator import service, words
from portal.vaccinator.rules import KEY_CHARACTERS_MAX, KEY_CHARACTERS_MIN
from portal.vaccinator.schemas import Answer, CheckRequest, GiveRequest
from portal.vaccinator.wiring import vaccination_of
from portal.web import language_of, translate
from sheetal.contracts.problem import Refused

router = APIRouter()
Vaccinator = Annotated[Staff, Depends(require_staff("vaccinator"))]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=KEY_CHARACTERS_MIN, max_length=KEY_CHARACTERS_MAX)]
CREATED, OK, CONFLICT = 201, 200, 409


@router.post("/api/v1/doses/check")
def check(request: Request, asked: CheckRequest, staff: Vaccinator) -> dict[str, Any]:
    """Whether a scanned vial or holding may be used in a session of the caller's site."""
    state = request.app.state
    answer = service.check(state.ledger, staff, asked, state.clock())
    state.gate_answers.add("check", words.answer_of(answer.refused))
    said = _said(request, answer, answer.refused)
    return {"usable": answer.refused is None, "batch": answer.batch, "doses_left": answer.doses_left, **said}


@router.post("/api/v1/doses", status_code=CREATED)
def give(request: Request, asked: GiveRequest, staff: Vaccinator, key: Key) -> Response:
    """Record a dose: 201 when new, 200 when this key recorded it before, 409 when the gate or a rule says no."""
    state = request.app.state
    try:
        given = service.give(vaccination_of(state), staff, asked, key, state.clock())
    except Refused as refused:
        state.gate_answers.add("dose", words.answer_of(refused))
        answer = service.check(state.ledger, staff, asked, state.clock())
        return JSONResponse(_problem(request, answer, refused), CONFLICT, media_type=PROBLEM_JSON)
    state.gate_answers.add("dose", words.answer_of(None))
    body = {"dose": given.dose, "certificate": given.certificate, "certificate_url": given.certificate_url}
    return JSONResponse(body, CREATED if given.is_new else OK)


def _problem(request: Request, answer: Answer, refused: Refused) -> dict[str, Any]:
    head = {"type": f"urn:sheetal:problem:{refused.code}", "status": CONFLICT, "code": refused.code}
    return {**head, "instance": request.url.path, "retry": refused.retry, **_said(request, answer, refused)}


def _said(request: Request, answer: Answer, refused: Refused | None) -> dict[str, Any]:
    """One shape for every answer; `reason` is null for USE."""
    speaker = words.Speaker(partial(translate, request), language_of(request), request.app.state.clock())
    told = words.told(answer, refused, speaker) if refused else words.use(speaker)
    of_vial = refused is not None and words.is_of_vial(refused)
    return {
        "reason": told.reason or None,
        "title": told.title,
        "detail": told.detail,
        "next_step": " ".join(told.steps),
        "holding": answer.holding,
        "take_instead": asdict(answer.take_instead) if answer.take_instead and of_vial else None,
    }
