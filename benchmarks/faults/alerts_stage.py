"""Stores for suites that break alerts: holdings that freeze one by one, and what the ledger says became of each.

Each try has a refrigerator, a probe and a holding of its own, so that nothing but its own readings can hold it.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, Self

from sqlalchemy import delete, select

from benchmarks.faults.stub_channels import Channels
from demo.broker import free_port
from sheetal.contracts.clock import now_ms
from sheetal.contracts.disposition import Disposition, EvidenceKind
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.reading import Quality, Reading
from sheetal.ledger import assets, contacts, judgements, stock, telemetry, telemetry_writes
from sheetal.ledger.connect import open_ledger, open_telemetry
from sheetal.ledger.contacts import By, Hears, NewContact
from sheetal.ledger.field_cipher import FieldCipher
from sheetal.ledger.judgement_tables import lease, notice
from sheetal.ledger.schema import upgrade
from sheetal.ledger.stock_tables import compromise
from sheetal.ledger.watch_tables import delivery
from sheetal.readings.connect import open_readings
from tests.alerts.given import FACILITY, GATEWAY, appliance, close_world, found_world, open_world
from tests.alerts.given import Addresses as StoreAddresses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOT = "covishield/CS-1"
COLD_MINUTES, WARM_MINUTES = 90, 30
FROZEN, FINE = -120, 450
_one_at_a_time = Lock()
"""Alembic keeps what it upgrades for the whole process."""


class Fate(NamedTuple):
    """What the ledger says of one holding."""

    disposition: Disposition
    held_by: int | None
    holds: list[int]
    compromises: int
    notices: int
    delivered: int

    @property
    def is_untouched(self) -> bool:
        """Nothing has been committed about it."""
        return self.disposition is Disposition.AVAILABLE and not (self.holds or self.compromises or self.notices)

    @property
    def is_held_whole(self) -> bool:
        """It is held, by a verdict that stands there, with its compromise and its notice."""
        is_held = self.disposition is Disposition.QUARANTINED and self.held_by in self.holds
        return is_held and self.compromises == 1 and self.notices == 1


class AlertsStage:
    """The stores, the contact and its channels; a context manager."""

    def __init__(self, folder: Path, kinds: Sequence[str] = ("webhook",)) -> None:
        self.folder = folder
        self.channels = Channels()
        self._kinds = kinds
        self.log = folder / "alerts.log"
        (folder / "field.key").write_text(f"k1:{base64.b64encode(bytes(range(32))).decode()}\n")
        (folder / "field.key").chmod(0o600)
        addresses = StoreAddresses.in_folder(folder)
        with _one_at_a_time:
            upgrade(addresses.ledger, addresses.telemetry)
        world = open_world(addresses)
        found_world(world)
        close_world(world)
        self.environment = {
            "SHEETAL_LEDGER_URL": addresses.ledger,
            "SHEETAL_TELEMETRY_URL": addresses.telemetry,
            "SHEETAL_READINGS_URL": addresses.readings,
            "SHEETAL_FIELD_KEY_FILE": str(addresses.field_key_file),
            "SHEETAL_BROKER_URL": f"mqtt://127.0.0.1:{free_port()}",
        }
        self.ledger = open_ledger(addresses.ledger)
        self.telemetry = open_telemetry(addresses.telemetry)
        self.readings = open_readings(addresses.readings)
        self.cipher = FieldCipher.from_file(addresses.field_key_file)

    def __enter__(self) -> Self:
        self.channels.__enter__()
        self.add_contact(*self._kinds)
        return self

    def __exit__(self, *_: object) -> None:
        self.channels.__exit__()
        for store in (self.ledger, self.telemetry, self.readings):
            store.close()

    def add_contact(self, *kinds: str) -> int:
        """Somebody who hears what is urgent by these channels, tried in this order."""
        addresses = tuple(self.channels.address(kind) for kind in kinds)
        new = NewContact(facility_id=FACILITY, name="Officer", addresses=addresses, hears=frozenset({Hears.URGENT}))
        with self.ledger.write() as conn:
            return contacts.add_contact(conn, self.cipher, new, By("suite", FACILITY), now_ms())

    def freeze(self, number: int) -> str:
        """A holding whose refrigerator froze it in the last hours; its readings are stored and marked. Gives its id."""
        holding, place, sensor = name_of(number), f"A-{number:05d}", f"{GATEWAY}.s{number:05d}"
        at_ms = now_ms() // MINUTE_MS * MINUTE_MS
        begin_ms = at_ms - (COLD_MINUTES + 2 * WARM_MINUTES) * MINUTE_MS
        with self.ledger.write() as conn:
            assets.add_appliance(conn, replace(appliance(place), facility_id=FACILITY), begin_ms)
            probe = assets.Sensor(id=sensor, gateway_id=GATEWAY, serial=sensor, model="probe", interval_ms=MINUTE_MS)
            assets.register_sensor(conn, probe, begin_ms)
            assets.assign_sensor(conn, sensor, place, "coldest", begin_ms, begin_ms)
            kind = EvidenceKind.TELEMETRY
            stock.receive_holding(conn, holding, LOT, FACILITY, 10, place, kind, begin_ms, begin_ms, "suite")
        cold = range(WARM_MINUTES, WARM_MINUTES + COLD_MINUTES)
        rows = [
            Reading(
                sensor, begin_ms + minute * MINUTE_MS, FROZEN if minute in cold else FINE, Quality.OK, 1, minute + 1
            )
            for minute in range(COLD_MINUTES + 2 * WARM_MINUTES)
        ]
        self.readings.write(rows)
        with self.telemetry.write() as conn:
            telemetry_writes.mark_dirty(conn, {(sensor, row.measured_at_ms // HOUR_MS * HOUR_MS) for row in rows})
        return holding

    def end_lease(self) -> None:
        """The dead process's lease ends now instead of after its six seconds."""
        with self.ledger.write() as conn:
            conn.execute(delete(lease))

    def fate(self, number: int) -> Fate:
        """What the ledger says of the holding of a try."""
        holding = name_of(number)
        with self.ledger.read() as conn:
            found = stock.holding_by_id(conn, holding)
            holds = [one.id for one in judgements.verdicts_of(conn, holding) if one.verdict.reached]
            compromises = conn.execute(select(compromise.c.id).where(compromise.c.holding_id == holding)).all()
            told = select(notice.c.id).where(notice.c.deduplication_key.startswith(f"holding_held/{holding}/"))
            notices = list(conn.execute(told).scalars())
            got = select(delivery.c.notice_id).where(
                delivery.c.notice_id.in_(notices), delivery.c.sent_at_ms.is_not(None)
            )
            delivered = conn.execute(got).all()
        return Fate(found.disposition, found.held_by_verdict_id, holds, len(compromises), len(notices), len(delivered))

    def waiting_hours(self) -> int:
        """Hours that are still to be judged."""
        with self.telemetry.read() as conn:
            return len(telemetry.dirty_hours(conn, 1_000))

    def told(self, number: int) -> int:
        """How many messages that a server took tell of this holding."""
        holding = name_of(number)
        return sum(holding in text for server in self.channels.servers.values() for text in server.taken)

    def shown(self, number: int) -> int:
        """How often the log shows a notice of it."""
        holding = f"Holding {name_of(number)} "
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return sum('"event": "Notice"' in line and holding in line for line in lines)


def name_of(number: int) -> str:
    """The holding of a try."""
    return f"H-{number:05d}"
