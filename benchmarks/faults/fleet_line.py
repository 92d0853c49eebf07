"""Broker, store, the real ingest and a fleet of gateways in one folder, and what each of them says."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from benchmarks.faults import fleet_count
from benchmarks.faults.child import Child
from benchmarks.faults.fleet import Fleet
from benchmarks.faults.line import EMBEDDED, SERVER, broker_child, is_well, wait_for
from demo.broker import free_port
from sheetal.ledger.schema import upgrade
from tests.ingest.enrolled import enrol
from tests.stack.servers import create_influx_database, influxd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.faults.fleet_count import Count
    from benchmarks.faults.fleet_plan import Plan
    from sheetal.contracts.reading import Reading

DRAIN_SECONDS_MAX = 120.0
FLOW_SECONDS_MAX = 60.0
WELL_SECONDS_MAX = 120.0
"""A request to a store that came back may still have to run into its time-out first."""
ASK_SECONDS_MAX = 3.0


class Parts(NamedTuple):
    """What plays each part.

    Kinds of broker and store (`embedded`, or Debian's `mosquitto` and `influxd`), ingest's module, and where the
    store's files and ingest's own stand if not in the line's folder.
    """

    broker: str = EMBEDDED
    store: str = EMBEDDED
    ingest: str = "ingest"
    readings_folder: Path | None = None
    telemetry_folder: Path | None = None


ALL_EMBEDDED = Parts()
INFLUXD = "influxd"
ALL_SERVERS = Parts(SERVER, INFLUXD)


class FleetLine:
    """All of it in one folder; a context manager that ends what it started.

    `ingest_broker`, and the ports of `fleet` when it is made by `connect`, may be changed to put a link in between.
    """

    def __init__(self, folder: Path, plan: Plan, parts: Parts = ALL_EMBEDDED) -> None:
        self.folder = folder
        self.plan = plan
        self.parts = parts
        self.broker = broker_child(folder, parts.broker)
        self.broker_port = int(self.broker.environment["PORT"])
        self.ingest_broker = f"mqtt://127.0.0.1:{self.broker_port}"
        self.readings_file = (parts.readings_folder or folder) / "readings.db"
        self.telemetry_file = (parts.telemetry_folder or folder) / "telemetry.db"
        self.readings_url = f"sqlite:///{self.readings_file}"
        self.store = self._store() if parts.store == INFLUXD else None
        self.health_port = free_port()
        self.ingest = Child(
            [sys.executable, "-m", parts.ingest], folder / "ingest.log", lambda: is_well(self.health_port)
        )
        self.fleet = Fleet(plan, self.broker_port)
        upgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{self.telemetry_file}")
        enrol(f"sqlite:///{folder}/ledger.db", folder / "field.key", plan.keys)

    def start(self) -> Self:
        """Starts every process that does not run and returns when ingest calls itself well."""
        self._start_all()
        self.ingest.wait_until_ready()
        return self

    def flows(self, messages: int, seconds: float = FLOW_SECONDS_MAX) -> bool:
        """Whether so many messages more are settled within this time."""
        wanted = self.fleet.outboxes.settled + messages
        return wait_for(lambda: self.fleet.outboxes.settled >= wanted, seconds, 0.02)

    def settle(self, seconds: float = DRAIN_SECONDS_MAX) -> Count:
        """Everything runs again: lets all drain and counts it; what ingest wrote beside the readings is counted too."""
        self._start_all()
        recovered = wait_for(self.ingest.ready, WELL_SECONDS_MAX)
        drained = self.fleet.drained(seconds)
        found = fleet_count.count(self.fleet, self.stored())
        if drained:
            unmarked = fleet_count.unmarked_hours(self.telemetry_file, self.stored())
            found.problems.extend([f"{len(unmarked)} hours are not dirty, as {min(unmarked)}"] if unmarked else [])
        else:
            found.problems.append(f"not drained in {seconds:.0f} s")
        if not recovered:
            found.problems.append(f"ingest is not well again:\n{self.ingest.log_tail()}")
        counted = {table: self._rows_of(table) for table in ("conflict", "dead_letter")}
        found.problems.extend(f"{rows} rows of {table}" for table, rows in counted.items() if rows)
        return found

    def stored(self) -> Iterator[Reading]:
        """Every row of the store, by a way of our own."""
        return fleet_count.in_influx(self.readings_url) if self.store else fleet_count.in_sqlite(self.readings_file)

    def health(self) -> dict[str, object]:
        """What ingest says of itself; nothing while it does not answer."""
        connection = HTTPConnection("127.0.0.1", self.health_port, timeout=ASK_SECONDS_MAX)
        with closing(connection):
            try:
                connection.request("GET", "/healthz")
                said: dict[str, object] = json.loads(connection.getresponse().read())
            except (OSError, HTTPException):
                return {}
            return said

    def memory_bytes(self) -> int:
        """Ingest's resident memory."""
        pages = Path(f"/proc/{self.ingest.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def __enter__(self) -> Self:
        self.start()
        self.fleet.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.fleet.__exit__()
        for child in (self.ingest, self.broker, *([self.store] if self.store else [])):
            child.kill()

    def _start_all(self) -> None:
        servers = [self.broker, *([self.store] if self.store else [])]
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_ready()
        if self.store is not None:
            create_influx_database(self.readings_url, "cc")
        self.ingest.environment = self._environment()
        self.ingest.start()

    def _rows_of(self, table: str) -> int:
        with closing(sqlite3.connect(f"file:{self.telemetry_file}?mode=ro", uri=True, timeout=10)) as telemetry:
            return int(telemetry.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names

    def _environment(self) -> dict[str, str]:
        return {
            "SHEETAL_LEDGER_URL": f"sqlite:///{self.folder}/ledger.db",
            "SHEETAL_TELEMETRY_URL": f"sqlite:///{self.telemetry_file}",
            "SHEETAL_READINGS_URL": self.readings_url,
            "SHEETAL_FIELD_KEY_FILE": str(self.folder / "field.key"),
            "SHEETAL_BROKER_URL": self.ingest_broker,
            "SHEETAL_HEALTH_PORT": str(self.health_port),
        }

    def _store(self) -> Child:
        server = influxd(self.parts.readings_folder or self.folder)
        self.readings_url = server.url
        return Child(server.command, server.log, server.ready)
