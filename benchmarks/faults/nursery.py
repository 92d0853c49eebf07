"""`python -m benchmarks.faults.nursery`: starts real alerts processes in milliseconds, by fork after the imports.

A line of JSON in, a line out: `{"do": "start", "environment", "log", "point", "about", "plant"}` gives `{"pid"}`,
`{"do": "poll", "pid"}` gives `{"ended"}`, minus the signal's number where one ended it, null while it runs. Each child
is a process of its own with its own id, killed like any other; only Python's start is spared.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Self

from benchmarks.record import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WAIT_SECONDS_MAX = 30.0
POLL_SECONDS = 0.02
NOTIFY_SECONDS = 0.2


class Nursery:
    """The mother of alerts processes, one alive at a time; a context manager.

    `plant` names a module that each child imports before it serves, to put a fault in.
    """

    def __init__(self, log: Path, environment: Mapping[str, str], plant: str | None = None) -> None:
        self._log = log
        self._environment = dict(environment)
        self._plant = plant
        self._pid: int | None = None
        self._mother: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SHEETAL_")}
        with self._log.with_suffix(".nursery.log").open("ab") as log:
            self._mother = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.faults.nursery"],
                cwd=ROOT,
                env=plain,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._ask({"do": "poll", "pid": 0})
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        mother = self._mother
        if mother is not None and mother.stdin is not None and mother.stdout is not None:
            mother.stdin.close()
            mother.wait(WAIT_SECONDS_MAX)
            mother.stdout.close()

    def start(self, point: str | None = None, about: str = "") -> int:
        """Starts a child, which kills itself at a point where one is given; gives its process id."""
        said = self._ask(
            {
                "do": "start",
                "environment": self._environment,
                "log": str(self._log),
                "point": point,
                "about": about,
                "plant": self._plant,
            }
        )
        self._pid = int(str(said["pid"]))
        return self._pid

    def ended(self) -> int | None:
        """What the child ended with, None while it runs; raises RuntimeError before the first."""
        if self._pid is None:
            raise RuntimeError("no child was started")
        found = self._ask({"do": "poll", "pid": self._pid})["ended"]
        return None if found is None else int(str(found))

    def wait(self, seconds: float) -> int | None:
        """What the child ended with within so many seconds; None when it still runs."""
        deadline = time.monotonic() + seconds
        while (found := self.ended()) is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return found

    def kill(self) -> None:
        """SIGKILL to the child, by its process id; returns when it is gone."""
        if self._pid is None:
            return
        if self.ended() is None:
            os.kill(self._pid, signal.SIGKILL)
            if self.wait(WAIT_SECONDS_MAX) is None:
                raise RuntimeError("a killed child is still there")
        self._pid = None

    def _ask(self, what: Mapping[str, object]) -> dict[str, object]:
        mother = self._mother
        if mother is None or mother.stdin is None or mother.stdout is None:
            raise RuntimeError("the nursery was not entered")
        mother.stdin.write(json.dumps(what) + "\n")
        mother.stdin.flush()
        line = mother.stdout.readline()
        if not line:
            raise RuntimeError(f"the nursery is gone; see {self._log.with_suffix('.nursery.log')}")
        answer: dict[str, object] = json.loads(line)
        return answer


def main() -> int:
    """Serve until nobody asks any more."""
    import alerts.app  # noqa: PLC0415 - what children share is imported here, once
    from alerts.notify.channels import apprise  # noqa: PLC0415 - as above

    apprise.is_understood("json://127.0.0.1/")
    ended: dict[int, int] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "start":
            pid = os.fork()
            if pid == 0:
                _child(asked)
            said: dict[str, object] = {"pid": pid}
        else:
            said = {"ended": _poll(asked["pid"], ended)}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
    del alerts.app
    return 0


def _poll(pid: int, ended: dict[int, int]) -> int | None:
    if pid and pid not in ended:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended.get(pid)


def _child(asked: dict[str, object]) -> None:
    """The child's whole life; never returns."""
    import alerts.app  # noqa: PLC0415 - loaded by the mother
    from alerts.settings import read_settings  # noqa: PLC0415 - as above
    from benchmarks.faults.alerts_failpoint import arm  # noqa: PLC0415 - as above
    from sheetal.logs import set_up_logs  # noqa: PLC0415 - as above

    code = 1
    try:
        log = os.open(str(asked["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        environment = asked["environment"]
        os.environ.update(environment if isinstance(environment, dict) else {})
        set_up_logs("alerts")
        alerts.app.NOTIFY_SECONDS = NOTIFY_SECONDS
        if asked["plant"] is not None:
            importlib.import_module(str(asked["plant"]))
        if asked["point"] is not None:
            arm(str(asked["point"]), str(asked["about"]))
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
        alerts.app.serve(read_settings(), stop)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
