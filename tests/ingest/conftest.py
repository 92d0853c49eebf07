"""Real stores for the ingest tests: SQLite files as the service finds them, and a bus that only remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

import pytest

from ingest.inbox import Inbox
from ingest.keys import KeyRing
from ingest.latest import Latest
from ingest.patience import Patience
from ingest.pipeline import Counts, Pipeline
from ingest.writer import Writer
from sheetal.ledger.connect import Ledger, open_ledger, open_telemetry
from sheetal.ledger.schema import upgrade
from sheetal.readings.sqlite import SqliteReadings
from tests.ingest.enrolled import enrol
from tests.ingest.given import KEYS, NOW_MS
from tests.ingest.piped import FailingReadings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.inbox import Message


@dataclass
class Stores:
    """The three files, migrated, with the gateways of `KEYS` enrolled."""

    folder: Path
    ledger: Ledger
    telemetry: Ledger
    readings: SqliteReadings

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SHEETAL_LEDGER_URL": f"sqlite:///{self.folder}/ledger.db",
            "SHEETAL_TELEMETRY_URL": f"sqlite:///{self.folder}/telemetry.db",
            "SHEETAL_READINGS_URL": f"sqlite:///{self.folder}/readings.db",
            "SHEETAL_FIELD_KEY_FILE": str(self.folder / "keys"),
        }


@dataclass
class RememberingBus:
    """Stands where the subscriber stands and keeps what it is told, in order."""

    done: list[tuple[str, object]] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes) -> None:
        self.done.append((topic, payload))

    def publish_many(self, messages: list[tuple[str, bytes]]) -> None:
        self.done += messages

    def acknowledge(self, message: Message) -> None:
        self.done.append(("PUBACK", message.message_id))

    def acknowledge_many(self, messages: list[Message]) -> None:
        self.done += [("PUBACK", message.message_id) for message in messages]

    def wake(self) -> None:
        self.done.append(("wake", None))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    upgrade(f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/telemetry.db")
    enrol(f"sqlite:///{folder}/ledger.db", folder / "keys")
    return folder


@pytest.fixture
def stores(migrated: Path, tmp_path: Path) -> Iterator[Stores]:
    for path in migrated.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    made = Stores(
        tmp_path,
        open_ledger(f"sqlite:///{tmp_path}/ledger.db"),
        open_telemetry(f"sqlite:///{tmp_path}/telemetry.db"),
        SqliteReadings(tmp_path / "readings.db"),
    )
    yield made
    made.readings.close()
    made.ledger.close()
    made.telemetry.close()


@pytest.fixture
def bus() -> RememberingBus:
    return RememberingBus()


@pytest.fixture
def stop() -> Event:
    return Event()


@pytest.fixture
def failing(stores: Stores) -> FailingReadings:
    return FailingReadings(stores.readings)


@pytest.fixture
def pipeline(stores: Stores, bus: RememberingBus, failing: FailingReadings, stop: Event) -> Pipeline:
    return Pipeline(
        inbox=Inbox(),
        keys=KeyRing(KEYS.get),
        writer=Writer(failing, lambda: True),  # type: ignore[arg-type]  # the rest is the real store's
        telemetry=stores.telemetry,
        latest=Latest(stores.telemetry, lambda: NOW_MS),
        bus=bus,
        patience=Patience(stop),
        clock=lambda: NOW_MS,
        counts=Counts(),
    )
