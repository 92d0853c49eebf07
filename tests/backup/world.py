"""A small world of stores in use, on either kind of database and readings store, with something in every one."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backup.settings import DataSettings
from sheetal.contracts.limits import DAY_MS, HOUR_MS
from sheetal.contracts.reading import Reading
from sheetal.ledger import schema, seals, telemetry_writes
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.readings.connect import open_readings
from tests.sheetal.ledger import seeds
from tests.sheetal.ledger.seeds import NOW_MS, SENSOR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sheetal.ledger.connect import Ledger
    from sheetal.readings.port import ReadingsStore

OTHER_SENSOR = "gw-01.door, left=1"


def rows(sensor: str = SENSOR, count: int = 12, first: int = 0) -> list[Reading]:
    """A row a minute; every fifth is a fault."""
    return [
        Reading(sensor, NOW_MS - DAY_MS + n * 60_000, None if n % 5 == 4 else 400 + n, 2 if n % 5 == 4 else 0, 7, n + 1)
        for n in range(first, first + count)
    ]


@dataclass(frozen=True)
class World:
    """Where the stores are."""

    ledger_url: str
    telemetry_url: str
    readings_url: str
    mirror: Path | None = None

    @property
    def is_in_files(self) -> bool:
        return self.ledger_url.startswith("sqlite")

    @property
    def settings(self) -> DataSettings:
        return DataSettings(
            ledger_url=self.ledger_url,
            telemetry_url=self.telemetry_url,
            readings_url=self.readings_url,
            mirror_folder=self.mirror,
        )

    def ledger(self) -> Ledger:
        return open_ledger(self.ledger_url)

    def telemetry(self) -> Ledger:
        return open_telemetry(self.telemetry_url)

    def readings(self) -> ReadingsStore:
        return open_readings(self.readings_url)

    def begin(self, readings: Sequence[Reading] = ()) -> None:
        """Schema, places, a holding with its audit entries, a seal, hours to judge and readings."""
        schema.upgrade(self.ledger_url, self.telemetry_url)
        with closing(self.ledger()) as ledger:
            seeds.furnish(ledger)
            seeds.receive(ledger, "H-1")
            self.seal()
        with closing(self.telemetry()) as telemetry, telemetry.write() as conn:
            telemetry_writes.mark_dirty(conn, {(OTHER_SENSOR, NOW_MS // HOUR_MS * HOUR_MS)})
        self.write(readings or [*rows(), *rows(OTHER_SENSOR, 7)])

    def seal(self, at_ms: int = NOW_MS) -> seals.Seal:
        with closing(self.ledger()) as ledger, ledger.write() as conn:
            return seals.add_seal(conn, lambda text: f"signed {text[:4].decode()}", at_ms)

    def write(self, readings: Sequence[Reading]) -> None:
        with closing(self.readings()) as store:
            store.write(list(readings))

    def stored(self) -> list[Reading]:
        with closing(self.readings()) as store:
            return [row for sensor in (SENSOR, OTHER_SENSOR) for row in store.read(sensor, 0, 4 * NOW_MS)]


def in_files(folder: Path) -> World:
    """The embedded stores in one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return World(*(f"sqlite:///{folder}/{name}.db" for name in ("ledger", "telemetry", "readings")))
