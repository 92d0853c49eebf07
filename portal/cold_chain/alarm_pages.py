"""Pages of alarms, muting windows and the twice-daily check."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.cold_chain import alarm_rules, alarm_service, alarm_words, service, words
from portal.errors import FieldProblem
from portal.identity.service import OFFICERS, Role, Staff, require_staff
from portal.language import marked
from portal.web import render, url
from sheetal.contracts.problem import Refused

router = APIRouter()
Watcher = Annotated[Staff, Depends(require_staff(*OFFICERS, Role.HANDLER))]
ACTORS = [role for role in (*OFFICERS, Role.HANDLER) if role is not Role.AUDITOR]
Actor = Annotated[Staff, Depends(require_staff(*ACTORS))]
Anyone = Annotated[Staff, Depends(require_staff())]
Reader = Annotated[Staff, Depends(require_staff(*[role for role in Role if role is not Role.AUDITOR]))]
TEXT_CHARACTERS_MAX = 500
ID_CHARACTERS_MAX = 200
NUMBER_MAX = 2**53
ALARM_FIELDS = ("cause", "comment", "stock", "ended_as", "end_comment", "probe")
MUTE_FIELDS = ("appliance", "kind", "reason")
AlarmId = Annotated[str, Form(max_length=ID_CHARACTERS_MAX)]
ShortText = Annotated[str, Form(max_length=TEXT_CHARACTERS_MAX)]
Word = Annotated[str, Form(max_length=64)]


@router.get("/cc/alarms")
def alarms(
    request: Request,
    staff: Watcher,
    show: Annotated[str, Query(pattern="^(new|open|all)$")] = "open",
) -> Response:
    """Alarms, active and unacknowledged first."""
    state = request.app.state
    found = alarm_service.alarm_list(state.ledger, staff, state.clock(), show)
    _count(request, staff)
    return render(request, "cold_chain/alarms.html", found=found, show=show, words=words, alarm_words=alarm_words)


@router.get("/cc/alarm")
def alarm(request: Request, staff: Watcher, id: Annotated[str, Query(max_length=ID_CHARACTERS_MAX)]) -> Response:  # noqa: A002 -- the query's own name
    """One alarm with the forms that acknowledge, assign and end it."""
    return _alarm(request, staff, id, None, {})


@router.post("/cc/alarm")
def acknowledge(
    request: Request,
    staff: Actor,
    id: AlarmId,  # noqa: A002 -- the field's own name
    cause: ShortText = "",
    comment: ShortText = "",
    stock: Annotated[str, Form(pattern="^(keep|hold)$")] = "keep",
) -> Response:
    """Record cause and comment, both are asked for; hold the stock inside where that is chosen."""
    state = request.app.state
    problem = words.acknowledgement_problem(cause, comment)
    if problem is not None:
        return _alarm(request, staff, id, problem, {"cause": cause, "comment": comment, "stock": stock})
    is_holding = stock == "hold"
    alarm_service.acknowledge(
        state.ledger, state.telemetry, staff, id, (cause, comment), state.clock(), is_holding=is_holding
    )
    return RedirectResponse(url(request, "/cc/alarms"), 303)


@router.post("/cc/alarm/end")
def end(
    request: Request,
    staff: Actor,
    id: AlarmId,  # noqa: A002 -- the field's own name
    ended_as: Word = "",
    end_comment: ShortText = "",
    probe: Word = "",
) -> Response:
    """End an active alarm as a probe's fault or as lost contact."""
    state = request.app.state
    problem = alarm_words.end_problem(ended_as, end_comment)
    if problem is not None:
        return _alarm(request, staff, id, problem, {"ended_as": ended_as, "end_comment": end_comment, "probe": probe})
    alarm_service.end(state.ledger, staff, id, ended_as, end_comment, state.clock(), is_probe_faulty=probe == "faulty")
    return RedirectResponse(url(request, "/cc/alarm", id=id), 303)


@router.post("/cc/alarm/assign")
def assign(request: Request, staff: Actor, id: AlarmId, assigned_to: Word = "") -> Response:  # noqa: A002 -- the field's own name
    """Say who deals with it."""
    state = request.app.state
    alarm_service.assign(state.ledger, staff, id, assigned_to, state.clock())
    return RedirectResponse(url(request, "/cc/alarm", id=id), 303)


@router.get("/cc/mutes")
def mutes(
    request: Request,
    staff: Watcher,
    facility: Annotated[str, Query(max_length=48)] = "",
    appliance: Annotated[str, Query(max_length=48)] = "",
) -> Response:
    """Times in which nobody is told, and the form that opens one."""
    return _mutes(request, staff, facility, None, {"appliance": appliance})


