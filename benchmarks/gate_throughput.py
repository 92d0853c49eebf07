"""Doses a second through the gate against the same SQL run bare.

The limit is what SQLite itself gives: every statement that `vaccinator.service.give` sends, with its parameters, its
BEGINs, COMMITs and ROLLBACKs, captured in one run and replayed over the stdlib driver with the same pragmas on a copy
of the same file, in the same process. `python -m benchmarks.gate_throughput [doses]` prints each repeat.
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from benchmarks.record import Figure
from portal.vaccinator import service
from portal.vaccinator.schemas import GiveRequest
from sheetal.ledger.connect import BUSY_TIMEOUT_MS, open_ledger
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.schema import upgrade
from tests.portal.clinic import CODE, Clinic, add_facilities, open_clinic
from tests.portal.given_certificates import demo_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.portal.clinic import Booked

NOW_MS = 1_795_425_631_000
DOSES = 400
REPEATS = 7
GOAL = 0.7
LABEL = "H-1"
PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


class Statement(NamedTuple):
    """One statement as the engine sent it: through the reader's or the writer's connection."""

    door: str
    text: str
    parameters: tuple[object, ...]


class Repeat(NamedTuple):
    """The two rates of one repeat, in doses a second."""

    gate: float
    bare: float


class Prepared(NamedTuple):
    """A ledger file in which everybody waits for their first dose, and who they are."""

    folder: Path
    clinic: Clinic
    people: list[Booked]


def measure(doses: int = DOSES) -> Figure:
    """The figure `gate.throughput_over_same_sql_sqlite`: median of the repeats."""
    with tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name:
        repeats = list(run(Path(name), doses))
    ratios = [one.gate / one.bare for one in repeats]
    return Figure(
        value=statistics.median(ratios),
        unit=f"× ({statistics.median(one.gate for one in repeats):,.0f} doses/s through the gate)",
        limit="the same SQL statements and commits on bare sqlite3, doses/s",
        limit_value=statistics.median(one.bare for one in repeats),
        goal=GOAL,
        better="higher",
        runs=[round(ratio, 3) for ratio in ratios],
        when=datetime.now(UTC).date().isoformat(),
    )


def run(folder: Path, doses: int) -> Iterator[Repeat]:
    """One run to capture the statements, then the repeats, each way first in turn, over fresh copies of one file."""
    prepared = prepare(folder, doses)
    with captured() as statements:
        gate_rate(prepared)
    for number in range(REPEATS):
        if number % 2:
            bare = bare_rate(prepared, statements)
            yield Repeat(gate_rate(prepared), bare)
        else:
            gate = gate_rate(prepared)
            yield Repeat(gate, bare_rate(prepared, statements))


def prepare(folder: Path, doses: int) -> Prepared:
    """A site with one judged holding and an appointment for each dose; what is measured works on copies."""
    url = f"sqlite:///{folder}/prepared.db"
    upgrade(url, f"sqlite:///{folder}/telemetry.db")
    cipher = FieldCipher({"k1": bytes(range(32))})
    with closing(open_ledger(url)) as ledger:
        add_facilities(ledger, NOW_MS)
        clinic = open_clinic(ledger, cipher, demo_keys(folder / "keys"), NOW_MS)
        clinic.session = clinic.add_session(capacity=doses)
        clinic.receive(LABEL, doses=doses)
        people = [clinic.book() for _ in range(doses)]
    return Prepared(folder, clinic, people)


@contextmanager
def captured() -> Iterator[list[Statement]]:
    """Every statement, commit and rollback that any engine sends meanwhile, in order."""
    found: list[Statement] = []
    doors: dict[int, str] = {}

    def note(conn: Connection, _cursor: object, text: str, parameters: object, _context: object, many: object) -> None:
        if text.startswith("BEGIN"):
            doors[id(conn)] = "write" if text == "BEGIN IMMEDIATE" else "read"
        rows = parameters if many else [parameters]
        assert isinstance(rows, list)  # noqa: S101 - what the driver is given
        found.extend(Statement(doors[id(conn)], text, tuple(row)) for row in rows)

    def note_end(text: str, conn: Connection) -> None:
        found.append(Statement(doors.pop(id(conn)), text, ()))

    listeners: dict[str, Callable[..., None]] = {
        "before_cursor_execute": note,
        "commit": lambda conn: note_end("COMMIT", conn),
        "rollback": lambda conn: note_end("ROLLBACK", conn),
    }
    for name, listener in listeners.items():
        event.listen(Engine, name, listener)
    try:
        yield found
    finally:
        for name, listener in listeners.items():
            event.remove(Engine, name, listener)


def gate_rate(prepared: Prepared) -> float:
    """Doses a second through the service, one after the other."""
    clinic = prepared.clinic
    with closing(open_ledger(f"sqlite:///{_copy(prepared)}")) as ledger:
        with ledger.read(), ledger.write():
            pass
        vaccination = service.Vaccination(ledger, clinic.cipher, clinic.keys)
        started = time.perf_counter()
        for number, one in enumerate(prepared.people):
            asked = GiveRequest(session=one.session, appointment=one.appointment, scan=LABEL, citizen_code=CODE)
            service.give(vaccination, clinic.staff, asked, f"key-{number:08}", NOW_MS)
        return len(prepared.people) / (time.perf_counter() - started)


def bare_rate(prepared: Prepared, statements: list[Statement]) -> float:
    """Doses a second when the driver alone runs the same statements and fetches what they give."""
    path = _copy(prepared)
    with closing(_connect(path)) as reader, closing(_connect(path)) as writer:
        reader.execute("PRAGMA query_only = ON")
        run_on = {"read": reader.cursor(), "write": writer.cursor()}
        started = time.perf_counter()
        for door, text, parameters in statements:
            run_on[door].execute(text, parameters).fetchall()
        seconds = time.perf_counter() - started
        given = int(reader.execute("SELECT count(*) FROM dose").fetchone()[0])
    if given != len(prepared.people):
        message = f"the replay gave {given} doses of {len(prepared.people)}"
        raise RuntimeError(message)
    return given / seconds


def _copy(prepared: Prepared) -> Path:
    path = prepared.folder / "measured.db"
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    shutil.copy(prepared.folder / "prepared.db", path)
    return path


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(pragma)
    return connection


def main(arguments: list[str]) -> int:
    """Print each repeat."""
    with tempfile.TemporaryDirectory(prefix="sheetal-bench-") as name:
        for gate, bare in run(Path(name), int(arguments[0]) if arguments else DOSES):
            print(f"{gate:,.0f} doses/s through the gate, {bare:,.0f} bare: {gate / bare:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
