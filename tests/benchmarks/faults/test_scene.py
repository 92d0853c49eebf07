from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.faults.scene import Options, Scene, key_of, scenario_text, settings_text, write_key
from edge_agent.settings.file import load_settings
from firmware_sim.scenario import load_scenario
from firmware_sim.truth import Truth

if TYPE_CHECKING:
    from pathlib import Path

SCENE = Scene(gateways=2, probes=3, freezing=1, history_minutes=90)


def test_the_simulator_reads_the_scenario(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(scenario_text(SCENE))
    scenario = load_scenario(path)
    assert [hub.gateway for hub in scenario.hubs] == SCENE.names == ["gw-00", "gw-01"]
    assert [hub.sensor(one) for hub in scenario.hubs for one in hub.appliances] == SCENE.sensors
    assert [len(one.faults) for one in scenario.appliances] == [1, 0, 0, 1, 0, 0]


def test_the_gateway_reads_its_settings(tmp_path: Path) -> None:
    write_key(tmp_path, "gw-01")
    options = Options(uplink={"batch_items_max": 7}, gateway={"rows_max": 4_000}, outbox=tmp_path / "far" / "o.db")
    path = tmp_path / "gw-01.toml"
    path.write_text(settings_text(SCENE, "gw-01", "mqtt://127.0.0.1:1883", 7_000, options))
    settings = load_settings(path)
    assert settings.sensors == SCENE.sensors[3:]
    assert settings.key == key_of("gw-01") != key_of("gw-00")
    assert (settings.uplink.batch_items_max, settings.uplink.resend_seconds) == (7, 1)
    assert (settings.rows_max, settings.outbox) == (4_000, tmp_path / "far" / "o.db")
    assert (tmp_path / "gw-01.key").stat().st_mode & 0o077 == 0


def test_a_line_of_the_truth_finds_its_sensor() -> None:
    told = Truth(appliance="gw-01-2", at_ms=1, true_centi_celsius=400, reported_centi_celsius=400)
    assert SCENE.sensor_of_truth(told) == "gw-01.p2"
