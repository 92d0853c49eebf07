"""Pages of the catalogue: every product's limits with their sources, its versions, and the form that adds one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.errors import FieldProblem
from portal.identity.service import Role, Staff, require_staff
from portal.orchestration import catalogue, catalogue_form, catalogue_words
from portal.web import render, url
from sheetal.contracts.product import Product
from sheetal.ledger.appliance_models import load_models
from sheetal.ledger.catalogue import day_of
from sheetal.ledger.product_checks import VVM_TYPES

router = APIRouter()
Anyone = Annotated[Staff, Depends(require_staff())]
Admin = Annotated[Staff, Depends(require_staff(Role.ADMIN))]
Version = Annotated[int | None, Query(ge=1, le=10_000)]


@router.get("/cc/catalogue")
def listed(request: Request, staff: Anyone) -> Response:
    """Every product, what the programme decides for itself, and what is known of appliances."""
    state = request.app.state
    return render(
        request,
        "orchestration/catalogue.html",
        lines=catalogue.lines(state.ledger, state.clock()),
        programme=state.programme,
        models=load_models(),
        words=catalogue_words,
        may_add=staff.role is Role.ADMIN,
    )


@router.get("/cc/catalogue/new")
def new_form(request: Request, staff: Admin) -> Response:
    """The empty form of a product that is not in the catalogue yet."""
    del staff
    today = day_of(request.app.state.clock())
    typed = {"version": "1", "stage": "refrigerated", "effective_from": today, "schedule_from": today}
    ticked = {"first_default_freeze_sensitive": "yes", "first_default_refrigerated": "yes"}
    return _form(request, None, typed | ticked)


@router.post("/cc/catalogue/new")
async def add_new(request: Request, staff: Admin) -> Response:
    """Record a product that is not in the catalogue yet."""
    typed = await _typed(request)
    return await run_in_threadpool(_add, request, staff, None, typed | {"version": "1"})


@router.get("/cc/catalogue/{product_id}")
def product(request: Request, staff: Anyone, product_id: str, version: Version = None) -> Response:
    """One product: each limit with its source, how sure it is, since when, and all versions."""
    state = request.app.state
    page = catalogue.page(state.ledger, product_id, version, state.clock())
    return render(
        request,
        "orchestration/catalogue_product.html",
        page=page,
        product=page.product,
        words=catalogue_words,
        may_add=staff.role is Role.ADMIN,
    )


@router.get("/cc/catalogue/{product_id}/new-version")
def version_form(request: Request, staff: Admin, product_id: str) -> Response:
    """The form of a product's next version, filled with the one so far."""
    del staff
    state = request.app.state
    last = catalogue.newest(state.ledger, product_id)
    today = max(day_of(state.clock()), last.effective_from)
    return _form(request, last, catalogue_form.typed_of(last) | {"effective_from": today})


@router.post("/cc/catalogue/{product_id}/new-version")
async def add_version(request: Request, staff: Admin, product_id: str) -> Response:
    """Record a product's next version; all its stock is judged again."""
    typed = await _typed(request)
    last = await run_in_threadpool(catalogue.newest, request.app.state.ledger, product_id)
    kept = {"product": last.product, "vaccine": last.vaccine, "manufacturer": last.manufacturer}
    return await run_in_threadpool(_add, request, staff, last, typed | kept)


async def _typed(request: Request) -> dict[str, str]:
    form = await request.form()
    return {str(name): str(value)[: catalogue_form.CHARACTERS_MAX] for name, value in form.items()}


def _add(request: Request, staff: Staff, last: Product | None, typed: dict[str, str]) -> Response:
    state = request.app.state
    try:
        made = catalogue.add(state.ledger, staff, state.programme, typed, state.clock())
    except FieldProblem as problem:
        return _form(request, last, typed, problem)
    return RedirectResponse(url(request, f"/cc/catalogue/{made.product}", version=made.version), 303)


def _form(
    request: Request, last: Product | None, typed: dict[str, str], problem: FieldProblem | None = None
) -> Response:
    return render(
        request,
        "orchestration/catalogue_form.html",
        status=422 if problem else 200,
        last=last,
        typed=typed,
        problem=problem,
        rule_lines=catalogue_form.lines_shown(typed, "rule", catalogue_form.RULES_MAX),
        vial_lines=catalogue_form.lines_shown(typed, "vial", catalogue_form.VIALS_MAX),
        vvm_types=VVM_TYPES,
        words=catalogue_words,
    )
