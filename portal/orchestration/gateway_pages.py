"""Pages of gateways: the list, one gateway with its probes, orders and certificates, and the code that takes one in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.errors import FieldProblem
from portal.identity.service import OFFICERS, Role, Staff, require_staff
from portal.language import marked
from portal.orchestration import gateway_words, gateways
from portal.orchestration.gateway_list import gateway_list
from portal.orchestration.probes import EDITED
from portal.web import render, url
from sheetal.contracts.twin import CommandKind

router = APIRouter()
# Those who look after gateways; the others who may look only read.
KEEPERS = (Role.COLD_CHAIN_OFFICER, Role.PROGRAMME_MANAGER, Role.ADMIN)
Watcher = Annotated[Staff, Depends(require_staff(*OFFICERS, Role.HANDLER))]
Keeper = Annotated[Staff, Depends(require_staff(*KEEPERS))]
Page = Annotated[int, Query(ge=1, le=100_000)]
Id = Annotated[str, Form(max_length=128)]
BUILT_ON_DIGITS_MAX = 16
Typed = Annotated[str, Form(max_length=32)]


@router.get("/cc/gateways")
def listed(request: Request, staff: Watcher, page: Page = 1) -> Response:
    """Every gateway this person may see, those out of touch first."""
    return _list(request, staff, page)


@router.post("/cc/gateways/codes")
def issue_code(request: Request, staff: Keeper, gateway_id: Id = "", facility_id: Id = "") -> Response:
    """A new code, shown on this one answer and nowhere again."""
    state = request.app.state
    try:
        issued = gateways.issue_code(state.ledger, staff, gateway_id.strip(), facility_id, state.clock())
    except FieldProblem as problem:
        return _list(request, staff, 1, problem, (gateway_id, facility_id))
    portal_url = state.settings.portal_url
    return render(
        request,
        "orchestration/gateway_code.html",
        issued=issued,
        qr=gateway_words.qr_svg(gateway_words.pairing(portal_url, issued.gateway_id, issued.code)),
        command=gateway_words.command(portal_url, issued.gateway_id),
        portal_url=portal_url,
    )


@router.get("/cc/gateways/{gateway_id}")
def gateway(request: Request, staff: Watcher, gateway_id: str) -> Response:
    """One gateway: how it is, what it measures, what it was told and what came of it."""
    return _gateway(request, staff, gateway_id)


@router.get("/cc/gateways/{gateway_id}/live")
def gateway_live(request: Request, staff: Watcher, gateway_id: str) -> Response:
    """The changing part of a gateway's page, asked for every few seconds."""
    return _gateway(request, staff, gateway_id, template="orchestration/gateway_live.html")


@router.get("/cc/gateways/{gateway_id}/probes/{probe}")
def probe_form(request: Request, staff: Keeper, gateway_id: str, probe: str) -> Response:
    """The form that changes one probe's interval and limits."""
    return _probe(request, staff, gateway_id, probe)


@router.post("/cc/gateways/{gateway_id}/probes/{probe}")
async def change_probe(request: Request, staff: Keeper, gateway_id: str, probe: str) -> Response:
    """Send the gateway its configuration with this probe changed."""
    form = await request.form()
    typed = {name: str(form.get(name, ""))[:32] for name in EDITED}
    built_on = str(form.get("built_on", ""))
    number = int(built_on) if built_on.isdecimal() and len(built_on) < BUILT_ON_DIGITS_MAX else -1
    return await run_in_threadpool(_change, request, staff, (gateway_id, probe), typed, number)


@router.post("/cc/gateways/{gateway_id}/orders")
def order(
    request: Request,
    staff: Keeper,
    gateway_id: str,
    kind: Annotated[CommandKind, Form()],
    span_from: Typed = "",
    span_until: Typed = "",
) -> Response:
    """Tell the gateway to do something once."""
    state = request.app.state
    try:
        span = gateway_words.span_of(span_from, span_until, state.clock()) if kind is CommandKind.RESEND else None
    except FieldProblem as problem:
        return _gateway(request, staff, gateway_id, problem=problem, typed=(span_from, span_until))
    gateways.order(state.ledger, staff, gateway_id, kind, state.clock(), span)
    return RedirectResponse(url(request, f"/cc/gateways/{gateway_id}") + "#orders", 303)


