"""Runs the web process: logs as JSON, stops cleanly on SIGTERM, names a wrong setting or a taken port in one line."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING

import structlog
import uvicorn

from portal.app import create_app
from portal.settings import load_settings
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

SETTING_EXIT = 2
STOP_SECONDS = 2
REQUESTS_AT_ONCE = 512
BACKLOG = 1_024
IDLE_CONNECTION_SECONDS = 15
log = structlog.get_logger("portal")


def main() -> int:
    """The exit code: 0 after a clean stop, 2 for a wrong setting."""
    log_as_json()
    try:
        settings = load_settings()
        app = create_app(settings)
        listening = listen(settings.portal_host, settings.portal_port, "SHEETAL_PORTAL_PORT")
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return SETTING_EXIT
    serve(app, listening)
    return 0


def log_as_json() -> None:
    """Fixed sentences with fields, one JSON object a line, to stderr."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
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
