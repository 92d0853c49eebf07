"""Several ingest workers behind one shared subscription, over one broker and one set of stores."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select

from benchmarks.faults import fleet_count
from benchmarks.faults.child import Child
from benchmarks.faults.fleet_line import ALL_EMBEDDED, DRAIN_SECONDS_MAX, FleetLine
from benchmarks.faults.line import is_well
from demo.broker import free_port
from sheetal.contracts.limits import HOUR_MS
from sheetal.ledger.connect import open_telemetry
from sheetal.ledger.schema import upgrade
from sheetal.ledger.telemetry_tables import conflict, dead_letter, dirty_hour

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from benchmarks.faults.fleet_count import Count
    from benchmarks.faults.fleet_line import Parts
    from benchmarks.faults.fleet_plan import Plan

ASK_SECONDS_MAX = 3.0


class Worker(Child):
    """One `python -m ingest` and the port of its health page."""

    health_port = 0

    def messages(self) -> int:
        """How many messages it has answered since it started; 0 while it does not answer."""
        with closing(HTTPConnection("127.0.0.1", self.health_port, timeout=ASK_SECONDS_MAX)) as connection:
            try:
                connection.request("GET", "/healthz")
                said: dict[str, object] = msgspec.json.decode(connection.getresponse().read())
            except (OSError, HTTPException, msgspec.DecodeError):
                return 0
        return int(str(said.get("messages", 0)))


class Crew(FleetLine):
    """A fleet's line whose ingest is `workers` processes; `telemetry_url` may name a PostgreSQL server's database."""

    def __init__(
        self, folder: Path, plan: Plan, parts: Parts = ALL_EMBEDDED, *, workers: int = 3, telemetry_url: str = ""
    ) -> None:
        super().__init__(folder, plan, parts)
        self.telemetry_url = telemetry_url or f"sqlite:///{self.telemetry_file}"
        if telemetry_url:
            upgrade(f"sqlite:///{folder}/ledger.db", telemetry_url)
        ports = [self.health_port, *(free_port() for _ in range(workers - 1))]
        self.workers = [self._worker(number, port) for number, port in enumerate(ports)]
        self.ingest = self.workers[0]

    def start(self) -> Self:
        """Starts every process that does not run; returns when all of them serve."""
        super().start()
        self.join(*self.workers)
        return self

    def join(self, *workers: Worker) -> None:
        """Lets these workers come to the crew, as many at a time."""
        for worker in workers:
            worker.environment = {**self._environment(), "SHEETAL_HEALTH_PORT": str(worker.health_port)}
            worker.start()
        for worker in workers:
            worker.wait_until_ready()

    def settle(self, seconds: float = DRAIN_SECONDS_MAX) -> Count:
        """Lets all drain among the workers that run now, and counts; nobody is started again."""
        drained = self.fleet.drained(seconds)
        found = fleet_count.count(self.fleet, self.stored())
        problems = [] if drained else [f"not drained in {seconds:.0f} s"]
        found.problems.extend([*problems, *(self._problems_beside() if drained else [])])
        return found

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.kill()
        super().__exit__()

    def _problems_beside(self) -> list[str]:
        """What ingest wrote beside the readings and should not have, and the hours that it did not mark."""
        hours = {(one.sensor, one.measured_at_ms // HOUR_MS * HOUR_MS) for one in self.stored()}
        with closing(open_telemetry(self.telemetry_url)) as telemetry, telemetry.read() as connection:
            marked = set(map(tuple, connection.execute(select(dirty_hour.c.sensor_id, dirty_hour.c.hour_ms))))
            counted = {
                table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
                for table in (conflict, dead_letter)
            }
        unmarked = hours - marked
        return [
            *(f"{rows} rows of {table}" for table, rows in counted.items() if rows),
            *([f"{len(unmarked)} hours are not dirty, as {min(unmarked)}"] if unmarked else []),
        ]

    def _worker(self, number: int, port: int) -> Worker:
        worker = Worker(self.ingest.command, self.folder / f"worker-{number}.log", lambda: is_well(port))
        worker.health_port = port
        return worker

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "SHEETAL_TELEMETRY_URL": self.telemetry_url}
