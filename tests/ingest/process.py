"""The real service as a child process, with its log and its health page."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from demo.broker import free_port
from tests.ingest.raw_gateway import until

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]


class IngestProcess:
    """`python -m ingest`; a context manager that ends what it started."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.health_port = free_port()
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
        self._environment = {**plain, "SHEETAL_HEALTH_PORT": str(self.health_port), **environment}
        self._log = folder / f"ingest-{self.health_port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, log_to: int | None = None) -> Self:
        with self._log.open("ab") as file:
            log = file if log_to is None else log_to
            command = [sys.executable, "-m", "ingest"]
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stderr=log, stdout=log)
        return self

    def __enter__(self) -> Self:
        self.start()
        until(self.is_well)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 3.0) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(seconds)

    def wait(self, seconds: float = 10.0) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def health(self) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.health_port, timeout=3)
        try:
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def is_well(self) -> bool:
        assert self.is_running(), self.output()
        try:
            return self.health()[0] == 200
        except OSError:
            return False

    def output(self) -> str:
        return self._log.read_text()

    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.output().splitlines()]

    def memory_bytes(self) -> int:
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
