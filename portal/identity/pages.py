"""Home with its three choices, sign-in and sign-out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal import csrf
from portal.errors import FieldProblem
from portal.identity import rules, service
from portal.identity.rules import Staff
from portal.language import DEFAULT_LANGUAGE, localised
from portal.web import language_of, render, url

router = APIRouter()
FIELD_CHARACTERS_MAX = 256


@router.get("/")
def home(request: Request, _who: Annotated[Staff | None, Depends(service.optional_staff)]) -> Response:
    """Three big choices for citizens; staff find the way in at the foot."""
    return render(request, "identity/home.html")


@router.get("/login")
def sign_in_form(request: Request, next: str | None = None) -> Response:  # noqa: A002 -- the query's own name
    """The sign-in form."""
    return _form(request, next, problem=None)


@router.post("/login")
def sign_in(
    request: Request,
    user_name: Annotated[str, Form(max_length=FIELD_CHARACTERS_MAX)] = "",
    password: Annotated[str, Form(max_length=FIELD_CHARACTERS_MAX)] = "",
    next: Annotated[str, Form()] = "",  # noqa: A002 -- the field's own name
) -> Response:
    """Open a session and go where the person was heading."""
    state = request.app.state
    address = request.client.host if request.client else ""
    try:
        who, token = service.sign_in(
            state.ledger,
            user_name=user_name,
            password=password,
            address=address,
            now_ms=state.clock(),
        )
    except FieldProblem as problem:
        return _form(request, next, problem=problem, user_name=user_name)
    language = language_of(request) if language_of(request) != DEFAULT_LANGUAGE else who.language
    response = RedirectResponse(rules.safe_next(next or None, localised(rules.home_of(who.role), language)), 303)
    secure = state.settings.is_secure
    response.set_cookie(
        csrf.cookie_name("session", secure=secure),
        token,
        secure=secure,
        httponly=True,
        samesite="lax",
        path="/",
    )
    return response


@router.post("/logout")
def sign_out(request: Request) -> Response:
    """End the session."""
    state = request.app.state
    service.sign_out(state.ledger, csrf.session_cookie(request), state.clock())
    response = RedirectResponse(url(request, "/login"), 303)
    response.delete_cookie(csrf.cookie_name("session", secure=state.settings.is_secure), path="/")
    return response


def _form(request: Request, target: str | None, *, problem: FieldProblem | None, user_name: str = "") -> Response:
    return render(
        request,
        "identity/login.html",
        status=422 if problem else 200,
        problem=problem,
        target=target or "",
        user_name=user_name,
    )
