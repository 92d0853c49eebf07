"""Debian's Prometheus over the shipped settings, its targets put in the place of compose's names."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from tests.stack.exposed import CONFIG, RULES
from tests.stack.quiet_ports import quiet_port
from tests.stack.servers import Server, port_of

if TYPE_CHECKING:
    from collections.abc import Mapping

PROMETHEUS = Path("/usr/bin/prometheus")
PROMTOOL = Path("/usr/bin/promtool")
EVERY = "2s"


def prometheus(folder: Path, targets: Mapping[str, list[str]]) -> Server:
    """A Prometheus, not yet started, with the shipped jobs and rules; it asks these addresses, by job, all the time."""
    settings = yaml.safe_load(CONFIG.read_text())
    settings["global"] = {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY}
    settings["rule_files"] = [str(RULES)]
    for job in settings["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": targets[job["job_name"]]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    port = quiet_port()
    command = [
        str(PROMETHEUS),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/prometheus",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    return Server(f"http://127.0.0.1:{port}", command, folder / "prometheus.log", lambda: is_ready(port))


def is_ready(port: int) -> bool:
    """Whether it answers queries."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def ask(server: Server, path: str) -> Any:  # noqa: ANN401 - JSON
    """The data of one answer of its API."""
    connection = HTTPConnection("127.0.0.1", port_of(server.url), timeout=10)
    try:
        connection.request("GET", f"/api/v1/{path}")
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    assert answer["status"] == "success", answer
    return answer["data"]


def query(server: Server, expression: str) -> list[dict[str, Any]]:
    """What an expression gives now."""
    found: list[dict[str, Any]] = ask(server, f"query?query={quote(expression)}")["result"]
    return found
