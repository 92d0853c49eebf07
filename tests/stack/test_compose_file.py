"""docker-compose.yml and the Dockerfile by reading them; that the services start so is test_compose.py's matter."""

from __future__ import annotations

import re
import shlex
import tomllib
from typing import Any

import pytest
import yaml

from demo.app import _parse
from sheetal.health import PATH
from tests.stack.compose import OURS, PAGER, ROOT, SERVERS, WATCHERS, WORDS, asked_words, filled, raw
from tests.stack.servers import POSTGRESQL_PROGRAMS

RUNNING = [name for name in OURS if name != "migrate"]
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
DEPLOY_PAGE = ROOT / "docs" / "deploy.md"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = filled(raw())["services"]
    return found


def dockerfile() -> list[tuple[str, str]]:
    """Instruction and argument, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def test_every_part_is_there_and_the_demo_only_when_asked_for(services: dict[str, Any]) -> None:
    assert set(services) == {*SERVERS, *WATCHERS, *OURS, PAGER, "broker-reload", "demo"}
    assert {name: service.get("profiles") for name, service in services.items() if service.get("profiles")} == {
        "demo": ["demo"]
    }


def test_every_word_asked_for_is_told_to_the_person_who_deploys() -> None:
    words = asked_words()
    assert {name for name, must in words.items() if must} == set(WORDS)
    assert [name for name in words if f"`{name}`" not in DEPLOY_PAGE.read_text()] == []


def test_a_missing_word_stops_compose_and_not_a_service() -> None:
    for name in WORDS:
        with pytest.raises(KeyError, match=name):
            filled(raw(), {word: text for word, text in WORDS.items() if word != name})


def test_no_secret_is_written_into_the_file(services: dict[str, Any]) -> None:
    written = raw()["services"]
    for name, service in written.items():
        for variable, text in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", text), f"{name}: {variable}"
    addresses = [written[name]["environment"]["SHEETAL_LEDGER_URL"] for name in OURS if name != "standby"]
    assert all("${POSTGRES_PASSWORD:?" in address for address in addresses)
    passwords = [services[name]["environment"]["SHEETAL_BROKER_PASSWORD"] for name in ("ingest", "alerts")]
    assert len(set(passwords)) == 2, "each service has a broker password of its own"


@pytest.mark.parametrize("name", [*SERVERS, *WATCHERS])
def test_servers_are_pinned_kept_and_asked_for_their_health(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert re.fullmatch(r"([a-z]+/)?[a-z-]+:v?\d+\.\d+(\.\d+)?", service["image"])
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]
    assert any(volume.startswith(f"{name}:") for volume in service["volumes"]), "its data outlive the container"
    assert name in raw()["volumes"]


def test_postgresql_is_the_one_that_the_stack_tests_run(services: dict[str, Any]) -> None:
    assert services["postgres"]["image"].startswith(f"postgres:{POSTGRESQL_PROGRAMS.parent.name}.")


@pytest.mark.parametrize("name", RUNNING)
def test_each_of_ours_is_asked_on_the_port_it_listens_on(services: dict[str, Any], name: str) -> None:
    environment = services[name]["environment"]
    own = [part for part in ("PORTAL", "STANDBY", "HEALTH") if f"SHEETAL_{part}_PORT" in environment]
    assert own[-1] == "HEALTH", "each has an address of its own for Prometheus"
    assert {environment[f"SHEETAL_{part}_HOST"] for part in own} == {"0.0.0.0"}
    port = environment[f"SHEETAL_{own[0]}_PORT"]
    expected = ["CMD", "python", "-m", "sheetal.health", f"http://127.0.0.1:{port}{PATH}"]
    assert services[name]["healthcheck"]["test"] == expected


@pytest.mark.parametrize("name", OURS)
def test_each_of_ours_can_write_nothing_but_its_volumes(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert (service["read_only"], service["tmpfs"]) == (True, ["/tmp"])
    assert "privileged" not in service
    writable = [volume for volume in service.get("volumes", []) if not volume.endswith(":ro")]
    assert writable == (["gateways:/srv/gateways", "mirror:/srv/mirror"] if name == "portal-worker" else [])


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_one_that_is_documented(services: dict[str, Any], name: str) -> None:
    page = SETTINGS_PAGE.read_text()
    assert [variable for variable in services[name]["environment"] if f"`{variable}`" not in page] == []


def test_services_wait_for_the_schema_and_for_nothing_else(services: dict[str, Any]) -> None:
    assert services["migrate"]["command"] == ["alembic", "upgrade", "head"]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"
    for name in ("ingest", "alerts", "portal", "portal-worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["secrets"] == ["field_keys"]


def test_the_pager_waits_for_nobody_and_has_only_its_own_secret(services: dict[str, Any]) -> None:
    pager = services[PAGER]
    own = {"SHEETAL_LEDGER_URL", "SHEETAL_WATCH_CHANNELS_FILE", "SHEETAL_HEALTH_HOST", "SHEETAL_HEALTH_PORT"}
    assert set(pager["environment"]) == own
    assert pager["command"] == ["python", "-m", "alerts.watch"]
    assert pager["secrets"] == ["watch_channels"]
    assert pager["environment"]["SHEETAL_WATCH_CHANNELS_FILE"] == "/run/secrets/watch_channels"
    assert pager["healthcheck"] == services["alerts"]["healthcheck"]
    assert (pager["restart"], pager["read_only"]) == ("unless-stopped", True)
    assert not {"depends_on", "ports", "volumes"} & set(pager)


def test_the_static_site_knows_no_database_no_key_and_no_broker(services: dict[str, Any]) -> None:
    standby = services["standby"]
    own = {f"SHEETAL_{part}_{what}" for part in ("STANDBY", "HEALTH") for what in ("HOST", "PORT")}
    assert set(standby["environment"]) == {*own, "SHEETAL_MIRROR_FOLDER"}
    assert standby["volumes"] == ["mirror:/srv/mirror:ro"]
    assert "secrets" not in standby
    assert "depends_on" not in standby


def test_only_the_gateways_door_is_open_to_the_network(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published.pop("mosquitto") == ["8883:8883"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_no_service_opens_its_numbers_to_the_network(services: dict[str, Any]) -> None:
    for name in RUNNING:
        inner = services[name]["environment"]["SHEETAL_HEALTH_PORT"]
        assert not any(port.endswith(f":{inner}") for port in services[name].get("ports", [])), name


def test_prometheus_asks_every_service_of_ours_at_its_inner_port(services: dict[str, Any]) -> None:
    asked = {}
    for job in yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]:
        (found,) = job["dns_sd_configs"]
        asked[job["job_name"]] = (found["names"], str(found["port"]), found["type"])
    assert set(asked) == set(RUNNING)
    for name, seen in asked.items():
        assert seen == ([name], services[name]["environment"]["SHEETAL_HEALTH_PORT"], "A")


def test_prometheus_and_grafana_find_what_is_mounted(services: dict[str, Any]) -> None:
    prometheus, grafana = services["prometheus"], services["grafana"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in prometheus["command"]
    assert "./deploy/prometheus:/etc/prometheus:ro" in prometheus["volumes"]
    folder = ROOT / "deploy" / "grafana"
    provider = yaml.safe_load((folder / "provisioning" / "dashboards" / "sheetal.yml").read_text())["providers"][0]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    assert "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/sheetal.json"
    source = yaml.safe_load((folder / "provisioning" / "datasources" / "sheetal.yml").read_text())["datasources"][0]
    assert (source["uid"], source["url"], source["type"]) == ("sheetal", "http://prometheus:9090", "prometheus")


def test_every_file_that_is_mounted_is_here_or_told_of(services: dict[str, Any]) -> None:
    mounted = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
    mounted += [secret["file"] for secret in raw()["secrets"].values()]
    for place in mounted:
        if place.startswith("./secrets/"):
            assert f"`{place.removeprefix('./')}" in DEPLOY_PAGE.read_text(), place
        elif place.startswith("./"):
            assert (ROOT / place).is_dir(), place
        else:
            assert place in raw()["volumes"], place


def test_mosquittos_settings_name_only_places_that_are_mounted(services: dict[str, Any]) -> None:
    inside = [volume.split(":")[1] for volume in services["mosquitto"]["volumes"]]
    settings = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text()
    places = re.findall(r"\s(/\S+)", settings)
    assert len(places) >= 5
    assert [place for place in places if not any(place.startswith(f"{folder}/") for folder in inside)] == []
    assert (ROOT / "deploy" / "mosquitto" / "access").is_file()


def test_the_broker_is_told_of_revocations_and_never_of_the_authoritys_key(services: dict[str, Any]) -> None:
    told = services["broker-reload"]
    assert told["image"] == services["mosquitto"]["image"]
    assert (told["pid"], told["network_mode"], told["read_only"]) == ("service:mosquitto", "none", True)
    assert told["volumes"] == ["gateways:/mosquitto/gateways:ro"]
    assert "gateways:/mosquitto/gateways:ro" in services["mosquitto"]["volumes"]
    holding = [name for name, one in services.items() if any("gateway-ca" in place for place in one.get("volumes", []))]
    assert holding == ["portal", "portal-worker"]
    assert services["portal-worker"]["environment"]["SHEETAL_GATEWAY_BROKER_FOLDER"] == "/srv/gateways"
    assert "/srv/gateways" in (ROOT / "Dockerfile").read_text()


def test_influxdb_gets_the_mapping_that_its_reads_need(services: dict[str, Any]) -> None:
    script = ROOT / "deploy" / "influxdb" / "10-dbrp.sh"
    assert script.stat().st_mode & 0o111, "the image runs only executable scripts"
    setup = services["influxdb"]["environment"]
    expected = (
        f"influxdb2+http://influxdb:8086/{setup['DOCKER_INFLUXDB_INIT_ORG']}/{setup['DOCKER_INFLUXDB_INIT_BUCKET']}"
    )
    for name in ("ingest", "alerts", "portal"):
        environment = services[name]["environment"]
        assert environment["SHEETAL_READINGS_URL"] == expected
        assert environment["SHEETAL_READINGS_TOKEN"] == setup["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN"]
    assert f"--db {setup['DOCKER_INFLUXDB_INIT_BUCKET']} --rp autogen" in script.read_text()


def test_the_demo_is_one_that_the_command_line_knows(services: dict[str, Any]) -> None:
    command = services["demo"]["command"]
    assert command[:3] == ["python", "-m", "demo"]
    asked = _parse(command[3:])
    assert (asked.ports, str(asked.folder)) == ("free", services["demo"]["volumes"][0].split(":")[1])
    assert services["demo"]["network_mode"] == "host"


def test_what_the_image_copies_is_there_and_secrets_are_not(services: dict[str, Any]) -> None:
    sources = [
        shlex.split(argument)[:-1] for word, argument in dockerfile() if word == "COPY" and "--from" not in argument
    ]
    assert sources == [["requirements/"], ["."]]
    assert (ROOT / "requirements" / "all.txt").is_file()
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "node_modules", ".demo", "secrets"} <= set(ignored)
    assert services["portal"]["build"] == "."


def test_the_image_runs_as_nobody_in_particular_under_a_python_that_we_support() -> None:
    instructions = dockerfile()
    images = [argument.split()[0] for word, argument in instructions if word == "FROM"]
    assert len(set(images)) == 1
    version = re.fullmatch(r"python:(\d+)\.(\d+)-slim-bookworm", images[0])
    assert version is not None
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert (int(version[1]), int(version[2])) >= tuple(int(part) for part in wanted.removeprefix(">=").split("."))
    last = instructions[[word for word, _ in instructions].index("FROM", 1) :]
    assert ("USER", "sheetal") in last
    assert last.index(("USER", "sheetal")) > [word for word, _ in last].index("COPY")
    assert last[-1] == ("CMD", '["python", "-m", "portal"]')
    assert any("--uid 10001" in argument for word, argument in last if word == "RUN")
    assert "10001" in DEPLOY_PAGE.read_text()


def test_the_image_installs_only_locked_packages() -> None:
    installs = [argument for word, argument in dockerfile() if word == "RUN" and "pip install" in argument]
    assert installs
    assert all(argument.count("pip install") == argument.count("--require-hashes") for argument in installs)
    paths = [argument for word, argument in dockerfile() if word == "ENV"]
    assert any(argument.startswith("PATH=/app/.venv/bin:") for argument in paths)
