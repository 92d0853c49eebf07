"""What people do on held stock: assess, add evidence, decide and sign, hold and free whole lots."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.cold_chain import disposition_service as steps
from portal.cold_chain import disposition_words, pages, proof_forms, service
from portal.errors import FieldProblem
from portal.identity.service import Staff, confirm, require_staff
from portal.language import marked
from portal.web import render, url
from sheetal.contracts.disposition import Disposition
from sheetal.contracts.problem import NotFound, Refused
from sheetal.ledger.decision_rules import ReasonCode, Wish
from sheetal.ledger.lot_orders import Order
from sheetal.ledger.proofs import FILE_BYTES_MAX, TEXT_CHARACTERS_MAX, Kind

router = APIRouter()
Anyone = Annotated[Staff, Depends(require_staff())]
NUMBER_MAX = 2**53
Number = Annotated[int, Form(ge=0, le=NUMBER_MAX)]
SeenVerdict = Annotated[str, Form(pattern=r"^\d{0,15}$")]
Proofs = Annotated[list[int], Form(max_length=50)]
Comment = Annotated[str, Form(max_length=500)]
Words = Annotated[str, Form(max_length=300)]
LotId = Annotated[str, Form(max_length=64)]
Password = Annotated[str, Form(max_length=256)]


@router.post("/cc/holdings/{holding_id}/assess")
def assess(request: Request, staff: Anyone, holding_id: str) -> Response:
    """Open the assessment of quarantined stock."""
    state = request.app.state
    try:
        steps.assess(state.ledger, staff, holding_id, state.clock())
    except Refused as refused:
        return _again(request, staff, holding_id, refused)
    return _to_panel(request, holding_id)


@router.post("/cc/holdings/{holding_id}/decide")
def decide(  # noqa: PLR0913, PLR0917 -- the fields of the form
    request: Request,
    staff: Anyone,
    holding_id: str,
    doses: Number,
    target: Annotated[str, Form(max_length=24)] = "",
    reason: Annotated[str, Form(max_length=32)] = "",
    comment: Comment = "",
    seen: SeenVerdict = "",
    proofs: Proofs = [],  # noqa: B006 -- FastAPI copies it
    password: Password = "",
) -> Response:
    """Sign a decision first; where one signature is enough it is carried out."""
    state = request.app.state
    try:
        wish = _wish(target, reason, comment, doses, seen, proofs)
        steps.check_signer(staff)
        confirm(state.ledger, staff, password, state.clock())
        steps.decide(state.ledger, staff, holding_id, wish, state.programme, state.clock())
    except (FieldProblem, Refused) as problem:
        typed = {"target": target, "reason": reason, "comment": comment}
        return _again(request, staff, holding_id, problem, typed)
    return _to_panel(request, holding_id)


@router.post("/cc/holdings/{holding_id}/sign")
def sign(
    request: Request,
    staff: Anyone,
    holding_id: str,
    decision: Number,
    seen: SeenVerdict = "",
    password: Password = "",
) -> Response:
    """Sign second."""
    state = request.app.state
    try:
        confirm(state.ledger, staff, password, state.clock())
        steps.sign(state.ledger, staff, holding_id, decision, _seen(seen), state.clock())
    except (FieldProblem, Refused) as problem:
        return _again(request, staff, holding_id, problem)
    return _to_panel(request, holding_id)


@router.post("/cc/holdings/{holding_id}/withdraw")
def withdraw(request: Request, staff: Anyone, holding_id: str, decision: Number, comment: Comment = "") -> Response:
    """Take back what waits for a signature."""
    state = request.app.state
    try:
        steps.withdraw(state.ledger, staff, holding_id, decision, comment, state.clock())
    except Refused as refused:
        return _again(request, staff, holding_id, refused)
    return _to_panel(request, holding_id)


@router.get("/cc/holdings/{holding_id}/evidence/{kind}")
def proof_form(request: Request, staff: Anyone, holding_id: str, kind: Kind) -> Response:
    """The form of one kind of evidence."""
    return _proof(request, staff, holding_id, kind, {})


@router.post("/cc/holdings/{holding_id}/evidence/{kind}")
async def add_proof(request: Request, staff: Anyone, holding_id: str, kind: Kind) -> Response:
    """Add evidence, with its picture."""
    async with request.form() as form:
        typed = {name: str(form.get(name, ""))[:TEXT_CHARACTERS_MAX] for name in proof_forms.FIELDS[kind]}
        content = await _content(form)
    return await run_in_threadpool(_add, request, staff, (holding_id, kind), typed, content)


@router.get("/cc/holdings/{holding_id}/files/{number}")
def file(
    request: Request, staff: Anyone, holding_id: str, number: Annotated[int, Path(ge=1, le=NUMBER_MAX)]
) -> Response:
    """The picture or letter of a piece of evidence, as it was added; never run by a browser."""
    media_type, content = steps.file_of(request.app.state.ledger, staff, holding_id, number)
    headers = {"Content-Disposition": "inline", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(content, media_type=media_type, headers=headers)


@router.post("/cc/lot-holds")
def hold_lot(  # noqa: PLR0913, PLR0917 -- the fields of the form
    request: Request,
    staff: Anyone,
    lot: LotId,
    authority: Words = "",
    reference: Words = "",
    reason: Words = "",
    password: Password = "",
) -> Response:
    """Hold a whole lot on an authority's order."""
    state = request.app.state
    steps.check_signer(staff)
    order = Order(authority=authority, reference=reference, reason=reason)
    service.lot_page(state.ledger, state.telemetry, staff, lot, state.clock())
    try:
        confirm(state.ledger, staff, password, state.clock())
        steps.hold_lot(state.ledger, staff, lot, order, state.clock())
    except (FieldProblem, Refused) as problem:
        said = problem if isinstance(problem, FieldProblem) else disposition_words.problem_of(problem, "reference")
        typed = {"authority": authority, "reference": reference, "reason": reason}
        return pages.lot_answer(request, staff, lot, said, typed)
    return RedirectResponse(url(request, f"/cc/lots/{lot}"), 303)


