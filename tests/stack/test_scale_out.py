"""Several ingest workers behind one shared subscription, over real Mosquitto, InfluxDB and both kinds of telemetry.

The gateways here send again after two seconds instead of thirty, so that a worker's death is answered within a test.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from benchmarks.faults.crew import Crew
from benchmarks.faults.fleet_line import ALL_SERVERS
from benchmarks.faults.fleet_plan import Plan
from benchmarks.faults.line import wait_for
from benchmarks.faults.raw_connection import RawConnection
from benchmarks.faults.workers import settled_through
from sheetal.contracts import seal, topics
from sheetal.contracts.batch import Batch, Row
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import DAY_MS
from sheetal.ledger.connect import open_telemetry
from sheetal.ledger.telemetry_tables import conflict
from tests.stack.servers import postgresql_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

SECONDS_MAX = 90.0
LATER_BOOT = 9 << 32
OTHERWISE = 1
"""By how many centi-degrees a twin's rows differ."""


def a_plan(**changes: float) -> Plan:
    begins_ms = now_ms() - 10 * DAY_MS
    return Plan(begins_ms, gateways=60, messages_per_second=80, resend_seconds=2)._replace(**changes)


@pytest.fixture(params=["sqlite", "postgresql"])
def telemetry_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """One SQLite file that all workers write, or one PostgreSQL."""
    with ExitStack() as stack:
        yield stack.enter_context(postgresql_server(tmp_path)) if request.param == "postgresql" else ""


def test_three_share_the_load_and_two_take_over_what_a_killed_one_had(tmp_path: Path, telemetry_url: str) -> None:
    with Crew(tmp_path, a_plan(), ALL_SERVERS, workers=3, telemetry_url=telemetry_url) as crew:
        crew.fleet.make()
        assert crew.flows(300, SECONDS_MAX)
        assert all(worker.messages() > 0 for worker in crew.workers)
        crew.workers[1].kill()
        waiting = crew.fleet.outboxes.made
        assert wait_for(lambda: settled_through(crew, waiting), SECONDS_MAX)
        found = crew.settle(SECONDS_MAX)
        assert found.held, found
        assert found.stored == found.sent >= 2_000


def test_a_worker_that_joins_late_takes_its_share_and_one_that_leaves_gives_it_back(tmp_path: Path) -> None:
    with Crew(tmp_path, a_plan(), ALL_SERVERS, workers=3) as crew:
        first, second, late = crew.workers
        late.stop()
        crew.fleet.make()
        assert crew.flows(100, SECONDS_MAX)
        crew.join(late)
        assert wait_for(lambda: late.messages() > 30, SECONDS_MAX)
        first.stop()
        before = second.messages() + late.messages()
        assert wait_for(lambda: second.messages() + late.messages() > before + 100, SECONDS_MAX)
        found = crew.settle(SECONDS_MAX)
        assert found.held, found


def test_of_two_boots_at_one_instant_the_first_stays_whichever_worker_hears_the_second(
    tmp_path: Path, telemetry_url: str
) -> None:
    with Crew(tmp_path, a_plan(in_flight=1), ALL_SERVERS, workers=3, telemetry_url=telemetry_url) as crew:
        crew.fleet.make()
        assert crew.flows(120, SECONDS_MAX)
        assert crew.fleet.drained(SECONDS_MAX)
        twin = Twin(crew)
        assert wait_for(twin.is_answered, SECONDS_MAX)
        assert sum(worker.messages() > 0 for worker in crew.workers) == 3
        kept = conflicts_of(crew)
        rows = crew.plan.gateways * crew.plan.rows
        assert len(kept) == rows
        assert {boot >> 32 for boot, _, _ in kept} == {LATER_BOOT >> 32}
        assert {offered - stored for _, stored, offered in kept} == {OTHERWISE}
        found = crew.settle(SECONDS_MAX)
        assert found.stored == found.sent
        of_the_twin = "acks for what was never sent"  # the fleet hears its twin's acks too
        assert [one for one in found.problems if not one.startswith(of_the_twin)] == [f"{rows} rows of conflict"]


class Twin:
    """Another computer under every gateway's name and key, whose first message tells other values for the same rows."""

    def __init__(self, crew: Crew) -> None:
        self._plan = crew.plan
        self._silent = set(range(crew.plan.gateways))
        acks = tuple(topics.of_gateway(crew.plan.name(one), topics.Channel.ACK) for one in self._silent)
        self._line = RawConnection(crew.broker_port, "twin", acks)
        for gateway in sorted(self._silent):
            self._line.publish(topics.of_gateway(self._plan.name(gateway), topics.Channel.DATA), self._message(gateway))

    def is_answered(self) -> bool:
        """Whether every gateway's message brought an ack for the later boot."""
        self._line.flush()
        for frame in self._line.hear():
            gateway = self._plan.number((topics.parse(frame.topic) or topics.GatewayTopic("", topics.Channel.ACK))[0])
            if gateway is not None and str(LATER_BOOT).encode() in frame.payload:
                self._silent.discard(gateway)
        if not self._silent:
            self._line.close()
        return not self._silent

    def _message(self, gateway: int) -> bytes:
        readings = [self._plan.reading(gateway, sequence) for sequence in range(1, self._plan.rows + 1)]
        rows = [
            Row(one.sequence, one.measured_at_ms, one.sensor, (one.centi_celsius or 0) + OTHERWISE, one.quality)
            for one in readings
        ]
        name = self._plan.name(gateway)
        body = Batch(gateway=name, boot=LATER_BOOT, sent_at_ms=now_ms(), clock_source="ntp", rows=rows)
        return seal.seal(topics.Channel.DATA, name, self._plan.key(gateway), body)


def conflicts_of(crew: Crew) -> list[tuple[int, int, int]]:
    """(boot, stored, offered) of every kept contradiction."""
    columns = conflict.c.boot, conflict.c.stored_centi_celsius, conflict.c.offered_centi_celsius
    with closing(open_telemetry(crew.telemetry_url)) as telemetry, telemetry.read() as connection:
        return [(boot, stored, offered) for boot, stored, offered in connection.execute(select(*columns))]
