"""A district's preparation and what it leaves behind; the whole of it running is tests/journeys' matter."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from demo import servers
from demo.district import District
from demo.plan import Plan, free_ports
from demo.supervisor import ProcessSpec
from portal.certificate.keys import SigningKeys
from portal.orchestration.gateway_ca import Authority
from sheetal.contracts.clock import now_ms
from sheetal.contracts.limits import HOUR_MS, MINUTE_MS
from sheetal.contracts.problem import SettingProblem, Unavailable
from sheetal.ledger import assets, rejudge, stock
from sheetal.ledger.connect import open_telemetry
from sheetal.ledger.schema import check_schema
from tests.demo.children import FAILING, SLEEPER, is_alive, python, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[District]:
    made = District(Plan(tmp_path, free_ports(), broker="embedded", readings="embedded"))
    made.prepare()
    yield made
    made.close()


def test_preparation_leaves_everything_that_the_services_want(prepared: District) -> None:
    plan = prepared.plan
    check_schema(prepared.ledger)
    telemetry = open_telemetry(plan.telemetry)
    check_schema(telemetry)
    telemetry.close()
    assert plan.mirror.is_dir()
    assert stat.S_IMODE(plan.field_keys.stat().st_mode) == 0o600
    assert len(list(plan.gateways.glob("*.toml"))) == 7
    keys = SigningKeys.load(plan.certificate_keys, demo_allowed=True, standby_url="http://x", now_ms=now_ms())
    assert keys.is_demo
    assert Authority.load(plan.gateway_authority, demo_allowed=True, now_ms=now_ms()).is_demo
    assert {"server.crt", "server.key"} <= {path.name for path in plan.gateway_authority.iterdir()}
    assert prepared.trust()[0].kid == keys.signer.kid


def test_before_the_first_verdict_there_is_none_to_show(prepared: District) -> None:
    with pytest.raises(Unavailable, match="no verdict yet"):
        prepared.latest_verdict(prepared.freezing_holding)


def test_stock_stood_there_just_after_the_first_reading(prepared: District) -> None:
    first_reading_ms = now_ms() - prepared.scenario.history_minutes * MINUTE_MS
    with prepared.ledger.read() as connection:
        (stay,) = stock.stays_of(connection, prepared.freezing_holding)
        assert {mark.holding_id for mark in rejudge.pending(connection, 1_000)} >= {prepared.freezing_holding}
    assert 0 < stay.from_ms - first_reading_ms < HOUR_MS
    assert prepared.history_from_ms < first_reading_ms < stay.from_ms < now_ms()


def test_it_names_the_storys_places_and_things(prepared: District) -> None:
    assert len(prepared.sensors()) == len(set(prepared.sensors())) == 24
    assert prepared.freezing_sensor == "gw-01.ilr1-tvc"
    assert (prepared.freezing_name, prepared.freezing_place) == ("ILR 1", "Demo PHC, Block A")
    with prepared.ledger.read() as connection:
        assert assets.appliance_by_id(connection, prepared.freezing_appliance).facility_id == "F-101"
    assert prepared.holding(prepared.freezing_holding).doses_left == 320
    assert prepared.alarms() == []
    assert not prepared.portal_answers()
    assert "vaccinator" not in prepared.other_logins
    assert len(prepared.other_logins) == 5


def test_a_second_start_is_a_district_of_its_own(prepared: District, tmp_path: Path) -> None:
    other = District(Plan(tmp_path / "other", free_ports(), broker="embedded", readings="embedded"))
    other.prepare()
    assert other.session != prepared.session
    assert other.gateway_keys != prepared.gateway_keys
    other.close()


def test_every_service_gets_the_whole_environment_and_its_own_health_port(prepared: District) -> None:
    specs = {spec.name: spec for spec in prepared.services()}
    assert set(specs) == {"portal", "alerts", "ingest", "portal.worker", "portal.standby"}
    common = prepared.plan.environment(prepared.broker.url, prepared.readings.url)
    for spec in specs.values():
        assert common.items() <= spec.environment.items()
        assert spec.environment["SHEETAL_GATEWAY_BROKER_URL"] == prepared.broker.url
        assert not spec.is_ready()
    health = [specs[name].environment["SHEETAL_HEALTH_PORT"] for name in ("alerts", "ingest", "portal.worker")]
    assert len(set(health)) == 3
    assert not any("SHEETAL_BROKER_PASSWORD" in spec.environment for spec in specs.values())


def test_only_who_speaks_to_the_broker_gets_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in (("mosquitto", "exit 0"), ("mosquitto_passwd", "exit 0")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    made = District(Plan(tmp_path / "demo", free_ports(), readings="embedded"))
    specs = {spec.name: spec for spec in made.services()}
    for name, spec in specs.items():
        login = (spec.environment.get("SHEETAL_BROKER_USERNAME"), spec.environment.get("SHEETAL_BROKER_PASSWORD"))
        speaks = name in {"ingest", "alerts"}
        assert login == ((name, made.broker.passwords[name]) if speaks else (None, None))
    assert set(made.broker.passwords) == {"ingest", "alerts", *made_gateways(made)}
    made.close()


def made_gateways(made: District) -> set[str]:
    return {*(hub.gateway for hub in made.scenario.hubs), "gw-replay"}


@pytest.mark.parametrize("field", ["broker", "readings"])
def test_a_server_that_is_not_there_stops_the_start(tmp_path: Path, field: str) -> None:
    choices = {"broker": "embedded", "readings": "embedded", field: "no such server"}
    with pytest.raises(SettingProblem, match=f"--{field}"):
        District(Plan(tmp_path, free_ports(), **choices))
    assert not (tmp_path / "data").exists()


def test_a_process_that_does_not_start_leaves_no_other_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = District(Plan(tmp_path, free_ports(), broker="embedded", readings="embedded"))
    log = tmp_path / "logs" / "one.log"
    services = [
        ProcessSpec("one", python(SLEEPER), {}, lambda: log.is_file() and log.stat().st_size > 0),
        ProcessSpec("two", python(FAILING), {}, lambda: False),
    ]
    monkeypatch.setattr(District, "services", lambda _self: services)
    monkeypatch.setattr(servers, "port_is_open", lambda _port: True)
    pids: list[int] = []
    start = made.supervisor.start

    def remember(spec: ProcessSpec) -> None:
        start(spec)
        pids.append(made.supervisor.pid_of(spec.name))

    monkeypatch.setattr(made.supervisor, "start", remember)
    with pytest.raises(Unavailable, match="two ended by itself with code 7"), made:
        pass
    assert len(pids) == 3
    until(lambda: not any(is_alive(pid) for pid in pids))