@router.post("/cc/lot-holds/lift")
def lift_hold(
    request: Request,
    staff: Anyone,
    lot: LotId,
    order: Number,
    reference: Words = "",
    password: Password = "",
) -> Response:
    """Lift an order; no gate opens by this."""
    state = request.app.state
    steps.check_signer(staff)
    if order not in {one.id for one in steps.orders_on(state.ledger, lot)}:
        raise NotFound(marked("There is no such lot here."))
    try:
        confirm(state.ledger, staff, password, state.clock())
        steps.lift_hold(state.ledger, staff, order, reference, state.clock())
    except (FieldProblem, Refused) as problem:
        said = problem if isinstance(problem, FieldProblem) else disposition_words.problem_of(problem, "")
        field = f"lift-password-{order}" if said.field == "password" else f"lift-{order}"
        typed = {f"lift-{order}": reference}
        return pages.lot_answer(request, staff, lot, FieldProblem(said.message, field=field), typed)
    return RedirectResponse(url(request, f"/cc/lots/{lot}"), 303)


def _wish(target: str, reason: str, comment: str, doses: int, seen: str, proofs: list[int]) -> Wish:
    if target not in {word.value for word in disposition_words.TARGETS}:
        raise FieldProblem(marked("Choose what is decided."), field="target")
    if reason not in set(ReasonCode):
        raise FieldProblem(marked("Choose the reason."), field="reason-code")
    return Wish(
        target=Disposition(target),
        reason=ReasonCode(reason),
        comment=comment,
        doses=doses,
        seen_verdict_id=_seen(seen),
        attachments=tuple(proofs),
    )


def _seen(text: str) -> int | None:
    return int(text) if text else None


def _again(
    request: Request,
    staff: Staff,
    holding_id: str,
    problem: FieldProblem | Refused,
    typed: dict[str, str] | None = None,
) -> Response:
    said = problem if isinstance(problem, FieldProblem) else disposition_words.problem_of(problem, "decision")
    return pages.holding_answer(request, staff, holding_id, said, typed=typed)


def _to_panel(request: Request, holding_id: str) -> Response:
    return RedirectResponse(url(request, f"/cc/holdings/{holding_id}") + "#disposition", 303)


async def _content(form: FormData) -> bytes | None:
    """What was uploaded; one byte too much shows that it is too much."""
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        return None
    return await upload.read(FILE_BYTES_MAX + 1) or None


def _add(
    request: Request, staff: Staff, where: tuple[str, Kind], typed: dict[str, str], content: bytes | None
) -> Response:
    state, (holding_id, kind) = request.app.state, where
    try:
        facts = proof_forms.facts_of(kind, typed, state.clock())
        steps.add_proof(state.ledger, staff, holding_id, facts, content, state.clock())
    except FieldProblem as problem:
        return _proof(request, staff, holding_id, kind, typed, problem)
    except Refused as refused:
        return _proof(request, staff, holding_id, kind, typed, disposition_words.problem_of(refused, "file"))
    return _to_panel(request, holding_id)


def _proof(
    request: Request,
    staff: Staff,
    holding_id: str,
    kind: Kind,
    typed: dict[str, str],
    problem: FieldProblem | None = None,
) -> Response:
    state = request.app.state
    shown = steps.panel(state.ledger, staff, holding_id, state.programme, state.clock())
    if kind not in shown.kinds:
        raise NotFound(marked("This evidence says nothing of this vaccine."))
    request.state.alarm_count = service.open_alarm_count(state.ledger, staff)
    return render(
        request,
        "cold_chain/proof.html",
        status=422 if problem else 200,
        panel=shown,
        kind=kind,
        typed=typed,
        problem=problem,
        said=disposition_words,
    )
