"""The standby process: binds its port, serves, stops within three seconds of a signal."""

from __future__ import annotations

import signal
import socket
import sys
from typing import TYPE_CHECKING

import structlog
import uvicorn

from portal.standby.app import create_app
from portal.standby.settings import load_settings
from sheetal.contracts.problem import SettingProblem

if TYPE_CHECKING:
    from portal.standby.settings import StandbySettings

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
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    try:
        settings = load_settings()
        listener = bind(settings)
    except SettingProblem as problem:
        sys.stderr.write(f"{problem.message}\n")
        return 2
    # No access log: an address on this site names a certificate.
    config = uvicorn.Config(
        create_app(settings.mirror_folder),
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
    return 0


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
