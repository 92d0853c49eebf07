"""Plays the story on a whole district and keeps what can be asked afterwards, by other ways than the story's own."""

from __future__ import annotations

import sqlite3
import time
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from demo import citizen, servers
from demo.people import Person
from demo.story import STEPS, Memory, Played, play_one
from firmware_sim.truth import read_truth
from sheetal.readings.connect import open_readings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from demo.citizen import Downloaded
    from demo.district import District
    from sheetal.contracts.reading import Reading
    from tests.stack.servers import Server

QUIET_SECONDS_MAX = 40.0
FAR_MS = 4_000_000_000_000


class Row(NamedTuple):
    """One sample, as everybody who saw it must agree."""

    measured_at_ms: int
    centi_celsius: int | None


@dataclass
class Evidence:
    """What a played story left; the district's stores still answer, its processes have been stopped."""

    district: District
    folders: list[Path]
    memory: Memory = field(default_factory=lambda: Memory({}, {}))
    played: list[Played] = field(default_factory=list)
    refusal: httpx.Response | None = None
    doses_left_around_refusal: tuple[int, int] = (-1, -2)
    stopped: list[str] = field(default_factory=list)
    alone: Downloaded | None = None

    def readings(self, sensor: str) -> list[Reading]:
        """Everything the store holds of a sensor."""
        with closing(open_readings(self.district.readings.url)) as store:
            return store.read(sensor, 0, FAR_MS)

    def stored(self, sensor: str) -> list[Row]:
        return [Row(reading.measured_at_ms, reading.centi_celsius) for reading in self.readings(sensor)]

    def truth(self) -> dict[str, list[Row]]:
        """What the simulator's own log says that each probe could see, by sensor."""
        serials = {
            appliance.serial: hub.sensor(appliance)
            for hub in self.district.scenario.hubs
            for appliance in hub.appliances
        }
        found: dict[str, list[Row]] = {sensor: [] for sensor in serials.values()}
        for line in read_truth(self.district.plan.folder / "truth" / "truth.jsonl"):
            found[serials[line.appliance]].append(Row(line.at_ms, line.reported_centi_celsius))
        return found

    def acknowledged(self, sensor: str) -> list[Row]:
        """What the gateway's outbox calls stored by ingest."""
        query = "SELECT measured_at_ms, value FROM item WHERE kind = 'row' AND state = 1 AND source = ? ORDER BY 1"
        return [Row(*row) for row in asked(self.district, sensor.partition(".")[0], query, sensor)]


def asked(district: District, gateway: str, query: str, *values: str) -> list[tuple[int, int | None]]:
    """What one gateway's outbox answers."""
    file = district.plan.gateways / f"{gateway}.outbox.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as outbox:
        return outbox.execute(query, values).fetchall()


def play(district: District, folders: list[Path], others: Sequence[Server]) -> Evidence:
    """All steps; then quiet, then everything but the static site stopped, `others` among it, for one last download."""
    found = Evidence(district, folders)
    for step in STEPS:
        found.played.append(play_one(step, district, found.memory))
        if not found.played[-1].ok:
            return found
        if step.play.__name__ == "gate_refuses":
            _ask_once_more(found)
    _wait_until_quiet(district)
    _stop_all_but_standby(found, others)
    found.alone = citizen.download(found.memory.dose_before["certificate_url"], district.trust())
    for server in others:
        server.start()
    return found


def _ask_once_more(found: Evidence) -> None:
    """The raw answer to one more dose from the held holding."""
    district = found.district
    before = district.holding(district.freezing_holding).doses_left
    body: dict[str, object] = {
        "session": district.session,
        "appointment": district.appointments[3].appointment,
        "scan": district.freezing_holding,
        "citizen_code": district.appointments[3].code,
    }
    with Person(district.portal_url, "vaccinator", district.password) as vaccinator:
        found.refusal = vaccinator.post("/api/v1/doses", body, key=str(uuid.uuid4()))
    found.doses_left_around_refusal = (before, district.holding(district.freezing_holding).doses_left)


def _wait_until_quiet(district: District) -> None:
    """The simulator silent, and every gateway's outbox without a row that waits for its acknowledgement."""
    district.supervisor.stop_one("firmware_sim")
    gateways = [hub.gateway for hub in district.scenario.hubs]
    query = "SELECT count(*), max(measured_at_ms) FROM item WHERE state = 0"
    until(lambda: all(asked(district, gateway, query)[0][0] == 0 for gateway in gateways), QUIET_SECONDS_MAX)
    for gateway in gateways:
        assert district.supervisor.stop_one(gateway) == 0


def _stop_all_but_standby(found: Evidence, others: Sequence[Server]) -> None:
    district = found.district
    names = ["portal", "alerts", "ingest", "portal.worker"]
    names += [chosen.process.name for chosen in (district.broker, district.readings) if chosen.process]
    for name in names:
        district.supervisor.stop_one(name)
        assert not district.supervisor.is_running(name)
    for server in others:
        server.stop()
    found.stopped = [*names, *(Path(server.command[0]).name for server in others)]
    broker_port = int(district.broker.url.rpartition(":")[2])
    assert not servers.port_is_open(broker_port)
    assert not district.portal_answers()


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
