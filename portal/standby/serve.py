"""The standby process: binds its port, serves, stops within three seconds of a signal."""

from __future__ import annotations

import signal
import socket
import sys
from typing import TYPE_CHECKING

import structlog
import uvicorn

from portal.standby.app import create_app
from portal.standby.metrics import Watched
from portal.standby.settings import load_settings
from sheetal.contracts.clock import now_ms
from sheetal.contracts.problem import SettingProblem
from sheetal.counted import RequestCounts
from sheetal.health import serve_health
from sheetal.logs import set_up_logs

if TYPE_CHECKING:
    from portal.standby.settings import StandbySettings
    from sheetal.health import HealthServer

STOP_SECONDS = 2
BACKLOG = 512

log = structlog.get_logger("portal.standby")


def bind(settings: StandbySettings) -> socket.socket:
    """A listening socket; raises SettingProblem naming the variable when the port cannot be had."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.standby_host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.standby_host, settings.standby_port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingProblem(
            f"SHEETAL_STANDBY_PORT: cannot listen on {settings.standby_host}:{settings.standby_port}: "
            f"{error.strerror or error}",
            variable="SHEETAL_STANDBY_PORT",
        ) from error
    return listener


def main() -> int:
    """The process: 0 after SIGTERM or SIGINT, 2 with one line for a wrong setting."""
    set_up_logs("portal.standby")
    requests = RequestCounts()
    try:
        settings = load_settings()
        listener = bind(settings)
        health = open_health(settings, requests)
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return 2
    # No access log: an address on this site names a certificate.
    config = uvicorn.Config(
        create_app(settings.mirror_folder, requests),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = _Server(config)
    # uvicorn raises a captured signal again after its clean stop; ours makes that harmless, so that the exit code is 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    server.run(sockets=[listener])
    if health is not None:
        health.close()
    return 0


def open_health(settings: StandbySettings, requests: RequestCounts) -> HealthServer | None:
    """Health, readiness and metrics on an address of their own, never on the public port; None where none is set.

    Raises SettingProblem for a taken port.
    """
    if settings.health_port is None:
        return None
    watched = Watched(settings.mirror_folder, requests, now_ms)
    return serve_health(
        settings.health_host,
        settings.health_port,
        watched.health,
        ready=watched.readiness,
        metrics=watched.page().render,
    )


class _Server(uvicorn.Server):
    """uvicorn's server, saying "ready" once it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start answering, then log it."""
        await super().startup(sockets=sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        log.info("ready", host=host, port=port)

    def stop(self) -> None:
        """Stop soon; safe to call at any time."""
        self.should_exit = True
