"""Makes a backup of the data while everything runs.

The order is telemetry, ledger, readings, so that no copy knows of anything that a later one lacks: numbers that
telemetry calls settled stand in the readings, and an hour that is no longer marked to be judged was judged in the
ledger. What came in between is more than was promised, and is harmless when it comes again.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from backup import manifest, postgres, readings, sqlite_copy
from backup.folder import growing
from backup.manifest import Kind, Manifest, Part, PartKind, part_of
from sheetal.contracts.problem import Refused, SettingProblem
from sheetal.contracts.version import VERSION
from sheetal.ledger.asset_tables import sensor
from sheetal.ledger.connect import LEDGER_VARIABLE, TELEMETRY_VARIABLE, checked_url, open_ledger, open_telemetry
from sheetal.ledger.schema import LEDGER, TELEMETRY, check_schema, newest_revision
from sheetal.ledger.telemetry_tables import dirty_hour, sensor_state
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL

    from backup.settings import DataSettings
    from sheetal.contracts.clock import Clock

    Say = Callable[[str], None]

READINGS_FILE = "readings.jsonl.gz"
ORDER = (TELEMETRY, LEDGER)


def urls_of(settings: DataSettings) -> dict[str, URL]:
    """The databases' addresses by store; raises SettingProblem."""
    return {
        TELEMETRY: checked_url(settings.telemetry_url, TELEMETRY_VARIABLE),
        LEDGER: checked_url(settings.ledger_url, LEDGER_VARIABLE),
    }


def make(folder: Path, settings: DataSettings, clock: Clock, say: Say) -> Manifest:
    """A whole backup in a new folder; raises SettingProblem, Refused and Unavailable, and leaves nothing then."""
    if settings.readings_url == "memory:":
        raise SettingProblem("readings in memory cannot be backed up", variable="SHEETAL_READINGS_URL")
    urls = urls_of(settings)
    with closing(open_ledger(settings.ledger_url)) as ledger, closing(open_telemetry(settings.telemetry_url)) as own:
        for store in (ledger, own):
            check_schema(store)
    with growing(folder, Kind.DATA) as growth:
        began_at_ms = clock()
        parts = [_database(urls[stores[0]], stores, growth, say) for stores in together(urls)]
        parts.append(_readings(growth, settings, say))
        made = Manifest(
            kind=Kind.DATA,
            program=VERSION,
            revision=newest_revision(),
            began_at_ms=began_at_ms,
            ended_at_ms=clock(),
            began_at=manifest.instant(began_at_ms),
            parts=parts,
        )
        manifest.write(growth, made)
    return made


def together(urls: dict[str, URL]) -> list[list[str]]:
    """Which stores go into one file: both where one PostgreSQL database holds them, in one snapshot."""
    shares = urls[TELEMETRY] == urls[LEDGER] and urls[LEDGER].get_backend_name() == "postgresql"
    return [list(ORDER)] if shares else [[store] for store in ORDER]


def sensors_of(settings: DataSettings) -> list[str]:
    """Every sensor that may have readings: registered, seen, or with an hour that waits to be judged."""
    found: set[str] = set()
    with closing(open_ledger(settings.ledger_url)) as ledger, ledger.read() as conn:
        found.update(conn.execute(select(sensor.c.id)).scalars())
    with closing(open_telemetry(settings.telemetry_url)) as telemetry, telemetry.read() as conn:
        found.update(conn.execute(select(sensor_state.c.sensor_id)).scalars())
        found.update(conn.execute(select(dirty_hour.c.sensor_id).distinct()).scalars())
    return sorted(found)


def _database(url: URL, stores: list[str], growth: Path, say: Say) -> Part:
    name = "-".join(sorted(stores))
    if url.get_backend_name() == "sqlite":
        file = growth / f"{name}.db"
        source = Path(url.database or "")
        if not source.is_file():
            raise Refused(f"{source} is not there", next_step="run `alembic upgrade head`", reason="no_database")
        sqlite_copy.copy(source, file, say)
        return part_of(file, PartKind.SQLITE, stores, sqlite_copy.counts(file))
    file = growth / f"{name}.dump"
    rows = postgres.dump(url, stores, file, say)
    return part_of(file, PartKind.POSTGRESQL, stores, rows)


def _readings(growth: Path, settings: DataSettings, say: Say) -> Part:
    file = growth / READINGS_FILE
    with closing(open_readings(settings.readings_url, settings.token)) as store:
        rows = readings.export(store, sensors_of(settings), file, say)
    return part_of(file, PartKind.READINGS, ["readings"], {"readings": rows})
