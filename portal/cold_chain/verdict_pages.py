"""The page of one verdict, its readings as CSV, and its evidence bundle for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from portal.cold_chain import evidence, service, verdict_words, verdicts, words, work
from portal.cold_chain.evidence import Stores
from portal.cold_chain.verdicts import Shown
from portal.cold_chain.views import HoldingPage
from portal.cold_chain.work_evidence import voucher_of
from portal.errors import SignInNeeded
from portal.identity.service import Staff, optional_staff, require_staff
from portal.language import marked
from portal.web import language_of, render
from sheetal.contracts.verdict import SensorEvidence, Verdict
from sheetal.thermal.bundle import encode

pages = APIRouter()
api = APIRouter(prefix="/api/v1", tags=["cold chain"])
Anyone = Annotated[Staff, Depends(require_staff())]
NUMBER_MAX = 1_000_000
ID_MAX = 2**53
Number = Annotated[int, Query(ge=1, le=NUMBER_MAX)]
VerdictId = Annotated[int, Path(ge=1, le=ID_MAX)]


@pages.get("/cc/verdicts/{verdict_id}")
def verdict(
    request: Request,
    staff: Anyone,
    verdict_id: VerdictId,
    run: Number = 1,
    dose: Number = 1,
    recompute: bool = False,  # noqa: FBT001, FBT002 -- a query of the address
) -> Response:
    """One verdict, taken apart into the steps and readings it rests on."""
    state = request.app.state
    page = verdicts.verdict_page(stores_of(request), staff, verdict_id, run, state.clock(), recompute=recompute)
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    steps = []
    if page.product is not None:
        steps = work.steps(page.found, page.product, language_of(request), page.shown.picked)
    return render(
        request,
        "cold_chain/verdict.html",
        page=page,
        steps=steps,
        trail=state.dose_trail(state.ledger, page.holding.id, page.compromised_from_ms, dose),
        voucher=voucher_shown(page.found, page.shown),
        words=words,
        told=verdict_words,
    )


@pages.get("/cc/verdicts/{verdict_id}/readings.csv")
def readings(request: Request, staff: Anyone, verdict_id: VerdictId) -> Response:
    """Every reading that the verdict rests on."""
    bundle = evidence.bundle_of(stores_of(request), staff, verdict_id, request.app.state.clock())
    return _file(verdicts.csv_of(bundle).encode(), "text/csv; charset=utf-8", f"verdict-{verdict_id}-readings.csv")


@api.get("/verdicts/{verdict_id}/bundle")
def bundle(request: Request, verdict_id: VerdictId) -> Response:
    """The evidence bundle: `python -m alerts recompute FILE` finds the verdict in it again, on any machine."""
    who = optional_staff(request)
    if who is None:
        raise SignInNeeded(marked("Sign in first."))
    found = evidence.bundle_of(stores_of(request), who, verdict_id, request.app.state.clock())
    return _file(encode(found), "application/json", f"verdict-{verdict_id}.bundle.json")


def holding_work(request: Request, page: HoldingPage, dose: int) -> dict[str, object]:
    """What a holding's page shows of its deciding verdict: steps, chart, doses, and who vouches for the sensor."""
    state = request.app.state
    trail = state.dose_trail(state.ledger, page.holding.id, page.compromised_from_ms, dose)
    facts: dict[str, object] = {"trail": trail, "told": verdict_words, "steps": [], "shown": None, "voucher": None}
    if page.verdict is None:
        return facts
    found = page.verdict.verdict
    shown = verdicts.shown(stores_of(request), found, page.judged_by)
    if page.judged_by is not None:
        facts["steps"] = work.steps(found, page.judged_by, language_of(request), shown.picked)
    return facts | {"shown": shown, "voucher": voucher_shown(found, shown)}


def voucher_shown(found: Verdict, shown: Shown) -> SensorEvidence | None:
    """Who vouches for the sensor that the chart shows."""
    sensor = shown.picked.run.sensor if shown.picked and shown.picked.run else shown.sensor
    return voucher_of(found, sensor)


def stores_of(request: Request) -> Stores:
    """The stores that evidence is read from."""
    state = request.app.state
    return Stores(state.ledger, state.telemetry, state.readings)


def _file(content: bytes, media_type: str, name: str) -> Response:
    disposition = f'attachment; filename="{name}"'
    return Response(content, media_type=media_type, headers={"Content-Disposition": disposition})
