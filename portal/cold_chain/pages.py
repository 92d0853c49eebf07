"""Pages of the cold chain: overview, appliance, holding, lots, refused messages."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from portal.cold_chain import (
    chart,
    disposition_rules,
    disposition_service,
    disposition_words,
    service,
    verdict_pages,
    words,
)
from portal.errors import FieldProblem, status_of
from portal.identity.service import OFFICERS, Role, Staff, require_staff
from portal.language import marked
from portal.web import language_of, render, translate, url
from sheetal.contracts.problem import NotFound, Unavailable

router = APIRouter()
WATCHERS = (*OFFICERS, Role.HANDLER)
Watcher = Annotated[Staff, Depends(require_staff(*WATCHERS))]
Officer = Annotated[Staff, Depends(require_staff(*OFFICERS))]
Anyone = Annotated[Staff, Depends(require_staff())]
TEXT_CHARACTERS_MAX = 500
DOSE_NUMBER_MAX = 1_000_000
Trouble = Annotated[str, Query(pattern="^(freeze|warm|nodata|held|gap)?$")]
ShortText = Annotated[str, Form(max_length=TEXT_CHARACTERS_MAX)]


@router.get("/cc")
def overview(request: Request, staff: Watcher, only: Trouble = "") -> Response:
    """What is wrong, how long is left, how many doses, what to do."""
    return _overview(request, staff, "cold_chain/overview.html", only)


@router.get("/cc/live")
def overview_live(request: Request, staff: Watcher, only: Trouble = "") -> Response:
    """The changing part of the overview, asked for every two seconds."""
    return _overview(request, staff, "cold_chain/overview_live.html", only)


@router.get("/cc/strip.json")
def strip(request: Request, staff: Watcher) -> Response:
    """The heat strip's cells, compact: a letter, an id and a name each."""
    state = request.app.state
    seen = service.overview(state.ledger, state.telemetry, state.snapshots, staff, state.clock())
    districts = [
        {
            "name": one.name,
            "trouble": one.trouble,
            "letters": "".join(cell.letter for cell in one.cells),
            "ids": [cell.appliance for cell in one.cells],
            "names": [cell.name for cell in one.cells],
        }
        for one in seen.districts
    ]
    base = url(request, "/cc/appliances/")
    said = {letter: translate(request, text) for letter, text in words.STRIP_WORDS.items()}
    return JSONResponse({"districts": districts, "base": base, "words": said})


@router.get("/cc/appliances/{appliance_id}")
def appliance(
    request: Request,
    staff: Watcher,
    appliance_id: str,
    span: str = "24h",
    sensor: str = "",
) -> Response:
    """One appliance: figures, chart, holdings inside, sensors, alarms."""
    state = request.app.state
    page = service.appliance_page(
        state.ledger,
        state.telemetry,
        state.readings,
        staff,
        appliance_id,
        state.clock(),
    )
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    spans = list(chart.SPANS.values())
    return render(
        request,
        "cold_chain/appliance.html",
        words=words,
        page=page,
        span=_span(span),
        spans=spans,
        sensor=sensor,
    )


@router.get("/cc/appliances/{appliance_id}/chart.json")
def appliance_chart(
    request: Request,
    staff: Watcher,
    appliance_id: str,
    span: str = "24h",
    sensor: str = "",
) -> Response:
    """The chart's points and what is drawn around them, its words already in the page's language."""
    state = request.app.state
    try:
        found = service.chart_of(
            state.ledger,
            state.readings,
            staff,
            appliance_id,
            _span(span),
            sensor or None,
            state.clock(),
        )
    except (NotFound, Unavailable) as problem:
        return JSONResponse({"message": translate(request, problem.message)}, status_of(problem))
    return JSONResponse(words.chart_json(found, language_of(request), partial(translate, request)))


@router.get("/cc/holdings/{holding_id}")
def holding(
    request: Request,
    staff: Anyone,
    holding_id: str,
    dose: Annotated[int, Query(ge=1, le=DOSE_NUMBER_MAX)] = 1,
) -> Response:
    """One holding: its verdict and how it was found, where it has been, what may be done."""
    return holding_answer(request, staff, holding_id, dose=dose)


@router.post("/cc/holdings/{holding_id}/quarantine")
def quarantine(request: Request, staff: Anyone, holding_id: str, reason: ShortText = "") -> Response:
    """Close the gate; every member of staff may, with a reason."""
    state = request.app.state
    if not reason.strip():
        problem = FieldProblem(marked("Write why, for example “Vial found frozen”."), field="reason")
        return holding_answer(request, staff, holding_id, problem)
    service.quarantine(state.ledger, staff, holding_id, reason, state.clock())
    return RedirectResponse(url(request, f"/cc/holdings/{holding_id}"), 303)


@router.get("/cc/lots")
def lots(request: Request, staff: Anyone) -> Response:
    """Lots, each the sum of its holdings."""
    state = request.app.state
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    lines = service.lot_lines(state.ledger, state.telemetry, staff, state.clock())
    return render(request, "cold_chain/lots.html", lots=lines, count=service.lot_count(state.ledger, staff))


@router.get("/cc/lots/{lot_id:path}")
def lot(request: Request, staff: Anyone, lot_id: str) -> Response:
    """One lot: its holdings, wherever they are, and the orders that hold it."""
    return lot_answer(request, staff, lot_id)


@router.get("/cc/dead-letters")
def dead_letters(request: Request, staff: Officer) -> Response:
    """Messages that were refused, why, and how often they came."""
    state = request.app.state
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    letters, dropped = service.dead_letters(state.telemetry)
    return render(request, "cold_chain/dead_letters.html", letters=letters, dropped=dropped, words=words)


def _overview(request: Request, staff: Staff, template: str, only: str) -> Response:
    state = request.app.state
    seen = service.overview(state.ledger, state.telemetry, state.snapshots, staff, state.clock(), only)
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    return render(request, template, seen=seen, only=only, words=words)


def holding_answer(
    request: Request,
    staff: Staff,
    holding_id: str,
    problem: FieldProblem | None = None,
    dose: int = 1,
    typed: Mapping[str, str] | None = None,
) -> Response:
    """The holding's page, with what needs another answer and what was typed so far."""
    state = request.app.state
    page = service.holding_page(state.ledger, state.telemetry, staff, holding_id, state.clock())
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    return render(
        request,
        "cold_chain/holding.html",
        status=422 if problem else 200,
        page=page,
        **verdict_pages.holding_work(request, page, dose),
        panel=disposition_service.panel(state.ledger, staff, holding_id, state.programme, state.clock()),
        said=disposition_words,
        typed=typed or {},
        problem=problem,
        words=words,
    )


def lot_answer(
    request: Request,
    staff: Staff,
    lot_id: str,
    problem: FieldProblem | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    """The lot's page, with what needs another answer and what was typed so far."""
    state = request.app.state
    line, holdings = service.lot_page(state.ledger, state.telemetry, staff, lot_id, state.clock())
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    return render(
        request,
        "cold_chain/lot.html",
        status=422 if problem else 200,
        lot=line,
        holdings=holdings,
        cut_at=service.LOT_HOLDINGS_SHOWN,
        orders=disposition_service.orders_on(state.ledger, lot_id),
        names=disposition_service.names_on(state.ledger, lot_id),
        may_hold=disposition_rules.may_decide(staff),
        typed=typed or {},
        problem=problem,
        words=words,
    )


def _span(name: str) -> chart.Span:
    return chart.SPANS.get(name, chart.SPANS["24h"])
