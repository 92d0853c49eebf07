"""Forged requests are refused twice: by where the browser says they come from, and by a token of this browser.

The token is an HMAC of the session cookie under a random cookie of this browser, so that it changes at sign-in and
nothing needs to be stored.
"""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from portal.errors import Forbidden
from portal.language import marked

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SECRET_BYTES = 32


def cookie_name(base: str, *, secure: bool) -> str:
    """The cookie's name: bound to this host over https, plain on http (the demo, tests)."""
    return f"__Host-{base}" if secure else base


def session_cookie(request: Request) -> str:
    """The session cookie's value, empty when there is none."""
    return request.cookies.get(cookie_name("session", secure=request.app.state.settings.is_secure), "")


def token_for(request: Request) -> str:
    """The form token of this browser and session; makes the browser's secret when it has none yet."""
    secret = _browser_secret(request)
    if not secret:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        request.state.new_browser_secret = secret
    return _token(secret, session_cookie(request))


def keep_secret(request: Request, response: Response) -> None:
    """Send the browser's secret along with the response that first used it."""
    secret = getattr(request.state, "new_browser_secret", None)
    if secret is None:
        return
    secure = request.app.state.settings.is_secure
    response.set_cookie(
        cookie_name("browser", secure=secure),
        secret,
        secure=secure,
        httponly=True,
        samesite="lax",
        path="/",
    )


async def check_form(request: Request) -> None:
    """Router dependency of every pages module: an unsafe method needs own origin and token, else Forbidden."""
    if request.method in SAFE_METHODS:
        return
    check_origin(request)
    offered = request.headers.get(HEADER)
    if offered is None:
        value = (await request.form()).get(FIELD)
        offered = value if isinstance(value, str) else ""
    secret = _browser_secret(request)
    if not secret or not hmac.compare_digest(offered.encode(), _token(secret, session_cookie(request)).encode()):
        raise Forbidden(
            marked("This form is too old."),
            next_step=marked("Open the page again and repeat the step."),
        )


async def check_api_origin(request: Request) -> None:
    """Router dependency of every api module: a browser's session may act only from our own pages."""
    if request.method not in SAFE_METHODS and session_cookie(request):
        check_origin(request)


def check_origin(request: Request) -> None:
    """Raise Forbidden unless the browser says that the request comes from our own pages."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    own = {urlsplit(request.app.state.settings.portal_url).netloc, request.headers.get("Host", "")}
    same_site = site in {None, "same-origin", "none"}
    same_origin = origin is None or urlsplit(origin).netloc in own
    if not (same_site and same_origin) or (site is None and origin is None):
        raise Forbidden(
            marked("This request came from another site."),
            next_step=marked("Open the page here and repeat the step."),
        )


def _browser_secret(request: Request) -> str:
    fresh = getattr(request.state, "new_browser_secret", None)
    return fresh or request.cookies.get(cookie_name("browser", secure=request.app.state.settings.is_secure), "")


def _token(secret: str, session: str) -> str:
    return hmac.new(secret.encode(), session.encode(), hashlib.sha256).hexdigest()
