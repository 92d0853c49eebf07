"""Runs the web process: logs as JSON, stops cleanly on SIGTERM, names a wrong setting or a taken port in one line."""

from __future__ import annotations

import signal
import socket
import sys
from typing import TYPE_CHECKING

import structlog
import uvicorn

from portal.app import create_app
from portal.metrics import Watched
from portal.settings import load_settings
from sheetal.contracts.problem import SettingProblem
from sheetal.health import serve_health
from sheetal.logs import set_up_logs

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

    from portal.settings import Settings
    from sheetal.health import HealthServer

SETTING_EXIT = 2
STOP_SECONDS = 2
REQUESTS_AT_ONCE = 512
BACKLOG = 1_024
IDLE_CONNECTION_SECONDS = 15
log = structlog.get_logger("portal")


def main() -> int:
    """The exit code: 0 after a clean stop, 2 for a wrong setting."""
    set_up_logs("portal")
    try:
        settings = load_settings()
        app = create_app(settings)
        listening = listen(settings.portal_host, settings.portal_port, "SHEETAL_PORTAL_PORT")
        health = open_health(settings, app)
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return SETTING_EXIT
    serve(app, listening)
    if health is not None:
        health.close()
    return 0


def open_health(settings: Settings, app: FastAPI) -> HealthServer | None:
    """Health, readiness and metrics on an address of their own, never on the public port; None where none is set.

    Raises SettingProblem for a taken port.
    """
    if settings.health_port is None:
        return None
    watched = Watched(app.state)
    return serve_health(
        settings.health_host,
        settings.health_port,
        watched.health,
        ready=watched.readiness,
        metrics=watched.page().render,
    )


def listen(host: str, port: int, variable: str) -> socket.socket:
    """A listening socket; raises SettingProblem saying which port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise SettingProblem(
            f"{variable}: {host}:{port} cannot be used: {error.strerror}", variable=variable
        ) from error
    return listening


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Answer requests until SIGTERM or SIGINT; open requests get two seconds."""
    host, port = listening.getsockname()[:2]
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=IDLE_CONNECTION_SECONDS,
        limit_concurrency=REQUESTS_AT_ONCE,
        proxy_headers=False,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _already_stopped)
    log.info("ready", host=host, port=port)
    uvicorn.Server(config).run(sockets=[listening])


def _already_stopped(_number: int, _frame: FrameType | None) -> None:
    """Uvicorn raises the signal once more after its clean stop; then there is nothing left to do."""
