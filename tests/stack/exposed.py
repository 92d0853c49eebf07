"""What our services tell Prometheus, by the code's own declarations, and what expressions ask for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

import alerts.metrics
import ingest.metrics
import portal.metrics
import portal.standby.metrics
import portal.worker.metrics
from sheetal.metrics import COMMON, Kind, Metric
from tests.stack.compose import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "sheetal.json"
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
CONFIG = ROOT / "deploy" / "prometheus" / "prometheus.yml"
SERVICES: dict[str, tuple[Metric, ...]] = {
    "ingest": ingest.metrics.METRICS,
    "alerts": alerts.metrics.METRICS,
    "portal": portal.metrics.METRICS,
    "portal.worker": portal.worker.metrics.METRICS,
    "portal.standby": portal.standby.metrics.METRICS,
}
PROMETHEUS_OWN = {"up": {"job", "instance"}, "ALERTS": {"alertstate", "alertname", "severity"}}
TARGET_LABELS = {"job", "instance"}
PROCESS = ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_max_fds")
"""Told on Linux, where the kernel says so in /proc."""
_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_STRING = re.compile(r'"[^"]*"')
_MATCHERS = re.compile(r"\{([^}]*)\}")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_SPAN = re.compile(r"\[[^\]]*\]")


class Asked(NamedTuple):
    """One expression: where it stands, and what it names."""

    place: str
    expression: str
    metrics: set[str]
    matched: set[str]
    grouped: set[str]


def labels_by_name() -> dict[str, set[str]]:
    """Every series' name that can be asked for, with its labels."""
    found = {name: set(labels) for name, labels in PROMETHEUS_OWN.items()}
    for metric in (*COMMON, *(metric for metrics in SERVICES.values() for metric in metrics)):
        labels = {*metric.labels, *TARGET_LABELS}
        if metric.kind is Kind.HISTOGRAM:
            found |= {f"{metric.name}_bucket": {*labels, "le"}}
            found |= {f"{metric.name}_{part}": labels for part in ("sum", "count")}
        else:
            found[metric.name] = labels
    return found | dict.fromkeys(PROCESS, TARGET_LABELS)


def taken_apart(place: str, expression: str) -> Asked:
    """The names in a PromQL expression: metrics, labels that are matched, labels that are grouped by."""
    bare = _SPAN.sub("", _STRING.sub('""', expression))
    matched = {word for found in _MATCHERS.findall(bare) for word in _WORD.findall(found)}
    grouped = {word for found in _GROUPING.findall(bare) for word in _WORD.findall(found)}
    rest = _GROUPING.sub(" ", _MATCHERS.sub("", bare))
    metrics = {found.group() for found in _WORD.finditer(rest) if not re.match(r"\s*\(", rest[found.end() :])} - {
        "or",
        "and",
        "unless",
        "e",
    }
    return Asked(place, expression, metrics, matched, grouped)


def dashboard() -> dict[str, Any]:
    """The shipped dashboard."""
    parsed: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return parsed


def panels() -> list[dict[str, Any]]:
    """Its panels, but the rows that they stand in."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    """Every alert of the shipped rules."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions() -> Iterator[Asked]:
    """Every expression of the dashboard and the rules, taken apart."""
    for panel in panels():
        for target in panel["targets"]:
            yield taken_apart(f"panel {panel['title']!r}", target["expr"])
    for rule in rules():
        yield taken_apart(f"alert {rule['alert']}", rule["expr"])
