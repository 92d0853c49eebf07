"""docker-compose.yml as data, with the words of an .env file put in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
OURS = ("migrate", "ingest", "alerts", "portal", "portal-worker", "standby")
PAGER = "alerts-watch"
SERVERS = ("mosquitto", "influxdb", "postgres")
WATCHERS = ("prometheus", "grafana")
WORDS = {
    "POSTGRES_PASSWORD": "postgrespassword",
    "INFLUXDB_PASSWORD": "influxdb password",
    "INFLUXDB_TOKEN": "influxdb-token",
    "INGEST_BROKER_PASSWORD": "ingest's password",
    "ALERTS_BROKER_PASSWORD": "alerts' password",
    "GRAFANA_PASSWORD": "grafana's password",
}
_ASKED = re.compile(r"\$\{([A-Z_]+)(?::([?-])([^}]*))?\}")


def raw() -> dict[str, Any]:
    """The file as it is written, anchors and merges followed."""
    parsed: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return parsed


def filled(value: Any, words: dict[str, str] = WORDS) -> Any:  # noqa: ANN401 - any part of a YAML tree
    """The same part with every ${…} put in, as Docker Compose does; raises KeyError for a missing word."""
    if isinstance(value, dict):
        return {key: filled(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, words) for item in value]
    if not isinstance(value, str):
        return value
    return _ASKED.sub(lambda found: _word(found, words), value)


def asked_words() -> dict[str, bool]:
    """Every word that the file asks for, and whether it must be there."""
    return {found.group(1): found.group(2) != "-" for found in _ASKED.finditer(FILE.read_text())}


def _word(found: re.Match[str], words: dict[str, str]) -> str:
    name, kind, text = found.groups()
    return words.get(name, text) if kind == "-" else words[name]