@router.get("/cc/gateways/{gateway_id}/log/{command_id}")
def log(request: Request, staff: Watcher, gateway_id: str, command_id: str) -> Response:
    """The log that a gateway sent when it was told to."""
    found = gateways.order_with_log(request.app.state.ledger, staff, gateway_id, command_id)
    return render(request, "orchestration/gateway_log.html", gateway_id=gateway_id, order=found)


@router.get("/cc/gateways/{gateway_id}/retire")
def retire_form(request: Request, staff: Keeper, gateway_id: str) -> Response:
    """What retiring means, and the field to type the gateway's id into."""
    return _retire(request, staff, gateway_id)


@router.post("/cc/gateways/{gateway_id}/retire")
def retire(request: Request, staff: Keeper, gateway_id: str, typed: Id = "") -> Response:
    """Believe the gateway no longer and revoke its certificates, once its id was typed."""
    state = request.app.state
    if typed.strip() != gateway_id:
        problem = FieldProblem(marked("Type the gateway's id exactly as it stands here."), field="typed")
        return _retire(request, staff, gateway_id, problem)
    gateways.retire(state.ledger, staff, gateway_id, state.clock())
    return RedirectResponse(url(request, f"/cc/gateways/{gateway_id}"), 303)


def _list(
    request: Request,
    staff: Staff,
    page: int,
    problem: FieldProblem | None = None,
    typed: tuple[str, str] = ("", ""),
) -> Response:
    state = request.app.state
    found = gateway_list(state.ledger, state.telemetry, staff, page, state.clock())
    return render(
        request,
        "orchestration/gateways.html",
        status=422 if problem else 200,
        found=found,
        words=gateway_words,
        may_keep=staff.role in KEEPERS,
        closed=_closed(request),
        problem=problem,
        typed=typed,
    )


def _gateway(
    request: Request,
    staff: Staff,
    gateway_id: str,
    *,
    template: str = "orchestration/gateway.html",
    problem: FieldProblem | None = None,
    typed: tuple[str, str] = ("", ""),
) -> Response:
    state = request.app.state
    page = gateways.gateway_page(state.ledger, state.telemetry, staff, gateway_id, state.clock())
    return render(
        request,
        template,
        status=422 if problem else 200,
        page=page,
        words=gateway_words,
        may_keep=staff.role in KEEPERS,
        closed=_closed(request),
        problem=problem,
        typed=typed,
    )


def _probe(
    request: Request,
    staff: Staff,
    gateway_id: str,
    name: str,
    *,
    problem: FieldProblem | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    found, built_on = gateways.probe_form(request.app.state.ledger, staff, gateway_id, name)
    return render(
        request,
        "orchestration/gateway_probe.html",
        status=422 if problem else 200,
        gateway_id=gateway_id,
        probe=found,
        built_on=built_on,
        values=found.typed() | (typed or {}),
        words=gateway_words,
        problem=problem,
    )


def _change(request: Request, staff: Staff, probe: tuple[str, str], typed: dict[str, str], built_on: int) -> Response:
    state = request.app.state
    try:
        gateways.change_probe(state.ledger, staff, probe, typed, built_on, state.clock())
    except FieldProblem as problem:
        return _probe(request, staff, *probe, problem=problem, typed=typed)
    return RedirectResponse(url(request, f"/cc/gateways/{probe[0]}") + "#configuration", 303)


def _retire(request: Request, staff: Staff, gateway_id: str, problem: FieldProblem | None = None) -> Response:
    state = request.app.state
    page = gateways.gateway_page(state.ledger, state.telemetry, staff, gateway_id, state.clock())
    status = 422 if problem else 200
    return render(request, "orchestration/gateway_retire.html", status=status, page=page, problem=problem)


def _closed(request: Request) -> str:
    """The setting that is missing before a gateway can be taken in; empty when none is."""
    state = request.app.state
    if state.gateway_authority is None:
        return "SHEETAL_GATEWAY_CA_FOLDER"
    return "" if state.settings.gateway_broker_url else "SHEETAL_GATEWAY_BROKER_URL"
