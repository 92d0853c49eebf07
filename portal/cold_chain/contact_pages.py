"""Pages of contacts with their ladders, and of the months' reports."""

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.cold_chain import contact_service, contact_words, service
from portal.cold_chain.contact_service import MONTHS_SHOWN, Typed, TypedStep
from portal.errors import FieldProblem
from portal.formats import INDIA
from portal.identity.service import OFFICERS, Role, Staff, require_staff
from portal.language import LANGUAGE_NAMES
from portal.web import render, url

router = APIRouter()
Watcher = Annotated[Staff, Depends(require_staff(*OFFICERS))]
KEEPERS = [role for role in OFFICERS if role is not Role.AUDITOR]
Keeper = Annotated[Staff, Depends(require_staff(*KEEPERS))]
Reader = Annotated[Staff, Depends(require_staff(*OFFICERS, Role.HANDLER))]
Word = Annotated[str, Form(max_length=128)]
NUMBER_MAX = 2**53
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX)]
FacilityId = Annotated[str, Query(max_length=48)]


@router.get("/cc/contacts")
def contacts(request: Request, staff: Watcher, facility: FacilityId = "") -> Response:
    """Who is told what, a facility's ladder, and what did not arrive."""
    return _contacts(request, staff, facility)


@router.post("/cc/contacts")
def add_contact(  # noqa: PLR0913, PLR0917 -- the form's fields
    request: Request,
    staff: Keeper,
    facility_id: Word = "",
    name: Word = "",
    addresses: Annotated[str, Form(max_length=2_200)] = "",
    hears: Annotated[list[str] | None, Form(max_length=8)] = None,
    tongue: Annotated[str, Form(pattern="^(en|hi)$")] = "en",
) -> Response:
    """Keep a new contact; its addresses are sealed and never shown again."""
    state = request.app.state
    typed = Typed(facility_id, name, addresses, tuple(hears or ()), tongue)
    try:
        contact_service.add_contact(state.ledger, state.cipher, staff, typed, state.clock())
    except FieldProblem as problem:
        return _contacts(request, staff, facility_id, problem, typed)
    return RedirectResponse(url(request, "/cc/contacts"), 303)


@router.post("/cc/contacts/{contact_id}/retire")
def retire_contact(request: Request, staff: Keeper, contact_id: Number) -> Response:
    """Tell this contact no more."""
    state = request.app.state
    contact_service.retire_contact(state.ledger, staff, contact_id, state.clock())
    return RedirectResponse(url(request, "/cc/contacts"), 303)


@router.post("/cc/ladder")
def add_step(  # noqa: PLR0913, PLR0917 -- the form's fields
    request: Request,
    staff: Keeper,
    facility_id: Word = "",
    contact_id: Annotated[int, Form(ge=0, le=NUMBER_MAX)] = 0,
    after_minutes: Word = "",
    begins: Annotated[str, Form(alias="from", max_length=8)] = "00:00",
    ends: Annotated[str, Form(alias="until", max_length=8)] = "00:00",
) -> Response:
    """Put a contact on a facility's ladder."""
    state = request.app.state
    typed = TypedStep(contact_id, after_minutes, begins, ends)
    try:
        contact_service.add_step(state.ledger, staff, facility_id, typed, state.clock())
    except FieldProblem as problem:
        return _contacts(request, staff, facility_id, problem, step=typed)
    return RedirectResponse(url(request, "/cc/contacts", facility=facility_id) + "#ladder", 303)


@router.post("/cc/ladder/{step_id}/retire")
def retire_step(request: Request, staff: Keeper, step_id: Number, facility_id: Word = "") -> Response:
    """Take a step out of its ladder."""
    state = request.app.state
    contact_service.retire_step(state.ledger, staff, step_id, state.clock())
    return RedirectResponse(url(request, "/cc/contacts", facility=facility_id) + "#ladder", 303)


@router.get("/cc/reports")
def reports(request: Request, staff: Reader, facility: FacilityId = "") -> Response:
    """The months of a facility, each as PDF and CSV."""
    state = request.app.state
    places = contact_service.report_places(state.ledger, staff)
    wanted = facility or staff.facility_id
    chosen = next((one for one in places if one.id == wanted), places[0] if places else None)
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    months = months_until(datetime.fromtimestamp(state.clock() / 1_000, UTC).astimezone(INDIA).date())
    return render(request, "cold_chain/reports.html", places=places, chosen=chosen, months=months)


@router.get("/cc/reports/{facility_id}/{name}")
def report(request: Request, staff: Reader, facility_id: str, name: str) -> Response:
    """One month's file."""
    state = request.app.state
    body, kind = contact_service.report_file(state.ledger, state.readings, staff, (facility_id, name), state.clock())
    headers = {"Content-Disposition": f'attachment; filename="{facility_id}-{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=kind, headers=headers)


def months_until(day: date) -> list[str]:
    """The last twelve months as YYYY-MM, this one first (pure)."""
    numbers = [day.year * 12 + day.month - 1 - back for back in range(MONTHS_SHOWN)]
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in numbers]


def _contacts(
    request: Request,
    staff: Staff,
    facility: str,
    problem: FieldProblem | None = None,
    typed: Typed | None = None,
    step: TypedStep | None = None,
) -> Response:
    state = request.app.state
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    return render(
        request,
        "cold_chain/contacts.html",
        status=422 if problem else 200,
        page=contact_service.contacts_page(state.ledger, staff, facility, state.clock()),
        problem=problem,
        typed=typed or Typed(facility_id=facility),
        step=step or TypedStep(),
        words=contact_words,
        tongues=LANGUAGE_NAMES,
        may_keep=staff.role in KEEPERS,
    )