@router.post("/cc/mutes")
def mute(  # noqa: PLR0913, PLR0917 -- one argument for each field of the form
    request: Request,
    staff: Actor,
    facility: Word,
    appliance: Word = "",
    kind: Word = "",
    begins: Annotated[str, Form(alias="from", max_length=64)] = "",
    until: Word = "",
    reason: ShortText = "",
) -> Response:
    """Open a window."""
    state = request.app.state
    fields = {"appliance": appliance, "kind": kind, "from": begins, "until": until, "reason": reason}
    try:
        alarm_service.mute(state.ledger, staff, facility, fields, state.clock())
    except FieldProblem as problem:
        return _mutes(request, staff, facility, problem, fields)
    except Refused as refused:
        if refused.facts.get("reason") != "too_many":
            raise
        many = FieldProblem(marked("Too many windows stand here already; end one of them first."), field="reason")
        return _mutes(request, staff, facility, many, fields)
    return RedirectResponse(url(request, "/cc/mutes", facility=facility), 303)


@router.post("/cc/mutes/{mute_id}/end")
def end_mute(request: Request, staff: Actor, mute_id: Annotated[int, Path(ge=1, le=NUMBER_MAX)]) -> Response:
    """End a window before its time."""
    state = request.app.state
    alarm_service.end_mute(state.ledger, staff, mute_id, state.clock())
    return RedirectResponse(url(request, "/cc/mutes"), 303)


@router.get("/cc/appliances/{appliance_id}/check")
def check_form(request: Request, staff: Anyone, appliance_id: str, done: str = "") -> Response:
    """What the sensors say since the last check, and the form for the next."""
    return _check(request, staff, appliance_id, None, {"done": done})


@router.post("/cc/appliances/{appliance_id}/check")
def check(  # noqa: PLR0913, PLR0917 -- one argument for each field of the form
    request: Request,
    staff: Reader,
    appliance_id: str,
    at: Word = "",
    now: Word = "",
    low: Word = "",
    high: Word = "",
    initials: Word = "",
) -> Response:
    """Record what was read."""
    state = request.app.state
    fields = {"at": at, "now": now, "low": low, "high": high, "initials": initials}
    try:
        alarm_service.check(state.ledger, staff, appliance_id, fields, state.clock())
    except FieldProblem as problem:
        return _check(request, staff, appliance_id, problem, fields)
    return RedirectResponse(url(request, f"/cc/appliances/{appliance_id}/check", done="1"), 303)


def _alarm(
    request: Request, staff: Staff, alarm_id: str, problem: FieldProblem | None, said: dict[str, str]
) -> Response:
    state = request.app.state
    wait = state.programme.escalate_minutes
    page = alarm_service.alarm_page(state.ledger, state.telemetry, staff, alarm_id, state.clock(), wait)
    _count(request, staff)
    return render(
        request,
        "cold_chain/alarm.html",
        status=422 if problem else 200,
        words=words,
        alarm_words=alarm_words,
        page=page,
        alarm=page.alarm,
        problem=problem,
        said=dict.fromkeys(ALARM_FIELDS, "") | said,
    )


def _mutes(
    request: Request, staff: Staff, facility: str, problem: FieldProblem | None, said: dict[str, str]
) -> Response:
    state = request.app.state
    now_ms = state.clock()
    page = alarm_service.mutes_page(state.ledger, staff, facility, now_ms)
    _count(request, staff)
    times = {"from": now_ms, "until": now_ms + alarm_rules.WINDOW_MS}
    return render(
        request,
        "cold_chain/mutes.html",
        status=422 if problem else 200,
        alarm_words=alarm_words,
        words=words,
        page=page,
        problem=problem,
        said=dict.fromkeys(MUTE_FIELDS, "")
        | {name: alarm_rules.written(ms, page.facility.time_zone) for name, ms in times.items()}
        | said,
    )


def _check(
    request: Request, staff: Staff, appliance_id: str, problem: FieldProblem | None, said: dict[str, str]
) -> Response:
    state = request.app.state
    now_ms = state.clock()
    page = alarm_service.check_page(state.ledger, state.readings, staff, appliance_id, state.programme, now_ms)
    _count(request, staff)
    prepared = alarm_words.prepared_check(page, alarm_rules.written(now_ms, page.facility.time_zone))
    return render(
        request,
        "cold_chain/check.html",
        status=422 if problem else 200,
        page=page,
        problem=problem,
        said=prepared | said,
    )


def _count(request: Request, staff: Staff) -> None:
    request.state.alarm_count = service.open_alarm_count(request.app.state.ledger, staff)
