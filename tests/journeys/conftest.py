"""Whole districts for the journeys: one that has played the story, one that runs and waits for what a test sends."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.district import SCENARIO, District
from demo.plan import Plan, free_ports
from tests.journeys import evidence
from tests.stack.servers import create_influx_database, influxd, postgresql, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.evidence import Evidence


@pytest.fixture(scope="module", params=["embedded", pytest.param("servers", marks=pytest.mark.stack)])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """The story played to its end: on what comes out of wheels, or on Mosquitto, PostgreSQL and InfluxDB."""
    folder = tmp_path_factory.mktemp(f"story-{request.param}")
    with ExitStack() as stack:
        if request.param == "embedded":
            plan = Plan(folder / "demo", free_ports(), broker="embedded", readings="embedded")
            district = stack.enter_context(District(plan, scenario=told_faster(folder)))
            yield evidence.play(district, [plan.folder], [])
            return
        database = stack.enter_context(running(stack.enter_context(postgresql(folder))))
        influx = stack.enter_context(running(influxd(folder)))
        create_influx_database(influx.url, "cc")
        ledger_url = database.url.replace("/sheetal", "/postgres")
        plan = Plan(
            folder / "demo",
            free_ports(),
            broker="mosquitto",
            readings=influx.url,
            ledger_url=ledger_url,
            telemetry_url=ledger_url,
        )
        data = Path(database.command[database.command.index("-D") + 1])
        district = stack.enter_context(District(plan))
        yield evidence.play(district, [folder, data], [database, influx])


def told_faster(folder: Path) -> Path:
    """The same scenario, in which simulated time reaches now sooner than a person wants to watch it."""
    text = SCENARIO.read_text()
    assert "catch_up_seconds = 60" in text
    path = folder / "faster.toml"
    path.write_text(text.replace("catch_up_seconds = 60", "catch_up_seconds = 36"))
    return path


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """An embedded district without refrigerators: broker, ingest, alerts, portal, worker and standby."""
    plan = Plan(tmp_path_factory.mktemp("live"), free_ports(), broker="embedded", readings="embedded")
    with District(plan, simulated=False) as district:
        yield district
