"""What the demo writes for its gateways is what the gateway itself accepts."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from demo.district import SCENARIO
from demo.gateways import REPLAY_GATEWAY, device_code, names, write_all
from demo.limits import LIMITS
from demo.plan import Plan, Ports
from edge_agent.settings.file import load_settings
from edge_agent.settings.local import digest_of
from firmware_sim.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    from pathlib import Path

BROKER = "mqtt://127.0.0.1:18830"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(SCENARIO)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(tmp_path, Ports())


def test_every_gateway_accepts_its_settings(plan: Plan, scenario: Scenario) -> None:
    keys = write_all(plan, scenario, BROKER, {})
    assert list(keys) == names(scenario)
    assert len(set(keys.values())) == 7
    for number, hub in enumerate(scenario.hubs):
        settings = load_settings(plan.gateways / f"{hub.gateway}.toml")
        assert settings.gateway == hub.gateway
        assert settings.key == keys[hub.gateway]
        assert settings.sensors == [hub.sensor(appliance) for appliance in hub.appliances]
        assert settings.outbox.parent == plan.gateways
        assert settings.portal_url == plan.portal_url
        assert settings.local_page == ("127.0.0.1", plan.ports.local_page_first + number)
        assert [source.port for source in settings.sources] == [plan.ports.simulator_first + number]
        assert settings.local.facility_name_hindi == hub.facility_name_hindi
        assert settings.local.code_digest == digest_of(device_code(hub.gateway))
        assert (settings.broker.host, settings.broker.port, settings.broker.tls) == ("127.0.0.1", 18830, False)


def test_the_replay_gateway_has_no_devices_and_no_screen(plan: Plan, scenario: Scenario) -> None:
    keys = write_all(plan, scenario, BROKER, {})
    settings = load_settings(plan.gateways / f"{REPLAY_GATEWAY}.toml")
    assert (settings.sources, settings.local_page) == ((), None)
    assert settings.key == keys[REPLAY_GATEWAY]
    assert settings.portal_url == plan.portal_url


def test_device_alarms_are_those_of_the_appliance(plan: Plan, scenario: Scenario) -> None:
    write_all(plan, scenario, BROKER, {})
    for hub in scenario.hubs:
        probes = load_settings(plan.gateways / f"{hub.gateway}.toml").sources[0].probe
        for probe, appliance in zip(probes, hub.appliances, strict=True):
            limits = LIMITS[appliance.kind]
            assert (probe.field, probe.appliance) == (appliance.field, appliance.serial)
            assert probe.freeze_alarm_minutes == (limits.freeze_alarm_minutes or 0)
            assert probe.heat_alarm_centi_celsius == limits.heat_alarm_centi_celsius
            assert (probe.range_min_centi_celsius, probe.range_max_centi_celsius) == limits[:2]
            assert probe.interval_ms == scenario.interval_seconds * 1_000


def test_a_broker_without_passwords_gets_none(plan: Plan, scenario: Scenario) -> None:
    write_all(plan, scenario, BROKER, {})
    broker = load_settings(plan.gateways / "gw-01.toml").broker
    assert (broker.username, broker.password) == (None, None)
    assert not list(plan.gateways.glob("*.password"))


def test_each_gateway_logs_in_as_itself_with_its_own_password(plan: Plan, scenario: Scenario) -> None:
    passwords = {name: f"secret of {name}" for name in names(scenario)}
    write_all(plan, scenario, BROKER, {**passwords, "ingest": "not for gateways"})
    for name in names(scenario):
        broker = load_settings(plan.gateways / f"{name}.toml").broker
        assert (broker.username, broker.password) == (name, passwords[name])
        assert passwords[name] not in (plan.gateways / f"{name}.toml").read_text()
    assert not (plan.gateways / "ingest.password").exists()


def test_secrets_are_for_their_owner_alone(plan: Plan, scenario: Scenario) -> None:
    write_all(plan, scenario, BROKER, dict.fromkeys(names(scenario), "secret"))
    secrets = [*plan.gateways.glob("*.key"), *plan.gateways.glob("*.password")]
    assert len(secrets) == 14
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
