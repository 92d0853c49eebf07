"""The standby site: a static server over the mirror, with no code that knows people and no database.

It serves certificates and the verifier with portal, databases and broker stopped. Anything else can carry the same
folder: nginx, an object store, a USB stick.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from portal.standby.headers import SecurityHeaders
from sheetal.counted import Counted, RequestCounts

if TYPE_CHECKING:
    from starlette.requests import Request

STATIC_FOLDER = Path(__file__).parent / "static"
NAME = re.compile(r"[0-9a-f]{32}")
BUNDLE = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{30})\.enc")
FILE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\.json")
ASSET = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\.(?:js|css|svg)")
FOR_EVER = "public, max-age=31536000, immutable"
SHORT = "public, max-age=20"
FRESH = "no-cache"


@dataclass(frozen=True, slots=True)
class Site:
    """The routes' folder."""

    mirror: Path

    def bundle(self, request: Request) -> Response:
        """One encrypted certificate; it never changes."""
        path = request.path_params["path"]
        if not BUNDLE.fullmatch(path):
            return _unknown()
        return _file(self.mirror / "b" / path, FOR_EVER, "application/octet-stream")

    def list_file(self, request: Request) -> Response:
        """A status or key list."""
        folder, name = request.url.path.split("/")[1], request.path_params["name"]
        if not FILE.fullmatch(name):
            return _unknown()
        return _file(self.mirror / folder / name, SHORT, "application/json")

    def certificate(self, request: Request) -> Response:
        """The page that opens a certificate; 404 with the same page while its bundle is not there (yet)."""
        name = request.path_params["name"]
        if not NAME.fullmatch(name):
            return _unknown()
        is_there = (self.mirror / "b" / name[:2] / f"{name}.enc").is_file()
        return _file(STATIC_FOLDER / "certificate.html", FRESH, "text/html", 200 if is_there else 404)

    def verify(self, request: Request) -> Response:
        """The verifier."""
        del request
        return _file(STATIC_FOLDER / "verify.html", FRESH, "text/html")

    def asset(self, request: Request) -> Response:
        """A script, style or drawing of the pages."""
        name = request.path_params["name"]
        if not ASSET.fullmatch(name):
            return _unknown()
        return _file(STATIC_FOLDER / name, FRESH)

    def service_worker(self, request: Request) -> Response:
        """The script that keeps the verifier working offline; at the root, so that it may."""
        del request
        return _file(STATIC_FOLDER / "sw.js", FRESH)

    def health(self, request: Request) -> Response:
        """200 while the mirror's folder is there."""
        del request
        is_there = self.mirror.is_dir()
        return JSONResponse({"ok": is_there}, status_code=200 if is_there else 503)


def create_app(mirror: Path, requests: RequestCounts | None = None) -> Starlette:
    """The site over one mirror folder; `requests` counts what it answers."""
    site = Site(mirror)
    routes = [
        Route("/", lambda _: RedirectResponse("/verify")),
        Route("/hi", lambda _: RedirectResponse("/hi/verify")),
        Route("/b/{path:path}", site.bundle),
        Route("/status/{name}", site.list_file),
        Route("/keys/{name}", site.list_file),
        Route("/c/{name}", site.certificate),
        Route("/hi/c/{name}", site.certificate),
        Route("/verify", site.verify),
        Route("/hi/verify", site.verify),
        Route("/static/{name}", site.asset),
        Route("/sw.js", site.service_worker),
        Route("/robots.txt", lambda _: PlainTextResponse("User-agent: *\nDisallow: /\n")),
        Route("/healthz", site.health),
    ]
    counting = Middleware(Counted, counts=requests or RequestCounts())
    return Starlette(routes=routes, middleware=[Middleware(SecurityHeaders), counting])


def _file(path: Path, caching: str, media_type: str | None = None, status: int = 200) -> Response:
    if not path.is_file():
        return _unknown()
    return FileResponse(path, status_code=status, media_type=media_type, headers={"Cache-Control": caching})


def _unknown() -> Response:
    return PlainTextResponse("Not found\n", status_code=404, headers={"Cache-Control": "no-store"})
