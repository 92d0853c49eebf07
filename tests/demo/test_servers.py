"""Which broker and which stores the demo takes, and how it tells that they are up."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from demo.broker import ROOT, free_port
from demo.servers import answers, choose_broker, choose_readings, port_is_open
from demo.supervisor import Supervisor
from sheetal.contracts.problem import SettingProblem
from tests.demo.web import Reply, Web, serving

if TYPE_CHECKING:
    from pathlib import Path

USERS = ("ingest", "gw-01")


def put(folder: Path, name: str, script: str = "exit 0") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, empty until the test puts programs there."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_a_broker_that_is_given_is_not_ours_to_run(tmp_path: Path) -> None:
    chosen = choose_broker(tmp_path, 1, "mqtt://broker.example:1883", USERS)
    assert (chosen.url, chosen.process, dict(chosen.passwords)) == ("mqtt://broker.example:1883", None, {})


@pytest.mark.parametrize("wanted", ["auto", "embedded"])
def test_without_mosquitto_the_broker_comes_out_of_a_wheel(tmp_path: Path, shelf: Path, wanted: str) -> None:
    assert list(shelf.iterdir()) == []
    chosen = choose_broker(tmp_path, 1234, wanted, USERS)
    assert chosen.process is not None
    assert "demo.broker" in chosen.process.command
    assert (chosen.url, dict(chosen.passwords)) == ("mqtt://127.0.0.1:1234", {})
    assert "not for production" in chosen.label


def test_the_embedded_broker_really_starts(tmp_path: Path) -> None:
    chosen = choose_broker(tmp_path, free_port(), "embedded", USERS)
    assert chosen.process is not None
    assert not chosen.process.is_ready()
    supervisor = Supervisor(tmp_path / "logs", ROOT)
    try:
        supervisor.start(chosen.process)
        supervisor.wait_ready(["broker"], 20)
    finally:
        supervisor.stop()
    assert not chosen.process.is_ready()


def test_mosquitto_is_taken_when_it_is_there_with_a_password_for_each_user(tmp_path: Path, shelf: Path) -> None:
    put(shelf, "mosquitto")
    put(shelf, "mosquitto_passwd")
    chosen = choose_broker(tmp_path, 1234, "auto", USERS)
    assert chosen.process is not None
    assert chosen.process.command == (f"{shelf}/mosquitto", "-c", f"{tmp_path}/servers/mosquitto.conf")
    assert sorted(chosen.passwords) == sorted(USERS)
    assert not any(password in repr(chosen) for password in chosen.passwords.values())


def test_a_gateway_that_is_taken_in_is_told_where_to_come(tmp_path: Path, shelf: Path) -> None:
    by_certificate = (18883, tmp_path / "ca")
    assert choose_broker(tmp_path, 1, "mqtt://broker.example/", USERS).gateway_url == "mqtt://broker.example"
    assert choose_broker(tmp_path, 1234, "embedded", USERS, by_certificate).gateway_url == "mqtt://127.0.0.1:1234"
    put(shelf, "mosquitto")
    put(shelf, "mosquitto_passwd")
    chosen = choose_broker(tmp_path, 1234, "auto", USERS, by_certificate)
    assert chosen.gateway_url == "mqtts://127.0.0.1:18883"
    assert f"cafile {tmp_path}/ca/ca.pem" in (tmp_path / "servers" / "mosquitto.conf").read_text()


def test_mosquitto_asked_for_and_not_there_is_a_wrong_setting(tmp_path: Path, shelf: Path) -> None:
    put(shelf, "mosquitto")
    with pytest.raises(SettingProblem, match="--broker mosquitto: it is not on PATH"):
        choose_broker(tmp_path, 1234, "mosquitto", USERS)


@pytest.mark.parametrize("wanted", ["", "rabbitmq", "http://127.0.0.1:1883"])
def test_another_word_for_a_broker_is_a_wrong_setting(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(SettingProblem, match="--broker"):
        choose_broker(tmp_path, 1234, wanted, USERS)


@pytest.mark.parametrize("url", ["sqlite:////x/readings.db", "influxdb2+http://127.0.0.1:8086/org/bucket"])
def test_a_readings_store_that_is_given_is_not_ours_to_run(tmp_path: Path, url: str) -> None:
    chosen = choose_readings(tmp_path, 1, 2, url)
    assert (chosen.url, chosen.process) == (url, None)


@pytest.mark.parametrize("wanted", ["auto", "embedded"])
def test_without_influxd_readings_go_to_a_file(tmp_path: Path, shelf: Path, wanted: str) -> None:
    assert list(shelf.iterdir()) == []
    chosen = choose_readings(tmp_path, 1, 2, wanted)
    assert (chosen.label, chosen.url) == ("embedded SQLite", f"sqlite:///{tmp_path}/data/readings.db")
    assert chosen.process is None


@pytest.mark.parametrize("version", ["InfluxDB v1.6.7~rc0 (git: unknown)", "InfluxDB v1.8.10"])
def test_influxdb_1_is_taken_when_it_is_there(tmp_path: Path, shelf: Path, version: str) -> None:
    put(shelf, "influxd", f'echo "{version}"')
    chosen = choose_readings(tmp_path, 1234, 5678, "auto")
    assert chosen.url == "influxdb1+http://127.0.0.1:1234/cc"
    assert chosen.process is not None
    assert chosen.process.command[:2] == (f"{shelf}/influxd", "run")
    settings = (tmp_path / "servers" / "influxd.conf").read_text()
    assert settings.count('bind-address = "127.0.0.1:1234"') == 1
    assert settings.count('bind-address = "127.0.0.1:5678"') == 1
    assert "max-values-per-tag = 0" in settings
    assert not chosen.process.is_ready()


def test_influxdb_2_is_not_ours_to_set_up(tmp_path: Path, shelf: Path) -> None:
    put(shelf, "influxd", 'echo "InfluxDB v2.7.12 (git: ec9dcde5d6)"')
    assert choose_readings(tmp_path, 1, 2, "auto").label == "embedded SQLite"
    with pytest.raises(SettingProblem, match=r"--readings influxd: no InfluxDB 1\.x"):
        choose_readings(tmp_path, 1, 2, "influxd")


@pytest.mark.parametrize("wanted", ["influxd", "timescale"])
def test_what_is_not_there_or_not_known_is_a_wrong_setting(tmp_path: Path, shelf: Path, wanted: str) -> None:
    assert list(shelf.iterdir()) == []
    with pytest.raises(SettingProblem, match="--readings"):
        choose_readings(tmp_path, 1, 2, wanted)


@pytest.mark.parametrize(("status", "is_well"), [(200, True), (204, True), (404, False), (503, False)])
def test_an_address_answers_only_with_success(status: int, is_well: bool) -> None:  # noqa: FBT001 - a table of cases
    with serving(Web({"GET /healthz": Reply(status, b"")})) as web:
        assert answers(f"{web.url}/healthz") is is_well


def test_nobody_there_answers_nothing() -> None:
    port = free_port()
    assert not answers(f"http://127.0.0.1:{port}/healthz")
    assert not port_is_open(port)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", port))
        listening.listen()
        assert port_is_open(port)
