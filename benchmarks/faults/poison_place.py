"""Where a flood is played: a broker, a store, a ledger that knows all gateways, and the real ingest process."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.faults import fleet_count
from benchmarks.faults.line import EMBEDDED
from benchmarks.faults.poison_fate import keys
from benchmarks.ingest_rig import best_store, broker_at, store_at
from demo.broker import EmbeddedBroker
from sheetal.ledger.schema import upgrade
from tests.ingest.enrolled import enrol
from tests.ingest.process import IngestProcess
from tests.stack.servers import port_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.faults.fleet_plan import Plan
    from sheetal.contracts.reading import Reading


class Place(NamedTuple):
    """The broker's port, the running ingest, and where its stores are."""

    port: int
    ingest: IngestProcess
    folder: Path
    readings_url: str

    @property
    def telemetry(self) -> Path:
        """Ingest's telemetry file."""
        return self.folder / "telemetry.db"

    def stored(self) -> Iterator[Reading]:
        """Every row, straight from the store."""
        if self.readings_url.startswith("sqlite"):
            return fleet_count.in_sqlite(self.folder / "readings.db")
        return fleet_count.in_influx(self.readings_url)

    def counts(self) -> dict[str, int]:
        """What ingest says that it has done."""
        return {name: value for name, value in self.ingest.health()[1].items() if isinstance(value, int)}

    def log_lines(self) -> int:
        """How much ingest has logged."""
        return self.ingest.output().count("\n")


@contextmanager
def place(folder: Path, kind: str, plan: Plan) -> Iterator[Place]:
    """A fresh one; embedded ones alone, or the real servers as far as they are installed."""
    with ExitStack() as stack:
        if kind == EMBEDDED:
            broker = stack.enter_context(EmbeddedBroker(folder)).url
            readings = stack.enter_context(store_at("sqlite", folder))
        else:
            broker = stack.enter_context(broker_at(folder))
            readings = stack.enter_context(store_at(best_store(), folder))
        ledger, telemetry = f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db"
        upgrade(ledger, telemetry)
        enrol(ledger, folder / "keys", {**plan.keys, **keys()})
        settings = {
            "SHEETAL_LEDGER_URL": ledger,
            "SHEETAL_TELEMETRY_URL": telemetry,
            "SHEETAL_READINGS_URL": readings,
            "SHEETAL_FIELD_KEY_FILE": str(folder / "keys"),
            "SHEETAL_BROKER_URL": broker,
        }
        ingest = stack.enter_context(IngestProcess(settings, folder))
        yield Place(port_of(broker), ingest, folder, readings)
