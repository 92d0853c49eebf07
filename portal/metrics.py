"""The portal's numbers, health and readiness, for its address inside the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portal.identity import service as identity
from sheetal import counted
from sheetal.ledger.schema import check_schema
from sheetal.metrics import Kind, Metric, MetricsPage, disks, folder_of, remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.datastructures import State

    from sheetal.metrics import Sample

SESSIONS = Metric("sheetal_portal_sessions", "Staff sessions that are open now.", Kind.GAUGE)
GATE = Metric(
    "sheetal_portal_gate_answers_total",
    "What the gate answered: `use`, or why not; asked by a check or in front of a dose.",
    Kind.COUNTER,
    ("asked_by", "answer"),
)
METRICS = (*counted.METRICS, SESSIONS, GATE)


class Watched:
    """What the numbers are read from: the application's own state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def page(self) -> MetricsPage:
        """The portal's page; the ledger is asked at most once in five seconds."""
        settings = self._state.settings
        sources = {
            "process": self.of_process,
            "ledger": remembered(lambda: list(self.of_ledger())),
            "disk": disks({"ledger": folder_of(settings.ledger_url)}),
        }
        return MetricsPage("portal", sources)

    def of_process(self) -> Iterator[Sample]:
        """From counters alone."""
        yield from self._state.requests.samples()
        for words, times in self._state.gate_answers.items():
            yield GATE.of(times, *words)

    def of_ledger(self) -> Iterator[Sample]:
        """What stands in the ledger; raises Unavailable."""
        with self._state.ledger.read() as conn:
            yield SESSIONS.of(identity.live_sessions(conn, self._state.clock()))

    def health(self) -> dict[str, object]:
        """Well while the ledger answers; raises Unavailable."""
        with self._state.ledger.read() as conn:
            conn.exec_driver_sql("SELECT 1")
        return {"ok": True}

    def readiness(self) -> dict[str, object]:
        """May take work: both stores answer, at the schema of this program. Raises Unavailable and SettingProblem."""
        for store in (self._state.ledger, self._state.telemetry):
            check_schema(store)
        return {"ok": True}
