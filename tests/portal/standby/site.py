"""A standby process over a filled mirror, for tests."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from portal.certificate import service
from portal.certificate.mirror import Mirror
from portal.worker.export import export_pending
from portal.worker.status import publish_if_due

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portal.certificate.advisory import Level
    from tests.portal.given_certificates import Books

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def name_in(link: str) -> str:
    return link.partition("#")[0].rpartition("/")[2]


def publish(books: Books, at_ms: int) -> None:
    """What one round of the worker does for the mirror."""
    mirror = Mirror(books.mirror)
    export_pending(books.ledger, books.cipher, mirror, at_ms)
    publish_if_due(books.ledger, books.keys, mirror, None, at_ms, 60_000)


def set_level(books: Books, dose: str, level: Level, at_ms: int) -> None:
    with books.ledger.write() as connection:
        service.set_level(connection, dose, level, at_ms)
    publish(books, at_ms)


def fetch(address: str) -> tuple[int, bytes]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextmanager
def standing_by(books: Books) -> Iterator[subprocess.Popen[str]]:
    """The process, with nothing in its environment but its own settings; yields once it is ready."""
    port = urlsplit(books.keys.standby_url).port
    environment = {
        "PATH": os.environ["PATH"],
        "SHEETAL_STANDBY_HOST": "127.0.0.1",
        "SHEETAL_STANDBY_PORT": str(port),
        "SHEETAL_MIRROR_FOLDER": str(books.mirror),
    }
    command = [sys.executable, "-m", "portal.standby"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        _wait_ready(process, f"http://127.0.0.1:{port}/healthz")
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(5)
        assert process.stderr is not None
        process.stderr.close()


def _wait_ready(process: subprocess.Popen[str], address: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, "the standby process ended"
        try:
            fetch(address)
        except OSError:
            time.sleep(0.05)
        else:
            return
    message = "the standby process was not ready in time"
    raise AssertionError(message)
